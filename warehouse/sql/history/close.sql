-- grain: one row per row_key and version
-- reads: history.source_table, incoming, withdrawn
-- A version that the delivery replaces or withdraws was believed until the delivery was known;
-- of a register kept by hand it is not believed at all (known_to is known_from), since its
-- new version says itself from when it was known.
update __source_table__ as old
set __closing__
where
    old.known_to is null
    and (
        old.row_key in (select row_key from withdrawn)
        or exists (
            select 1 from incoming as new where new.row_key = old.row_key and (__replaces_where__)
        )
    )
