-- grain: one row per key and spell of nights
-- reads: mart_table, differing
-- A past night run again ends where the next night that was run begins: from there on
-- what was published before still holds.
insert into __mart_table__ by name
select * replace ($next_night::date as night_from)
from __mart_table__
where
    night_from <= $night
    and (night_to is null or night_to > $next_night)
    and (__mart_key__) in (select (__mart_key__) from differing)
