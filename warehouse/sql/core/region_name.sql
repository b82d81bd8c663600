-- grain: one row per country_code and folded spelling
-- reads: config_regions
-- A name of a region within another (Mali's of 2023) stands for a part of that parent.
with spelling as (

    select region_id, parent_region_id, country_code, region_name as spelling from config_regions
    union
    select
        region_id,
        parent_region_id,
        country_code,
        unnest(string_split(name_variants, ';')) as spelling
    from config_regions
    where name_variants <> ''

)

select distinct
    country_code,
    fold_name(spelling) as folded_name,
    case when parent_region_id = '' then region_id else parent_region_id end as region_id,
    region_id as named_region_id,
    parent_region_id <> '' as is_part
from spelling
order by country_code, folded_name
