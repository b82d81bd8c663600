-- grain: one row per entry_id
-- reads: history.governance_register
select
    row_key as entry_id,
    register,
    country_code,
    region_id,
    entry_date,
    end_date_if_seen as end_date,
    entry_type,
    title,
    url,
    known_from
from history.governance_register
where known_from <= $as_of and (known_to is null or known_to > $as_of)
order by entry_id
