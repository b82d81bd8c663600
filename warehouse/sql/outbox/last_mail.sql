-- grain: one row: the newest night told to $recipient, null if none
-- reads: ops.outbox
select max(as_of_date) as as_of_date
from ops.outbox
where recipient = $recipient and kind <> 'operator' and status not in ('lapsed', 'expired', 'refused')
