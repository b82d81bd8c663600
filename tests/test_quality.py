"""The page about the data's quality: what a reader sees of good, bad and hostile results."""

import re
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from expectations.judge import RESULT_SCHEMA
from expectations.page import quality_page
from flows.glance import check_in_words
from warehouse.marts import check_counts
from warehouse.publish import publish_page

NIGHT = date(2021, 6, 25)
ROWS = [
    ("landing.ucdp_ged", "ExpectX: low best high in order", "low_best_high_in_order", "warning",
     False, 41, "id 7, low 3: high 2, <b>x</b>", "2026-11: a flaw: theirs"),
    ("landing.ucdp_ged", "ExpectY: 60 or more rows", None, "critical", False, None, "59",
     "2026-11: 100 rows were there before"),
    ("core.event", "ExpectZ: one of polygon, name in 90% of rows", "placed_by", "warning",
     True, 173, "event_id a, placed_by country", "2026-11: 5.7%"),
]  # fmt: skip
SOURCES = pl.DataFrame(
    {
        "source": ["ucdp_ged", "coups"],
        "is_stale": [False, False],
        "failure": ["ged.csv was refused. 1 critical", None],
        "max_age_days": [62, None],
        "newest_date": [date(2021, 5, 31), None],
        "rows_count": [3_997, 109],
        "quarantined_count": [2, 0],
    }
)


def counts(*nights: tuple[int, int | None]) -> pl.DataFrame:
    """Rows that broke one check on these days of June."""
    count_rows = [
        (date(2021, 6, day), *(("t", "e", "c", rows) if rows is not None else (None,) * 4))
        for day, rows in nights
    ]
    names = ["as_of_date", "table_name", "expectation", "column_name"]
    return pl.DataFrame(count_rows, schema=[*names, "unexpected_count"], orient="row")


def page(*nights: tuple[int, int | None]) -> str:
    checks = pl.DataFrame(ROWS, schema=RESULT_SCHEMA, orient="row")
    return quality_page(NIGHT, checks, SOURCES, counts(*nights), "tocsin.duckdb")


def test_what_failed_stands_first_with_rows_and_reason() -> None:
    html = page((25, 41))
    assert '3 checks: <b class="soft">2 did not hold</b>' in html
    critical, warning = html.index("<b>critical</b> landing.ucdp_ged, the table"), html.index(
        "<b>warning</b> landing.ucdp_ged, low_best_high_in_order: 41 rows"
    )  # fmt: skip
    assert critical < warning < html.index("<h2>Sources</h2>")
    assert "a flaw: theirs (since 2026-11)" in html
    assert "Seen: <code>59</code>" in html
    assert "<td>core.event, placed_by</td>" in html
    assert ">not renewed</span>" in html and "ged.csv was refused. 1 critical" in html
    assert "2 rows held out" in html
    assert "<br>2021-05-31<br>2 held out</td>" in html


def test_hostile_values_are_shown_and_nothing_is_loaded() -> None:
    html = page((25, 41))
    assert "<b>x</b>" not in html
    assert "&lt;b&gt;x&lt;/b&gt;" in html
    assert not any(sign in html for sign in ("http:", "https:", "<script", "src=", "@import"))


def test_least_and_most_of_the_nights_a_quiet_one_counts_zero() -> None:
    cells = '<td>t, c</td><td class="n">5</td><td class="n">{}</td><td class="n">9</td>'
    assert cells.format(5) in page((23, 9), (24, 7), (25, 5))
    assert cells.format(0) in page((23, 9), (24, None), (25, 5))
    assert "Over the last 3 nights" in page((23, 9), (24, None), (25, 5))
    assert "Over the last" not in page((25, 5))


def test_counts_of_two_nights(working) -> None:
    counts_by_night = check_counts(working, NIGHT, 30)
    assert counts_by_night["as_of_date"].unique().sort().to_list() == [date(2021, 6, 5), NIGHT]
    within = counts_by_night.filter(column_name="within_5_km_of_its_country")
    assert within["unexpected_count"].to_list() == [2, 2]
    assert check_counts(working, NIGHT, 1)["as_of_date"].unique().to_list() == [NIGHT]


def test_a_check_that_did_not_hold_in_one_line() -> None:
    rule, of_table, _ = (check_in_words(dict(zip(RESULT_SCHEMA, row, strict=True))) for row in ROWS)
    assert rule == (
        "warning, UCDP Georeferenced Event Dataset: low best high in order; 41 rows, seen: "
        "id 7, low 3: high 2, <b>x</b>"
    )
    assert of_table == (
        "critical, UCDP Georeferenced Event Dataset, table: 60 or more rows; seen: 59"
    )


def test_the_page_is_put_in_place_whole(tmp_path) -> None:
    publish_page(tmp_path / "quality.html", "a")
    publish_page(tmp_path / "quality.html", "b")
    assert [path.name for path in tmp_path.iterdir()] == ["quality.html"]
    assert (tmp_path / "quality.html").read_text("utf-8") == "b"


def test_the_documented_questions_over_nights(published) -> None:
    page = (Path(__file__).parents[1] / "docs" / "quality.md").read_text("utf-8")
    broken, rows = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    with duckdb.connect(published, read_only=True) as con:
        broken_checks = con.execute(broken).pl()
        assert broken_checks.filter(column_name="within_5_km_of_its_country").select(
            "as_of_date", "is_success", "unexpected_count"
        ).rows() == [(date(2021, 6, 5), False, 2), (NIGHT, False, 2)]
        # no delivery was judged on these two nights, so the same is asked of a core table
        assert con.execute(rows.replace("landing.%", "core.event")).fetchall() == [
            (date(2021, 6, 5), "core.event", 2961), (NIGHT, "core.event", 3008)
        ]  # fmt: skip
