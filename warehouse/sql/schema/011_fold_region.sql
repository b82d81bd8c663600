-- The name of a region may say first that it is one ("Region de ...", "Região de ...").
create or replace macro main.fold_region(name) as
regexp_replace(
    main.fold_name(name),
    '^(region|regiao|district|departement|gouvernorat|governorate)( (de|du|des|do|da|dos|of|d|l|la|le|les|the))+ '
    || '|( (region|regiao|district|department|departement|governorate))+$',
    '',
    'g'
);
