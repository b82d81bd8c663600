-- grain: one row per region and night that gave or raised a level (alarm), and one per escalation on
--        none of whose nights one was: under its first night with a level (held_level), or under its
--        first where none had one (unwarned)
-- reads: ops.night, mart.flag, mart.alert, mart.source_status, core.event, core.event_version
-- What was said stays as it was said; what came is as known on $night, and beside it as first
-- known: on the first night run by which the whole window was known. Nights at most 31 days apart
-- whose windows brought an escalation are of one, in whatever rhythm nights are run: the bar moves
-- from night to night, and with it the window now and then falls short. Nights run by a Tocsin that
-- told no window or bar are not judged.
with flag as (

    select n.as_of_date, f.region_id, f.known_until_date, f.window_start_date,
        f.window_end_date, f.escalation_threshold_count,
        coalesce(a.alert_level, 'none') as alert_level,
        coalesce(a.alert_status in ('new', 'raised') and a.changed_night = n.as_of_date, false)
            as is_alarm
    from ops.night as n
    inner join mart.flag as f on in_force(f.night_from, f.night_to, n.as_of_date)
    left join mart.alert as a
        on a.region_id = f.region_id and in_force(a.night_from, a.night_to, n.as_of_date)
    where n.as_of_date <= $night
        and f.escalation_threshold_count is not null and f.window_end_date is not null

),

known as (

    select max(known_until_date) as known_until_date from flag where as_of_date = $night

),

cumulative as (

    select region_id, event_date, sum(count(*)) over (
        partition by region_id order by event_date
    ) as events_to_date
    from core.event
    where region_id is not null
    group by region_id, event_date

),

counted as (

    select f.*, coalesce(u.events_to_date, 0) - coalesce(b.events_to_date, 0)
        >= f.escalation_threshold_count as is_escalation
    from flag as f
    asof left join cumulative as u
        on u.region_id = f.region_id and u.event_date <= f.window_end_date
    asof left join cumulative as b
        on b.region_id = f.region_id and b.event_date < f.window_start_date

),

spaced as (

    select *, as_of_date - lag(as_of_date) over (
        partition by region_id order by as_of_date
    ) as days_since_last
    from counted
    where is_escalation

),

-- The newest night so far with none in the 31 days before it: the one that its escalation begins on.
escalation as (

    select * exclude (days_since_last), max(as_of_date) filter (
        where days_since_last is null or days_since_last > 31
    ) over (partition by region_id order by as_of_date) as escalation_night
    from spaced

),

without_alarm as (

    select *
    from escalation
    window nights as (partition by region_id, escalation_night)
    qualify not bool_or(is_alarm) over nights
        and row_number() over (nights order by alert_level = 'none', as_of_date) = 1

),

entry as (

    select 'alarm' as ledger_kind, c.*, e.escalation_night
    from counted as c
    left join escalation as e using (region_id, as_of_date)
    where c.is_alarm
    union all
    select if(alert_level = 'none', 'unwarned', 'held_level'), * from without_alarm

),

-- The first night run by which each window was wholly known, if any was.
judged as (

    select e.region_id, e.as_of_date, min(f.as_of_date) as judged_night
    from entry as e
    inner join (select distinct as_of_date, known_until_date from flag) as f
        on f.known_until_date >= e.window_end_date
    group by all

),

closed as (

    select e.region_id, e.as_of_date, min(a.changed_night) as closed_night
    from entry as e
    inner join mart.alert as a
        on a.region_id = e.region_id and a.alert_status = 'closed'
            and a.changed_night > e.as_of_date and a.changed_night <= $night
    where e.alert_level <> 'none'
    group by all

),

came as (

    select e.region_id, e.as_of_date, v.event_date, v.deaths_best_count,
        row_number() over (
            partition by e.region_id, e.as_of_date order by v.event_date, v.event_id
        ) as event_number
    from entry as e
    inner join core.event as v
        on v.region_id = e.region_id
            and v.event_date between e.window_start_date and e.window_end_date

),

first_known as (

    select e.region_id, e.as_of_date, count(*) as window_events_first_count
    from entry as e
    inner join judged as j using (region_id, as_of_date)
    inner join core.event_version as v
        on v.region_id = e.region_id
            and v.event_date between e.window_start_date and e.window_end_date
            and in_force(v.known_from, v.known_to, (j.judged_night + interval 1 day)::timestamp)
    group by all

),

total as (

    select e.region_id, e.as_of_date, count(*) as window_events_count,
        sum(c.deaths_best_count) as window_deaths_count,
        min(c.event_date) filter (where c.event_number = e.escalation_threshold_count)
            as reached_date
    from entry as e
    inner join came as c using (region_id, as_of_date)
    group by all

)

select
    e.as_of_date || '-' || e.region_id as ledger_id,
    e.ledger_kind,
    e.as_of_date,
    e.region_id,
    f.country_code,
    f.region_name,
    e.alert_level,
    f.p_escalation,
    e.escalation_threshold_count,
    e.window_start_date,
    e.window_end_date,
    e.known_until_date,
    f.reason,
    f.model_version,
    f.boundaries_version,
    s.source_version,
    case
        when e.is_escalation then 'came'
        when e.window_end_date <= k.known_until_date then 'did_not_come'
        else 'not_yet_known'
    end as outcome,
    e.escalation_night,
    coalesce(t.window_events_count, 0)::integer as window_events_count,
    coalesce(t.window_deaths_count, 0)::integer as window_deaths_count,
    t.reached_date,
    j.judged_night,
    case when j.judged_night is not null then coalesce(p.window_events_first_count, 0)::integer end
        as window_events_first_count,
    c.closed_night
from entry as e
cross join known as k
left join mart.source_status as s
    on s.source = 'ucdp_ged' and in_force(s.night_from, s.night_to, e.as_of_date)
left join total as t using (region_id, as_of_date)
left join judged as j using (region_id, as_of_date)
left join first_known as p using (region_id, as_of_date)
left join closed as c using (region_id, as_of_date)
inner join mart.flag as f
    on f.region_id = e.region_id and in_force(f.night_from, f.night_to, e.as_of_date)
order by e.as_of_date, e.region_id, e.ledger_kind
