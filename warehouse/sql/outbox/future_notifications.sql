-- grain: one row per night to come that $recipient (null: anyone) was notified of, and region
-- reads: ops.outbox, ops.notification
-- Nights that were to come when they were told, or still are. Corrected by the next mail of
-- another night: what was told before that one is left out.
with mails as (

    select
        message_id,
        recipient,
        as_of_date,
        queued_at,
        as_of_date > least(queued_at::date, $today) as is_future
    from ops.outbox
    where
        ($recipient is null or recipient = $recipient)
        and kind <> 'operator'
        and status not in ('lapsed', 'expired', 'refused')

),

corrected as (

    select
        recipient,
        max(queued_at) as corrected_at
    from mails
    where not is_future
    group by recipient

)

select
    mails.recipient,
    mails.as_of_date,
    n.subject_key as region_id,
    n.level as notified_level
from mails
left join corrected on corrected.recipient = mails.recipient
left join ops.notification as n on n.message_id = mails.message_id
where
    mails.is_future
    and (corrected.corrected_at is null or mails.queued_at > corrected.corrected_at)
order by mails.queued_at, mails.message_id, n.subject_key
