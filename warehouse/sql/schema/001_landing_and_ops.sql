-- Fixed tables. Tables of a source (landing.<name>, history.<name>) come from its record.
create schema landing;
create schema history;
create schema core;
create schema mart;
create schema ops;
create table ops.batch (
    batch_id varchar primary key,
    source varchar not null,
    url varchar not null,
    content_sha256 varchar not null,
    bytes_count bigint not null,
    rows_count bigint not null,
    fetched_at timestamp not null,
    source_version varchar not null
);
create table ops.validation (
    as_of_date date not null,
    table_name varchar not null,
    expectation varchar not null,
    column_name varchar,
    severity varchar not null,
    is_success boolean not null,
    unexpected_count bigint,
    observed varchar,
    notes varchar
);
create table ops.outbox (
    message_id varchar primary key,
    recipient varchar not null,
    as_of_date date not null,
    subject varchar not null,
    content_sha256 varchar not null,
    status varchar not null,
    via varchar not null,
    detail varchar,
    queued_at timestamp not null,
    finished_at timestamp
);
