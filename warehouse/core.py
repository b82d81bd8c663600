"""Core tables as they were known on a night, built in memory from the history."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from config.registry import (
    Source,
    actor_rules,
    actors,
    all_regions,
    countries,
    coverage,
    drawn_boundaries,
    neighbour_regions,
    partners,
    pcodes,
    population_units,
    regions,
    reports_read,
    scopes,
    thresholds,
)
from warehouse.connect import attach_core, load_spatial, migrate, warehouse
from warehouse.history import catch_up
from warehouse.landing import accept, receive
from warehouse.query import run_sql, statement, table_frame
from warehouse.sources.hapi_conflict import SOURCE as HAPI
from warehouse.vintages import known_on, night_end

BUILD_ORDER = (
    "region_name", "population_unit", "region", "country_name", "acled_place", "hapi_place",
    "actor", "event_version", "event", "neighbour_event", "neighbour_region", "presence",
    "suspension", "coup", "register_entry", "register_coverage", "external_series",
    "auxiliary_count", "unknown_region_name", "left_out", "external_forecast", "report",
)  # fmt: skip
STEPS = ("country_name", "acled_place", "hapi_place")  # of which others are built, and no more
CORE_TABLES = tuple(table for table in BUILD_ORDER if table not in STEPS)
REGISTER_TABLES = {
    "admin_presence": "presence",
    "aid_suspensions": "suspension",
    "governance_register": "register_entry",
}
LEAST_SIMILARITY = (
    0.92  # of a misspelt name: Sikaso 0.97, Mopty 0.92; Niono (a town) is Nioro by 0.91
)


def build_core(con: duckdb.DuckDBPyConnection, night: date) -> None:
    """Every core table as it was known on ``night``."""
    load_spatial(con)
    _register_config(con)
    _build(con, night, BUILD_ORDER)


def register_table(content: bytes, source: Source, folder: Path, night: date) -> pl.DataFrame:
    """What of a register is believed on ``night``, were this the file and nothing else known.

    Args:
        content: The register, without a wrong row.
        source: A register kept by hand.
        folder: An empty one, for what is made on the way.
        night: The night.

    Returns:
        The core table made of it (``REGISTER_TABLES``).
    """
    path = folder / f"{source.name}.csv"
    path.write_bytes(content)
    table = REGISTER_TABLES[source.name]
    with warehouse(folder / "warehouse.duckdb") as con:
        for batch in receive(source, str(path), folder):
            accept(batch, folder)
            catch_up(con, source, folder, [batch])
        _register_config(con)
        _build(con, night, ("region_name", table))
        return table_frame(con, f"core.{table}")


def report_table(con: duckdb.DuckDBPyConnection, night: date) -> pl.DataFrame:
    """``core.report``, as known on ``night``."""
    _register_config(con)
    _build(con, night, ("report",))
    return table_frame(con, "core.report")


def _build(con: duckdb.DuckDBPyConnection, night: date, tables: Sequence[str]) -> None:
    words = {"hapi_known_on": known_on(HAPI.lag, "h.reference_period_end")}
    for table in tables:
        text = statement(f"core/{table}", words)
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
    frames = {
        "config_regions": all_regions(),
        "config_series": regions(),
        "config_boundaries": drawn_boundaries(),
        "config_neighbours": neighbour_regions(),
        "config_pcodes": pcodes(),
        "config_countries": countries(),
        "config_scopes": scopes(),
        "config_partners": partners(),
        "config_coverage": coverage(),
        "config_reports_read": reports_read(),
        "config_actors": actors(),
        "config_actor_rules": actor_rules(),
        "config_population_units": population_units(),
    }
    for name, frame in frames.items():
        con.register(name, frame)


def regions_near(
    con: duckdb.DuckDBPyConnection, latitude: float, longitude: float, outline: str
) -> pl.DataFrame:
    """Regions, those within an outline (WKT) first (``is_within``), then by distance of a point."""
    load_spatial(con)
    return run_sql(
        con, "core/region_near", latitude=latitude, longitude=longitude, outline=outline
    ).pl()


def outlines(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """GeoJSON geometry of each region, simplified to what a small map can show."""
    load_spatial(con)
    return dict(run_sql(con, "mart/outline").fetchall())
