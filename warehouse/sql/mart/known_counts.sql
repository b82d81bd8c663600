-- grain: one row per origin in whose month events were known
-- reads: core.event_version, origin (number, known_at, last_day of a month)
-- Events of the month alone, as they were known on the evening of known_at.
select
    o.origin,
    count(*)::double as events
from origin as o
inner join core.event_version as v
    on
        in_force(v.known_from, v.known_to, o.known_at)
        and v.event_date between date_trunc('month', o.last_day) and o.last_day
where v.region_id is not null
group by o.origin
order by o.origin
