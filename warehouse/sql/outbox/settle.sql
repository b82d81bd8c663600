-- grain: one row per message whose time has come or gone
-- reads: ops.outbox
-- Held mails go or lapse when their time is over; what could not be handed over in
-- $give_up_days is given up; bytes of what is done are kept for $keep_days.
update ops.outbox
set
    status = case
        when status = 'held' and $hold_then = 'send' then 'queued'
        when status = 'held' then 'lapsed'
        when status = 'queued' then 'expired'
        else status
    end,
    content = case when status in ('held', 'queued') then content end,
    finished_at = case
        when status = 'held' and $hold_then = 'send' then null
        else coalesce(finished_at, $now::timestamp)
    end
where
    (status = 'held' and held_until <= $now)
    or (
        status = 'queued'
        and attempts > 0
        and queued_at <= $now::timestamp - $give_up_days::integer * interval 1 day
    )
    or (
        status not in ('held', 'queued')
        and content is not null
        and finished_at <= $now::timestamp - $keep_days::integer * interval 1 day
    )
