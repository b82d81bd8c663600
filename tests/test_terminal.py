"""What a terminal of 80 signs shows: whole words, one line a region, nothing of the code."""

import re
from dataclasses import replace
from datetime import date
from io import StringIO

import polars as pl
import pytest
from rich.console import Console

from alerts.delivery import MailOutcome
from expectations.judge import judge
from flows.cli.ask import cell_in_words
from flows.glance import check_in_words, print_night
from flows.report import Report, with_alert_level
from flows.terminal import Heading, listing, paragraph

NIGHT = date(2021, 6, 25)
# Ids of events stay whole, and settings are there to be typed.
CODE_WORD = re.compile(r"\b(?!TOCSIN_)[a-zA-Z0-9]+_[a-zA-Z0-9_]+\b(?!:\d)")


def console(width: int = 80) -> Console:
    return Console(file=StringIO(), width=width, color_system=None)


def lines(shown: Console) -> list[str]:
    assert isinstance(shown.file, StringIO)
    return [line.rstrip() for line in shown.file.getvalue().splitlines()]


@pytest.fixture(scope="module")
def report(night) -> Report:
    tables = night(NIGHT)
    failed = {
        "severity": "warning", "table_name": "mart.source_status", "column_name": "is_renewed",
        "is_success": False, "unexpected_count": 1,
        "expectation": "ExpectColumnValuesToBeInSet: one of False", "observed": "True",
    }  # fmt: skip
    checks = pl.concat([judge({}), pl.DataFrame([failed])], how="diagonal_relaxed")
    return Report(
        news=pl.DataFrame({"news_kind": ["level", "coup"], "source": [None, "powell_thyne_coups"]}),
        night_before=date(2021, 6, 5),
        flags=with_alert_level(tables["mart.flag"], tables["mart.alert"]),
        drivers=tables["mart.flag_driver"],
        sources=tables["mart.source_status"],
        checks=checks,
        failures={"ucdp_ged": "ucdp_ged: https://example.org cannot be reached"},
        deliveries=[],
        sources_off=["ACLED events"],
        readers_count=2,
        remarks=[],
        reports_waiting_count=3,
    )


@pytest.mark.parametrize("why", [False, True])
def test_a_night_fits_and_is_one_line_a_region(report, why) -> None:
    shown = console()
    print_night(report, shown, "/srv/tocsin.duckdb", why)
    said = lines(shown)
    text = "\n".join(said)
    assert max(len(line) for line in said if "https://" not in line) <= 80  # they stay whole
    assert re.search(r"^warning +Sikasso \(MLI\) +some violence +25% +up from 19%$", text, re.M)
    assert len(re.findall(r"^(?:alarm|warning|watch) .*%", text, re.M)) == 14
    assert "from 26 June to 23 September 2021" in text
    assert "Mopti (MLI) 641" in text  # the deadliest has no level
    assert CODE_WORD.findall(text) == []
    reasons = " ".join(text.split())
    assert "UCDP Georeferenced Event Dataset: https://example.org cannot be reached" in reasons
    sikasso = reasons.partition("Sikasso (MLI): 1 event and 5 deaths in 2021-05")[2]
    assert bool(sikasso) == why
    if why:
        assert "25%, up from 19% a month earlier. Main driver: own events of the past" in sikasso
        assert "Administrators at their posts: no figure." in sikasso
    assert "administrators missing" not in text
    assert " > " not in text
    assert not re.search(r"\b1 events", text)


def test_the_age_of_a_source_is_counted_from_the_day_beside_it(report) -> None:
    shown = console()
    print_night(report, shown, "/srv/tocsin.duckdb")
    rows = re.findall(r" (\d{4}-\d\d-\d\d) +(\d+) +0  ok$", "\n".join(lines(shown)), re.M)
    assert rows == [
        ("2021-05-31", "25"),  # UCDP
        ("2021-03-27", "90"),  # administrators: their newest figure is of 28 February 2021
        ("2021-06-04", "21"),  # of the others the newest row
        ("2021-05-21", "35"),
        ("2021-05-06", "50"),
    ]


FOLDER = "/srv/tocsin data/of the institute for peace and security in the Sahel"
CAUSE = "cannot send by mail.example.org:587 (Name or service not known); check TOCSIN_SMTP_*"


