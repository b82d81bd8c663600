-- grain: one row per quarantined row that was not in quarantine for the same already
-- reads: quarantined, ops.quarantine
insert into ops.quarantine by name
select
    $source as source,
    $part as part,
    r.row as row_number,
    r.row_key,
    r.rule,
    r.value,
    r.sent,
    $batch_id as batch_id,
    $known_at as held_from
from quarantined as r
where
    not exists (
        select 1
        from ops.quarantine as q
        where
            q.source = $source
            and q.part = $part
            and q.held_to is null
            and (q.row_key, q.rule, q.value) is not distinct from (r.row_key, r.rule, r.value)
    )
order by r.row
