-- grain: one row per unit of COD-PS in a country of config_series
-- reads: history.cod_ps_population, config_population_units, config_series, core.region_name
-- A declared pair goes first; several units may make up a region. It takes unit and region out of
-- both lists, unless the region is not there (boundaries of the user's own); what is left of a
-- country is matched by name. All of it counts only if as many units as regions are left: else
-- borders are others, and a unit may be a part of the region of its name.
with unit as (

    select *, fold_region(unit_name) as folded_unit
    from history.cod_ps_population
    where
        in_force(known_from, known_to, $as_of)
        and country_code in (select country_code from config_series)

),

spelling as (

    select country_code, folded_name, min(region_id) as region_id
    from core.region_name
    where not is_part
    group by all
    having count(distinct region_id) = 1

),

pair as (

    select
        d.country_code,
        fold_region(d.unit_name) as folded_unit,
        fold_region(d.region_name) as folded_region,
        s.region_id,
        d.reason
    from config_population_units as d
    left join spelling as s
        on s.country_code = d.country_code and s.folded_name = fold_region(d.region_name)

),

declared as (

    select * from pair where folded_region = '' or region_id is not null

),

refused as (

    select country_code, reason from declared where folded_unit = '' and folded_region = ''

),

left_unit as (

    select u.country_code, u.folded_unit, u.region_pcode
    from unit as u
    anti join declared using (country_code, folded_unit)

),

left_region as (

    select r.region_id, r.country_code
    from config_series as r
    anti join declared using (region_id)

),

balance as (

    select country_code, u.units_count, r.regions_count
    from (select country_code, count(*) as units_count from left_unit group by all) as u
    full join (select country_code, count(*) as regions_count from left_region group by all) as r
        using (country_code)

),

named as (

    select s.country_code, s.folded_name as folded_unit, s.region_id
    from spelling as s
    inner join left_region using (region_id)

),

matched as (

    select
        u.*,
        case when d.folded_unit is not null then 'declared' else 'name' end as matched_by,
        coalesce(d.region_id, n.region_id) as region_id,
        case
            when r.reason is not null then r.reason
            when d.folded_region = '' then d.reason
            when b.units_count is distinct from b.regions_count
                then
                    'other borders: ' || coalesce(b.units_count, 0) || ' units are left for '
                    || coalesce(b.regions_count, 0) || ' regions'
            when u.population_count = 0 then 'no residents'
            when
                coalesce(d.region_id, n.region_id) is null
                and (u.country_code, u.folded_unit) in (select (country_code, folded_unit) from pair)
                then 'config/population_units.csv names a region that is not there'
            when
                d.folded_unit is null
                and count(*) over (partition by u.country_code, u.folded_unit) > 1
                then 'two units have this name'
            when coalesce(d.region_id, n.region_id) is null then 'no region has this name'
        end as unmatched_reason
    from unit as u
    left join declared as d using (country_code, folded_unit)
    left join named as n using (country_code, folded_unit)
    left join balance as b using (country_code)
    left join refused as r using (country_code)

)

select
    country_code,
    unit_name,
    region_pcode,
    population_count,
    population_year,
    population_office,
    population_contributor,
    case when unmatched_reason is null then region_id end as region_id,
    case when unmatched_reason is null then matched_by end as matched_by,
    unmatched_reason
from matched
order by country_code, unit_name, region_pcode