def test_mails_fit_and_the_path_of_one_stands_alone(report) -> None:
    mails = [
        MailOutcome("analyst@example.org", "written", f"{FOLDER}/2021-06-25-analyst.eml"),
        MailOutcome("veille@example.org", "waits", CAUSE),
    ]
    shown = console()
    print_night(replace(report, deliveries=mails), shown, "/srv/tocsin.duckdb")
    assert lines(shown)[-4:] == [
        "Mail to analyst@example.org: written",
        f"  {FOLDER}/2021-06-25-analyst.eml",
        "Mail to veille@example.org: waits, cannot send by mail.example.org:587 (Name or",
        "service not known); check TOCSIN_SMTP_*",
    ]


def test_paragraphs_wrap_at_blanks_alone() -> None:
    shown = console(30)
    address = "https://example.org/a-release/of-ucdp/ged241-csv.zip"
    paragraph(shown, f"Events: {address} cannot\nbe reached [404]", 2, alarming="NOT RENEWED")
    assert lines(shown) == [
        "  NOT RENEWED Events:", f"  {address}", "  cannot", "  be reached [404]",
    ]  # fmt: skip


def test_what_is_new_is_said_first(report) -> None:
    shown = console()
    print_night(report, shown, "/srv/tocsin.duckdb")
    first = " ".join(lines(shown)[:3])
    assert first.startswith(
        "New since the night of 2021-06-05: 1 level changed, 0 events added, 0 changed, 0 "
        "withdrawn, 0 signals in another state, 1 entry of registers."
    )


def test_a_level_that_stands_though_figures_undercut_it_is_the_one_mailed(report) -> None:
    sikasso = pl.col("region_id") == "MLI.sikasso"
    flags = report.flags.with_columns(
        level_of_month=pl.when(sikasso).then(pl.lit("watch")).otherwise("level_of_month")
    )
    shown = console()
    print_night(replace(report, flags=flags), shown, "/srv/tocsin.duckdb")
    said = lines(shown)
    assert any(re.match(r"warning\s+Sikasso \(MLI\)", line.strip()) for line in said)
    assert "Tonight's figures alone would say: Sikasso watch." in "\n".join(said)


def test_a_check_is_told_in_words() -> None:
    check = {
        "severity": "warning", "table_name": "landing.ucdp_ged", "column_name": "where_prec",
        "unexpected_count": 1, "expectation": "X: from 1 to 7", "observed": "event_id "
        "ucdp_ged:313762, where_prec 9",
    }  # fmt: skip
    assert check_in_words(check) == (
        "warning, UCDP Georeferenced Event Dataset, where prec: from 1 to 7; 1 row, seen: event id "
        "ucdp_ged:313762, where prec 9"
    )


ROWS = [("Boucle du Mouhoun (BFA)", "2026-11-25 19:40", "BFA.boucle_du_mouhoun", "")] * 2
HEADINGS = (Heading("region"), Heading("since"), Heading("id", spare=1), Heading("muted"))


@pytest.mark.parametrize("width", [30, 50, 80, 120])
def test_words_and_dates_are_whole_at_every_width(width) -> None:
    shown = console(width)
    listing(shown, HEADINGS, ROWS)
    words = " ".join(lines(shown)).split()
    for whole in ("Boucle", "Mouhoun", "(BFA)", "2026-11-25", "19:40"):
        assert words.count(whole) == 2, whole
    assert "muted" not in words  # nothing is in that column
    assert words.count("BFA.boucle_du_mouhoun") in (0, 2)


def test_what_does_not_fit_stands_below_each_other() -> None:
    shown = console()
    address = "https://example.org/" + "a" * 90
    listing(
        shown,
        [Heading("region_name"), Heading("url"), Heading("share")],
        [
            ("Sikasso", address, cell_in_words(0.23994934673369753)),
            ("Gao", "-", cell_in_words(None)),
        ],
    )
    assert lines(shown) == [
        "region_name: Sikasso", f"url: {address}", "share: 0.2399", "",
        "region_name: Gao", "url: -", "share: -", "",
    ]  # fmt: skip


def test_a_list_fits_in_one_line_a_row_where_that_is_asked() -> None:
    shown = console(48)
    listing(shown, HEADINGS, ROWS, is_one_line=True)
    assert lines(shown) == [
        "region                   since",
        "Boucle du Mouhoun (BFA)  2026-11-25 19:40",
        "Boucle du Mouhoun (BFA)  2026-11-25 19:40",
    ]
