-- grain: one row per source, run, country_code and target_month
-- reads: history.views_forecast, config_countries
-- Forecasts of others, as published, beside which ours can be held.
select
    'views_forecast' as source,
    h.run,
    c.country_code,
    h.origin_month,
    make_date(1980 + (h.month_id - 1) // 12, (h.month_id - 1) % 12 + 1, 1) as target_month,
    datediff(
        'month', h.origin_month, make_date(1980 + (h.month_id - 1) // 12, (h.month_id - 1) % 12 + 1, 1)
    )::bigint as horizon_months,
    h.main_mean as deaths_mean,
    h.main_dich as p_25_deaths,
    h.known_from
from history.views_forecast as h
inner join config_countries as c on c.country_code = h.isoab
where in_force(h.known_from, h.known_to, $as_of)
order by source, run, c.country_code, target_month
