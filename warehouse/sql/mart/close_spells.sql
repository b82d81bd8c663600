-- grain: one row per key and spell of nights; a spell that would begin and end tonight is empty
-- reads: mart_table, differing
update __mart_table__
set night_to = $night
where
    in_force(night_from, night_to, $night)
    and (__mart_key__) in (select (__mart_key__) from differing)
