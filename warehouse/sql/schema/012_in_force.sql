-- What was believed, or told, at an instant: a version holds from its first to before its last.
create macro main.in_force(valid_from, valid_to, instant) as
valid_from <= instant and (valid_to is null or valid_to > instant);
-- What each mail told of: a region, or for the operator a matter.
alter table ops.told rename to notification;
alter table ops.notification rename column about to subject_key;
