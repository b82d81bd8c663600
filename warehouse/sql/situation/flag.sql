-- grain: one row per region_id
-- reads: flags, past_flags, alerts, past_alerts, nights
-- The level is the one that readers were told, which falls only when two months undercut
-- it; level_of_month is what the month alone says, and all that nights before there were
-- alerts told. intensity is 'unknown' where an older Tocsin told the night.
select
    f.* replace (
        coalesce(a.alert_level, f.level) as level,
        -- Nights that an older Tocsin told counted the three months after the figures.
        coalesce(f.window_start_date, (f.data_month + interval 1 month)::date)
            as window_start_date,
        coalesce(f.window_end_date, (f.data_month + interval 4 month - interval 1 day)::date)
            as window_end_date,
        coalesce(f.intensity, 'unknown') as intensity
    ),
    f.level as level_of_month,
    a.changed_night
from flags_as_of($night) as f
left join alerts_as_of($night) as a on a.region_id = f.region_id
order by f.region_id
