-- grain: one row per region_id
-- reads: history.admin1_boundaries, history.mali_census_2009, config_series, config_countries
-- The register of regions is joined to its polygon by P-code; residents are known for Mali only.
with boundary as (

    select *
    from history.admin1_boundaries
    where in_force(known_from, known_to, $as_of)

),

census as (

    select region_name, population_count
    from history.mali_census_2009
    where in_force(known_from, known_to, $as_of)

)

select
    r.region_id,
    r.country_code,
    c.country_name,
    r.region_name,
    r.region_pcode,
    r.pcode_scheme,
    r.pcode_vintage,
    census.population_count,
    case when census.population_count is not null then 2009 end as population_year,
    st_x(st_centroid(st_geomfromwkb(b.boundary_wkb))) as centroid_longitude,
    st_y(st_centroid(st_geomfromwkb(b.boundary_wkb))) as centroid_latitude,
    b.boundary_wkb,
    b.boundary_source as boundary_attribution
from config_series as r
inner join config_countries as c using (country_code)
inner join boundary as b using (country_code, region_pcode)
left join census on r.country_code = 'MLI' and census.region_name = r.region_name
order by r.region_id
