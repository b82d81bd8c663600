-- grain: at most one row, the newest delivery of $source
-- reads: ops.batch
-- Covered until: by the newest whole delivery of a part, or an increment after it.
select
    arg_max(content_sha256, (known_at, fetched_at)) as content_sha256,
    arg_max(url, (known_at, fetched_at)) as url,
    arg_max(source_version, (known_at, fetched_at)) as source_version,
    max(fetched_at) as fetched_at,
    max(covers_until) filter (where known_at >= whole_at) as covers_until
from (
    select
        *,
        coalesce(
            max(known_at) filter (where is_whole) over (partition by part),
            timestamp '1900-01-01'
        ) as whole_at
    from ops.batch
    where source = $source
)
having count(*) > 0
