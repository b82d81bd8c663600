-- grain: one row
-- reads: regions, world_admin1.parquet ($world)
-- Coasts and borders of the countries outside the area within the frame of its map, as lines
-- (GeoJSON) of about 5 km detail, or of a pixel of the map where that is coarser. Of two countries
-- one line is drawn: outlines are made to share it. They are cut a degree outside the frame, so
-- that its edges are none of them. Of an area on both sides of 180 degrees none are drawn: its
-- frame in degrees is all round the globe.
with frame as (

    select
        min(st_xmin(st_geomfromwkb(boundary_wkb))) - 0.3 as west,
        max(st_xmax(st_geomfromwkb(boundary_wkb))) + 0.3 as east,
        min(st_ymin(st_geomfromwkb(boundary_wkb))) - 0.3 as south,
        max(st_ymax(st_geomfromwkb(boundary_wkb))) + 0.3 as north
    from regions

),

outline as (

    select st_intersection(
        st_union_agg(st_buffer(st_simplify(u.boundary_wkb, 0.03), 0.03, 1)),
        any_value(st_makeenvelope(f.west - 1, f.south - 1, f.east + 1, f.north + 1))
    ) as shape
    from read_parquet($world) as u
    inner join frame as f
        on u.west < f.east and u.east > f.west and u.south < f.north and u.north > f.south
    where u.country_code not in (select country_code from regions) and f.east - f.west < 180
    group by u.country_code

),

coverage as (

    select unnest(st_dump(st_coveragesimplify(
        list_transform(st_dump(st_coverageclean(list(shape))), lambda part: part.geom),
        greatest(0.05, (any_value(f.east) - any_value(f.west)) / 800)
    ))) as part
    from outline
    cross join frame as f

)

select st_asgeojson(
    st_reduceprecision(
        st_intersection(
            st_linemerge(st_union_agg(st_boundary(part.geom))),
            any_value(st_makeenvelope(f.west, f.south, f.east, f.north))
        ),
        0.01
    )
) as geojson
from coverage
cross join frame as f
