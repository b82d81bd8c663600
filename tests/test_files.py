"""Files as people have them: saved by spreadsheets, of the world, in a folder, a part alone."""

import os
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from config.registry import Coverage, Source, SourceError
from flows.steps import FetchOutcome, judge_deliveries
from stand_in.acled import event as acled_event
from stand_in.open_data import count
from stand_in.ucdp import event, table, zipped
from warehouse.connect import warehouse
from warehouse.history import catch_up
from warehouse.landing import accept, deliveries, receive
from warehouse.sources import SOURCES
from warehouse.sources.acled_events import SOURCE as ACLED
from warehouse.sources.delimited import read
from warehouse.sources.hapi_conflict import SOURCE as HAPI
from warehouse.sources.tables import fetch_file
from warehouse.sources.ucdp_ged import HEADER, SOURCE, files, parse

YEAR = [event(number, f"2025-{number % 12 + 1:02}-03") for number in range(1, 101)]


def saved(rows: list[dict], change=lambda text: text) -> bytes:
    """A release as a program would save it."""
    return change(table(rows).decode()).encode()


def in_semicolons(text: str) -> str:
    """As a French spreadsheet saves: semicolons, decimal commas, days first."""
    rows = pl.read_csv(text.encode(), infer_schema=False)
    day = pl.col("date_start", "date_end").str.head(10).str.to_date().dt.strftime("%d/%m/%Y")
    comma = pl.col("latitude", "longitude").str.replace(".", ",", literal=True)
    return "\ufeff" + rows.with_columns(day, comma).write_csv(separator=";", line_terminator="\r\n")


def us_days(text: str) -> str:
    rows = pl.read_csv(text.encode(), infer_schema=False)
    day = pl.col("date_start", "date_end").str.head(10).str.to_date()
    return rows.with_columns(day.dt.strftime("%m/%d/%Y 00:00:00")).write_csv()


ROWS = [event(1, "2022-10-05"), event(2, "2022-12-31", side_b="Groupe d'Autodéfense")]
WANTED = parse(table(ROWS), "ged.csv").drop("_line")


@pytest.mark.parametrize(
    "change",
    [
        in_semicolons,
        us_days,
        str.upper,
        lambda text: text.replace("\n", ",\n"),
        lambda text: text.replace(",best,high,low", ",best_est,high_est,low_est"),
        lambda text: "sep=,\n" + text + "\n" + "," * 48 + "\n",
        lambda text: text.replace("\n", "\n#id,,,,,,\n", 1),
        lambda text: text.replace(",432,", ",432.0,"),
    ],
    ids=["French spreadsheet", "US days", "capitals", "trailing comma", "renamed", "blank lines",
         "tags", "whole numbers as floats"],
)  # fmt: skip
def test_a_file_is_read_whoever_saved_it(change) -> None:
    content = saved(ROWS, change)
    got = parse(content, "ged.csv").drop("_line")
    if change is str.upper:
        got = got.with_columns(pl.col("side_b").str.to_titlecase())
        assert got.select("id", "best", "high", "low").equals(
            WANTED.select("id", "best", "high", "low")
        )
        return
    assert got.equals(WANTED)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_encodings(encoding: str) -> None:
    content = table(ROWS).decode().encode(encoding)
    assert parse(content, "ged.csv").drop("_line").equals(WANTED)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (saved([event(1, "2022-10-05")], us_days),
         "line 2, column date_start: '10/05/2022 00:00:00': which of the two numbers is the month "
         "cannot be told; download it again, a spreadsheet changed it"),
        (saved(ROWS, lambda text: text.replace("\n2,", "\n6e+05,")),
         "line 3, column id: '6e+05' is a number cut short; download it again, a spreadsheet "
         "changed it"),
        (saved(ROWS, lambda text: text + text.splitlines()[1].replace(",", ";") + "\n"),
         "line 4 is separated by ; and the header by , (so are 1 lines); download it again, a "
         "spreadsheet changed it"),
        (saved(ROWS, lambda text: text.replace(",best,", ",total,").replace(",low,", ",least,")),
         "columns best, low are missing; it has total, least instead: it is another kind of file, "
         "or its columns were renamed; give the file as its publisher offers it"),
        (saved(ROWS, lambda text: text.replace("2022-1", "quand ")),
         "line 2, column date_start: 'quand 0-05T00:00:00' is no day, and so it is in 2 of 2 "
         "rows; download it again, a spreadsheet changed it"),
        (saved(ROWS, lambda text: text.partition("\n")[0].replace("best", "low") + "\n"),
         "line 1, column low stands there twice, so which is meant cannot be told; download it "
         "again, a spreadsheet changed it"),
        (saved([event(1, "2022-10-05", country_id=625, country="Sudan")]),
         "holds 1 events of other countries (Sudan) and none of Benin, Burkina Faso, Côte "
         "d'Ivoire, Guinea-Bissau, Mali, Niger, Senegal, Togo; give a file that holds these"),
        (saved(ROWS, lambda text: text.replace('JNIM', '"JNIM', 1)),
         "cannot be read as a table: a quotation mark is not closed in line 2 or below; download "
         "it again"),
    ],
    ids=["days", "id", "separators", "columns", "no days", "twice", "elsewhere", "quotes"],
)  # fmt: skip
def test_what_cannot_be_undone_is_refused_in_one_sentence(content: bytes, says: str) -> None:
    with pytest.raises(SourceError) as refused:
        parse(content, "ged.csv")
    assert str(refused.value).replace("\n", " ") == f"ged.csv: {says}"


