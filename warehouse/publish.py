"""The file analysts open: written aside, verified, put in place in one step."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from config.code import code_sha256
from config.files import (
    draft_for,
    link_or_copy,
    read_or_set_aside,
    remove,
    set_aside,
    sync,
    write_atomically,
)
from config.registry import Column, columns
from config.vocabulary import LEVELS
from warehouse.connect import WarehouseError, log_beside, take_log_away
from warehouse.history import transaction
from warehouse.marts import MARTS
from warehouse.query import statement
from warehouse.verify import ROWS_AND_DIGEST

# published name -> (select on the working file at $night, what one row is)
PUBLISHED = {
    "events": ("from core.event", "one event of organised violence, placed in a region"),
    "past_events": (
        "from core.event_version where known_to is not null",
        "one version of an event that is no longer believed: changed or withdrawn at known_to",
    ),
    "regions": ("from core.region", "one admin-1 region with polygon and residents"),
    "population_units": (
        "from core.population_unit",
        "one unit of COD-PS with its residents: the region they are of, or why of none",
    ),
    "actors": (
        "from core.actor",
        "one side's name in UCDP with its group and why, or that nothing groups it",
    ),
    "unknown_region_names": (
        "from core.unknown_region_name",
        "one spelling of a region that config/regions.csv does not know, with candidates",
    ),
    "left_out": (
        "from core.left_out",
        "one reason why rows of a source stand in no series, and how many",
    ),
    "administrator_presence": ("from core.presence", "one figure and region it covers"),
    "suspensions": ("from core.suspension", "one spell of a suspended cooperation or sanction"),
    "coups": ("from core.coup", "one coup or attempt"),
    "register_entries": (
        "from core.register_entry",
        "one milestone, agreement, state of emergency or mandate of a force",
    ),
    "register_coverage": (
        "from core.register_coverage",
        "one spell in which a register is kept for a series and country; outside, missing",
    ),
    "external_forecasts": (
        "from core.external_forecast",
        "one forecast of others, by country and month",
    ),
    "reports": (
        "from core.report",
        "one report that may hold figures on administrators; a person reads it",
    ),
    "scorecard": (
        "from ops.scorecard",
        "one measure of the models' last back-test (tocsin backtest); empty before the first",
    ),
    "news": (
        statement("mart/news"),
        "one thing that is new since the last night run before; empty on the first",
    ),
    "ledger": (
        statement("mart/ledger"),
        "one level given or raised, or escalation without one (under a level held, or unwarned)",
    ),
    "batches": (
        "from ops.batch order by source, known_at",
        "one accepted delivery of a source",
    ),
    "nights": ("from ops.night where as_of_date <= $night", "one night that was run"),
    "runs": (
        "select * exclude (run_failure) from ops.run order by began_at",
        "one run up to the one that wrote this file, which was still running then",
    ),
    "run_steps": (
        "from ops.run_step order by run_id, step_number",
        "one step of a run, up to the writing of this file",
    ),
}
RUN_TABLES = ("runs", "run_steps")  # a file is not another one because a run took its time
# mart -> (published name, what one row is); what past nights told stands in past_<name>
PUBLISHED_MARTS = {
    "indicator": ("indicators", "one indicator, place and month; value null: not known"),
    "forecast": ("forecasts", "one region, model and window of thirty days"),
    "country_forecast": ("country_forecasts", "one country and window of thirty days"),
    "nowcast": (
        "nowcast",
        "one place and one of the newest months: on file, and expected in a later release",
    ),
    "revision": (
        "revisions",
        "what became of events from one release of UCDP to a later one: a period, country, status",
    ),
    "flag": ("flags", "one region: level, figures, forecast, reason"),
    "flag_driver": ("flag_drivers", "one driver of a region's forecast or its context"),
    "alert": ("alerts", "one region above the threshold, or fallen below it: since when and why"),
    "signal": ("signals", "one signal of a region, country or the area: figure, own normal, state"),
    "signal_spell": (
        "signal_spells",
        "one run of months of the last two years in which a place's signal was in one state",
    ),
    "signal_count": ("signal_counts", "one place: how many of its signals are in which state"),
    "line": (
        "lines",
        "one reader's line: the chance that places together reach a number, and its price",
    ),
    "line_night": (
        "line_nights",
        "one line and past night, a month apart: what it would have said then, and what came",
    ),
    "check": ("checks", "one check of the night and its result"),
    "event_source": (
        "event_sources",
        "one event source beside UCDP: up to when known, and whether forecasts rest on it",
    ),
    "source_status": ("sources", "one source: freshness, licence, attribution, flaws"),
}
IN_FORCE = "whether a row was believed (known_from, known_to) or told (night_from, night_to) then"
LEVEL_RANK = "level_rank"  # worked out for readers, kept nowhere
# mart -> its column with a level, beside which the rank is published
LEVEL_COLUMNS = {"flag": "level", "alert": "alert_level"}
VERIFY = [sys.executable, "-m", "warehouse.verify"]


def publish(con: duckdb.DuckDBPyConnection, path: Path, night: date, copies: int) -> int:
    """Write the published file and replace the last one atomically; keep ``copies`` by night.

    The file is written in the storage format of DuckDB 1.0, so older clients open it. A
    fresh process opens it and counts its rows before it is put in place. A file that
    would hold the same rows is left alone. ``manifest.json`` beside it lists the files
    kept, their digests and tables. Changes of others that lie beside a published file,
    which readers would see in the new one, are set aside.

    Returns:
        Rows of the file.

    Raises:
        WarehouseError: The folder cannot be written or the new file does not hold what
            was written; the last file is untouched.
    """
    part = path.with_name(f".{path.name}.part")
    manifest = path.with_name("manifest.json")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for leftover in path.parent.glob(f".{path.stem}*.part*"):  # of runs that were killed
            remove(leftover)
        for published_file in path.parent.glob(f"{path.stem}*.duckdb"):
            take_log_away(published_file)
        listed = read_or_set_aside(manifest, _entries, "it is written anew") or {}
        last = listed.get(path.name, {})
        if _is_published(con, path, night, last):
            return sum(rows for rows, _ in last["content"]["tables"].values())
        written_rows = _write(con, part, night)
        content = _verify(part)
        counts = {name: rows for name, (rows, _) in content["tables"].items()}
        if log_beside(part).exists():
            raise WarehouseError(
                f"not all of the new file {part} was written; look at the disk and run again; the "
                "last published file is untouched"
            )
        if counts != written_rows:
            raise WarehouseError(
                f"the new file {part} holds {counts}, written were {written_rows}; look at the "
                "disk and run again; the last published file is untouched"
            )
        is_same = _without_runs(last.get("content")) == _without_runs(content)
        if is_same and _is_as_listed(path, last):
            part.unlink()
            listed[path.name] = {**last, "code_sha256": _code()}
            write_atomically(manifest, json.dumps(listed, indent=1, sort_keys=True), durable=True)
            return sum(written_rows.values())
        entry = {
            "as_of_date": str(night),
            "content": content,
            "code_sha256": _code(),
            **fingerprint(part),
        }
        nightly_copy = path.with_name(f"{path.stem}-{night}.duckdb")
        for name in (nightly_copy, path):
            take_log_away(name)
            if name.is_dir():
                set_aside(name, "is no file")
        with draft_for(nightly_copy) as copy:
            link_or_copy(part, copy)
        os.replace(part, path)
        take_log_away(path)
        sync(path.parent)
        for old in _oldest(path, copies):
            old.unlink()
        listed |= {path.name: entry, nightly_copy.name: entry}
        listed = {name: entry for name, entry in listed.items() if path.with_name(name).exists()}
        write_atomically(manifest, json.dumps(listed, indent=1, sort_keys=True), durable=True)
    except (OSError, duckdb.IOException) as error:
        for draft in (part, log_beside(part)):  # it may be what fills the disk
            remove(draft)
        cause = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        raise WarehouseError(
            f"cannot publish to {path.parent} ({cause}); make room or make it writable and run "
            "again; the last published file is untouched"
        ) from None
    return sum(written_rows.values())


def publish_page(path: Path, page: str) -> None:
    """Put a page beside the published file, whole or not at all.

    Raises:
        WarehouseError: The folder cannot be written.
    """
    if path.is_dir():
        set_aside(path, "is no page")
    try:
        write_atomically(path, page)
    except OSError as error:
        raise WarehouseError(
            f"cannot publish to {path.parent} ({error.strerror}); make it writable and run again"
        ) from None


def fingerprint(path: Path) -> dict[str, object]:
    """Bytes and sha256 of a file, of which all has reached the disk."""
    sync(path)
    return {"bytes": path.stat().st_size, "sha256": file_sha256(path)}


def file_sha256(path: Path) -> str:
    """Digest of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest_entries(manifest: Path) -> dict[str, dict[str, Any]]:
    """Entries of the manifest by the name of their file; empty: there are none to be read."""
    try:
        return _entries(manifest.read_bytes())
    except (OSError, ValueError, AttributeError):
        return {}


