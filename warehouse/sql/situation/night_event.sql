-- grain: one row per as_of_date and region_id (null: placed in none) with a change on file
-- reads: events, past_events
-- What came onto file, changed and left it after the one of these nights and up to the next; of
-- the first night nothing. What came and left again in between is not counted.
with night as (

    select
        as_of_date,
        lag(as_of_date) over (order by as_of_date) as night_before
    from unnest($nights::date[]) as n (as_of_date)

),

version as (

    select
        event_id,
        country_code,
        region_id,
        deaths_best_count,
        known_from,
        known_to,
        min(known_from) over same_event as first_known_from,
        max(known_from) over same_event as last_known_from
    from (from events union all by name from past_events)
    window same_event as (partition by event_id)

),

change as (

    select *, known_from::date as change_date, false as is_withdrawn
    from version
    union all
    select *, known_to::date, true
    from version
    where known_from = last_known_from and known_to is not null

),

kind as (

    select
        c.*,
        n.as_of_date,
        case
            when c.is_withdrawn then 'withdrawn'
            when c.first_known_from::date > n.night_before then 'added'
            else 'changed'
        end as change_kind
    from change as c
    asof join night as n on c.change_date <= n.as_of_date
    where
        n.night_before is not null
        and case
            when c.is_withdrawn then c.first_known_from::date <= n.night_before
            else c.known_to is null or c.known_to::date > n.as_of_date
        end

)

select
    as_of_date,
    country_code,
    region_id,
    (count(*) filter (where change_kind = 'added'))::integer as events_added_count,
    coalesce(sum(deaths_best_count) filter (where change_kind = 'added'), 0)::integer
        as deaths_added_count,
    (count(*) filter (where change_kind = 'changed'))::integer as events_changed_count,
    (count(*) filter (where change_kind = 'withdrawn'))::integer as events_withdrawn_count
from kind
group by all
order by as_of_date, region_id
