-- grain: one row per region that $spelling may mean, the best first
-- reads: core.region_name, config_regions, config_pcodes
-- $spelling is a spelling or a P-code; similar spellings (Jaro-Winkler, $least or more) only if
-- neither is known: a town is no misspelt region.
with named as (

    select named_region_id as region_id, 'name' as matched_by, 1.0 as similarity, null as pcode
    from core.region_name
    where folded_name = fold_region($spelling)
    union
    select
        region_id,
        'P-code' as matched_by,
        1.0 as similarity,
        concat_ws(', ', pcode_scheme || ' ' || pcode_vintage, covers) as pcode
    from config_pcodes
    where upper(region_pcode) = upper($spelling)

),

alike as (

    select
        named_region_id as region_id,
        'similar name' as matched_by,
        max(jaro_winkler_similarity(folded_name, fold_region($spelling))) as similarity,
        null as pcode
    from core.region_name
    where not exists (from named) and ($country is null or country_code = $country)
    group by named_region_id
    having similarity >= $least
    order by similarity desc, named_region_id
    limit 5

)

select
    r.region_id,
    r.region_name,
    r.country_code,
    r.parent_region_id,
    r.valid_from,
    m.matched_by,
    round(m.similarity, 2) as similarity,
    m.pcode
from (from named union all from alike) as m
inner join config_regions as r using (region_id)
where $country is null or r.country_code = $country
order by m.similarity desc, r.region_id, m.pcode
