-- grain: one row
-- reads: regions, config_world_units
-- Coasts and borders of the countries outside the area within the frame of its map, as lines
-- (GeoJSON) of about 5 km detail, or of a pixel of the map where that is coarser. Of two countries
-- one line is drawn: outlines are made to share it, and the frame's own edges are left out.
with frame as (

    select
        min(st_xmin(st_geomfromwkb(boundary_wkb))) - 0.3 as west,
        max(st_xmax(st_geomfromwkb(boundary_wkb))) + 0.3 as east,
        min(st_ymin(st_geomfromwkb(boundary_wkb))) - 0.3 as south,
        max(st_ymax(st_geomfromwkb(boundary_wkb))) + 0.3 as north
    from regions

),

outline as (

    select st_union_agg(st_buffer(st_geomfromwkb(u.boundary_wkb), 0.02)) as shape
    from config_world_units as u
    inner join frame as f
        on u.west < f.east and u.east > f.west and u.south < f.north and u.north > f.south
    where u.country_code not in (select country_code from regions)
    group by u.country_code

),

coverage as (

    select st_coveragesimplify(
        st_dump(st_coverageclean(list(st_reduceprecision(o.shape, 0.01)))).list_transform(lambda part: part.geom),
        greatest(0.05, (f.east - f.west) / 800)
    ) as shapes
    from outline as o
    cross join frame as f
    group by f.east, f.west

)

select
    st_asgeojson(
        st_reduceprecision(
            st_intersection(
                st_linemerge(st_union_agg(st_boundary(part.geom))),
                any_value(st_makeenvelope(f.west, f.south, f.east, f.north))
            ),
            0.01
        )
    ) as geojson
from (select unnest(st_dump(shapes)) as part from coverage)
cross join frame as f
