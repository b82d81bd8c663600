-- grain: one row per region_id
-- reads: core.region
-- Simplified to some 5 km, each region on its own; borders may part by as much. Small islets
-- turn round when they are simplified, and to who draws on a sphere a ring that is wound the
-- wrong way is all the globe but the islet: st_normalize winds shells clockwise, holes against.
select
    region_id,
    st_asgeojson(
        st_normalize(st_simplifypreservetopology(st_geomfromwkb(boundary_wkb), 0.05))
    )::varchar as outline
from core.region
where boundary_wkb is not null
