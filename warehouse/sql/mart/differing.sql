-- grain: one row per key of which the night says something else than the table does
-- reads: mart_table, frame (the night's rows)
create or replace temp table differing as
with last as (

    select __mart_columns__
    from __mart_table__
    where in_force(night_from, night_to, $night)

)

select distinct __mart_key__ from (from last except (select __mart_columns__ from frame))
union
select distinct __mart_key__ from ((select __mart_columns__ from frame) except from last)
