-- Histories of registers kept by hand are rebuilt from the log, so that an entry is known since
-- it says, and not since it was entered; and a region's name may say first that it is one.
drop table if exists history.admin_presence;
drop table if exists history.aid_suspensions;
drop table if exists history.governance_register;
delete from ops.quarantine
where source in ('admin_presence', 'aid_suspensions', 'governance_register');
delete from ops.batch where source in ('admin_presence', 'aid_suspensions', 'governance_register');
create or replace macro main.fold_region(name) as
regexp_replace(
    main.fold_name(name),
    '^(region|regiao|district|departement|gouvernorat|governorate)( (de|du|des|do|da|dos|of|d|l|la|le|les|the))+ '
    || '|( (region|regiao|district|department|departement|governorate))+$',
    '',
    'g'
);
