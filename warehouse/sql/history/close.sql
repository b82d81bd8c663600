-- grain: one row per row_key and version
-- reads: history.source_table, incoming, withdrawn
-- A version that the delivery changes or withdraws was believed until the delivery was known;
-- of a register kept by hand it is not believed at all (known_to is known_from), since its
-- new version says itself from when it was known.
update source_table as held
set source_ended
where
    held.known_to is null
    and (
        held.row_key in (select row_key from withdrawn)
        or exists (
            select 1 from incoming as i where i.row_key = held.row_key and (source_differs)
        )
    )
