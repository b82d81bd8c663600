-- grain: one row per row_key of the delivery
-- reads: delivered (its parsed rows)
create or replace temp table incoming as
select
    *,
    __row_key__ as row_key
from delivered
