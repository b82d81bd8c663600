-- A count sent before its month ended and again after it has a version of each: the history of
-- HAPI is rebuilt from its log, so that months counted before are whole, too.
drop table if exists history.hapi_conflict;
delete from ops.batch where source = 'hapi_conflict';
delete from ops.quarantine where source = 'hapi_conflict';
