-- Deliveries of one part of a source replace each other (UCDP: a release); '' is all of it.
alter table ops.batch add column part varchar default '';
-- How the last attempt to fetch a source ended.
create table ops.fetch (
    source varchar primary key,
    tried_at timestamp not null,
    succeeded_at timestamp,
    failed_since timestamp,
    failure varchar
);
