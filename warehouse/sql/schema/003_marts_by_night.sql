-- Marts keep what each night told, from the night it was first told.
drop schema mart cascade;
create schema mart;
create table ops.night (as_of_date date primary key);
