-- Without OR, so that a left join on it and a key is a hash join; before, each row met all others.
create or replace macro main.in_force(valid_from, valid_to, instant) as
valid_from <= instant and coalesce(valid_to, 'infinity') > instant;
