-- grain: one row, the first month of which some place's counts were sent before the month is known
--   by its source's lag, and not again since, as known by $as_of, or of which nothing newer was sent
-- reads: __source_table__, ops.batch
with newest as (

    select
        max(covers_until) as day_now,
        max(covers_until) filter (known_at <= $as_of) as day_then
    from ops.batch
    where source = $source

)

select min(first_day) as first_day
from (
    select date_trunc('month', h.__date_column__)::date as first_day
    from __source_table__ as h
    left join ops.batch as b on b.batch_id = h.batch_id
    cross join newest
    where in_force(h.known_from, h.known_to, $as_of)
    group by first_day, __place__
    having
        not bool_or(
            __known_on__ <= h.known_from::date
            and h.__date_column__
            < case when b.known_at <= $as_of then newest.day_then else newest.day_now end
        )
)
