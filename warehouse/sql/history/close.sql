-- grain: one row per row_key and version
-- reads: landing.source_table (the newest snapshot), history.source_table
-- A version that the newest snapshot no longer holds, changed or withdrawn,
-- was believed until that snapshot was fetched.
update history.source_table as held
set known_to = $fetched_at
where
    held.known_to is null
    and not exists (
        select 1
        from landing.source_table as landed
        where landed.row_key = held.row_key and landed.row_md5 = held.row_md5
    )
