-- grain: at most one row, the batch in force of $source
-- reads: ops.batch
select batch_id, content_sha256, url, fetched_at
from ops.batch
where source = $source
order by fetched_at desc
limit 1
