"""Every question of docs/cookbook.md is asked; the rows it shows are those the file answers."""

import re
import shutil
import subprocess
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from warehouse.connect import WarehouseError
from warehouse.export import answer, escape_formulas, export

EMBEDDED = Path(__file__).parent.parent / "config" / "embedded"
PAGE = (Path(__file__).parent.parent / "docs" / "cookbook.md").read_text("utf-8")
QUESTIONS = re.findall(
    r"## ([^\n]*)\n[^#]*?```sql\n(.*?)```\n\n((?:\|[^\n]*\n)+)", PAGE, flags=re.DOTALL
)


def as_markdown(frame: pl.DataFrame) -> str:
    """A table of Markdown; shares and means with three digits."""
    cells = [frame.columns, ["---"] * frame.width]
    for row in frame.iter_rows():
        cells.append([f"{v:.3f}" if isinstance(v, float) else str(v) for v in row])
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def test_all_questions_are_found() -> None:
    assert len(QUESTIONS) == PAGE.count("```sql") == 34


@pytest.mark.parametrize(("title", "sql", "shown"), QUESTIONS, ids=[q[0] for q in QUESTIONS])
def test_answer(published: Path, title: str, sql: str, shown: str) -> None:
    rows, answered = shown.count("\n") - 2, answer(published, sql)
    assert rows >= 1
    assert shown == as_markdown(answered.head(rows)), title
    assert answered.height == rows or title != "Which suspensions were open on a day?"


@pytest.fixture(scope="module")
def raw() -> pl.DataFrame:
    """UCDP's own rows up to May 2021, as known in June of that year.

    The copy of release 21.1 holds exact places alone (where_prec 1, 2) and no names of regions:
    coarser rows are those of 24.1, names too; exact ones of before 2021 that only 24.1 has were
    not known.
    """
    then, later = (
        pl.read_parquet(EMBEDDED / f"ucdp_ged_{release}.parquet") for release in ("21_1", "24_1")
    )
    end = pl.col("date_end")
    coarse_or_newer = later.join(then, on="id", how="anti").filter(
        end <= date(2021, 5, 31), (pl.col("where_prec") > 2) | (end >= date(2021, 1, 1))
    )
    names = later.select("id", named="adm_1")
    return (
        pl.concat([then, coarse_or_newer], how="diagonal_relaxed")
        .join(names, on="id", how="left")
        .with_columns(adm_1="named", year=end.dt.year(), month=end.dt.truncate("1mo"))
    )


def rows_of(title: str) -> list[list[str]]:
    """The rows that the page shows under a question."""
    (shown,) = (shown for question, _, shown in QUESTIONS if question.startswith(title))
    return [line.strip("| \n").split(" | ") for line in shown.splitlines()[2:]]


def test_analysts_questions_counted_again_from_the_source(raw: pl.DataFrame) -> None:
    """The same answers from UCDP's rows alone, by another library and by UCDP's own place names."""
    killed = raw.filter(type_of_violence=3)
    state = killed.filter(pl.col("side_a") == "Government of Burkina Faso")
    assert rows_of("How many civilians did state forces kill") == [
        [str(year), str(events), str(dead)]
        for year, events, dead in state.filter(country="Burkina Faso")
        .group_by("year")
        .agg(pl.len(), pl.col("deaths_civilians").sum())
        .sort("year", descending=True)
        .head(3)
        .iter_rows()
    ]
    tillaberi = killed.filter(pl.col("adm_1") == "Tillabéri region", pl.col("year") == 2021)
    assert rows_of("Who kills civilians in a region") == [
        [str(month), side, str(events), str(dead)]
        for month, side, events, dead in tillaberi.filter(pl.col("deaths_civilians") > 0)
        .group_by("month", "side_a")
        .agg(pl.len(), pl.col("deaths_civilians").sum())
        .sort("month", "side_a")
        .iter_rows()
    ]
    jihadist_in_benin = raw.filter(country="Benin", side_b="JNIM")
    assert ["Atakora", "Benin", "JNIM", str(jihadist_in_benin["date_end"].min())] == rows_of(
        "Where was the first attack ever"
    )[0][:4]
    for event_id, relid, day, _, dyad, deaths, precision in rows_of("Which report says so"):
        row = raw.row(by_predicate=pl.col("id") == int(event_id.partition(":")[2]), named=True)
        assert [row["relid"], str(row["date_end"]), row["dyad_name"]] == [relid, day, dyad]
        assert [row["best"], row["where_prec"]] == [int(deaths), int(precision)]
    by_name = raw.filter(year=2020).group_by("adm_1").agg(pl.len(), pl.col("best").sum())
    counts = {name: (str(events), str(dead)) for name, events, dead in by_name.iter_rows()}
    for region, *figures in rows_of("Which regions were deadliest"):
        assert counts[f"{region} region"] == tuple(figures)