@pytest.mark.parametrize(
    ("best", "latitude", "wanted"),
    [
        ("2,0 0,00 7", "12,65 3,1 4", "2 0 7"),
        ("432.0 7.0", "12.65 3.1", "432 7"),
        ("2,000 7", "12,65 3,1", "2,000 7"),  # one cell shown otherwise, or a text as it was
        ("2,000 7", "12 3", "2,000 7"),
        ("2.000 7", "12.65 3.1", "2.000 7"),
        ("2,000 7,000", "12.65 3.1", "2,000 7,000"),  # all with three decimals, or all thousands
        ("2,000", "12", "2,000"),
        ("1,234 2,000 7", "12,65 3,1 4", "1,234 2,000 7"),  # the comma would be of both
        ("2,000 7", "12.65 3.1", "2000 7"),
        ("2.000 7", "12,65 3,1", "2000 7"),
        ("1,234 2,000 7", "12 3 4", "1234 2000 7"),
        ("1.234.567 2.000", "12 3", "1234567 2000"),
        ("2,000 0,000 12,000", "12,65 3,1 4", "2 0 12"),
        ("-1,234 2,000 1234,0", "12 3 4", "-1,234 2,000 1234"),
    ],
)
@pytest.mark.parametrize("sign", [";", "\t"])
def test_a_mark_before_three_digits_is_read_where_the_file_shows_what_it_is(
    sign: str, best: str, latitude: str, wanted: str
) -> None:
    lines = [sign.join(line) for line in zip(best.split(), latitude.split(), strict=True)]
    content = "\n".join([f"best{sign}latitude", *lines, ""]).encode()
    got = read(content, "x.csv", ["best", "latitude"])
    assert got["best"].to_list() == wanted.split()


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_blanks_of_thousands_are_french(sign: str) -> None:
    sent = ["1 234", "12\xa0345\xa0678", "-2\u202f000", "0 000", "1 23", "7"]
    content = "\n".join([f"best{sign}latitude", *(f"{value}{sign}12" for value in sent), ""])
    got = read(content.encode(), "x.csv", ["best", "latitude"])
    assert got["best"].to_list() == ["1234", "12345678", "-2000", "0 000", "1 23", "7"]


def test_two_thousand_is_held_out_and_never_two() -> None:
    """French decimals: which of 2 and 2000 a cell of another form means, nobody can tell."""
    rows = [event(n, "2022-10-05", best=best) for n, best in enumerate((3, 2000, 1), 1)]
    content = in_semicolons(saved(rows).decode()).replace(";2000;", ";2,000;").encode()
    got = parse(content, "ged.csv")
    assert got["best"].to_list() == [3, None, 1]
    assert got["_fault"].to_list() == [
        None, "field best: '2,000' may be of thousands or a decimal number", None,
    ]  # fmt: skip


