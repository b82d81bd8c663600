-- grain: one row per source
-- reads: nothing
-- A failure that lasts keeps the instant since when.
insert into ops.fetch by name
select
    $source as source,
    $tried_at as tried_at,
    case when $failure::varchar is null then $tried_at end as succeeded_at,
    case when $failure::varchar is not null then $tried_at end as failed_since,
    $failure::varchar as failure
on conflict (source) do update set
    tried_at = excluded.tried_at,
    succeeded_at = coalesce(excluded.succeeded_at, succeeded_at),
    failed_since = case when excluded.failure is not null
        then coalesce(failed_since, excluded.failed_since) end,
    failure = excluded.failure
