-- grain: one row per as_of_date and region_id
-- reads: flags, past_flags, alerts, past_alerts
-- What each of these nights said of each region, as it was told then: the level that readers were
-- told, or where no alerts were told yet that of the night's own figures.
with night as (

    select unnest($nights::date[]) as as_of_date

),

flag as (

    from flags
    union all by name
    from past_flags

),

alert as (

    from alerts
    union all by name
    from past_alerts

)

select
    night.as_of_date,
    flag.region_id,
    flag.country_code,
    coalesce(alert.alert_level, flag.level) as level,
    coalesce(flag.intensity, 'unknown') as intensity,
    flag.p_escalation,
    flag.escalation_threshold_count,
    flag.window_start_date,
    flag.window_end_date,
    flag.events_next3_mean,
    flag.events_next3_q10,
    flag.events_next3_q90,
    flag.p_unreported_event,
    flag.data_month,
    flag.events_past12_count,
    flag.deaths_past12_count,
    flag.is_stale
from night
inner join flag on in_force(flag.night_from, flag.night_to, night.as_of_date)
left join alert
    on
        flag.region_id = alert.region_id
        and in_force(alert.night_from, alert.night_to, night.as_of_date)
order by night.as_of_date, flag.region_id
