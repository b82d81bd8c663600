-- grain: one row per night to come that $recipient (null: anyone) was told, and region told of
-- reads: ops.outbox, ops.told
-- Nights that were to come when they were told, or still are. Corrected by the next mail of
-- another night: what was told before that one is left out.
with mails as (

    select
        message_id,
        recipient,
        as_of_date,
        queued_at,
        as_of_date > least(queued_at::date, $today) as is_ahead
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
    where not is_ahead
    group by recipient

)

select
    mails.recipient,
    mails.as_of_date,
    told.about as region_id,
    told.level as told_level
from mails
left join corrected on corrected.recipient = mails.recipient
left join ops.told as told on told.message_id = mails.message_id
where
    mails.is_ahead
    and (corrected.corrected_at is null or mails.queued_at > corrected.corrected_at)
order by mails.queued_at, mails.message_id, told.about
