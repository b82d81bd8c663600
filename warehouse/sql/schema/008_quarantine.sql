-- Rows that were sent but are not believed; rebuilt from the log like the history.
create table ops.quarantine (
    source varchar not null,
    part varchar not null,
    row_number bigint not null,
    row_key varchar,
    rule varchar not null,
    value varchar not null,
    sent varchar not null,
    batch_id varchar not null,
    held_from timestamp not null,
    held_to timestamp,
    left_because varchar
);
