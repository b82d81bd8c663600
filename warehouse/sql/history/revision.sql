-- grain: one row per row_key of which something else is believed at $until than at $since
-- reads: history.source_table
with before as (

    select *
    from source_table
    where known_from <= $since and (known_to is null or known_to > $since)

),

after as (

    select *
    from source_table
    where known_from <= $until and (known_to is null or known_to > $until)

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
