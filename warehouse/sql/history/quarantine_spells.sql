-- grain: one row per spell in quarantine of $row_key of $source
-- reads: ops.quarantine
select *
from ops.quarantine
where source = $source and row_key = $row_key
order by held_from desc, rule
