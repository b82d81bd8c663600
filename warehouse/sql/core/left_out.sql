-- grain: one row per source and reason why rows of it stand in no series of a region or country
-- reads: core.event, core.country_name, core.acled_place, core.hapi_place,
--        history.fts_flows, config_scopes
-- is_by_rule: a declared rule leaves them out; else their place was not understood.
with event as (

    select
        e.source,
        case
            when e.where_prec >= 6 then 'known to the country only'
            when e.where_prec = 5 then 'a line or vague area: point and name do not agree'
            when s.scope is not null then 'the name is of several regions (config/scopes.csv)'
            else 'neither point nor name is in a region'
        end as reason,
        e.event_date as day
    from core.event as e
    left join config_scopes as s
        on
            s.country_code = e.country_code
            and fold_region(s.scope) = fold_region(e.source_admin1_name)
    where e.region_id is null

),

hapi as (

    select
        'hapi_conflict' as source,
        case
            when not h.is_whole_month
                then 'the month was not over when it was sent, or is the newest'
            when s.scope is not null then 'the name is of several regions (config/scopes.csv)'
            else 'the name of the region is not known'
        end as reason,
        h.reference_period_end as day
    from core.hapi_place as h
    left join config_scopes as s
        on
            s.country_code = h.location_code
            and fold_region(s.scope) = fold_region(h.source_admin1_name)
    where h.known_to is null and (h.region_id is null or not h.is_whole_month)

),

acled as (

    select
        'acled_events' as source,
        case
            when country_code is null then 'the name of the country is not known'
            when
                event_type not in (
                    'Battles', 'Explosions/Remote violence', 'Violence against civilians'
                ) then 'of a kind that is not counted'
            when last_day(event_date) >= $as_of::date then 'the month is not over'
            when geo_precision >= 3 then 'the place is known only roughly (geo_precision 3)'
            when
                coalesce(point_region_id, named_region_id) is null
                then 'neither point nor name is in a region'
        end as reason,
        event_date as day
    from core.acled_place
    where known_to is null

),

flow as (

    select
        'fts_flows' as source,
        case
            when
                not h.is_new_money or h.flow_boundary <> 'incoming'
                or h.flow_status not in ('commitment', 'paid')
                then 'no new money committed or paid from outside'
            when h.on_boundary <> 'single' or h.destination like '%;%'
                then 'to several countries'
            when last_day(h.flow_date) >= $as_of::date then 'the month is not over'
            when c.country_code is null then 'the name of the country is not known'
        end as reason,
        h.flow_date as day
    from history.fts_flows as h
    left join core.country_name as c on c.folded_country = fold_name(h.destination)
    where in_force(h.known_from, h.known_to, $as_of)

)

select
    source,
    reason,
    reason not in (
        'the name of the country is not known',
        'the name of the region is not known',
        'neither point nor name is in a region'
    ) as is_by_rule,
    count(*)::integer as rows_count,
    min(day) as first_date,
    max(day) as last_date
from (from event union all from hapi union all from acled union all from flow)
where reason is not null
group by all
order by source, reason
