-- grain: one row per batch_id
-- reads: nothing
insert into ops.batch by name
select
    $batch_id as batch_id,
    $source as source,
    $url as url,
    $content_sha256 as content_sha256,
    $bytes_count as bytes_count,
    $rows_count as rows_count,
    $fetched_at as fetched_at,
    $known_at as known_at,
    $known_basis as known_basis,
    $source_version as source_version,
    $covers_until as covers_until,
    $holds as holds,
    $is_whole as is_whole,
    $part as part