def test_a_first_line_of_words_is_never_data() -> None:
    """LOW, BEST, HIGH where a release has best, high, low: names decide, not places."""
    mixed = pl.DataFrame(ROWS, infer_schema_length=None).select(HEADER).rename(str.upper)
    moved = [*(n for n in mixed.columns if n not in ("LOW", "BEST", "HIGH")), "LOW", "BEST", "HIGH"]
    got = parse(mixed.select(moved).write_csv().encode(), "ged.csv")
    assert got.select("low", "best", "high").row(0) == (2, 3, 4)
    with pytest.raises(SourceError, match=r"columns id, best are missing; it has eins, zwei inst"):
        read(b"eins,zwei\n1,2\n", "x.csv", ["id", "best"], HEADER)


def judged(con, folder: Path, address: str, source: Source = SOURCE) -> str | None:
    """What a night makes of a source's address: the failure, or None where it was taken."""
    batches = list(receive(source, address, folder))
    (sent,), _ = judge_deliveries([FetchOutcome(source, batches)], con, folder)
    for batch in sent.batches:
        accept(batch, folder)
    catch_up(con, source, folder, sent.batches)
    return sent.failure


def in_force(con) -> int:
    (count,) = con.execute(
        "select count(*) from history.ucdp_ged where known_to is null"
    ).fetchone()
    return count


def test_no_road_lets_a_part_replace_the_whole(tmp_path: Path) -> None:
    folder = tmp_path / "landing"
    (tmp_path / "whole.csv").write_bytes(table(YEAR))
    december = [row for row in YEAR if row["date_end"].startswith("2025-12")]
    parts = {
        "GEDEvent_v25_0_12.csv": december[:2],  # 2 of the month's 8
        "GEDEvent_v25_0_10.csv": [event(900, "2025-10-09")],
        "ged261-csv.zip": december,
        "december.csv": december,
        "whole.csv": december,  # in the same place
    }
    with warehouse(tmp_path / "w.duckdb") as con:
        assert judged(con, folder, str(tmp_path / "whole.csv")) is None
        assert in_force(con) == 100
        for name, rows in parts.items():
            content = zipped("ged.csv", rows) if name.endswith("zip") else table(rows)
            (tmp_path / name).write_bytes(content)
            failure = judged(con, folder, str(tmp_path / name))
            assert failure is not None, name
            assert "was refused" in failure
            assert in_force(con) == 100, name
        country = [*YEAR[:70], *(event(n, "2025-11-03", country_id=439) for n in range(500, 530))]
        (tmp_path / "two.csv").write_bytes(table(country))
        assert judged(con, folder, str(tmp_path / "two.csv")) is None  # 70 of 100 are left
        (tmp_path / "mali.csv").write_bytes(table(YEAR[:70]))
        failure = judged(con, folder, str(tmp_path / "mali.csv"))
        assert failure is not None
        assert "30 of 30 rows in force of Burkina Faso" in failure


def test_one_countrys_file_is_not_the_whole_where_nothing_was_before(tmp_path: Path) -> None:
    folder = tmp_path / "landing"
    embedded = fetch_file(SOURCE, SOURCE.embedded[-1].address)
    rows = SOURCE.parse(embedded.content, embedded.url)
    of_2022 = rows.filter(pl.col("date_end") >= date(2022, 1, 1))
    with warehouse(tmp_path / "w.duckdb") as con:
        of_2022.filter(country_id=432).write_csv(tmp_path / "mali.csv")
        failure = judged(con, folder, str(tmp_path / "mali.csv"))
        assert failure is not None
        assert (
            "no row of Burkina Faso, 228 in the embedded release; no row of Niger, 70 in" in failure
        )
        assert in_force(con) == 0
        lacking = of_2022.group_by("country").len().filter(pl.col("len") < 20)["country"]
        assert lacking.len() > 0  # of which the year says little
        of_2022.filter(~pl.col("country").is_in(lacking.implode())).write_csv(tmp_path / "rest.csv")
        assert judged(con, folder, str(tmp_path / "rest.csv")) is None


