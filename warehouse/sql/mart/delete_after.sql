-- grain: one row per key and spell of nights; none that begins after $night
-- reads: mart_table
delete from __mart_table__
where night_from > $night
