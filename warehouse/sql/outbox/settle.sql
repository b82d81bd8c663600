-- grain: one row per message whose time has come or gone
-- reads: ops.outbox
-- Held mails go or lapse when their time is over; those of a night still to come, told by
-- mistake, lapse at once; what could not be handed over in $give_up_days is given up; bytes of
-- what is done are kept for $keep_days.
update ops.outbox
set
    status = case
        when status in ('held', 'queued') and as_of_date > $now::date then 'lapsed'
        when status = 'held' and $hold_then = 'send' then 'queued'
        when status = 'held' then 'lapsed'
        when status = 'queued' then 'expired'
        else status
    end,
    detail = case
        when status in ('held', 'queued') and as_of_date > $now::date
            then 'of a night still to come'
        else detail
    end,
    content = case when status in ('held', 'queued') then content end,
    finished_at = case
        when
            status = 'held' and $hold_then = 'send' and as_of_date <= $now::date
            then null
        else coalesce(finished_at, $now::timestamp)
    end
where
    (status in ('held', 'queued') and as_of_date > $now::date)
    or (status = 'held' and held_until <= $now)
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
