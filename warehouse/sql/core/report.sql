-- grain: one row per report_id
-- reads: history.reliefweb_reports
select report_id, published_date, title, publisher, countries, url, known_from
from history.reliefweb_reports
where in_force(known_from, known_to, $as_of)
order by published_date desc, report_id
