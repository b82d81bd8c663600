-- grain: one row per row_key that the delivery says is no more
-- reads: history.source_table, incoming, deleted, held
-- A whole delivery says so by leaving out a row of those it holds, an increment by its
-- list of deletions. A row in quarantine is there, only not believed: what was, stays.
create or replace temp table withdrawn as
select row_key
from source_table
where known_to is null and (source_holds)
union
select source_key as row_key from deleted
except
select row_key from incoming
except
select row_key from held
