-- grain: one row per row_key and version
-- reads: landing.source_table, history.source_table
-- A row never seen before is taken as known since its declared lag (assumed);
-- a changed or reappearing one only since it was fetched (observed).
insert into history.source_table by name
with seen as (

    select row_key, bool_or(known_to is null) as is_open
    from history.source_table
    group by row_key

)

select
    landed.* exclude (known_assumed_at),
    case
        when seen.row_key is null
            then least(coalesce(landed.known_assumed_at, $fetched_at), $fetched_at)
        else $fetched_at
    end as known_from,
    null::timestamp as known_to,
    case
        when seen.row_key is null and landed.known_assumed_at < $fetched_at then 'assumed'
        else 'observed'
    end as known_basis,
    $batch_id as batch_id
from landing.source_table as landed
left join seen on seen.row_key = landed.row_key
where seen.row_key is null or not seen.is_open