def _entries(content: bytes) -> dict[str, dict[str, Any]]:
    listed: dict[str, dict[str, Any]] = json.loads(content)
    if not all(isinstance(entry, dict) for entry in listed.values()):
        raise ValueError("an entry is no object")
    return listed


def _is_as_listed(path: Path, entry: Mapping[str, Any]) -> bool:
    """Whether a file is byte for byte what the manifest says of it."""
    return path.is_file() and file_sha256(path) == entry.get("sha256")


def _without_runs(content: Any) -> Any:
    """The content of a file without its tables of runs."""
    if not isinstance(content, dict) or not isinstance(content.get("tables"), dict):
        return None
    tables = {name: entry for name, entry in content["tables"].items() if name not in RUN_TABLES}
    return {**content, "tables": tables}


def _verify(part: Path) -> Any:
    """Rows and digest of every table, as a fresh process that opens the file finds them.

    Raises:
        WarehouseError: It cannot open the file or ask it its questions.
    """
    run = subprocess.run([*VERIFY, str(part)], capture_output=True, text=True, check=False)  # noqa: S603 (our own module)
    if run.returncode:
        last = (run.stderr.strip().splitlines() or ["no message"])[-1]
        raise WarehouseError(
            f"the new file {part} cannot be used ({last}); look at the disk and run again; "
            "the last published file is untouched"
        )
    return json.loads(run.stdout)


