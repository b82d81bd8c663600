-- grain: one row per spell of country, actor and measure
-- reads: suspensions
-- As on the night: an end after it was not known, and a measure without a word for
-- $presumed_open_months counts as 'end_unknown'.
with spell as (

    select
        * replace (
            case when closed_date <= $night then closed_date end as closed_date,
            case when partly_lifted_date <= $night then partly_lifted_date end
                as partly_lifted_date,
            case
                when confirmed_date <= $night then confirmed_date
                else opened_date
            end as confirmed_date
        )
    from suspensions
    where known_from <= $as_of

)

select
    * replace (
        case
            when closed_date is not null then 'lifted'
            when confirmed_date + to_months($presumed_open_months::integer) < $as_of
                then 'end_unknown'
            else 'open'
        end as status
    )
from spell
order by country_code, coalesce(opened_date, closed_date) desc, actor, measure_type
