"""The real command: twice the same, and one line for each way it can fail."""

import json
import re
import shlex
import shutil
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from warehouse.connect import warehouse
from warehouse.sources import SOURCES
from warehouse.sources.tables import fetch_file

ROOT = Path(__file__).parent.parent
NIGHT = ("nightly", "--as-of", "2021-06-25")


def content(path: Path) -> list[tuple]:
    """Every table of a file and a digest of its rows."""
    with duckdb.connect(path, read_only=True) as con:
        names = con.execute(
            "select schema_name || '.' || table_name from duckdb_tables() "
            "where table_name not in ('fetch', 'run', 'run_step') order by 1"  # when it was run
        ).fetchall()
        return [
            (name, *con.execute(f"select count(*), sum(hash(t)) from {name} as t").fetchone())
            for (name,) in names
        ]


@pytest.fixture
def after_first(first_night, tmp_path: Path) -> Path:
    """The data folder, after the first night."""
    return shutil.copytree(first_night[0], tmp_path / "data")


def test_twice_changes_nothing_and_the_readmes_question_is_answered(
    process, first_night, after_first: Path
) -> None:
    first, data = first_night[1], after_first
    assert (first.returncode, first.stderr) == (0, "")
    assert re.search(r"warning +Sikasso \(MLI\) +some violence +25% +up from 19%", first.stdout)
    files = data / "warehouse.duckdb", data / "published" / "tocsin.duckdb"
    before = [content(path) for path in files]
    published = files[1].stat().st_mtime_ns
    mails = {path: path.stat().st_mtime_ns for path in (data / "outbox").iterdir()}
    assert len(mails) == 2

    assert "2 did not hold" in (data / "published" / "quality.html").read_text("utf-8")

    # sources that are off are no steps: one line names them
    assert not re.search(r"fetch (acled|hapi|fts|views|relief)", first.stdout)
    off = ", ".join(s.title for s in SOURCES if not s.embedded)
    assert f"Off: {off} (TOCSIN_SOURCES turns one on)" in words(first.stdout)

    second = process(*NIGHT, PYTHONIOENCODING="ascii")  # signs are replaced
    assert (second.returncode, second.stderr) == (0, "")
    assert "No mail: readers know these levels" in second.stdout
    assert [content(path) for path in files] == before
    assert files[1].stat().st_mtime_ns == published
    assert {path: path.stat().st_mtime_ns for path in (data / "outbox").iterdir()} == mails

    readme = (ROOT / "README.md").read_text("utf-8")
    (question,) = re.findall(r"```sql\n(.*?)```", readme, re.DOTALL)
    with duckdb.connect(files[1], read_only=True) as con:
        known = con.execute(question).fetchall()
        flags = con.execute("select region_name from flags where level <> 'none'").fetchall()
        columns = con.execute(
            "select count(*) filter (where comment is null) from duckdb_columns() "
            "where not internal"
        ).fetchone()
    assert columns == (0,)
    assert flags.count(("Sikasso",)) == 1
    assert len(flags) == 14
    assert known[0][1] == 5


def test_past_months_are_scored_and_what_was_revised_is_counted(
    tocsin, after_first: Path, monkeypatch
) -> None:
    # Of nights that a weight is learnt from (forty-two) a few do here; tests of it: test_backtest.
    monkeypatch.setattr("flows.backtest.BURN_IN_MONTHS", 6)
    scored = tocsin("backtest", "--since", "2022-01-01", "--until", "2022-02", "--json")
    assert (scored.returncode, scored.stderr) == (0, "")
    tables = json.loads(scored.stdout)
    assert list(tables) == ["rows", "calibration", "rules", "cases"]
    (sikasso,) = (row for row in tables["cases"]
                  if (row["region_id"], row["night"]) == ("MLI.sikasso", "2022-02-20"))  # fmt: skip
    assert sikasso["events"] == 4
    assert "| combined | +" in (after_first / "scorecard.md").read_text("utf-8")
    assert "| MLI.sikasso | 2022-02-20 | 4 |" in (after_first / "scorecard.md").read_text("utf-8")
    too_late = tocsin("backtest", "--until", "2022-12")
    assert too_late.returncode == 1
    assert "within 1994-07 and 2022-05" in one_line(too_late.stderr)
    revised = tocsin("revisions", "--since", "2024-06-01", "--until", "2024-07-01")
    assert "25 added, 171 changed" in revised.stdout


