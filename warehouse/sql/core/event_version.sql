-- grain: one row per event_id and version known by $as_of; known_to null: still believed then
-- reads: history.ucdp_ged, ops.batch, core.region, core.region_name, core.actor, config_countries
-- An event lies in the region of its own country whose polygon holds the point (of a state or
-- its territories, which UCDP counts under one number); the
-- source's region name is the cross-check. Where no polygon holds the point, that name
-- places it. A line or vague area (where_prec 5) is placed only where both agree;
-- an event known to the country only (6, 7) is never placed. A degree counts as 111 km.
-- Provisional: sent by a candidate release, until a yearly release known later holds its
-- day (what that leaves out is withdrawn); and whatever the source itself says to check.
with known as (

    select * replace (case when known_to <= $as_of then known_to end as known_to)
    from history.ucdp_ged
    where known_from <= $as_of and (known_to is null or known_to > known_from)

),

candidate as (

    select batch_id
    from ops.batch
    where source = 'ucdp_ged' and part not in ('', 'yearly')

),

-- Since when the yearly releases known by $as_of hold the days up to their last one.
confirmed as (

    select known_at, covers_until
    from ops.batch
    where source = 'ucdp_ged' and part in ('', 'yearly') and known_at <= $as_of

),

located as (

    select
        e.*,
        c.country_code,
        fold_region(e.adm_1) as folded_name
    from known as e
    inner join config_countries as c on c.gw_number = e.country_id and not c.is_territory

),

shape as (

    select
        r.region_id,
        r.country_code as polygon_country_code,
        c.gw_number as country_id,
        st_geomfromwkb(r.boundary_wkb) as boundary
    from core.region as r
    inner join config_countries as c using (country_code)

),

point as (

    select distinct country_id, longitude, latitude, st_point(longitude, latitude) as location
    from located

),

-- By the polygons alone, for which DuckDB has an index; of which country they are is asked after.
holding as materialized (

    select
        p.country_id,
        p.longitude,
        p.latitude,
        s.country_id as polygon_country_id,
        s.region_id,
        s.polygon_country_code
    from point as p
    inner join shape as s on st_contains(s.boundary, p.location)

),

polygon as (

    select
        country_id,
        longitude,
        latitude,
        min(region_id) as region_id,
        arg_min(polygon_country_code, region_id) as polygon_country_code
    from holding
    where polygon_country_id = country_id
    group by all

),

outside as (

    select
        p.country_id,
        p.longitude,
        p.latitude,
        round(111 * min(st_distance(s.boundary, p.location)), 1) as outside_km
    from point as p
    anti join polygon using (country_id, longitude, latitude)
    inner join shape as s using (country_id)
    group by all

),

matched as (

    select
        e.*,
        polygon.region_id as polygon_region_id,
        polygon.polygon_country_code,
        named.region_id as named_region_id,
        case when polygon.region_id is not null then 0 else outside.outside_km end as outside_km,
        case
            when e.where_prec >= 6 then 'country'
            when
                e.where_prec = 5
                and polygon.region_id is distinct from named.region_id then 'country'
            when polygon.region_id is not null then 'polygon'
            when named.region_id is not null then 'name'
            else 'country'
        end as placed_by
    from located as e
    left join polygon using (country_id, longitude, latitude)
    left join outside using (country_id, longitude, latitude)
    left join core.region_name as named using (country_code, folded_name)

)

select
    'ucdp_ged:' || e.id as event_id,
    'ucdp_ged' as source,
    e.date_end as event_date,
    e.date_start,
    e.date_end,
    e.date_prec,
    case e.placed_by
        when 'polygon' then e.polygon_country_code
        else e.country_code
    end as country_code,
    case e.placed_by
        when 'polygon' then e.polygon_region_id
        when 'name' then e.named_region_id
    end as region_id,
    e.placed_by,
    case
        when e.folded_name = '' then 'empty'
        when e.named_region_id is null then 'unknown'
        when e.named_region_id = e.polygon_region_id then 'agrees'
        else 'disagrees'
    end as name_check,
    e.where_prec,
    e.adm_1 as source_admin1_name,
    e.adm_2 as source_admin2_name,
    e.longitude,
    e.latitude,
    e.outside_km,
    case e.type_of_violence
        when 1 then 'state_based' when 2 then 'non_state' when 3 then 'one_sided'
    end as violence_type,
    e.side_a as actor_a,
    e.side_b as actor_b,
    coalesce(a.actor_group, 'other') as actor_group_a,
    coalesce(b.actor_group, 'other') as actor_group_b,
    e.best as deaths_best_count,
    e.low as deaths_low_count,
    e.high as deaths_high_count,
    e.deaths_civilians as deaths_civilians_count,
    e.deaths_a as deaths_a_count,
    e.deaths_b as deaths_b_count,
    e.deaths_unknown as deaths_unknown_count,
    e.relid,
    e.conflict_name,
    e.dyad_name,
    e.event_clarity,
    e.code_status,
    coalesce(e.code_status ilike 'check%', false)
    or (
        e.batch_id in (select batch_id from candidate)
        and not exists (
            select 1
            from confirmed as c
            where
                c.known_at > e.known_from
                and (e.known_to is null or c.known_at < e.known_to)
                and e.date_end <= c.covers_until
        )
    ) as is_provisional,
    e.known_from,
    e.known_to,
    e.known_basis,
    e.batch_id
from matched as e
left join core.actor as a on a.actor_name = e.side_a
left join core.actor as b on b.actor_name = e.side_b
order by e.id, e.known_from
