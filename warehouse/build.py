"""Rebuilding core tables at a night, and writing the marts."""

from datetime import UTC, date, datetime, time
from typing import Any

import duckdb
import polars as pl

from config.registry import HERE as CONFIG
from config.registry import (
    Source,
    SourceError,
    all_regions,
    countries,
    coverage,
    partners,
    pcodes,
    regions,
    scopes,
    thresholds,
)
from config.vocabulary import LEVELS
from warehouse.connect import attach_core, migrate
from warehouse.history import transaction
from warehouse.query import rows_changed, run_sql, statement
from warehouse.sources import SOURCES

BUILD_ORDER = (
    "region", "region_name", "country_name", "acled_place", "event_version", "event", "presence",
    "suspension", "coup", "register_entry", "register_coverage", "external_series",
    "unknown_region_name", "left_out", "external_forecast", "report",
)  # fmt: skip
STEPS = ("country_name", "acled_place")  # that others are built of; nobody else reads them
CORE_TABLES = tuple(table for table in BUILD_ORDER if table not in STEPS)
LEAST_SIMILARITY = (
    0.92  # of a misspelt name: Sikaso 0.97, Mopty 0.92; Niono (a town) is Nioro by 0.91
)
OLDEST_AGE = 18  # months to which figures are followed: past the yearly release
MARTS = {  # name -> what identifies a row within a night
    "indicator": ("indicator", "place_level", "place_id", "month_start"),
    "forecast": ("region_id", "model", "horizon_months"),
    "country_forecast": ("country_code", "horizon_months"),
    "flag": ("region_id",),
    "flag_driver": ("region_id", "driver"),
    "alert": ("region_id",),
    "source_status": ("source",),
    "check": ("table_name", "expectation", "column_name"),
}


def night_end(night: date) -> datetime:
    """The instant a night's run looks from: the last moment of its day (UTC)."""
    return datetime.combine(night, time.max)


def build_core(con: duckdb.DuckDBPyConnection, night: date) -> None:
    """Every core table as it was known on ``night``."""
    _register_config(con)
    for table in BUILD_ORDER:
        text = statement(f"core/{table}")
        params: dict[str, object] = {}
        if "$as_of" in text:
            params["as_of"] = night_end(night)
        if "$presumed_open_months" in text:
            params["presumed_open_months"] = thresholds()["suspensions"]["presumed_open_months"]
        con.execute(f"create or replace table core.{table} as {text}", params or None)


def match_region(name: str, country: str | None = None) -> pl.DataFrame:
    """Regions that a spelling or P-code may mean, the best first.

    Columns region_id, region_name, country_code, parent_region_id (empty: has its own
    series), valid_from, matched_by (name, P-code, similar name), similarity 0-1 (1:
    known), pcode (scheme, vintage and whether it covers the whole region). Empty: nothing is
    called so or nearly so; it may be a town.

    Example:
        >>> match_region("Badiangara").select("region_id", "parent_region_id").row(0)
        ('MLI.bandiagara', 'MLI.mopti')
    """
    with duckdb.connect() as con:
        migrate(con)
        attach_core(con)
        _register_config(con)
        con.execute(f"create table core.region_name as {statement('core/region_name')}")
        return run_sql(
            con, "core/region_match", spelling=name, country=country, least=LEAST_SIMILARITY
        ).pl()


def _register_config(con: duckdb.DuckDBPyConnection) -> None:
    """What ``config/`` declares, as views that core statements read."""
    declared = {
        "config_regions": all_regions(),
        "config_series": regions(),
        "config_pcodes": pcodes(),
        "config_countries": countries(),
        "config_scopes": scopes(),
        "config_partners": partners(),
        "config_coverage": coverage(),
        "config_actors": pl.read_csv(CONFIG / "actors.csv"),
    }
    for name, frame in declared.items():
        con.register(name, frame)


def read(con: duckdb.DuckDBPyConnection, table: str) -> pl.DataFrame:
    """A whole table as a frame, in its stored order."""
    return con.execute(f"from {table}").pl()


def write_marts(con: duckdb.DuckDBPyConnection, night: date, marts: dict[str, pl.DataFrame]) -> int:
    """Keep what the night tells; rows that say what the night before said are not written.

    Each row holds from ``night_from`` to before ``night_to``, in nights that were run.

    Returns:
        Rows written.
    """
    (next_night,) = run_sql(con, "mart/next_night", night=night).fetchone() or (None,)
    written = 0
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
        written += rows_changed(
            run_sql(con, "mart/insert_night", words, night=night, next_night=next_night)
        )
        con.execute("drop table if exists differing")
        con.unregister("frame")
    con.execute("insert or ignore into ops.night values ($night)", {"night": night})
    return written


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


def read_previous_night(
    con: duckdb.DuckDBPyConnection, mart: str, night: date
) -> pl.DataFrame | None:
    """A mart as published on the last night before ``night``; None: no such night or mart."""
    last = previous_night(con, night)
    count = con.execute(
        "select count(*) from duckdb_tables() where schema_name = 'mart' and table_name = $mart",
        {"mart": mart},
    ).fetchone()
    if last is None or count == (0,):
        return None
    return run_sql(con, "mart/as_of_night", {"mart_table": f"mart.{mart}"}, night=last).pl()


