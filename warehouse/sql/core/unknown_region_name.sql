-- grain: one row per country_code and spelling that config/regions.csv does not know
-- reads: core.event, core.region_name
-- The spelling is set aside, not the event, which its point may place. Beside it: where
-- points placed its events, and the most similar spellings known (Jaro-Winkler).
with unknown as (

    select
        country_code,
        source_admin1_name,
        fold_region(source_admin1_name) as folded_name,
        count(*)::integer as events_count,
        min(event_date) as first_date,
        max(event_date) as last_date
    from core.event
    where name_check = 'unknown'
    group by all

),

placed as (

    select
        country_code,
        source_admin1_name,
        string_agg(region_id || ' ' || n, '; ' order by n desc, region_id) as placed_in
    from (
        select country_code, source_admin1_name, region_id, count(*) as n
        from core.event
        where name_check = 'unknown' and region_id is not null
        group by all
    )
    group by all

),

alike as (

    select
        u.country_code,
        u.source_admin1_name,
        n.named_region_id,
        max(jaro_winkler_similarity(u.folded_name, n.folded_name)) as similarity
    from unknown as u
    inner join core.region_name as n using (country_code)
    group by u.country_code, u.source_admin1_name, n.named_region_id
    qualify row_number() over (
        partition by u.country_code, u.source_admin1_name
        order by similarity desc, n.named_region_id
    ) <= 3

),

candidate as (

    select
        country_code,
        source_admin1_name,
        string_agg(
            named_region_id || ' ' || round(similarity, 2), '; '
            order by similarity desc, named_region_id
        ) as nearest_names
    from alike
    group by all

)

select
    u.country_code,
    u.source_admin1_name,
    u.events_count,
    u.first_date,
    u.last_date,
    p.placed_in,
    c.nearest_names
from unknown as u
left join placed as p using (country_code, source_admin1_name)
left join candidate as c using (country_code, source_admin1_name)
order by u.events_count desc, u.country_code, u.source_admin1_name
