-- grain: one row per indicator, region_id and month_start
-- reads: indicators, past_indicators
-- Series of the regions as told on the night; of months more than two years back those
-- with something.
with told as (

    select indicator, place_id, month_start, value
    from indicators
    where place_level = 'region' and night_from <= $night
    union all
    select indicator, place_id, month_start, value
    from past_indicators
    where place_level = 'region' and in_force(night_from, night_to, $night)

)

select indicator, place_id as region_id, month_start, value
from told
where
    list_contains($indicators, indicator)
    and (value <> 0 or month_start > $night::date - interval 27 months)
order by region_id, month_start, indicator
