-- grain: one row per message_id
-- reads: ops.outbox
update ops.outbox
set status = $status, via = $via, detail = $detail, finished_at = $now, attempts = attempts + 1
where message_id = $message_id
