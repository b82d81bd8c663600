-- grain: one row, what of one source was in force on the night
-- reads: history.source_table
select count(*) as rows_count, max(date_column::date) as newest_date
from source_table
where known_from <= $as_of and (known_to is null or known_to > $as_of)
