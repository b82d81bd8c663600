-- Mails keep their bytes until they are gone, and what they tell whom.
alter table ops.outbox add column kind varchar default 'alert';
alter table ops.outbox add column content blob;
alter table ops.outbox add column not_before timestamp;
alter table ops.outbox add column held_until timestamp;
alter table ops.outbox add column approved_by varchar;
alter table ops.outbox add column attempts bigint default 0;
alter table ops.outbox add column next_try_at timestamp;
create table ops.told (
    message_id varchar not null,
    about varchar not null,
    level varchar not null
);
-- Addresses that a server refused for good, until someone says to try again.
create table ops.parked (
    recipient varchar primary key,
    parked_at timestamp not null,
    reason varchar not null
);
-- Regions of which nobody is mailed for a while.
create table ops.mute (
    region_id varchar primary key,
    until_night date not null,
    muted_by varchar not null,
    why varchar not null,
    muted_at timestamp not null
);
