-- grain: one row per region of which $recipient was notified
-- reads: ops.outbox, ops.notification
-- What lapsed, expired or was refused was not told. Nights to come: future_notifications.sql.
select
    subject_key as region_id,
    arg_max(level, (as_of_date, queued_at)) as notified_level
from ops.notification
inner join ops.outbox using (message_id)
where
    recipient = $recipient
    and kind <> 'operator'
    and status not in ('lapsed', 'expired', 'refused')
    and as_of_date <= least(queued_at::date, $today)
group by subject_key
order by subject_key
