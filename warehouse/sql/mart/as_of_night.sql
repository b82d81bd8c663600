-- grain: that of the mart, as published on $night
-- reads: mart_table
select * exclude (night_from, night_to)
from __mart_table__
where in_force(night_from, night_to, $night)
