-- grain: one row per key and spell of nights; one that a night after $night ended goes on
-- reads: mart_table
update __mart_table__
set night_to = null
where night_to > $night
