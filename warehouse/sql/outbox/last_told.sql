-- grain: one row per region of which $recipient was told
-- reads: ops.outbox, ops.told
-- What lapsed, expired or was refused was not told. Nights to come are apart (told_ahead.sql).
select
    about as region_id,
    arg_max(level, (as_of_date, queued_at)) as told_level
from ops.told
inner join ops.outbox using (message_id)
where
    recipient = $recipient
    and kind <> 'operator'
    and status not in ('lapsed', 'expired', 'refused')
    and as_of_date <= least(queued_at::date, $today)
group by about
order by about
