-- grain: one row per place and is_recent: of each place (null: of all) what the delivery holds of
--   what is in force, and of that the last twelve months
-- reads: history.source_table, delivered (keys of its rows), deleted (keys it says it deleted)
with in_force as (

    select
        (__place__)::varchar as place,
        (__day__)::date as day,
        __lost_where__ as is_lost
    from __source_table__
    where known_to is null and (__complete_where__)

),

every as (

    select null as place, day, is_lost from in_force
    union all
    select place, day, is_lost from in_force where place is not null

),

scoped as (

    select false as is_recent, * from every
    union all
    select true as is_recent, *
    from every
    where day > (select max(day) from in_force) - interval 12 month

)

select
    place,
    is_recent,
    count(*) as rows_count,
    count(*) filter (where is_lost) as lost_count,
    max(day) as newest,
    max(day) filter (where not is_lost) as newest_left
from scoped
group by place, is_recent
order by is_recent and place is null, place nulls first, is_recent
