-- grain: one row per key and spell of nights
-- reads: mart_table, differing
-- A past night run again ends where the next night that was run begins: from there on
-- what was told before still holds.
insert into mart_table by name
select * replace ($next_night::date as night_from)
from mart_table
where
    night_from <= $night
    and (night_to is null or night_to > $next_night)
    and (mart_key) in (select (mart_key) from differing)