@pytest.mark.usefixtures("without_page")
def test_a_wrong_source_a_bad_row_and_mails_that_wait_are_told_and_mended(
    tocsin, after_first: Path, tmp_path: Path
) -> None:
    source = SOURCES[0]
    rows = source.parse(fetch_file(source, source.address).content, "")
    ged, wrong = tmp_path / "ged.csv", tmp_path / "coups.txt"
    is_one = pl.col("id") == 400798
    rows.with_columns(where_prec=pl.when(is_one).then(9).otherwise("where_prec")).write_csv(ged)
    wrong.write_text("country\tyear\nMali\t2021\n")
    sources = {"ucdp_ged": str(ged)}
    assert tocsin(*NIGHT, TOCSIN_SOURCES=json.dumps(sources)).returncode == 0
    release_a_row(tocsin)
    wrong_too = {**sources, "powell_thyne_coups": str(wrong)}
    failed = tocsin(*NIGHT, TOCSIN_SOURCES=json.dumps(wrong_too))
    assert (failed.returncode, failed.stderr) == (3, "")  # the last good figures stay in use
    fault = "columns ccode, month, "
    assert f"NOT RENEWED Powell & Thyne coups d'état: {wrong}: {fault}" in words(failed.stdout)
    assert failed.stdout.count("NOT RENEWED") == 1
    assert "0 rows in quarantine" in tocsin("quarantine").stdout
    listed = tocsin("sources")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert fault in words(listed.stdout)
    unreachable = tocsin(
        "nightly", "--as-of", "2021-07-25", TOCSIN_SOURCES=json.dumps(sources),
        TOCSIN_SMTP_HOST="127.0.0.1", TOCSIN_SMTP_PORT="9",
    )  # fmt: skip
    assert (unreachable.returncode, unreachable.stderr) == (3, "")
    assert "analyst@example.org: waits, cannot send by 127.0.0.1:9" in unreachable.stdout
    assert fault not in words(tocsin("sources").stdout)
    operate_mails(tocsin, after_first)


def words(text: str) -> str:
    return " ".join(text.split())


def release_a_row(tocsin) -> None:
    """The one that is held out."""
    listed = tocsin("quarantine")
    assert "1 row in quarantine" in listed.stdout
    assert re.search(r"ucdp_ged .*400798 .*where_prec: from 1 to 7 .*9", listed.stdout)
    shown = tocsin("quarantine", "show", "ucdp_ged", "400798").stdout
    assert '"where_prec":"9"' in shown
    who = ("--who", "A. Diarra", "--why", "read in the report")
    assert tocsin("quarantine", "release", "ucdp_ged", "400798", *who).returncode == 0
    missing = tocsin("quarantine", "release", "ucdp_ged", "1", *who)
    assert "ucdp_ged 1: no such row was ever held" in one_line(missing.stderr)


def operate_mails(tocsin, data: Path) -> None:
    """What was sent on 25 June, and waits of 25 July."""
    listed = tocsin("alerts")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert re.search(r"Sikasso \(MLI\) +some violence +unchanged +2021-06-25", listed.stdout)
    (identity,) = {*re.findall(r"([0-9a-f]{8})  written  \w+ to veille@", listed.stdout)}
    mails = list((data / "outbox").glob("2021-06-25-veille*.eml"))
    text = tocsin("alerts", "show", identity).stdout
    assert "ALERTE, peu violent - Sikasso (Mali)" in text
    previewed = tocsin("alerts", "preview", identity).stdout.split()
    assert Path(previewed[0]).read_bytes() == mails[0].read_bytes()
    assert "data:image/png;base64," in Path(previewed[1]).read_text("utf-8")
    assert tocsin("alerts", "resend", "analyst@example.org").returncode == 0
    sent = tocsin("alerts", "send")
    assert "Mail to analyst@example.org: written" in sent.stdout
    assert "not held" in one_line(tocsin("alerts", "approve", identity, "--who", "A").stderr)
    assert "no such region" in one_line(
        tocsin("alerts", "mute", "Sikasso", "--who", "A", "--why", "B").stderr
    )
    muting = ("--who", "A. Diarra", "--why", "known", "--until", "2021-08-01")
    assert tocsin("alerts", "mute", "MLI.sikasso", *muting).returncode == 0
    assert re.search(r"Sikasso \(MLI\).* 2021-08-01", tocsin("alerts").stdout)
    assert tocsin("watchdog").returncode == 0


