-- grain: one row per key and spell of nights
-- reads: frame; differing, where something was told before
insert into mart_table by name
select
    mart_columns,
    $night::date as night_from,
    $next_night::date as night_to
from frame
where mart_chosen
