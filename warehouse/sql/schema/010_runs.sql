-- What each run did: one row a run, and one a step of it.
create table ops.run (
    run_id varchar primary key,
    as_of_date date not null,
    began_at timestamp not null,
    finished_at timestamp,
    run_status varchar not null,
    run_failure varchar,
    run_seconds double,
    peak_memory_bytes bigint,
    code_sha256 varchar not null,
    versions varchar not null
);
create table ops.run_step (
    run_id varchar not null,
    step_number bigint not null,
    step varchar not null,
    step_seconds double not null,
    rows_in bigint,
    rows_out bigint,
    peak_memory_bytes bigint not null,
    is_success boolean not null,
    primary key (run_id, step_number)
);
