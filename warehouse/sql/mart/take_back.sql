-- grain: one row per key and spell of nights; none that begins after $night
-- reads: mart_table
delete from mart_table
where night_from > $night
