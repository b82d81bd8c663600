-- grain: one row per event_id
-- reads: core.event_version
select * exclude (known_to)
from core.event_version
where known_to is null
