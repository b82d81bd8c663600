-- grain: one row per key and spell of nights
-- reads: frame; differing, where the night was published before
insert into __mart_table__ by name
select
    __mart_columns__,
    $night::date as night_from,
    $next_night::date as night_to
from frame
where __chosen_where__