def test_no_country_loses_its_newest_year_unnoticed(tmp_path: Path) -> None:
    """A sixth of all rows, a third of its own, a quarter of the year's: each alone is usual."""
    folder = tmp_path / "landing"
    rest = [event(n, f"2025-{n % 12 + 1:02}-09") for n in range(1, 61)]
    older = [event(n, f"2023-{n % 12 + 1:02}-09", country_id=439) for n in range(100, 140)]
    newest = [event(n, f"2025-{n % 12 + 1:02}-09", country_id=439) for n in range(200, 220)]
    with warehouse(tmp_path / "w.duckdb") as con:
        (tmp_path / "whole.csv").write_bytes(table([*rest, *older, *newest]))
        assert judged(con, folder, str(tmp_path / "whole.csv")) is None
        (tmp_path / "again.csv").write_bytes(table([*rest, *older, *newest[:1]]))
        assert judged(con, folder, str(tmp_path / "again.csv")) is None  # 19 may go rightly
        (tmp_path / "third.csv").write_bytes(table([*rest, *older, *newest]))
        assert judged(con, folder, str(tmp_path / "third.csv")) is None
        (tmp_path / "without.csv").write_bytes(table([*rest, *older]))
        failure = judged(con, folder, str(tmp_path / "without.csv"))
        assert failure is not None
        assert "20 of 20 rows in force of Burkina Faso, the last twelve months" in failure


def test_a_month_goes_on_after_what_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "landing"
    with warehouse(tmp_path / "w.duckdb") as con:
        (tmp_path / "ged261-csv.zip").write_bytes(zipped("ged.csv", YEAR))
        assert judged(con, folder, str(tmp_path / "ged261-csv.zip")) is None
        months = {1: [event(201, "2026-01-09")], 2: [event(202, "2026-02-09")],
                  4: [event(204, "2026-04-09")]}  # fmt: skip
        for month, rows in months.items():
            (tmp_path / f"GEDEvent_v26_0_{month}.csv").write_bytes(table(rows))
        for month in (1, 2):
            assert judged(con, folder, str(tmp_path / f"GEDEvent_v26_0_{month}.csv")) is None
        assert in_force(con) == 102  # added, nothing replaced
        with pytest.raises(SourceError, match="begins in 2026-04, and no file holds the months"):
            judged(con, folder, str(tmp_path / "GEDEvent_v26_0_4.csv"))
        (tmp_path / "GEDEvent_v25_0_3.csv").write_bytes(table(months[1]))
        with pytest.raises(SourceError, match="its months up to 2025-03 are held already"):
            judged(con, folder, str(tmp_path / "GEDEvent_v25_0_3.csv"))


def test_a_month_alone_stands_on_the_embedded_releases(tmp_path: Path) -> None:
    path = tmp_path / "GEDEvent_v23_0_1.csv"
    path.write_bytes(table([event(900, "2023-01-09")]))
    versions = [b.fetched.release.version[:4] for b in receive(SOURCE, str(path), tmp_path / "l")]
    assert versions == ["21.1", "24.1", "23.0"]


def test_a_folder_is_read_by_the_rule_of_the_live_address(tmp_path: Path) -> None:
    for name in ("ged251-csv.zip", "ged261-csv.zip", "GEDEvent_v26_0_1.csv", "GEDEvent_v26_0_8.csv",
                 "GEDEvent_v26_01_26_03_slim.csv", "GEDEvent_v26_0_4.csv", "GEDEvent_v25_0_3.csv",
                 "events.csv", "notes.txt"):  # fmt: skip
        (tmp_path / name).write_bytes(table(ROWS))
    chosen = list(files(SOURCE, tmp_path, Coverage()))
    assert [(one.release.version, one.release.covers_until) for one in chosen] == [
        ("26.1", date(2025, 12, 31)),
        ("26.01.26.03", date(2026, 3, 31)),
        ("26.0.4", date(2026, 4, 30)),
    ]
    said = " ".join(chosen[0].remarks)
    assert "ged261-csv.zip, GEDEvent_v26_01_26_03_slim.csv, GEDEvent_v26_0_4.csv" in said
    for name, why in {
        "ged251-csv.zip": "a release that holds days up to 2025-12-31 is newer or the same",
        "GEDEvent_v26_0_1.csv": "its months up to 2026-01 are held already",
        "GEDEvent_v26_0_8.csv": "it begins in 2026-08, and no file holds the months after 2026-04",
        "GEDEvent_v25_0_3.csv": "its months up to 2025-03 are held already",
        "events.csv": "its name is none of UCDP's (ged251-csv.zip, GEDEvent_v26_0_8.csv)",
    }.items():
        assert f"{name} was passed over: {why}" in said
    with pytest.raises(SourceError, match=r"has nothing to go on with \(no .csv or .zip file\)"):
        list(files(SOURCE, tmp_path / "..", Coverage()))


