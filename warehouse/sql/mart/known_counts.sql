-- grain: one row per origin, region_id and month_start with an event
-- reads: core.event_version, origin (number, known_at, last_day)
-- Counts as they were known on the evening of known_at, up to last_day.
select
    o.origin,
    v.region_id,
    date_trunc('month', v.event_date)::date as month_start,
    count(*)::double as events
from core.event_version as v
inner join origin as o
    on
        in_force(v.known_from, v.known_to, o.known_at)
        and v.event_date <= o.last_day
where v.region_id is not null
group by all
order by o.origin, v.region_id, month_start
