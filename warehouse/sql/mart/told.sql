-- grain: that of the mart, as told on $night
-- reads: mart_table
select * exclude (night_from, night_to)
from mart_table
where night_from <= $night and (night_to is null or night_to > $night)
