-- grain: one row per model, location and horizon, as told on $night; none if it told fewer quantiles
-- reads: forecasts, past_forecasts, country_forecasts, past_country_forecasts (published)
-- Locations are regions and, of the pool, countries.
with told as (

    from (from forecasts union all by name from past_forecasts)
    select region_id as location, * exclude (region_id, known_until_date)
    union all by name
    from (from country_forecasts union all by name from past_country_forecasts)
    select
        country_code as location,
        'combined' as model,
        * exclude (country_code, country_name)

)

select
    $night::date as origin_date,
    * exclude (night_from, night_to, window_start_date, p_any_event, p_25_deaths)
from told
where
    in_force(night_from, night_to, $night)
    and events_q01 is not null
    and deaths_q01 is not null
order by model, location, horizon_months
