-- grain: one row, what of one source was in force on the night
-- reads: history.source_table
select count(*) as rows_count, max(__date_column__::date) as newest_date
from __source_table__
where in_force(known_from, known_to, $as_of)
