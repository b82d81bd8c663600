-- grain: one row per message_id, once and for all
-- reads: nothing
insert or ignore into ops.outbox
values (
    $message_id, $recipient, $as_of_date::date, $subject, $content_sha256,
    'queued', 'none', null, $now, null
)
