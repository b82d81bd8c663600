-- grain: one row per scope: everything in force of what the delivery holds, each place of it,
--   and its last twelve months
-- reads: history.source_table, sent (keys of the delivery), gone (keys it says it deleted)
with in_force as (

    select
        (source_place)::varchar as place,
        (source_day)::date as day,
        source_lost as is_lost
    from source_table
    where known_to is null and (source_holds)

),

scoped as (

    select '' as scope, day, is_lost from in_force
    union all
    select place as scope, day, is_lost from in_force where place is not null
    union all
    select 'the last twelve months' as scope, day, is_lost
    from in_force
    where day > (select max(day) from in_force) - interval 12 month

)

select
    scope,
    count(*) as rows_count,
    count(*) filter (where is_lost) as lost_count,
    max(day) as newest,
    max(day) filter (where not is_lost) as newest_left
from scoped
group by scope
order by scope
