-- grain: one row per region_id
-- reads: flags, past_flags, alerts, past_alerts, nights
-- The level is the one that readers were told, which falls only when two months undercut
-- it; level_of_month is what the month alone says, and all that nights before there were
-- alerts told.
select
    f.* replace (coalesce(a.alert_level, f.level) as level),
    f.level as level_of_month,
    a.changed_night
from flags_as_of($night) as f
left join alerts_as_of($night) as a on a.region_id = f.region_id
order by f.region_id
