-- grain: one row per row_key of the delivery
-- reads: delivered (its parsed rows)
create or replace temp table incoming as
select
    *,
    source_key as row_key
from delivered
