-- grain: one row per row_key of which something else is believed at $until than at $since
-- reads: history.source_table
-- Of a register kept by hand: than had been entered by then.
with before as (

    select *
    from source_table
    where source_begin <= $since and (source_end is null or source_end > $since)

),

after as (

    select *
    from source_table
    where source_begin <= $until and (source_end is null or source_end > $until)

)

select
    row_key,
    coalesce(i.date_column, held.date_column)::date as date,
    case
        when held.row_key is null then 'added'
        when i.row_key is null then 'withdrawn'
        else 'changed'
    end as change
from before as held
full join after as i using (row_key)
where source_differs
order by row_key
