-- grain: one row per region_id and night_from
-- reads: alerts, past_alerts
-- What readers were told of a region, from night_from to before night_to; null: still told.
with told as (

    select region_id, night_from, null::date as night_to, alert_status, alert_level, cause,
        changed_p_escalation
    from alerts
    union all
    select region_id, night_from, night_to, alert_status, alert_level, cause,
        changed_p_escalation
    from past_alerts

)

select * replace (case when night_to <= $night then night_to end as night_to)
from told
where night_from <= $night
order by region_id, night_from