def _oldest(path: Path, copies: int) -> list[Path]:
    nights = sorted(path.parent.glob(f"{path.stem}-*.duckdb"), key=lambda p: p.stat().st_mtime_ns)
    return nights[: max(0, len(nights) - copies)]


def _tables() -> dict[str, tuple[str, str]]:
    """Every published table: its select on the working file at $night, what one row is."""
    tables = dict(PUBLISHED)
    for mart, (name, meaning) in PUBLISHED_MARTS.items():
        order = ", ".join(MARTS[mart])
        rank = _rank(LEVEL_COLUMNS[mart]) if mart in LEVEL_COLUMNS else ""
        tables[name] = (
            f"select * exclude (night_to){rank} from mart.{mart} "
            f"where in_force(night_from, night_to, $night) order by {order}",
            meaning,
        )
        tables[f"past_{name}"] = (
            f"select *{rank} from mart.{mart} where night_to <= $night "
            f"order by {order}, night_from",
            f"{meaning}; as told on nights from night_from to before night_to",
        )
    return tables


def _rank(column: str) -> str:
    return f", list_position({list(LEVELS)}, {column})::tinyint - 1 as {LEVEL_RANK}"


def _is_published(
    con: duckdb.DuckDBPyConnection, path: Path, night: date, entry: Mapping[str, Any]
) -> bool:
    """Whether a file written now would say what the published one says: the same code and rows."""
    content = _without_runs(entry.get("content"))
    if content is None or entry.get("code_sha256") != _code() or not _is_as_listed(path, entry):
        return False
    selects = {name: select for name, (select, _) in _tables().items() if name not in RUN_TABLES}
    largest_last = sorted(selects, key=lambda name: name.endswith("indicators"))
    return selects.keys() == content["tables"].keys() and all(
        list(_digest(con, f"({selects[name]})", night)) == content["tables"][name]
        for name in largest_last
    )


