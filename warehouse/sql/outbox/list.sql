-- grain: one row per message, the newest first
-- reads: ops.outbox
select
    message_id,
    split_part(split_part(message_id, '.', 2), '@', 1)[:8] as message,
    * exclude (message_id, content)
from ops.outbox
order by queued_at desc, message_id