def one_line(stderr: str) -> str:
    assert stderr.count("\n") == 1, stderr
    assert stderr.startswith("tocsin: ")
    return stderr


def ged(change) -> str:
    source = SOURCES[0]
    rows = source.parse(fetch_file(source, source.address).content, "")
    return change(rows.head(5).write_csv())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda csv: csv.replace("date_end", "datum"), "column date_end is missing"),
        (lambda csv: csv[:-30], "cut short"),
    ],
    ids=["missing column", "cut short"],
)
def test_broken_csv(tocsin, tmp_path: Path, change, says: str) -> None:
    path = tmp_path / "ged.csv"
    path.write_text(ged(change), "utf-8")
    run = tocsin(
        *NIGHT,
        TOCSIN_SOURCES=json.dumps({"ucdp_ged": str(path)}),
        TOCSIN_OPERATOR="ops@example.org",
    )
    assert run.returncode == 1
    assert says in one_line(run.stderr)
    assert "ged.csv" in run.stderr
    (mail,) = (tmp_path / "data" / "outbox").iterdir()
    assert "Subject: Tocsin: the run failed" in mail.read_text("utf-8")
    assert tocsin("watchdog").returncode == 1
    assert not (tmp_path / "data" / "published").exists()


def test_folder_that_cannot_be_written(tocsin, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file stands where the folder should be")
    run = tocsin(*NIGHT)
    assert run.returncode == 1
    assert "there is a file; name a folder in TOCSIN_DATA_FOLDER" in one_line(run.stderr)


def test_a_source_fails_since_its_first_failure(tocsin, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with warehouse(tmp_path / "data" / "warehouse.duckdb") as con:
        con.execute(
            "insert into ops.fetch values ('ucdp_ged', '2026-11-29 22:00', '2026-11-26 22:00', "
            "'2026-11-27 22:00', 'HTTP 500')"
        )
    assert "NOT RENEWED since 2026-11-27 22:00: HTTP 500" in tocsin("sources").stdout


def test_unknown_setting(tocsin) -> None:
    run = tocsin(*NIGHT, TOCSIN_SMPT_HOST="x")
    assert run.returncode == 1
    assert "TOCSIN_SMPT_HOST: no such setting" in one_line(run.stderr)


def test_too_many_bad_rows_stop_a_first_run(tocsin, tmp_path: Path) -> None:
    path = tmp_path / "ged.csv"
    path.write_text(ged(lambda csv: csv + "".join(csv.splitlines(True)[1:])), "utf-8")
    run = tocsin(*NIGHT, TOCSIN_SOURCES=json.dumps({"ucdp_ged": str(path)}))
    assert run.returncode == 1
    assert "was refused. 5 of 10 rows are bad, more than 5%" in one_line(run.stderr)
    assert "(id: no value twice)" in run.stderr
    assert not (tmp_path / "data" / "published").exists()


@pytest.mark.parametrize("page", ["README.md", "docs/index.md", "docs/commencer.md"])
def test_what_a_page_shows_of_a_command_is_what_it_says(
    tocsin, first_night, after_first: Path, page
) -> None:
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    shown = [text for block in blocks for text in block.removeprefix("$ ./run ").split("$ ./run ")]
    assert len(shown) >= 3
    for text in shown:
        arguments, *lines = text.splitlines()
        typed = shlex.split(arguments)
        output = first_night[1].stdout if typed[0] == "nightly" else tocsin(*typed).stdout
        rest = words(output)
        for part in filter(str.strip, "\n".join(lines).split("...")):
            _, match, rest = rest.partition(words(part))
            assert match, f"{arguments}: {part}"


@pytest.mark.parametrize(
    ("arguments", "name", "row"),
    [
        (("sources",), "sources", {"source": "ucdp_ged", "is_republishable": True}),
        (("alerts",), "alerts", {"region_id": "MLI.sikasso", "alert_level": "warning"}),
        (("quarantine",), "quarantine", None),
        (("area", "list"), "areas", {"area": "waemu", "is_in_force": True}),
        (("area", "show"), "countries", {"country_code": "MLI", "has_own_boundaries": False}),
        (("regions", "match", "Sikaso"), "regions", {"region_id": "MLI.sikasso"}),
        (("registers",), "registers", {"register": "admin_presence"}),
        (("registers", "inbox"), "reports", None),
        (("status",), "levels", {"region_id": "MLI.sikasso", "level": "warning"}),
        (("show", "sikasso"), "flags", {"region_id": "MLI.sikasso", "level": "warning"}),
        (("registers", "check", "config/registers/coverage.csv"), "wrong", None),
        (("sources", "check", "ucdp_ged"), "deliveries", {"rows_count": 4022, "is_new": False}),
        (("line",), "lines", None),
        (("revisions", "--since", "2021-06-25", "--until", "2021-06-25"), "revisions", None),
        (("runs",), "runs", {"as_of_date": "2021-06-25", "run_failure": None}),
        (("doctor",), "diagnoses", {"subject": "configuration", "state": "ok"}),
        (("sql", "select 1/3 as third"), "rows", {"third": 1 / 3}),
    ],
)  # fmt: skip
def test_rows_as_json(tocsin, after_first: Path, arguments, name, row) -> None:
    answer = tocsin(*arguments, "--json")
    assert (answer.returncode, answer.stderr) == (0, "")
    rows = json.loads(answer.stdout)[name]
    if row is None:
        assert rows == []
    else:
        assert [True for one in rows if row.items() <= one.items()], rows[:2]


def test_the_newest_night_and_a_region_at_a_glance(tocsin, after_first: Path) -> None:
    answer = tocsin("status", COLUMNS="80")
    lines = answer.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 15
    assert "Levels: 5 warning, 9 watch." in lines[0]
    assert [line.split()[1] for line in lines if line.startswith("warning")] == [
        "Kidal", "Centre-Nord", "Nord",
    ]  # fmt: skip
    assert "The first night" in answer.stdout
    for spelling in ("Sikasso", "MLI.sikasso", "ML03", "Bougouni"):  # a name, id, P-code, part
        shown = tocsin("show", spelling, COLUMNS="80").stdout
        assert shown.startswith("Sikasso (MLI), night of 2021-06-25: warning, some violence")
    assert max(map(len, shown.splitlines())) <= 80
    assert re.search(r"2021-05-30 +5 +Bougouni cercle +Government of Mali / JNIM", shown)
    assert "grave: aid suspended. World Bank" in shown
    assert "not known: administrators" in shown
    unknown = tocsin("show", "Atlantis")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "'Atlantis' is no region" in one_line(unknown.stderr)


def test_a_source_that_is_off_is_not_said_to_change_nothing(tocsin, after_first: Path) -> None:
    answer = tocsin("sources", "check", "acled_events")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "acled_events is off: " in one_line(answer.stderr)


def test_a_register_that_is_wrong_is_said_as_json(tocsin, tmp_path: Path) -> None:
    file = tmp_path / "aid.csv"
    good = (ROOT / "config/registers/aid_suspensions.csv").read_text("utf-8").splitlines()
    file.write_text("\n".join([*good[:2], good[2].replace("https://", "ibid. "), ""]), "utf-8")
    answer = tocsin("registers", "check", str(file), "--json")
    assert answer.returncode == 1
    (wrong,) = json.loads(answer.stdout)["wrong"]
    assert wrong["register"] == "aid_suspensions"
    assert "line 3" in wrong["fault"]


def test_a_muted_region_says_so_as_json(tocsin, after_first: Path) -> None:
    until = f"{date.today() + timedelta(days=30)}"
    why = ("--until", until, "--why", "a test", "--who", "A. Diarra")
    assert tocsin("alerts", "mute", "MLI.sikasso", *why).returncode == 0
    rows = json.loads(tocsin("alerts", "--json").stdout)["alerts"]
    assert {row["as_of_date"] for row in rows} == {"2021-06-25"}
    assert {row["region_id"]: row["muted_until"] for row in rows}["MLI.sikasso"] == until
    assert {row["muted_until"] for row in rows} == {None, until}


@pytest.mark.parametrize(
    "arguments",
    [("sql", "select 1", "--format", "csv"), ("revisions", "--since", "2021-06-25", "--rows")],
)
def test_two_forms_at_once_are_refused(tocsin, after_first: Path, arguments) -> None:
    answer = tocsin(*arguments, "--json")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "or --json, not both" in one_line(answer.stderr)
