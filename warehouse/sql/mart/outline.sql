-- grain: one row per region_id
-- reads: core.region
-- Simplified to some 5 km, each region on its own; borders may part by as much.
select
    region_id,
    st_asgeojson(st_simplifypreservetopology(st_geomfromwkb(boundary_wkb), 0.05))::varchar as outline
from core.region
where boundary_wkb is not null
