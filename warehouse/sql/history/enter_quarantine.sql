-- grain: one row per held row that was not held for the same already
-- reads: held, ops.quarantine
insert into ops.quarantine by name
select
    $source as source,
    $part as part,
    h.row as row_number,
    h.row_key,
    h.rule,
    h.value,
    h.sent,
    $batch_id as batch_id,
    $known_at as held_from
from held as h
where
    not exists (
        select 1
        from ops.quarantine as q
        where
            q.source = $source
            and q.part = $part
            and q.held_to is null
            and (q.row_key, q.rule, q.value) is not distinct from (h.row_key, h.rule, h.value)
    )
order by h.row
