-- grain: one row each time $row_key of $source was held
-- reads: ops.quarantine
select *
from ops.quarantine
where source = $source and row_key = $row_key
order by held_from desc, rule
