"""A rehearsal says what a change would have done, as nights really run so would have said it."""

import json
import shutil
from collections import Counter
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from alerts.rehearsal import levels_for, mail_counts, readers_concerned
from config.overlay import VARIABLE, ConfigurationError
from config.recipients import Recipient
from config.settings import Settings
from flows import rehearse as rehearsals
from flows import signed
from flows.cli.rehearse import print_as_json, print_rehearsal
from flows.rehearse import Change, RehearsalError, rehearse
from flows.steps import assess_night, keep_night
from indicators.rehearsal import alarm_differences, alarm_scores, outcomes
from test_overlay import forget
from warehouse.connect import warehouse
from warehouse.marts import write_marts
from warehouse.outbox import operator_findings

NIGHTS = [date(1998, month, 25) for month in (11, 12)]
LOWER = "[levels]\nwatch = 0.112\nwarning = 0.192\nalarm = 0.264\n"  # 20% below ours
MONTHS = [date(2021, month, 25) for month in (1, 2, 3, 4)]
COLUMNS = ["region_id", "night", "alert_status", "alert_level", "opened_night", "changed_night"]


def levels_of(**levels: str) -> pl.DataFrame:
    """Levels of regions in the nights of MONTHS: a letter a night, n, w(atch), W(arning)."""
    words = {"n": "none", "w": "watch", "W": "warning"}
    rows = [
        (region, night, words[letter])
        for region, letters in levels.items()
        for night, letter in zip(MONTHS, letters, strict=True)
    ]
    return pl.DataFrame(rows, schema=["region_id", "night", "alert_level"], orient="row")


def flags_of(levels: pl.DataFrame) -> pl.DataFrame:
    return levels.select("region_id", "night", country_code=pl.lit("MLI"), is_stale=pl.lit(False))


