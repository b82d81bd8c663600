-- grain: one row per message that may go now, the oldest first
-- reads: ops.outbox, ops.parked
-- Of an address that a server refused for good nothing is tried again.
select message_id, recipient, content
from ops.outbox
where
    status = 'queued'
    and coalesce(not_before, $now) <= $now
    and coalesce(next_try_at, $now) <= $now
    and recipient not in (select recipient from ops.parked)
order by queued_at, message_id
