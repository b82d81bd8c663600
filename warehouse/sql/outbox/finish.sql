-- grain: one row per message_id
-- reads: ops.outbox
-- What is kept is what went out, with the date of its sending.
update ops.outbox
set
    status = $status,
    via = $via,
    detail = $detail,
    finished_at = $now,
    attempts = attempts + 1,
    content = $content::blob,
    content_sha256 = sha256($content::blob)
where message_id = $message_id
