-- grain: one row per row of HAPI and version known by $as_of; known_to null: still believed then
-- reads: history.hapi_conflict, ops.batch, core.region_name
-- region_id: of its provider's spelling, else of HAPI's own; null: neither is known. A month that
-- was not known, by the source's lag, when it was fetched is no whole one; sent again later it is
-- another version. Nor is the newest month sent by then: HAPI's counts go on past a month that is
-- over, so an old file was given, or HAPI stands still since the middle of that month.
with newest as (

    select
        max(covers_until) as day_now,
        max(covers_until) filter (known_at <= $as_of) as day_then
    from ops.batch
    where source = 'hapi_conflict'

)

select
    h.* replace (case when h.known_to <= $as_of then h.known_to end as known_to),
    coalesce(p.region_id, n.region_id) as region_id,
    coalesce(h.provider_admin1_name, h.admin1_name) as source_admin1_name,
    __hapi_known_on__ <= h.known_from::date
    and h.reference_period_end
    < case when b.known_at <= $as_of then newest.day_then else newest.day_now end as is_whole_month
from history.hapi_conflict as h
left join ops.batch as b on b.batch_id = h.batch_id
cross join newest
left join core.region_name as p
    on
        p.country_code = h.location_code
        and p.folded_name = fold_region(h.provider_admin1_name)
left join core.region_name as n
    on n.country_code = h.location_code and n.folded_name = fold_region(h.admin1_name)
where h.known_from <= $as_of and (h.known_to is null or h.known_to > h.known_from)