def test_events_near_a_place_are_those_of_the_great_circle(published: Path) -> None:
    """Against the law of cosines, over all events; and across 180 degrees."""
    latitude, longitude, km = 14.5, -4.2, 120
    events = answer(published, "select event_id, latitude, longitude from events")
    at, of = np.radians([latitude, longitude]), np.radians(events["latitude", "longitude"])
    cosine = np.sin(at[0]) * np.sin(of[:, 0]) + np.cos(at[0]) * np.cos(of[:, 0]) * np.cos(
        of[:, 1] - at[1]
    )
    away = 6371 * np.arccos(np.clip(cosine, -1, 1))
    near = answer(published, f"from events_near({latitude}, {longitude}, {km})")
    assert near.height > 100
    assert set(near["event_id"]) == set(events.filter(pl.Series(away <= km))["event_id"])
    assert near["away_km"].is_sorted()
    nearest = dict(zip(events["event_id"], away, strict=True))
    assert max(abs(nearest[i] - d) for i, d in near["event_id", "away_km"].iter_rows()) < 0.06
    (same,) = answer(
        published, "select count(*) filter (away_km < 20300) from events_near(0, 180, 20100)"
    ).row(0)
    assert same == events.height


def test_a_side_is_counted_once_and_civilians_are_none(published: Path) -> None:
    events, sides, civilians, of_attacks = answer(
        published,
        "select (select count(*) + count(*) filter (violence_type <> 'one_sided') from events), "
        "(select count(*) from event_sides), "
        "(select sum(deaths_civilians_count) from events where violence_type = 'one_sided'), "
        "(select sum(deaths_civilians_attacked_count) from event_sides)",
    ).row(0)
    assert (events, civilians) == (sides, of_attacks)
    ranks = answer(published, "select distinct level, level_rank from flags order by level_rank")
    assert ranks.rows() == [("none", 0), ("watch", 1), ("warning", 2)]
    anybody = answer(
        published,
        "select sum(region_events_count)::bigint = (select count(*) from events where region_id "
        "is not null) from first_events where actor_name is null",
    )
    assert anybody.item()


@pytest.fixture(scope="module")
def chances(published: Path) -> dict[str, float]:
    """The highest chance by country, as the cookbook's SQL answers it."""
    (sql,) = (sql for title, sql, _ in QUESTIONS if title.startswith("What is the highest chance"))
    return dict(answer(published, sql).iter_rows())


def test_python_says_the_same(published: Path, tmp_path: Path, monkeypatch, chances) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "data" / "published").mkdir(parents=True)
    shutil.copy(published, tmp_path / "data" / "published")
    monkeypatch.chdir(tmp_path)
    defined: dict[str, pl.DataFrame] = {}
    exec(program, defined)
    assert dict(defined["chances"].iter_rows()) == chances


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="no R on this machine")
def test_r_says_the_same(published: Path, tmp_path: Path, chances) -> None:
    (program,) = re.findall(r"```r\n(.*?)```", PAGE, flags=re.DOTALL)
    export(published, tmp_path / "data" / "exports" / "csv", "csv", ["flags"])
    run = subprocess.run(
        ["Rscript", "-e", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    answers = dict(re.findall(r"([A-Z]{3})\s+(0\.\d+)", run.stdout))
    assert {c: pytest.approx(float(p), abs=1e-6) for c, p in answers.items()} == chances


def test_a_spreadsheet_says_the_same(published: Path, tmp_path: Path, chances) -> None:
    """The columns that the formula names, read back from the workbook."""
    (formula,) = re.findall(r"```text\n(=MAXIFS.*)\n```", PAGE)
    (book,) = export(published, tmp_path, "xlsx", ["flags"])
    sheet = pl.read_excel(book, sheet_name="flags")
    of, country, level = (
        sheet.columns[ord(letter) - ord("A")] for letter in re.findall(r"flags!(\w):", formula)
    )
    assert (of, country, level) == ("p_escalation", "country_code", "level")
    highest = sheet.filter(pl.col(level) != "none").group_by(country).agg(pl.col(of).max())
    assert dict(highest.iter_rows()) == pytest.approx(chances, rel=1e-14)  # a sheet keeps 16 digits


def test_the_panel_holds_the_indicators(published: Path) -> None:
    panel = answer(published, "from region_months where region_id = 'MLI.sikasso'")
    assert panel["month_start"].is_unique().all()
    assert panel.height == answer(
        published,
        "select count(*) from indicators where place_id = 'MLI.sikasso' "
        "and indicator = 'events_count'",
    ).item()  # fmt: skip
    may = panel.filter(pl.col("month_start") == pl.date(2021, 5, 1)).row(0, named=True)
    assert (may["events_count"], may["deaths_best_count"]) == (1.0, 5.0)
    assert may["civil_administrators_presence_share"] is None
    assert may["open_military_cooperation_suspensions_count"] == 2.0
    named = set(
        answer(published, "select distinct indicator from indicators").to_series().to_list()
    )
    assert named <= set(panel.columns)


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("selct 1", "syntax error at or near"),
        ("delete from flags", "read-only mode"),
        ("select no_such from flags", 'Referenced column "no_such" not found'),
        ("select region_name::int from flags", "Could not convert string"),
        (" ", "that is no question"),
    ],
)
def test_a_question_that_cannot_be_answered(published: Path, question: str, says: str) -> None:
    with pytest.raises(WarehouseError, match=says) as raised:
        answer(published, question)
    assert "\n" not in str(raised.value)


def test_csv_runs_nothing(published: Path) -> None:
    row = answer(published, "select '=1+1' as a, 'b' as b, '\\x01'::blob as c, -1 as d")
    assert escape_formulas(row).write_csv() == "a,b,c,d\n'=1+1,b,01,-1\n"
