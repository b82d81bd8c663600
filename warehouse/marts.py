"""Marts: what each night published, kept from the first night it was said to before the last."""

from datetime import UTC, date, datetime

import duckdb
import polars as pl

from warehouse.history import transaction
from warehouse.query import rows_changed, run_sql

MARTS = {  # name -> what identifies a row within a night
    "indicator": ("indicator", "place_level", "place_id", "month_start"),
    "forecast": ("region_id", "model", "horizon_months"),
    "country_forecast": ("country_code", "horizon_months"),
    "nowcast": ("place_level", "place_id", "month_start"),
    "revision": ("link", "period_start", "country_code", "code_status_group"),
    "flag": ("region_id",),
    "flag_driver": ("region_id", "driver"),
    "alert": ("region_id",),
    "signal": ("place_level", "place_id", "signal"),
    "signal_spell": ("place_level", "place_id", "signal", "month_start"),
    "signal_count": ("place_level", "place_id"),
    "line": ("line_id",),
    "line_night": ("line_id", "replay_date"),
    "source_status": ("source",),
    "event_source": ("source",),
    "check": ("table_name", "expectation", "column_name"),
}


def write_marts(con: duckdb.DuckDBPyConnection, night: date, marts: dict[str, pl.DataFrame]) -> int:
    """Write the marts of a night; rows equal to those of the night before are not written again.

    Each row holds from ``night_from`` to before ``night_to``, in nights that were run.

    Returns:
        Rows written.
    """
    (next_night,) = run_sql(con, "mart/next_night", night=night).fetchone() or (None,)
    written_count = 0
    for name, mart in marts.items():
        frame = mart.drop("as_of_date", strict=False)  # the night itself
        con.register("frame", frame)
        table = f"mart.{name}"
        _ensure_mart(con, table, frame)
        (is_written,) = con.execute(
            f"select count(*) > 0 from {table} where in_force(night_from, night_to, $night)",
            {"night": night},
        ).fetchone() or (False,)
        if is_written and _same_rows(con, table, frame.columns, night):
            con.unregister("frame")
            continue
        key = ", ".join(MARTS[name])
        words = {
            "mart_table": table,
            "mart_columns": ", ".join(f'"{column}"' for column in frame.columns),
            "mart_key": key,
            "chosen_where": f"({key}) in (select ({key}) from differing)" if is_written else "true",
        }
        if is_written:
            run_sql(con, "mart/differing", words, night=night)
            if next_night:
                run_sql(con, "mart/carry", words, night=night, next_night=next_night)
            run_sql(con, "mart/close_spells", words, night=night)
            con.execute(f"delete from {table} where night_from = night_to")
        written_count += rows_changed(
            run_sql(con, "mart/insert_night", words, night=night, next_night=next_night)
        )
        con.execute("drop table if exists differing")
        con.unregister("frame")
    con.execute("insert or ignore into ops.night values ($night)", {"night": night})
    return written_count


def _ensure_mart(con: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    """The mart's table, with every column of the frame; older rows lack new ones."""
    nights = "null::date as night_from, null::date as night_to"
    con.execute(f"create table if not exists {table} as select *, {nights} from frame limit 0")
    existing = {name for name, *_ in con.execute(f"describe {table}").fetchall()}
    for name, kind, *_ in con.execute("describe frame").fetchall():
        if name not in existing:
            con.execute(f'alter table {table} add column "{name}" {kind}')


def newest_night(con: duckdb.DuckDBPyConnection, today: date | None = None) -> date | None:
    """The last night that was run; None: none was.

    A night still to come, run by a typing error or a wrong clock, is passed over.

    Args:
        con: The working file.
        today: Default: the day in UTC.
    """
    night: date | None = con.execute(
        "select max(as_of_date) from ops.night where as_of_date <= $today",
        {"today": today or datetime.now(UTC).date()},
    ).fetchall()[0][0]
    return night


def _same_rows(con: duckdb.DuckDBPyConnection, table: str, columns: list[str], night: date) -> bool:
    """Whether a mart says on a night just what ``frame`` says, by digests of the rows."""
    names = ", ".join(f'"{name}"' for name in columns)
    digest = f"select count(*), sum(hash({names})), bit_xor(hash({names}))"
    in_force = f"{digest} from {table} where in_force(night_from, night_to, $night)"
    old = con.execute(in_force, {"night": night}).fetchone()
    return old == con.execute(f"{digest} from frame").fetchone()


def previous_night(con: duckdb.DuckDBPyConnection, night: date) -> date | None:
    """The last night that was run before ``night``; None: there is none."""
    last: tuple[date | None] = con.execute(
        "select max(as_of_date) from ops.night where as_of_date < $night", {"night": night}
    ).fetchone() or (None,)
    return last[0]


def nights(con: duckdb.DuckDBPyConnection) -> list[date]:
    """The nights that were run, in their order."""
    query = "select as_of_date from ops.night order by as_of_date"
    return [night for (night,) in con.execute(query).fetchall()]


def read_mart(con: duckdb.DuckDBPyConnection, mart: str, night: date | None) -> pl.DataFrame | None:
    """A mart as published on a night; None: no such night or mart."""
    count = con.execute(
        "select count(*) from duckdb_tables() where schema_name = 'mart' and table_name = $mart",
        {"mart": mart},
    ).fetchone()
    if night is None or count == (0,):
        return None
    return run_sql(con, "mart/as_of_night", {"mart_table": f"mart.{mart}"}, night=night).pl()


def ledger(con: duckdb.DuckDBPyConnection, night: date) -> pl.DataFrame:
    """What was said up to a night and what came, as published; empty before the first night."""
    if read_mart(con, "alert", night) is None:
        return pl.DataFrame()
    return run_sql(con, "mart/ledger", night=night).pl()


def news(con: duckdb.DuckDBPyConnection, night: date) -> pl.DataFrame:
    """What is new on a night that was kept, as published."""
    return run_sql(con, "mart/news", night=night).pl()


def read_previous_night(
    con: duckdb.DuckDBPyConnection, mart: str, night: date
) -> pl.DataFrame | None:
    """A mart as published on the last night before ``night``; None: no such night or mart."""
    return read_mart(con, mart, previous_night(con, night))


def take_back_nights(con: duckdb.DuckDBPyConnection, today: date) -> list[date]:
    """Delete the marts of nights after ``today``, run by a typing error or a wrong clock.

    Those of the nights before them hold again; what mails went out is not forgotten.

    Returns:
        The nights deleted.
    """
    later = [night for night in nights(con) if night > today]
    with transaction(con):
        for (name,) in con.execute(
            "select table_name from duckdb_tables() where schema_name = 'mart'"
        ).fetchall():
            for statement in ("mart/delete_after", "mart/reopen"):
                run_sql(con, statement, {"mart_table": f"mart.{name}"}, night=today)
        con.execute("delete from ops.night where as_of_date > $today", {"today": today})
    return later


def check_counts(con: duckdb.DuckDBPyConnection, night: date, nights: int) -> pl.DataFrame:
    """Rows that broke a check, by night, of the last nights run."""
    return run_sql(con, "mart/check_counts", night=night, nights=nights).pl()


def write_scorecard(con: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> None:
    """Replace what the last back-test found."""
    con.register("frame", rows)
    con.execute("delete from ops.scorecard")
    con.execute("insert into ops.scorecard by name from frame")
    con.unregister("frame")
