-- grain: one row per coup_id
-- reads: history.powell_thyne_coups, config_countries
select
    c.country_code || '|' || h.coup_date::varchar as coup_id,
    c.country_code,
    h.coup_date,
    h.coup = 2 as is_successful,
    h.correction,
    h.known_from
from history.powell_thyne_coups as h
inner join config_countries as c on c.gw_number = h.ccode
where in_force(h.known_from, h.known_to, $as_of)
order by coup_id
