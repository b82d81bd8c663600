-- grain: at most one row
-- reads: ops.outbox
select status, detail from ops.outbox where message_id = $message_id
