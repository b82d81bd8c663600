-- grain: one row per series, place_id and month_start
-- reads: history.hapi_conflict, history.acled_events, history.fts_flows, core.region,
--        core.region_name, config_countries
-- Monthly figures of live sources, by region or country, of months that had ended when
-- they were fetched. HAPI says zero where nothing happened; of ACLED's own events a
-- region without any has no row; its name places an event whose point lies in no region. A
-- flow to several countries belongs to none of them. What finds no place: core.left_out.
with country as (

    select
        country_code,
        fold_name(
            unnest(
                [country_name, country_name_fr] || string_split(coalesce(name_variants, ''), ';')
            )
        ) as folded_country
    from config_countries

),

hapi as (

    select
        'acled_' || h.event_type as kind,
        coalesce(p.region_id, n.region_id) as place_id,
        date_trunc('month', h.reference_period_start)::date as month_start,
        h.events,
        h.fatalities
    from history.hapi_conflict as h
    left join core.region_name as p
        on
            p.country_code = h.location_code
            and p.folded_name = fold_region(h.provider_admin1_name)
    left join core.region_name as n
        on n.country_code = h.location_code and n.folded_name = fold_region(h.admin1_name)
    where
        h.known_from <= $as_of and (h.known_to is null or h.known_to > $as_of)
        and h.reference_period_end < h.known_from::date
        and coalesce(p.region_id, n.region_id) is not null

),

point as (

    select distinct c.country_code, h.longitude, h.latitude
    from history.acled_events as h
    inner join (select distinct * from country) as c on c.folded_country = fold_name(h.country)
    where h.geo_precision < 3

),

polygon as (

    select p.country_code, p.longitude, p.latitude, min(r.region_id) as region_id
    from point as p
    inner join core.region as r
        on
            r.country_code = p.country_code
            and st_contains(st_geomfromwkb(r.boundary_wkb), st_point(p.longitude, p.latitude))
    group by all

),

acled as (

    select
        coalesce(polygon.region_id, named.region_id) as place_id,
        date_trunc('month', h.event_date)::date as month_start,
        count(*) as events,
        sum(h.fatalities) as fatalities
    from history.acled_events as h
    inner join (select distinct * from country) as c on c.folded_country = fold_name(h.country)
    left join polygon
        on
            polygon.country_code = c.country_code
            and polygon.longitude = h.longitude
            and polygon.latitude = h.latitude
    left join core.region_name as named
        on named.country_code = c.country_code and named.folded_name = fold_region(h.admin1)
    where
        h.known_from <= $as_of and (h.known_to is null or h.known_to > $as_of)
        and h.event_type in ('Battles', 'Explosions/Remote violence', 'Violence against civilians')
        and h.geo_precision < 3
        and last_day(h.event_date) < $as_of::date
        and coalesce(polygon.region_id, named.region_id) is not null
    group by all

),

flow as (

    select
        c.country_code as place_id,
        date_trunc('month', h.flow_date)::date as month_start,
        sum(h.amount_usd) as amount
    from history.fts_flows as h
    inner join (select distinct * from country) as c on c.folded_country = fold_name(h.destination)
    where
        h.known_from <= $as_of and (h.known_to is null or h.known_to > $as_of)
        and h.is_new_money and h.flow_boundary = 'incoming' and h.on_boundary = 'single'
        and h.flow_status in ('commitment', 'paid')
        and last_day(h.flow_date) < $as_of::date
    group by all

)

select kind || '_events' as series, place_id, month_start, sum(events)::double as value
from hapi
where events is not null
group by all
union all
select kind || '_fatalities', place_id, month_start, sum(fatalities)::double
from hapi
where fatalities is not null
group by all
union all
select 'acled_events', place_id, month_start, events::double
from acled
union all
select 'acled_fatalities', place_id, month_start, fatalities::double
from acled
union all
select 'fts_new_funding_usd', place_id, month_start, amount
from flow
order by series, place_id, month_start
