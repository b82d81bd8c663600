-- grain: one row per message that waits for its time or for approval
-- reads: ops.outbox
select
    recipient,
    status,
    coalesce(held_until, not_before) as until
from ops.outbox
where status = 'held' or (status = 'queued' and not_before > $now)
order by queued_at, message_id