def _digest(con: duckdb.DuckDBPyConnection, rows: str, night: date) -> tuple[Any, ...]:
    params = {"night": night} if "$night" in rows else None
    return con.execute(ROWS_AND_DIGEST.format(rows), params).fetchone() or ()


def _code() -> str:
    return code_sha256(("config", "warehouse"), ("duckdb",)).hex()


def _write(con: duckdb.DuckDBPyConnection, part: Path, night: date) -> Mapping[str, int]:
    """Write every table; returns the rows each should hold."""
    escaped = str(part).replace("'", "''")
    con.execute(f"attach '{escaped}' as published (storage_version 'v1.0.0', block_size 262144)")
    try:
        with transaction(con):  # one commit, not one a table and comment
            rows_by_table = {
                name: _table(con, name, select, meaning, night)
                for name, (select, meaning) in _tables().items()
            }
    finally:
        con.execute("detach published")
    parameters, in_force = con.execute(
        "select array_to_string(parameters, ', '), macro_definition from duckdb_functions() "
        "where function_name = 'in_force' and not internal"
    ).fetchall()[0]
    # Opened alone, so that macros and views name tables as a reader does.
    with duckdb.connect(part) as alone, transaction(alone):
        alone.execute(f"create macro in_force({parameters}) as {in_force}")
        alone.execute(f"comment on macro in_force is {_quoted(IN_FORCE)}")
        _panel(alone)
        for name, (query, meaning) in _event_views().items():
            alone.execute(f"create view {name} as {query}")
            alone.execute(f"comment on view {name} is {_quoted(meaning)}")
            for column, *_ in alone.execute(f"describe {name}").fetchall():
                _describe(alone, f'{name}."{column}"', columns()[column])
        for name, (text, meaning) in macros(alone).items():
            alone.execute(f"create macro {name} as table {text}")
            alone.execute(f"comment on macro table {name.partition('(')[0]} is {_quoted(meaning)}")
    return rows_by_table


def _panel(con: duckdb.DuckDBPyConnection) -> None:
    """The view ``region_months``: a column an indicator, those of the country repeated."""
    indicators = con.execute(
        "select indicator, max(place_level), max(unit) from indicators group by indicator "
        "order by max(place_level) desc, indicator"  # a region's own figure comes first
    ).fetchall()

    def wide(level: str) -> str:
        columns = [
            f'any_value(value) filter (indicator = {_quoted(name)}) as "{name}"'
            for name, of_level, _ in indicators
            if of_level == level
        ]
        select = ", ".join(["place_id", "month_start", *columns])
        return f"select {select} from indicators where place_level = '{level}' group by all"

    con.execute(
        "create view region_months as "
        "select r.region_id, r.region_name, r.country_code, r.country_name, r.population_count, "
        "p.* exclude (place_id), c.* exclude (place_id, month_start) "
        f"from ({wide('region')}) as p inner join regions as r on r.region_id = p.place_id "
        f"left join ({wide('country')}) as c "
        "on c.place_id = r.country_code and c.month_start = p.month_start"
    )
    meaning = "one region and month, a column an indicator (see indicators); null: not known"
    con.execute(f"comment on view region_months is {_quoted(meaning)}")
    units = {
        name: Column(name, "number", f"indicator of the {level}", unit)
        for name, level, unit in indicators
    }
    for column, *_ in con.execute("describe region_months").fetchall():
        _describe(con, f'region_months."{column}"', units.get(column) or columns()[column])


