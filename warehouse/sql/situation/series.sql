-- grain: one row per indicator, region_id and month_start
-- reads: indicators, past_indicators
-- Series of the regions as told on the night; of months more than two years back those
-- with something. Where figures end long before the night, two years are counted from their end.
with told as (

    select indicator, place_id, month_start, value
    from indicators
    where place_level = 'region' and night_from <= $night
    union all
    select indicator, place_id, month_start, value
    from past_indicators
    where place_level = 'region' and in_force(night_from, night_to, $night)

),

newest as (

    select least($night::date, max(month_start) + interval 3 months) as month_start
    from told
    where indicator = 'events_count'

)

select t.indicator, t.place_id as region_id, t.month_start, t.value
from told as t
cross join newest
where
    list_contains($indicators, t.indicator)
    and (t.value <> 0 or t.month_start > newest.month_start - interval 27 months)
order by region_id, month_start, indicator
