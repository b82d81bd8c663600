-- grain: one row per spell of country, actor and measure
-- reads: history.aid_suspensions, config_countries
-- suspend and impose open a spell, lift closes the open one of the same actor and
-- measure; a lift without a start on file is a spell whose start is not known.
-- Without a word for $presumed_open_months a spell's end counts as unknown.
with act as (

    select
        c.country_code,
        h.date as act_date,
        case when h.date_precision = 'month' then 'month' else 'day' end as act_precision,
        trim(unnest(string_split(h.actor, ';'))) as actor,
        h.measure_type as measure_types,
        h.action,
        h.what,
        h.url,
        h.known_from
    from history.aid_suspensions as h
    inner join config_countries as c on c.country_name = h.country
    where h.known_from <= $as_of and (h.known_to is null or h.known_to > $as_of)

),

single as (

    select * exclude (measure_types), trim(unnest(string_split(measure_types, ';'))) as measure_type
    from act

),

numbered as (

    select
        *,
        count(*) filter (where action in ('suspend', 'impose')) over (
            partition by country_code, actor, measure_type
            order by act_date, action
        ) as spell
    from single

),

spell as (

    select
        country_code,
        actor,
        measure_type,
        spell,
        min(act_date) filter (where action in ('suspend', 'impose')) as opened_date,
        arg_min(act_precision, act_date) as opened_precision,
        max(act_date) filter (where action = 'lift') as closed_date,
        max(act_date) as confirmed_date,
        arg_min(what, act_date) as what,
        arg_min(url, act_date) as url,
        min(known_from) as known_from
    from numbered
    group by country_code, actor, measure_type, spell

)

select
    concat_ws('|', country_code, actor, measure_type, coalesce(opened_date, closed_date)::varchar)
        as suspension_id,
    country_code,
    actor,
    measure_type,
    opened_date,
    opened_precision,
    closed_date,
    confirmed_date,
    case
        when closed_date is not null then 'lifted'
        when confirmed_date + to_months($presumed_open_months::integer) < $as_of then 'end_unknown'
        else 'open'
    end as status,
    what,
    url,
    known_from
from spell
order by suspension_id
