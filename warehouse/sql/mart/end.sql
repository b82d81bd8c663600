-- grain: one row per key and spell of nights; a spell that would begin and end tonight is empty
-- reads: mart_table, differing
update mart_table
set night_to = $night
where
    night_from <= $night and (night_to is null or night_to > $night)
    and (mart_key) in (select (mart_key) from differing)
