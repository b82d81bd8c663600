-- grain: one row per scope: everything in force of what the delivery holds, each place of it,
--   and the last twelve months of both
-- reads: history.source_table, delivered (keys of its rows), deleted (keys it says it deleted)
with in_force as (

    select
        (__place__)::varchar as place,
        (__day__)::date as day,
        __lost_where__ as is_lost
    from __source_table__
    where known_to is null and (__complete_where__)

),

recent as (

    from in_force
    where day > (select max(day) from in_force) - interval 12 month

),

scoped as (

    select '' as scope, day, is_lost from in_force
    union all
    select place as scope, day, is_lost from in_force where place is not null
    union all
    select 'the last twelve months' as scope, day, is_lost from recent
    union all
    select place || ', the last twelve months' as scope, day, is_lost
    from recent
    where place is not null

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