def test_rows_of_other_countries_are_left_out_and_counted(tmp_path: Path) -> None:
    world = [event(n, "2023-01-02", country_id=501, country="Kenya") for n in range(500, 560)]
    (tmp_path / "ged241-csv.zip").write_bytes(zipped("GEDEvent_v24_1.csv", [*ROWS, *world]))
    (batch,) = receive(SOURCE, str(tmp_path / "ged241-csv.zip"), tmp_path / "landing")
    assert batch.rows["id"].to_list() == [1, 2]
    assert batch.remarks == ["ucdp_ged 24.1: 60 rows of other countries left out"]


def test_a_years_file_of_hdx_adds_to_what_is_there(tmp_path: Path) -> None:
    """One CSV a year: each replaces its own year, rows of other countries are left out."""

    def year(number: int) -> bytes:
        rows = [count(f"{number}-01"), count(f"{number}-12"), count("2026-09", location_code="SDN")]
        return b"\xef\xbb\xbf" + pl.DataFrame(rows).write_csv().encode()

    for number in (2024, 2025):
        (tmp_path / f"hdx_hapi_conflict_event_{number}.csv").write_bytes(year(number))
    (tmp_path / "readme.csv").write_bytes(b"what,why\na,b\n")
    first, second = receive(HAPI, str(tmp_path), tmp_path / "landing")
    assert first.rows["reference_period_start"].to_list() == [date(2024, 1, 1), date(2024, 12, 1)]
    assert second.fetched.release.complete_where == (
        "reference_period_start in (date '2025-01-01', date '2025-12-01') "
        "and location_code in ('MLI')"
    )
    assert second.remarks == [
        "hapi_conflict hdx_hapi_conflict_event_2025.csv: 1 rows of other countries left out"
    ]
    assert "readme.csv was passed over" in first.remarks[1]


def hdx_year(path: Path, year: int, events: int, months: int = 12) -> list[dict]:
    """A file of HDX: twenty cercles of Mali by month."""
    rows = [
        count(f"{year}-{month:02}", events=events, provider_admin2_name=f"C{n}")
        for month in range(1, months + 1)
        for n in range(20)
    ]
    path.write_text(pl.DataFrame(rows).write_csv())
    return rows


def test_a_misspelt_year_in_a_file_takes_away_no_month_of_another(tmp_path: Path) -> None:
    """From 2022-12 to 2025-12 it held all, and 480 counts of the years between went unsaid."""
    hdx_year(tmp_path / "2023.csv", 2023, 3)
    hdx_year(tmp_path / "2024.csv", 2024, 4)
    rows = hdx_year(tmp_path / "2025.csv", 2025, 5)
    misspelt = count("2022-12", events=6, provider_admin2_name="C0")
    (tmp_path / "2025.csv").write_text(pl.DataFrame([misspelt, *rows[1:]]).write_csv())
    with warehouse(tmp_path / "w.duckdb") as con:
        assert judged(con, tmp_path / "landing", str(tmp_path), HAPI) is None
        in_force = con.execute(
            "select events, count(*) from history.hapi_conflict where known_to is null "
            "group by all order by all"
        ).fetchall()
    assert in_force == [(3, 240), (4, 240), (5, 239), (6, 1)]


@pytest.mark.parametrize(
    ("months", "newer", "older"),
    [(10, "2025 (1).csv", "2025.csv"), (12, "2025 (1).csv", "2025.csv"), (10, "b.csv", "a.csv")],
    ids=["newer months", "written later", "by name, too"],
)
def test_of_files_that_overlap_the_newer_counts(
    tmp_path: Path, months: int, newer: str, older: str
) -> None:
    hdx_year(tmp_path / newer, 2025, 9)
    hdx_year(tmp_path / older, 2025, 1, months)
    if months == 12:
        os.utime(tmp_path / older, (1, 1))
    with warehouse(tmp_path / "w.duckdb") as con:
        assert judged(con, tmp_path / "landing", str(tmp_path), HAPI) is None
        in_force = con.execute(
            "select events, count(*) from history.hapi_conflict where known_to is null group by all"
        ).fetchall()
    assert in_force == [(9, 240)]


