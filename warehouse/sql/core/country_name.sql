-- grain: one row per country_code and folded spelling of its name
-- reads: config_countries
select distinct
    country_code,
    fold_name(
        unnest([country_name, country_name_fr] || string_split(coalesce(name_variants, ''), ';'))
    ) as folded_country
from config_countries
