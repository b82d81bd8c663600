-- grain: one row per row_key that the delivery says is no more
-- reads: history.source_table, incoming, deleted, quarantined
-- A whole delivery says so by leaving out a row of those it holds, an increment by its
-- list of deletions. A row in quarantine is there, only not believed: what was, stays.
create or replace temp table withdrawn as
select row_key
from __source_table__
where known_to is null and (__complete_where__)
union
select __row_key__ as row_key from deleted
except
select row_key from incoming
except
select row_key from quarantined
