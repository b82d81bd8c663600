-- grain: one row per message that $message may mean, the newest first
-- reads: ops.outbox
-- By address, or by the beginning of the part of the id that follows the night.
select *
from ops.outbox
where
    recipient = $message
    or message_id = $message
    or starts_with(split_part(message_id, '.', 2), $message)
order by queued_at desc, message_id
