-- grain: one row, the first month of which some place's counts were sent before the month is known
--   by its source's lag, and not again since, as known by $as_of; null: there is none
-- reads: __source_table__
select min(first_day) as first_day
from (
    select date_trunc('month', __date_column__)::date as first_day
    from __source_table__
    where in_force(known_from, known_to, $as_of)
    group by first_day, __place__
    having not bool_or(__known_on__ <= known_from::date)
)
