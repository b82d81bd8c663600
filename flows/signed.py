"""Rehearsals that somebody signed, and whether what is in force tonight was rehearsed."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from config.errors import TocsinError
from config.files import read_or_set_aside, write_atomically
from config.settings import Settings
from expectations.checks import RESULT_SCHEMA
from flows.replay import configuration
from flows.step_cache import NO_CACHE, StepCache
from flows.steps import judge_night
from warehouse.marts import read_mart

if TYPE_CHECKING:
    from flows.rehearse import Rehearsal

NAME = "rehearsals.json"  # in the data folder
CHECK = "is_rehearsed"
MOST_SIGNS = 100  # of a name


class SignatureError(TocsinError):
    """A rehearsal cannot be signed so; the message says why."""


def check_name(name: str) -> None:
    """See that a name can be signed with.

    Raises:
        SignatureError: It is empty, too long or holds control characters.
    """
    if not name.strip() or len(name) > MOST_SIGNS or not name.isprintable():
        raise SignatureError(f"--sign {name!r}: write a name of 1 to {MOST_SIGNS} characters")


def sign(folder: Path, name: str, rehearsal: "Rehearsal", at: datetime) -> Path:
    """Keep who looked at a rehearsal, when, and of which two configurations it was.

    Args:
        folder: Data folder.
        name: Who signs.
        rehearsal: What was looked at.
        at: UTC.

    Returns:
        The file it stands in.
    """
    notes = _notes(folder)
    entry = {
        "signed_by": name,
        "signed_at": at.isoformat(timespec="seconds"),
        "first_night": str(rehearsal.nights[0]),
        "last_night": str(rehearsal.nights[-1]),
        "nights_count": len(rehearsal.nights),
        "changed": rehearsal.changes,
        "alarms": rehearsal.counts(),
        **{side: dict(of_side.configuration) for side, of_side in rehearsal.sides.items()},
    }
    notes["signed"].append(entry)
    _write(folder, notes)
    return folder / NAME


def judge_tonight(
    con: duckdb.DuckDBPyConnection,
    night: date,
    tables: dict[str, pl.DataFrame],
    landed_checks: pl.DataFrame,
    settings: Settings,
    cache: StepCache = NO_CACHE,
) -> pl.DataFrame:
    """As ``judge_night``; and a warning where what is in force was not rehearsed and signed."""
    results = judge_night(tables, landed_checks, cache)
    now = configuration(tables["mart.flag"]["model_version"][0])
    return pl.concat([results, unrehearsed(con, night, settings.data_folder, now)])


def unrehearsed(
    con: duckdb.DuckDBPyConnection, night: date, folder: Path, now: Mapping[str, str]
) -> pl.DataFrame:
    """A failed check where models or thresholds changed and nobody signed a rehearsal; else none.

    What the first night ran on needs none. Of nights before this was noted the version of their
    models tells.

    Args:
        con: The working file.
        night: Tonight.
        folder: Data folder, in which the first configuration is noted.
        now: ``replay.configuration`` of tonight.
    """
    notes = _notes(folder)
    if not notes["first"]:
        before = read_mart(con, "flag", night)  # of tonight, too, where it is run again
        models = [] if before is None else before["model_version"].head(1).to_list()
        model = models[0] if models else now["model_version"]
        notes["first"] = now if model == now["model_version"] else {"model_version": model}
        _write(folder, notes)
    rehearsed = [notes["first"], *(entry[s] for entry in notes["signed"] for s in ("now", "then"))]
    rows = []
    if now not in rehearsed:
        rows = [(
            "mart.flag",
            "Rehearsed: models and thresholds are as on the first night, or rehearsed and signed",
            CHECK, "warning", False, None,
            f"{now['model_version']}, thresholds {now['thresholds']}",
            "2026-11: models or thresholds changed and nobody signed a rehearsal, so what that "
            "does to alarms was not looked at: tocsin rehearse --sign NAME",
        )]  # fmt: skip
    return pl.DataFrame(rows, schema=RESULT_SCHEMA, orient="row")


def _notes(folder: Path) -> dict[str, Any]:
    why = "what is in force tonight counts as the first, and signatures are lost"
    return read_or_set_aside(folder / NAME, _parsed, why) or {"first": None, "signed": []}


def _parsed(content: bytes) -> dict[str, Any]:
    notes: dict[str, Any] = json.loads(content)
    entries = [*notes["signed"], {"now": notes["first"] or {}, "then": {}}]
    configurations = [entry[side] for entry in entries for side in ("now", "then")]
    if not isinstance(notes["signed"], list) or not all(
        isinstance(one, Mapping) for one in configurations
    ):
        raise ValueError("a configuration is no object")
    return notes


def _write(folder: Path, notes: dict[str, Any]) -> None:
    write_atomically(folder / NAME, json.dumps(notes, indent=1) + "\n", durable=True)
