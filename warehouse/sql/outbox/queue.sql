-- grain: one row per message_id, once and for all
-- reads: nothing
insert or ignore into ops.outbox by name
select
    $message_id as message_id,
    $recipient as recipient,
    $kind as kind,
    $as_of_date::date as as_of_date,
    $subject as subject,
    $content::blob as content,
    $content_sha256 as content_sha256,
    case when $held_until::timestamp is null then 'queued' else 'held' end as status,
    'none' as via,
    $now::timestamp as queued_at,
    $not_before::timestamp as not_before,
    $held_until::timestamp as held_until
