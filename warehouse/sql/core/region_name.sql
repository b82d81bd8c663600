-- grain: one row per country_code and folded spelling
-- reads: core.region, config_regions
-- Folded: no accents, lower case, hyphens and slashes as blanks.
with spelling as (

    select region_id, country_code, region_name as spelling from config_regions
    union
    select region_id, country_code, unnest(string_split(name_variants, ';')) as spelling
    from config_regions
    where name_variants <> ''

)

select distinct
    country_code,
    trim(regexp_replace(lower(strip_accents(spelling)), '[^a-z0-9]+', ' ', 'g')) as folded_name,
    region_id
from spelling
semi join core.region using (region_id)
order by country_code, folded_name
