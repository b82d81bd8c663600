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
    coalesce(after.date_column, before.date_column)::date as date,
    case
        when before.row_key is null then 'added'
        when after.row_key is null then 'withdrawn'
        else 'changed'
    end as change
from before
full join after using (row_key)
where before.row_md5 is distinct from after.row_md5
order by row_key
