-- History is rebuilt from the log of landed deliveries; landed tables are no longer kept.
drop schema landing cascade;
drop schema history cascade;
create schema history;
drop table ops.batch;
create table ops.batch (
    batch_id varchar primary key,
    source varchar not null,
    url varchar not null,
    content_sha256 varchar not null,
    bytes_count bigint not null,
    rows_count bigint not null,
    fetched_at timestamp not null,
    known_at timestamp not null,
    known_basis varchar not null,
    source_version varchar not null,
    covers_until date,
    holds varchar not null,
    is_whole boolean not null
);
