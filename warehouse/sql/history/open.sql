-- grain: one row per row_key and version
-- reads: history.source_table, incoming
-- A row never seen, of a kind and time no earlier delivery covers, is taken as known since
-- its declared lag (assumed). One that an earlier delivery should have held was news to the
-- source; so it, and a changed or reappearing row, is known only since this delivery was.
-- An entry of a register kept by hand says itself from when it was known, whenever it was entered.
insert into __source_table__ by name
with known as (

    select row_key, bool_or(known_to is null) as is_open
    from __source_table__
    group by row_key

),

fresh as (

    select
        i.*,
        i.known_assumed_at < $known_at
        and (__is_by_hand__ or (known.row_key is null and not (__expected_where__))) as is_assumed
    from incoming as i
    left join known on known.row_key = i.row_key
    where known.row_key is null or not known.is_open

)

select
    * exclude (known_assumed_at, is_assumed),
    case when is_assumed then known_assumed_at else $known_at end as known_from,
    null::timestamp as known_to,
    case when is_assumed then 'assumed' else $known_basis end as known_basis,
    __register_columns__
    $batch_id as batch_id
from fresh
