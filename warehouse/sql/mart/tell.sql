-- grain: one row per key and spell of nights
-- reads: frame, differing
insert into mart_table by name
select
    mart_columns,
    $night::date as night_from,
    $next_night::date as night_to
from frame
where (mart_key) in (select (mart_key) from differing)