def test_an_older_export_that_comes_on_a_later_night_replaces_no_newer(tmp_path: Path) -> None:
    """October's first weeks, exported then and put into the folder last, counted as October."""
    hdx_year(tmp_path / "december.csv", 2025, 9)
    with warehouse(tmp_path / "w.duckdb") as con:
        assert judged(con, tmp_path / "landing", str(tmp_path), HAPI) is None
        hdx_year(tmp_path / "october.csv", 2025, 1, 10)
        (sent,) = receive(HAPI, str(tmp_path), tmp_path / "landing")
        assert "october.csv was passed over: december.csv holds its months" in sent.remarks[1]
        assert judged(con, tmp_path / "landing", str(tmp_path), HAPI) is None
        in_force = con.execute(
            "select events, count(*) from history.hapi_conflict where known_to is null group by all"
        ).fetchall()
    assert in_force == [(9, 240)]


def test_an_older_edit_of_an_event_never_replaces_a_newer(tmp_path: Path) -> None:
    """Neither by its file's name nor by coming a night later; an edit of the same instant does."""

    def export(name: str, *rows: dict) -> None:
        (tmp_path / name).write_text(pl.DataFrame(rows).write_csv())

    def in_force() -> list[tuple]:
        return con.execute(
            "select event_id_cnty, fatalities, timestamp from history.acled_events "
            "where known_to is null order by all"
        ).fetchall()

    first, second = "2026-05-03", "2026-06-03"
    export("a.csv", acled_event(1, first, 300, fatalities=9), acled_event(2, second, 310))
    export("b.csv", acled_event(1, first, 200, fatalities=1))
    folder = tmp_path / "landing"
    with warehouse(tmp_path / "w.duckdb") as con:
        assert judged(con, folder, str(tmp_path), ACLED) is None
        assert in_force() == [("MLI1", 9, 300), ("MLI2", 4, 310)]
        assert deliveries(ACLED, folder)[-1].source_version == "310"
        export("c.csv", acled_event(1, first, 300, fatalities=8),
               acled_event(2, second, 250, fatalities=77), acled_event(3, second, 250))  # fmt: skip
        assert judged(con, folder, str(tmp_path), ACLED) is None
        assert in_force() == [("MLI1", 8, 300), ("MLI2", 4, 310), ("MLI3", 4, 250)]


def test_a_country_whose_file_is_old_is_named(tmp_path: Path) -> None:
    niger = {"country": "Niger", "event_id_cnty": "NER1"}
    files_of = {
        "Mali.csv": [acled_event(1, "2026-07-03", 310), acled_event(2, "2026-01-03", 310)],
        "Niger.csv": [acled_event(1, "2026-02-03", 200, **niger)],
        "Niger 2025.csv": [acled_event(1, "2025-02-03", 200, **niger)],
    }
    for name, rows in files_of.items():
        (tmp_path / name).write_text(pl.DataFrame(rows).write_csv())
    first, *_ = receive(ACLED, str(tmp_path), tmp_path / "landing")
    assert first.remarks[1:] == [
        "acled_events: nothing of Niger after 2026-02-03 (Niger.csv), while others reach "
        "2026-07-03: it looks calm since; if that file is old, download it again"
    ]


def test_a_register_that_shrinks_is_taken_and_said(tmp_path: Path) -> None:
    """What its keeper strikes out is the keeper's choice; nobody overlooks it all the same."""
    (source,) = (one for one in SOURCES if one.name == "aid_suspensions")
    folder = tmp_path / "landing"
    with warehouse(tmp_path / "w.duckdb") as con:
        whole = FetchOutcome(source, list(receive(source, None, folder)))
        (passed,), _ = judge_deliveries([whole], con, folder)
        for batch in passed.batches:
            accept(batch, folder)
        catch_up(con, source, folder, passed.batches)
        lines = fetch_file(source, source.address).content.decode().splitlines(keepends=True)
        short = tmp_path / "short.csv"
        short.write_text("".join(lines[:3]), "utf-8")
        sent = FetchOutcome(source, list(receive(source, str(short), folder)))
        (passed,), checks = judge_deliveries([sent], con, folder)
    assert passed.failure is None
    loss = checks.filter(pl.col("expectation").str.starts_with("NoGreatLoss"))
    assert loss.select("severity", "is_success").rows() == [("warning", False)]
    assert loss["observed"][0].startswith(f"{len(lines) - 3} of {len(lines) - 1} rows in force")
