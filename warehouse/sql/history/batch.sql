-- grain: one row per batch_id
-- reads: nothing
insert or ignore into ops.batch
values ($batch_id, $source, $url, $content_sha256, $bytes_count, $rows_count, $fetched_at, $source_version)
