-- grain: one row: the newest night told to $recipient, and the id of the reader's newest mail,
--   told or not, that was not refused; null if none
-- reads: ops.outbox
-- A night that was to come when it was told, or still is, by a typing error or a wrong clock,
-- says nothing of the nights before it. What follows a mail that was refused for good follows the
-- one before: the same words get the same id, and are not handed over again.
select
    max(as_of_date) filter (
        status not in ('lapsed', 'expired', 'refused')
        and as_of_date <= least(queued_at::date, $today)
    ) as as_of_date,
    arg_max(message_id, (queued_at, message_id)) filter (status <> 'refused') as message_id
from ops.outbox
where
    recipient = $recipient
    and kind <> 'operator'
