-- grain: one row per batch_id of $source
-- reads: ops.batch
select batch_id
from ops.batch
where source = $source
