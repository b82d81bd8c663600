-- grain: one row per row_key of which something else is believed at $until than at $since
-- reads: history.source_table
-- Of a register kept by hand: than had been entered by then.
with before as (

    select *
    from __source_table__
    where in_force(__begin__, __end__, $since)

),

after as (

    select *
    from __source_table__
    where in_force(__begin__, __end__, $until)

)

select
    row_key,
    coalesce(new.__date_column__, old.__date_column__)::date as date,
    case
        when old.row_key is null then 'added'
        when new.row_key is null then 'withdrawn'
        else 'changed'
    end as change
from before as old
full join after as new using (row_key)
where __differs_where__
order by row_key
