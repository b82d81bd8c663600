-- grain: one row: the newest night told to $recipient, null if none
-- reads: ops.outbox
-- A night that was to come when it was told, or still is, by a typing error or a wrong clock,
-- says nothing of the nights before it.
select max(as_of_date) as as_of_date
from ops.outbox
where
    recipient = $recipient
    and kind <> 'operator'
    and status not in ('lapsed', 'expired', 'refused')
    and as_of_date <= least(queued_at::date, $today)
