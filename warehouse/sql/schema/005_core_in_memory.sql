-- Core tables are built anew each night and no longer stored; checks are kept as a mart.
drop schema core cascade;
drop table ops.validation;