def _event_views() -> dict[str, tuple[str, str]]:
    """Views of events by name: query, and what one row is."""
    side = (
        "select event_id, event_date, country_code, region_id, violence_type, '{side}' as side, "
        "actor_{side} as actor_name, actor_group_{side} as actor_group, "
        "deaths_{side}_count as deaths_side_count, "
        "{attacked} as deaths_civilians_attacked_count from events"
    )
    attacked = "case when violence_type = 'one_sided' then deaths_civilians_count end"
    first = (
        "count(*)::integer as region_events_count, min(event_date) as first_date, "
        "max(event_date) as last_date from {rows} where region_id is not null group by all"
    )
    return {
        "events_with_licence": (
            "select e.*, s.licence, s.is_republishable, s.attribution "
            "from events as e left join sources as s using (source)",
            "one event, with the licence of its source and whether its row may be passed on",
        ),
        "event_sides": (
            f"{side.format(side='a', attacked=attacked)} union all "
            f"{side.format(side='b', attacked='null')} where violence_type <> 'one_sided'",
            "one side of an event; civilians who are attacked are no side",
        ),
        "first_events": (
            f"select region_id, actor_name, actor_group, {first.format(rows='event_sides')} "
            f"union all select region_id, null, null, {first.format(rows='events')}",
            "one region and side: since when it is in events on file there; side null: anybody",
        ),
    }


def macros(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, str]]:
    """Table macros of the published file: signature to query and what it answers."""
    definitions = {
        "events_as_of(ts)": (
            "from (from events union all by name from past_events) "
            "where in_force(known_from, known_to, ts::timestamp)",
            "events as they were known at ts (UTC), whatever became known later",
        ),
        "events_near(latitude, longitude, km)": (
            "select round(away, 1) as away_km, * exclude (away) from ("
            "select 2 * 6371 * asin(sqrt("
            "pow(sin(radians(e.latitude - latitude) / 2), 2) + cos(radians(latitude)) "
            "* cos(radians(e.latitude)) * pow(sin(radians(e.longitude - longitude) / 2), 2)"
            ")) as away, e.* from events as e) where away <= km order by away, event_date desc",
            "events within so many kilometres of a place (degrees), the nearest first; where_prec "
            "says how exact their place is",
        ),
    }
    latest = "(select max(as_of_date) from nights where as_of_date <= ts::date)"
    for name, _ in PUBLISHED_MARTS.values():
        query = (
            f"from (from {name} union all by name from past_{name}) "
            f"where in_force(night_from, night_to, {latest})"
        )
        definitions[f"{name}_as_of(ts)"] = (
            query,
            f"{name} as told on the last night run not after ts",
        )
    text, meaning = definitions.pop("indicators_as_of(ts)")
    definitions["indicator_as_of(name, ts)"] = (f"{text} and indicator = name", meaning)
    return definitions


def _table(
    con: duckdb.DuckDBPyConnection, name: str, select: str, meaning: str, night: date
) -> int:
    params = {"night": night} if "$night" in select else None
    con.execute(f"create table published.{name} as {select}", params)
    con.execute(f"comment on table published.{name} is {_quoted(meaning)}")
    for column, *_ in con.execute(f"describe published.{name}").fetchall():
        _describe(con, f'published.{name}."{column}"', columns()[column])
    (rows,) = con.execute(f"select count(*) from published.{name}").fetchone() or (0,)
    return int(rows)


def _describe(con: duckdb.DuckDBPyConnection, column: str, entry: Column) -> None:
    text = f"{entry.meaning} [{entry.unit}]" if entry.unit else entry.meaning
    con.execute(f"comment on column {column} is {_quoted(text)}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
