-- grain: one row per event_id believed at $since or at $until, with both versions
-- reads: core.event_version
with before as (

    select *
    from core.event_version
    where in_force(known_from, known_to, $since)

),

after as (

    select *
    from core.event_version
    where in_force(known_from, known_to, $until)

)

select
    event_id,
    coalesce(after.country_code, before.country_code) as country_code,
    coalesce(after.region_id, before.region_id) as region_id,
    before.deaths_best_count as deaths_before_count,
    after.deaths_best_count as deaths_after_count,
    (
        before.deaths_best_count, before.deaths_low_count, before.deaths_high_count
    ) is distinct from (
        after.deaths_best_count, after.deaths_low_count, after.deaths_high_count
    ) as has_other_deaths,
    before.region_id is distinct from after.region_id as has_other_region,
    (before.longitude, before.latitude, before.where_prec)
    is distinct from (after.longitude, after.latitude, after.where_prec) as has_other_place,
    before.event_date is distinct from after.event_date as has_other_date,
    (before.violence_type, before.actor_a, before.actor_b)
    is distinct from (after.violence_type, after.actor_a, after.actor_b) as has_other_actors
from before
full join after using (event_id)
order by event_id
