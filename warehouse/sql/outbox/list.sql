-- grain: one row per message, the newest first
-- reads: ops.outbox
select
    message_id, recipient, kind, as_of_date, subject, status, detail, attempts,
    queued_at, not_before, held_until, finished_at
from ops.outbox
order by queued_at desc, message_id
