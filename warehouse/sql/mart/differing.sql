-- grain: one row per key of which the night tells something else than the table does
-- reads: mart_table, frame (the night's rows)
create or replace temp table differing as
with told as (

    select mart_columns
    from mart_table
    where night_from <= $night and (night_to is null or night_to > $night)

)

select distinct mart_key from (from told except (select mart_columns from frame))
union
select distinct mart_key from ((select mart_columns from frame) except from told)