def test_the_rehearsed_alerts_are_those_of_nights_run_so(
    keep, landing, tmp_path: Path, monkeypatch, capsys
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    file = tmp_path / "lower.toml"
    file.write_text(LOWER)
    settings = Settings(data_folder=tmp_path / "data")
    shutil.copytree(landing, settings.landing_folder)
    with keep(settings.warehouse_path) as con:
        con.execute("insert into ops.night values ($night)", {"night": NIGHTS[-1]})
    before = settings.warehouse_path.read_bytes()
    progress: list[tuple[str, int, int]] = []
    result = rehearse(settings, Change(file), NIGHTS, lambda *done: progress.append(done))
    assert progress == [(side, number, 2) for side in ("then", "now") for number in (1, 2)]
    assert settings.warehouse_path.read_bytes() == before
    files_left = {path.name for path in (settings.data_folder / rehearsals.FOLDER).iterdir()}
    assert files_left == {"area.json", "run.lock"}

    (own / "thresholds.toml").write_text(LOWER)
    monkeypatch.setenv(VARIABLE, str(own))
    forget()
    try:
        with keep(tmp_path / "by_hand.duckdb") as con:
            parts = []
            for night in NIGHTS:
                tables = assess_night(con, night)
                keep_night(con, night, tables, pl.DataFrame(schema=signed.RESULT_SCHEMA))
                parts.append(tables["mart.alert"].with_columns(night=pl.lit(night)))
    finally:
        monkeypatch.delenv(VARIABLE)
        forget()
    then = result.sides["then"]
    by_hand = pl.concat(parts).select(COLUMNS)
    assert by_hand.height == 8
    assert then.alerts.select(COLUMNS).equals(by_hand)
    assert result.sides["now"].configuration != then.configuration
    assert result.chances_differing == 0  # levels alone were changed
    console = Console(width=80, file=StringIO(), highlight=False)
    print_rehearsal(result, console)
    text = console.file.getvalue()
    assert (
        "2 nights, 1998-11-25 to 1998-12-25; of 4 alarms 1 new, 0 gone, 1 moved, 2 as"
        in " ".join(text.split())
    )
    assert max(len(line) for line in text.splitlines()) <= 80
    print_as_json(result)
    tables = json.loads(capsys.readouterr().out)
    assert [row["side"] for row in tables["scores"]] == ["now", "then"]
    assert sorted(row["kind"] for row in tables["differences"]) == [
        "appears",
        "moves",
        "same",
        "same",
    ]
    assert len(tables["mails"]) == 4 * len(result.mails)
    # What came by the end of 1998 is not known to the end of a window.
    assert result.scores["now"]["cells_count"] == result.scores["then"]["cells_count"] == 0


def test_an_alarm_appears_vanishes_moves_or_stays() -> None:
    now = levels_of(a="nwwn", b="wnnn", c="wnww", d="nnnn", e="nWWn")
    then = levels_of(a="nwwn", b="nnnn", c="nnWw", d="nnww", e="wwWn")
    differences = alarm_differences(now, then)
    assert differences.select("region_id", "kind", "differing_nights").rows() == [
        ("a", "same", 0), ("b", "vanishes", 1), ("c", "vanishes", 1), ("c", "moves", 1),
        ("d", "appears", 2), ("e", "moves", 2),
    ]  # fmt: skip
    assert differences.row(-1, named=True) == {
        "region_id": "e", "kind": "moves", "differing_nights": 2,
        "first_night_now": MONTHS[1], "last_night_now": MONTHS[2], "highest_now": "warning",
        "first_night_then": MONTHS[0], "last_night_then": MONTHS[2], "highest_then": "warning",
    }  # fmt: skip


def test_each_reader_is_counted_by_the_places_and_levels_asked_for() -> None:
    now, then = levels_of(a="nwwn", b="nnnn"), levels_of(a="nWwn", b="nnww")
    flags = flags_of(now)
    everything = Recipient("all@example.org", "en")
    grave = Recipient("grave@example.org", "fr", regions=("a",), lowest_level="warning")
    of_reader = {
        (reader.address, side): levels_for(levels, flags, reader)
        for reader in (everything, grave)
        for side, levels in (("now", now), ("then", then))
    }
    mails = {key: mail_counts(own, flags, None, everything) for key, own in of_reader.items()}
    # Nights are a month apart, so that each brings a mail: on a change, else the weekly one.
    assert mails[everything.address, "now"] == Counter(alert=2, summary=2)
    assert mails[everything.address, "then"] == Counter(alert=4 - 1, summary=1)
    assert mails[grave.address, "now"] == Counter(summary=4)
    assert mails[grave.address, "then"] == Counter(alert=2, summary=2)
    sides = [
        pl.concat(own.with_columns(address=pl.lit(address))
                  for (address, of_side), own in of_reader.items() if of_side == side)
        for side in ("now", "then")
    ]  # fmt: skip
    concerned = readers_concerned(alarm_differences(now, then), *sides, [everything, grave])
    assert concerned.select("region_id", "readers").rows() == [
        ("a", ["all@example.org", "grave@example.org"]),
        ("b", ["all@example.org"]),
    ]


def test_what_came_is_counted_in_the_window_alone() -> None:
    levels = levels_of(a="nwwW", b="nnnn")
    flags = levels.select(
        "region_id", "night", p_escalation=pl.lit(0.5), escalation_threshold_count=pl.lit(2),
        window_start_date=pl.col("night") + timedelta(days=1),
        window_end_date=pl.col("night") + timedelta(days=30),
    )  # fmt: skip
    days = [MONTHS[1], date(2021, 2, 26), date(2021, 3, 27), date(2021, 3, 28)]
    events = pl.DataFrame({"region_id": ["a", "a", "a", None], "event_date": days})
    cells = outcomes(flags, levels, events)
    # After 25 February: 26 February and 27 March, the last day of thirty; not the night itself.
    assert cells.filter("is_escalation").select("region_id", "night").rows() == [("a", MONTHS[1])]
    assert cells.filter("is_given")["night"].to_list() == [MONTHS[1], MONTHS[3]]
    assert alarm_scores(cells) == {
        "cells_count": 8, "escalations_count": 1, "flagged_share": 0.375, "came_count": 1,
        "did_not_come_count": 1, "warned_count": 1, "brier": 0.25,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Change(), "nothing is changed: give --with, --source, --area or --model"),
        (Change(Path("none.toml")), "--with none.toml: there is no such file"),
        (Change(sources={"ged": Path()}), "--source ged: no such source; known are ucdp_ged"),
        (Change(sources={"ucdp_ged": Path("none")}), "--source ucdp_ged=none: there is no such"),
        (Change(area="mars"), "--area mars: no such area; known are waemu"),
        (Change(revision="--help"), "--model --help: no such revision of"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused(change: Change, said: str) -> None:
    with pytest.raises(RehearsalError) as refusal:
        change.in_words()
    assert str(refusal.value).startswith(said)


def test_a_file_of_thresholds_is_looked_at_before_the_work(tmp_path: Path) -> None:
    file = tmp_path / "new.toml"
    file.write_text("[levels]\nwatch = 1.4\n")
    with pytest.raises(ConfigurationError, match=r"line 2, levels\.watch: 1\.4 must be a share"):
        Change(file).in_words()
    file.write_text(LOWER)
    assert Change(file).in_words()[0].startswith(f"{file}: levels.watch 0.112 (now 0.14), levels.w")


def test_without_git_or_with_other_code_a_sentence_says_so(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(rehearsals, "ROOT", tmp_path)
    with pytest.raises(RehearsalError, match="is no git repository; run from a clone of Tocsin"):
        rehearsals.commit_of("HEAD")
    text = rehearsals._failure("ImportError: no assess_night", Change(revision="v1"))
    assert text.startswith("--model v1: its nights cannot be replayed from what landed here")
    assert "(ImportError: no assess_night); give a revision nearer" in text


def test_a_change_that_nobody_signed_is_said_until_somebody_does(
    two_nights: Path, tmp_path: Path
) -> None:
    shutil.copyfile(two_nights / "warehouse.duckdb", tmp_path / "warehouse.duckdb")
    day = date(2021, 6, 25)
    ours = {"thresholds": "t", "area": "waemu"}
    with warehouse(tmp_path / "warehouse.duckdb") as con:
        (version,) = con.execute("select any_value(model_version) from mart.flag").fetchone() or ""
        before = ours | {"model_version": version}
        after = ours | {"model_version": "2099.1-0"}

        def warnings(now: dict[str, str]) -> pl.DataFrame:
            return signed.unrehearsed(con, day, tmp_path, now)

        assert warnings(before).is_empty()  # as on the nights before: nothing to say
        checks = warnings(after)
        assert checks["observed"].to_list() == ["2099.1-0, thresholds t"]
        assert warnings(before | {"thresholds": "u"}).height == 1
        write_marts(con, day, {"check": checks})
        (finding,) = [row for row in operator_findings(con) if "rehearsed" in row[0]]
        assert finding[1] == "a change that nobody rehearsed"
        assert finding[2].startswith("Tonight's levels rest on 2099.1-0, thresholds t: models or")
        rehearsal = sides_of(before, after)
        signed.sign(tmp_path, "A. Traoré", rehearsal, rehearsed_at := signed.datetime(2026, 11, 28))
        assert warnings(after).is_empty() and warnings(before).is_empty()
        assert warnings(after | {"thresholds": "u"}).height == 1
        assert str(rehearsed_at.date()) in (tmp_path / signed.NAME).read_text()
        (tmp_path / signed.NAME).unlink()  # of a Tocsin that noted nothing the nights tell
        assert warnings(after).height == 1
        assert warnings(after).height == 1
    with pytest.raises(signed.SignatureError, match="write a name of 1 to 100 characters"):
        signed.check_name(" ")


def sides_of(now: dict[str, str], then: dict[str, str]) -> rehearsals.Rehearsal:
    none = pl.DataFrame()
    sides = {
        name: rehearsals.Side(none, none, None, none, MONTHS[-1], configuration)
        for name, configuration in (("now", now), ("then", then))
    }
    levels = levels_of(a="nwwn")
    differences = alarm_differences(levels, levels)
    return rehearsals.Rehearsal(MONTHS, ["models"], sides, differences, {}, {}, 0)
