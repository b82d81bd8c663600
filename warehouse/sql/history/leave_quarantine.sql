-- grain: one row per quarantined row that the delivery no longer holds
-- reads: ops.quarantine, quarantined, incoming, deleted
-- A row leaves when it comes again, believed or held for something else, when it is deleted, or
-- when a whole delivery of its part comes without it.
update ops.quarantine as q
set
    held_to = $known_at,
    left_because = case
        when q.row_key in (select i.row_key from incoming as i) then 'believed'
        else 'gone'
    end
where
    q.source = $source
    and q.held_to is null
    and not exists (
        select 1
        from quarantined as r
        where (r.row_key, r.rule, r.value) is not distinct from (q.row_key, q.rule, q.value)
    )
    and (
        q.row_key in (select __row_key__ from deleted)
        or q.part = $part and (
            $is_snapshot
            or q.row_key in (select i.row_key from incoming as i)
            or q.row_key in (select r.row_key from quarantined as r)
        )
    )
