-- grain: one row, the first night after $night that was run; null if there is none
-- reads: ops.night
select min(as_of_date) as next_night
from ops.night
where as_of_date > $night
