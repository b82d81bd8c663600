-- grain: one row per source
-- reads: nothing
insert into ops.fetch by name
select
    $source as source,
    $tried_at as tried_at,
    case when $failure::varchar is null then $tried_at end as succeeded_at,
    $failure::varchar as failure
on conflict (source) do update set
    tried_at = excluded.tried_at,
    succeeded_at = coalesce(excluded.succeeded_at, succeeded_at),
    failure = excluded.failure
