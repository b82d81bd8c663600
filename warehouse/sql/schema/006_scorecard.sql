-- What the last back-test found, one row a measure.
create table ops.scorecard (
    target varchar not null,
    part varchar not null,
    horizon_months bigint,
    model varchar not null,
    measure varchar not null,
    value double,
    interval_low double,
    interval_high double,
    origins_from date not null,
    origins_until date not null,
    known_until date not null
);
