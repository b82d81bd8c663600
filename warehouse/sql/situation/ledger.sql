-- grain: one row per ledger_id
-- reads: ledger, flags, past_flags, events, past_events
-- The ledger up to a night, the newest first, with the figures that each entry's night went by and
-- the newest event it knew of (a struct; null: it knew of none). Files of an older Tocsin do not say
-- of which escalation an entry is: each is of its own, and of levels held there are none.
with entry as (

    from ledger
    union all by name
    select null::date as escalation_night where false

),

flag as (

    from flags
    union all by name
    from past_flags

),

event as (

    from events
    union all by name
    from past_events

),

newest as (

    select
        l.ledger_id,
        {
            event_date: e.event_date,
            source_admin1_name: e.source_admin1_name,
            source_admin2_name: e.source_admin2_name,
            deaths_best_count: e.deaths_best_count,
            actor_a: e.actor_a,
            actor_b: e.actor_b,
            violence_type: e.violence_type,
            code_status: e.code_status
        } as newest_event
    from entry as l
    inner join event as e
        on
            l.region_id = e.region_id
            and in_force(
                e.known_from, e.known_to, l.as_of_date + interval 1 day - interval 1 microsecond
            )
    qualify
        row_number() over (
            partition by l.ledger_id order by e.event_date desc, e.deaths_best_count desc, e.event_id desc
        ) = 1

)

select
    l.* replace (
        coalesce(l.escalation_night, if(l.outcome = 'came', l.as_of_date, null)) as escalation_night
    ),
    f.data_month,
    f.events_count,
    f.deaths_best_count,
    f.events_past12_mean,
    f.events_past12_count as events_past12,
    f.deaths_past12_count as deaths_past12,
    f.intensity,
    f.p_escalation_before,
    newest.newest_event
from entry as l
inner join flag as f
    on
        l.region_id = f.region_id
        and in_force(f.night_from, f.night_to, l.as_of_date)
left join newest on l.ledger_id = newest.ledger_id
where l.as_of_date <= $night
order by l.as_of_date desc, l.region_id, l.ledger_kind