def check_counts(con: duckdb.DuckDBPyConnection, night: date, nights: int) -> pl.DataFrame:
    """Rows that broke a check, by night, of the last nights run."""
    return run_sql(con, "mart/check_counts", night=night, nights=nights).pl()


def _ensure_mart(con: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    """The mart's table, with every column of the frame; what was told before lacks new ones."""
    nights = "null::date as night_from, null::date as night_to"
    con.execute(f"create table if not exists {table} as select *, {nights} from frame limit 0")
    held = {name for name, *_ in con.execute(f"describe {table}").fetchall()}
    for name, kind, *_ in con.execute("describe frame").fetchall():
        if name not in held:
            con.execute(f'alter table {table} add column "{name}" {kind}')


def known_counts(con: duckdb.DuckDBPyConnection, origins: pl.DataFrame) -> pl.DataFrame:
    """Events by origin, region and month, as known at each origin.

    Args:
        con: The working file, its core built at a night not before any ``known_at``.
        origins: ``origin`` (number), ``known_at`` (instant), ``last_day`` (of its month).
    """
    con.register("origin", origins)
    found = run_sql(con, "mart/known_counts").pl()
    con.unregister("origin")
    return found


def reporting_triangle(con: duckdb.DuckDBPyConnection, source: Source, night: date) -> pl.DataFrame:
    """Events of a month as known at an age: ``month_start``, ``age_months``, ``events``.

    Age 0 is when the month became whole by the source's lag. Only ages by which a delivery
    had come within the month before count as looked at; bulk files of the past, whose
    times are assumed, say nothing.
    """
    looked = con.execute(
        "select known_at, covers_until from ops.batch where source = $source "
        "and known_basis = 'observed' and known_at <= $as_of",
        {"source": source.name, "as_of": night_end(night)},
    ).pl()
    ages = pl.DataFrame({"age_months": range(OLDEST_AGE + 1)}, schema={"age_months": pl.Int64})
    first = looked["covers_until"].min()
    if not isinstance(first, date):
        return ages.head(0).with_columns(month_start=pl.lit(first, pl.Date), events=pl.lit(0.0))
    begins = first.replace(day=1)
    months = pl.date_range(begins, night, "1mo", eager=True).alias("month_start")
    cells = (
        months.to_frame()
        .with_columns(last_day=pl.col("month_start").dt.month_end())
        .join(ages, how="cross")
        .with_columns(
            known_at=source.lag.known_at(pl.col("last_day"))
            .dt.offset_by(pl.format("{}mo1d", "age_months"))
            .dt.offset_by("-1us")
        )
        .filter(pl.col("known_at") <= night_end(night))
        .join(looked.rename({"known_at": "looked_at"}), how="cross")
        .filter(
            (pl.col("looked_at") <= pl.col("known_at"))
            & (pl.col("looked_at") > pl.col("known_at").dt.offset_by("-1mo"))
            & (pl.col("covers_until") >= pl.col("last_day"))
        )
        .unique(["month_start", "age_months"], maintain_order=True)
        .with_columns(origin=pl.int_range(pl.len()))
    )
    counts = known_counts(con, cells.select("origin", "known_at", "last_day"))
    within = counts.group_by("origin", "month_start").agg(pl.col("events").sum())
    return (
        cells.join(within, on=["origin", "month_start"], how="left", maintain_order="left")
        .select("month_start", "age_months", pl.col("events").fill_null(0.0))
        .sort("month_start", "age_months")
    )


def write_scorecard(con: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> None:
    """Replace what the last back-test found."""
    con.register("frame", rows)
    con.execute("delete from ops.scorecard")
    con.execute("insert into ops.scorecard by name from frame")
    con.unregister("frame")


def source_status(con: duckdb.DuckDBPyConnection, night: date) -> pl.DataFrame:
    """One row a source: what was in force on ``night``, how old, what may be done with it.

    ``failure`` says why the last attempt to renew it failed. A source that never delivered
    has no row.
    """
    rows = [_status(con, source, night) for source in SOURCES]
    told = [row for row in rows if row["content_sha256"] is not None]
    return pl.DataFrame(told, infer_schema_length=None).with_columns(
        pl.col("failure").cast(pl.String)
    )


def operator_findings(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    """What is wrong now: key (the same as long as it lasts), a few words, the whole."""
    night = newest_night(con)
    return run_sql(con, "outbox/operator_findings", night=night).fetchall() if night else []


def take_back_nights(con: duckdb.DuckDBPyConnection, today: date) -> list[date]:
    """Forget what nights after ``today`` told, run by a typing error or a wrong clock.

    What the nights before them told is told again; what mails went out is not forgotten.

    Returns:
        These nights.
    """
    asked = "select as_of_date from ops.night where as_of_date > $today order by as_of_date"
    nights = [night for (night,) in con.execute(asked, {"today": today}).fetchall()]
    with transaction(con):
        for (name,) in con.execute(
            "select table_name from duckdb_tables() where schema_name = 'mart'"
        ).fetchall():
            for statement in ("mart/delete_after", "mart/reopen"):
                run_sql(con, statement, {"mart_table": f"mart.{name}"}, night=today)
        con.execute("delete from ops.night where as_of_date > $today", {"today": today})
    return nights


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


def latest_alerts(
    con: duckdb.DuckDBPyConnection,
) -> tuple[date | None, pl.DataFrame, dict[str, date]]:
    """The newest night, its alerts with the gravest first, and regions muted then.

    Beside an alert stand the region's name and country and how violent it is (null: told by
    a Tocsin that did not say).
    """
    night = newest_night(con)
    if night is None:
        return None, pl.DataFrame(), {}
    rank = pl.col("alert_level").replace_strict({n: i for i, n in enumerate(LEVELS)})
    told = run_sql(con, "mart/as_of_night", {"mart_table": "mart.alert"}, night=night).pl()
    flags = run_sql(con, "mart/as_of_night", {"mart_table": "mart.flag"}, night=night).pl()
    if "intensity" not in flags.columns:
        flags = flags.with_columns(intensity=pl.lit(None, pl.String))
    named = told.join(
        flags.select("region_id", "region_name", "country_code", "intensity"),
        on="region_id", how="left",
    )  # fmt: skip
    return night, named.sort(rank, "region_id", descending=[True, False]), muted_regions(con, night)


def outlines(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """GeoJSON geometry of each region, simplified to what a small map can show."""
    return dict(run_sql(con, "mart/outline").fetchall())


def muted_regions(con: duckdb.DuckDBPyConnection, night: date) -> dict[str, date]:
    """Regions of which nobody is mailed on ``night``, and until when."""
    return dict(
        con.execute(
            "select region_id, until_night from ops.mute where until_night >= $night",
            {"night": night},
        ).fetchall()
    )


def write_attempt(con: duckdb.DuckDBPyConnection, source: str, failure: str | None) -> None:
    """How fetching a source ended tonight; ``failure`` None: as it should."""
    now = datetime.now(UTC).replace(tzinfo=None)
    run_sql(con, "history/attempt", source=source, tried_at=now, failure=failure)


def forget_attempt(con: duckdb.DuckDBPyConnection, source: str) -> None:
    """A source that is off no longer fails."""
    con.execute("delete from ops.fetch where source = $source", {"source": source})


def complete_until(con: duckdb.DuckDBPyConnection, source: Source, night: date) -> date:
    """Last day for which a source's figures were whole on ``night``.

    The declared lag says what could be known; a delivery ends on its declared day or
    with its newest row. After that day a series is missing, not zero.

    Raises:
        SourceError: The source has no rows at all.
    """
    in_force = _in_force(con, source)
    covers_until: date | None = in_force["covers_until"]
    if covers_until is None:
        raise SourceError(f"{source.name}: holds no rows; give it a file with events")
    return min(covers_until, source.lag.complete_until(night))


def _in_force(con: duckdb.DuckDBPyConnection, source: Source) -> dict[str, Any]:
    cursor = run_sql(con, "history/in_force", source=source.name)
    names = [name for name, *_ in cursor.description]
    return dict(zip(names, cursor.fetchone() or [None] * len(names), strict=True))


def _status(con: duckdb.DuckDBPyConnection, source: Source, night: date) -> dict[str, object]:
    words = {"source_table": f"history.{source.name}", "date_column": source.dated_by or "null"}
    found = run_sql(con, "mart/source_newest", words, as_of=night_end(night)).fetchone()
    rows, newest = found if found is not None else (0, None)
    in_force = _in_force(con, source)
    attempt = con.execute(
        "select failure from ops.fetch where source = $source", {"source": source.name}
    ).fetchone()
    covered = newest
    if newest and source.max_age_days is not None:
        covered = complete_until(con, source, night)
    age = (night - covered).days if covered is not None else None
    is_stale = source.max_age_days is not None and (age is None or age > source.max_age_days)
    return {
        "source": source.name,
        "title": source.title,
        "source_version": in_force["source_version"],
        "licence": source.licence,
        "attribution": source.attribution,
        "flaws": "; ".join(source.flaws),
        "is_republishable": source.is_republishable,
        "rows_count": rows,
        "newest_date": newest,
        "fetched_at": in_force["fetched_at"],
        "age_days": age,
        "max_age_days": source.max_age_days,
        "is_stale": is_stale,
        "quarantined_count": con.execute(
            "select count(*) from ops.quarantine where source = $source "
            "and (held_to is null or in_force(held_from, held_to, $as_of))",
            {"source": source.name, "as_of": night_end(night)},
        ).fetchall()[0][0],
        "failure": (attempt or (None,))[0],
        "url": in_force["url"],
        "content_sha256": in_force["content_sha256"],
    }
