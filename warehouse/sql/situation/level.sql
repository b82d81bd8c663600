-- grain: one row per region_id and night_from
-- reads: flags, past_flags
-- What was told of a region, from night_from to before night_to; null: still told.
with told as (

    select region_id, night_from, null::date as night_to, level, p_escalation
    from flags
    union all
    select region_id, night_from, night_to, level, p_escalation
    from past_flags

)

select
    region_id,
    night_from,
    case when night_to <= $night then night_to end as night_to,
    level,
    p_escalation
from told
where night_from <= $night
order by region_id, night_from
