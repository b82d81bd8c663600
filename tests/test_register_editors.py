"""For editors of registers: a file checked, a row entered, reports read."""

import io
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from config.overlay import HERE
from config.registry import SourceError, countries, reports_read
from config.settings import load
from config.tables import config_table
from flows.registers import REGISTERS, register_of, try_content, try_file, wrong_by_themselves
from stand_in import serving
from stand_in.open_data import APPNAME, ReliefWeb, report
from warehouse.connect import warehouse
from warehouse.core import report_table
from warehouse.history import catch_up
from warehouse.landing import accept, receive
from warehouse.sources import (
    admin_presence,
    aid_suspensions,
    governance_register,
    reliefweb_reports,
)
from warehouse.sources.registers import with_row

FOLDER = HERE / "registers"
NIGHT = date(2026, 11, 28)
LIFT = {
    "country": "Mali", "date": "2023-03-01", "date_precision": "day", "actor": "France",
    "measure_type": "development_aid", "action": "lift", "what": "aid again",
    "end_date_if_seen": "", "url": "https://example.org/a", "published_on": "2023-03-02",
}  # fmt: skip


@pytest.fixture
def own(tmp_path: Path, monkeypatch):
    """A configuration folder of one's own; what was read of another is forgotten."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("TOCSIN_CONFIG_FOLDER", str(folder))
    yield folder
    config_table.cache_clear()
    reports_read.cache_clear()


def saved_by_french_excel(content: bytes) -> bytes:
    """A register as Excel saves it in French: semicolons, 16,8 and 03/06/2021, Windows-1252."""
    import csv

    header, *rows = csv.reader(io.StringIO(content.decode()))
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        fields = dict(zip(header, row, strict=True))
        for name, value in fields.items():
            if name.endswith(("date", "_on", "_seen")) and len(value) in (7, 10):
                fields[name] = "/".join(reversed(value.split("-")))
            if name in ("value_pct", "numerator", "denominator"):
                fields[name] = value.replace(".", ",")
        writer.writerow(fields.values())
    return out.getvalue().encode("cp1252")


@pytest.mark.parametrize("source", REGISTERS, ids=lambda source: source.name)
def test_a_whole_register_saved_by_french_excel_says_the_same(source) -> None:
    content = (FOLDER / f"{source.name}.csv").read_bytes()
    assert source.parse(saved_by_french_excel(content), "excel.csv").equals(
        source.parse(content, "ours.csv")
    )


def test_a_register_is_known_by_its_first_line() -> None:
    for source in REGISTERS:
        assert register_of((FOLDER / f"{source.name}.csv").read_bytes(), "x.csv") is source
    assert register_of((FOLDER / "coverage.csv").read_bytes(), "x.csv") is None
    with pytest.raises(SourceError, match=r"x.csv: line 1 is of no register; their columns are"):
        register_of(b"partner,reason\n", "x.csv")


def test_every_wrong_value_is_said_by_line_with_its_cure(tmp_path: Path) -> None:
    content = (FOLDER / "aid_suspensions.csv").read_bytes()
    path, first = tmp_path / "mine.csv", content.count(b"\n") + 1
    wrong = [
        {**LIFT, "date": "2023-02-30", "actor": "Frence", "url": "see the press"},
        {**LIFT, "country": "", "measure_type": "aid", "date": "2023-02-01"},
        {**LIFT, "date": "2023-03", "date_precision": "day"},
        {**LIFT, "date": "2023-05-05", "end_date_if_seen": "2023-05-04", "published_on": ""},
        {**LIFT, "date": "2023-06-06", "published_on": "2023-06-05"},
    ]
    for row in wrong:
        content = with_row(content, "mine.csv", row)
    path.write_bytes(content)
    trial = try_file(path, load()[0], NIGHT)
    assert [line.partition(";")[0] for line in trial.wrong] == [
        f"line {first}, field actor: Frence",
        f"line {first}, field date: '2023-02-30' is no day",
        f"line {first}, field url: see the press",
        f"line {first + 1}, field country is empty",
        f"line {first + 1}, field measure_type: aid",
        f"line {first + 2}, field date_precision: day",
        f"line {first + 3}, field end_date_if_seen: 2023-05-04",
        f"line {first + 4}, field published_on: 2023-06-05",
    ]
    assert all(len(line.partition("; ")[2]) >= 10 for line in trial.wrong)  # each its cure


def test_what_a_file_would_change_is_said_of_the_published_table() -> None:
    settings = load()[0]
    ours = {s.name: (FOLDER / f"{s.name}.csv").read_bytes() for s in REGISTERS}

    def trial(module, **row: str):
        source = module.SOURCE
        return try_content(with_row(ours[source.name], "a.csv", row), "a.csv", source, settings,
                           NIGHT)  # fmt: skip

    lifted = trial(aid_suspensions, **LIFT)
    assert lifted.lines_withdrawn == (
        "MLI, France, development aid: 2022-11-17, end unknown; last word 2022-11-17",
    )
    assert lifted.lines_added == (
        "MLI, France, development aid: 2022-11-17, to 2023-03-01; last word 2023-03-01",
    )
    assert lifted.uncovered_count == 0
    prefects = trial(
        admin_presence, date="2024-03-01", scope_regions="Kayes",
        indicator="prefects_present_share", value_pct="50", source_symbol="x",
        source_symbol_basis="read",
    )  # fmt: skip
    assert prefects.lines_added == ("MLI.kayes, 2024-03-01: 50% of prefects",)
    assert prefects.uncovered_count == 1  # the register of Mali is declared until 2022
    entry = trial(
        governance_register, register="state_of_emergency", country_code="NER",
        region_id="NER.diffa; NER.tahoua", entry_date="2019-06", entry_type="extension",
        title="three months more", url="https://example.org/b",
    )  # fmt: skip
    assert entry.lines_added == (
        "NER.diffa;NER.tahoua, 2019-06-01, state of emergency, extension: three months more",
    )
    ahead = trial(
        governance_register, register="force_mandate", country_code="MLI", entry_date="2099-06-01",
        entry_type="end", title="to come", url="https://example.org/b",
    )  # fmt: skip
    line = ours["governance_register"].count(b"\n") + 1
    assert ahead.wrong[0].startswith(f"a.csv: line {line}, 2099-06-01; it breaks the check")


def test_a_value_is_held_against_its_own_rules_while_others_are_missing() -> None:
    source = admin_presence.SOURCE
    assert wrong_by_themselves(source, {"numerator": "7"}) == []  # the posts come later
    (wrong,) = wrong_by_themselves(source, {"date": "2021-02-28", "value_pct": "170"})
    assert (wrong.field, wrong.text) == (
        "value_pct", "field value_pct: 170.0; give 0 to 100 per cent",
    )  # fmt: skip


def answers(monkeypatch, *lines: str) -> None:
    """What is typed, a line an answer."""
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def test_a_row_is_entered_field_by_field(tocsin, own: Path, monkeypatch) -> None:
    row = list(LIFT.values())
    typed = [*row[:3], "Frence", "France", *row[4:8], "example.org", *row[8:], "y"]
    answers(monkeypatch, *typed)
    done = tocsin("registers", "add", "aid_suspensions")
    assert (done.returncode, done.stderr) == (0, "")
    assert "field actor: Frence; write it as in config/partners.csv" in done.stdout
    assert "field url: example.org; give the address of the text" in done.stdout
    assert "+ MLI, France, development aid: 2022-11-17, to 2023-03-01" in done.stdout
    path = own / "registers" / "aid_suspensions.csv"
    assert f"{path}: one row more" in done.stdout
    ours = (FOLDER / "aid_suspensions.csv").read_bytes()
    assert path.read_bytes() == ours + (",".join(row) + "\n").encode()
    answers(monkeypatch, *row, "", "2023-02-01", "", "", "", "", "n")  # its key is asked again
    done = tocsin("registers", "add", "aid_suspensions")
    assert "field country: Mali; two rows share country, date, actor" in done.stdout
    assert "Nothing was written." in done.stdout
    assert path.read_bytes() == ours + (",".join(row) + "\n").encode()


def test_a_register_in_another_form_keeps_it() -> None:
    saved = saved_by_french_excel((FOLDER / "governance_register.csv").read_bytes())
    more = with_row(
        saved, "excel.csv",
        {"register": "local_agreement", "country_code": "NER", "entry_date": "2025-01-02",
         "entry_type": "breach", "title": "rompu à Téra; en partie", "url": "https://example.org"},
    )  # fmt: skip
    assert more.startswith(saved)
    assert more[len(saved) :].decode("cp1252") == (
        'local_agreement;NER;;2025-01-02;;;breach;"rompu à Téra; en partie";https://example.org;\r\n'
    )
    parse = governance_register.SOURCE.parse
    assert parse(more, "excel.csv").height == parse(saved, "excel.csv").height + 1
    with pytest.raises(SourceError, match="is in cp1252, which has no sign 'ǹ'; save it as CSV"):
        with_row(saved, "excel.csv", {"title": "ǹ"})
    with pytest.raises(SourceError, match="line 1 has no column published_on; add it"):
        with_row(b"date\n", "a.csv", {"published_on": "2021-01-01"})


def test_reports_wait_until_they_are_read_or_quoted(tmp_path: Path, own: Path, tocsin) -> None:
    data = tmp_path / "data"
    source = reliefweb_reports.SOURCE
    with serving(ReliefWeb([report(n) for n in (1, 2, 3)])) as server:
        *_, batch = receive(source, server.url, data / "landing", {"RELIEFWEB_APPNAME": APPNAME})
    with warehouse(data / "warehouse.duckdb") as con:
        accept(batch, data / "landing")
        catch_up(con, source, data / "landing", [batch])
        first, second, third = report_table(con, NIGHT).sort("report_id").to_dicts()
        assert all(row["is_waiting"] for row in (first, second, third))
        quoting = with_row(
            (FOLDER / "admin_presence.csv").read_bytes(), "a.csv",
            {"date": "2021-01-01", "scope_regions": "Kayes", "value_pct": "50",
             "indicator": "prefects_present_share", "source_symbol": "x",
             "source_symbol_basis": "read",
             "url_if_known": second["url"] + "/"},
        )  # fmt: skip
        path = tmp_path / "admin_presence.csv"
        path.write_bytes(quoting)
        for entered in receive(admin_presence.SOURCE, str(path), data / "landing"):
            accept(entered, data / "landing")
            catch_up(con, admin_presence.SOURCE, data / "landing", [entered])
    listed = tocsin("registers", "inbox").stdout
    assert listed.startswith("2 reports to be read.")
    assert first["url"] in listed
    assert second["url"] not in listed
    done = tocsin("registers", "read", first["report_id"], "--who", "A. B.")
    assert done.stdout.startswith(f"{own / 'registers' / 'reports_read.csv'}: ")
    assert tocsin("registers", "inbox").stdout.startswith("1 report to be read.")
    again = tocsin("registers", "read", first["report_id"], "--who", "A. B.")
    assert (again.returncode, "no such report waits" in again.stderr) == (1, True)
    with warehouse(data / "warehouse.duckdb") as con:
        # The command writes the day on which it is run; a night before knows of no reading.
        today = datetime.now(UTC).date()
        reports = report_table(con, today).filter(report_id=first["report_id"])
        assert reports.select("is_waiting", "found").rows() == [(False, "no figure")]


def test_the_documentation_counts_the_rows_that_are_kept() -> None:
    """Rows by kind and country, as docs/registers.md shows them."""
    codes = ["MLI", "BFA", "NER", "GNB", "TGO", "SEN", "BEN", "CIV"]
    entries = governance_register.SOURCE.parse(
        (FOLDER / "governance_register.csv").read_bytes(), "ours.csv"
    ).select("country_code", kind="register")
    acts = aid_suspensions.SOURCE.parse((FOLDER / "aid_suspensions.csv").read_bytes(), "ours.csv")
    acts = acts.join(countries(), left_on="country", right_on="country_name").select(
        "country_code", kind=pl.lit("aid_suspensions")
    )
    register_rows = pl.concat([entries, acts])
    counts = dict(register_rows.group_by("kind", "country_code").len().select(
        pl.concat_str("kind", "country_code"), "len").iter_rows())  # fmt: skip
    lines = [f"| kind | {' | '.join(codes)} | all |", f"|{' --- |' * (len(codes) + 2)}"]
    for kind in [*governance_register.ENTRY_TYPES, "aid_suspensions"]:
        numbers = [counts.get(f"{kind}{code}", 0) for code in codes]
        lines.append(f"| {kind} | {' | '.join(map(str, numbers))} | {sum(numbers)} |")
    page = (HERE.parent / "docs" / "registers.md").read_text("utf-8")
    assert "\n".join(lines) in page, "\n".join(lines)
