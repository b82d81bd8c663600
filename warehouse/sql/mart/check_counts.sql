-- grain: one row per as_of_date, table_name, expectation and column_name with rows that broke it;
--        one without a check per night on which every check held
-- reads: ops.night, mart.check
-- The last $nights nights run up to $night; a check that counts no rows breaks with one.
with night as (

    select as_of_date
    from ops.night
    where as_of_date <= $night
    order by as_of_date desc
    limit $nights

)

select
    n.as_of_date,
    c.table_name,
    c.expectation,
    c.column_name,
    case when c.table_name is not null then coalesce(c.unexpected_count, 1) end
        as unexpected_count
from night as n
left join mart.check as c
    on
        in_force(c.night_from, c.night_to, n.as_of_date)
        and (c.unexpected_count > 0 or not c.is_success)
order by all
