-- grain: one row per indicator, region_id and month_start
-- reads: indicators, past_indicators
-- Series of the regions as told on the night.
with told as (

    select indicator, place_id, month_start, value
    from indicators
    where place_level = 'region' and night_from <= $night
    union all
    select indicator, place_id, month_start, value
    from past_indicators
    where place_level = 'region' and night_from <= $night and night_to > $night

)

select indicator, place_id as region_id, month_start, value
from told
where list_contains($indicators, indicator)
order by region_id, month_start, indicator
