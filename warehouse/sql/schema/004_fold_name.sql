-- Spellings compare without accents, case and signs; a source's word for the unit is no name.
create macro main.fold_name(name) as
trim(regexp_replace(lower(strip_accents(coalesce(name, ''))), '[^a-z0-9]+', ' ', 'g'));
create macro main.fold_region(name) as
regexp_replace(main.fold_name(name), ' (region|district|department)$', '');
