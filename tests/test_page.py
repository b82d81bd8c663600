"""The situation page: its figures are the file's, in both languages, and it opens anywhere."""

import re
import shutil
import threading
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from alerts.wording.environment import environment
from config.files import put_in_place
from config.registry import thresholds
from flows.backtest import origin_of
from indicators.risk.scorecard import outcomes_by_level, tidy_frame
from page.mark import is_built, leave_mark
from page.news import news_facts
from page.renderer import Renderer
from page.site import HERE, build
from page.track_record import level_track_record
from warehouse.connect import WarehouseError
from warehouse.situation import situation

ROOT = Path(__file__).parent.parent
EARLIER, FOUNDING = date(2021, 6, 5), date(2021, 6, 25)
EVIL = '<script>alert("x")</script>'


class Reader(HTMLParser):
    """Rows of a page's tables by the cell, its texts by the block, what it links to.

    What is hidden until a script shows it is not there.
    """

    CELLS = ("td", "th")
    BLOCKS = ("h1", "h2", "h3", "p", "li", "title", "dd", "text")

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.texts: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.hidden: tuple[str, int] | None = None  # the element, and how deep in others like it
        self.feed(path.read_text("utf-8"))
        self.rows = [[" ".join(cell.split()) for cell in row] for row in self.rows]
        self.texts = [" ".join(text.split()) for text in self.texts]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.hidden:
            self.hidden = (self.hidden[0], self.hidden[1] + (tag == self.hidden[0]))
            return
        if "hidden" in dict(attrs):
            self.hidden = (tag, 1)
            return
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag == "tr":
            self.rows.append([])
        elif tag in self.CELLS:
            self.rows[-1].append("")
            self.open.append(tag)
        elif tag in self.BLOCKS:
            self.texts.append("")
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.hidden:
            element, depth = self.hidden
            depth -= tag == element
            self.hidden = (element, depth) if depth else None
        elif self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.hidden:
            return
        if self.open and self.open[-1] in self.CELLS:
            self.rows[-1][-1] += data
        elif self.open:
            self.texts[-1] += data


def ask(path: Path, question: str) -> list[tuple]:
    with duckdb.connect(path, read_only=True) as con:
        return con.execute(question).fetchall()


def percent(share: float) -> str:
    return f"{share * 100:.0f}%"


def test_flags_on_the_page_are_those_of_the_file(site: Path, published: Path) -> None:
    flags = ask(
        published,
        "select f.region_name, f.country_name, a.alert_level, f.p_escalation, f.intensity "
        "from alerts as a inner join flags as f using (region_id) where a.alert_level <> 'none' "
        "order by a.alert_level = 'alarm' desc, a.alert_level = 'warning' desc, "
        "list_position(['very_violent', 'violent', 'some', 'calm'], intensity), p_escalation desc",
    )
    page = Reader(site / "en" / "index.html")
    rows_on_page = [
        text for text in page.texts if re.match(r"[◆▲●] (ALARM|WARNING|WATCH) (?!of ).*%$", text)
    ]
    sign = {"warning": "▲", "watch": "●"}
    words = {"very_violent": "very violent", "violent": "violent", "some": "some violence"}
    assert rows_on_page == [
        f"{sign[f[2]]} {f[2].upper()} {words[f[4]]} {f[0]} {f[1]} {percent(f[3])}" for f in flags
    ]
    text = " ".join(page.texts)
    assert "A level does not say how violent a region is: it is the chance that violence there " \
        "doubles from 26 June to 23 September 2021. 14 regions of 104 have one: 5 at warning, " \
        "9 to watch." in text  # fmt: skip
    assert "; of the 10 deadliest 2 have none. How sure: in the back-test 24% of WARNING were " \
        "followed by an escalation; 29% of escalations came without a level." in text  # fmt: skip
    french = " ".join(Reader(site / "fr" / "index.html").texts)
    assert "Fiabilité : au test rétrospectif, 24 % des niveaux ALERTE ont été suivis d'une " \
        "escalade ; 29 % des escalades sont venues sans niveau." in french  # fmt: skip
    assert "Figures up to May 2021, as known on 25 June 2021." in text
    assert len(rows_on_page) == 14
    (people,) = ask(
        published,
        "select sum(population_count)::bigint, min(population_year), max(population_year) "
        "from alerts inner join regions using (region_id) where alert_level <> 'none'",
    )
    assert people == (29_285_167, 2009, 2024)
    assert "29,285,167 people live in regions with a level (figures of 2009 to 2024). A " in text
    assert text.count("No event for 241 days; the level stands because the bar fell") == 1
    assert "Whole countries, expected from 26 June to 25 July 2021 " in text
    assert "Mali: 18.5 events (8 times in 10 between 9 and 29), 108.9 deaths" in text
    regions = Reader(site / "en" / "regions.html").rows
    year = ask(
        published,
        "select r.region_name, sum(i.value)::int::varchar from indicators as i "
        "inner join regions as r on r.region_id = i.place_id "
        "where i.indicator = 'deaths_best_count' and i.place_level = 'region' "
        "and i.month_start > '2020-05-01' group by r.region_id, r.region_name order by r.region_id",
    )
    assert sorted((row[0], row[2]) for row in regions if row[0] != "Region") == sorted(year)


def test_silence_that_may_be_none_is_hatched_and_said(site: Path, published: Path) -> None:
    unsure = ask(published, "select region_id from flags where p_unreported_event >= 0.05")
    assert unsure == [("MLI.menaka",)]  # two of Mali's events of May lie in no known region
    index = (site / "en" / "index.html").read_text("utf-8")
    assert index.count('fill="url(#hatch-i-violent)"') == index.count('id="hatch-i-violent"') == 1
    assert "no event in May 2021, but a chance of 1 in 20 or more" in index
    assert "hatch-i-violent)" not in (site / "en" / "NER.html").read_text("utf-8")
    menaka = (site / "en" / "MLI.menaka.html").read_text("utf-8")
    assert menaka.count('fill="url(#hatch)"') == 2  # on both charts
    assert "No event on file in May 2021, against 1.4 events a month over the past twelve. " \
        "Quiet, or not yet on file: 1 in 8." in menaka  # fmt: skip
    assert "pas encore enregistré : 1 sur 8." in (site / "fr" / "MLI.menaka.html").read_text(
        "utf-8"
    )
    quiet = (site / "en" / "MLI.sikasso.html").read_text("utf-8")
    assert 'fill="url(#hatch)"' not in quiet and "not yet on file" not in quiet
    sources = Reader(site / "en" / "index.html").rows
    assert [row[3] for row in sources if len(row) == 7 and row[3] != ""][-8:] == [
        "not measured"
    ] * 8


def test_the_deadliest_have_words_of_their_own_whatever_their_level(
    site: Path, published: Path
) -> None:
    worst = ask(
        published,
        "select region_id, region_name, deaths_past12_count::varchar, intensity from flags "
        "order by deaths_past12_count desc limit 10",
    )
    words = {"very_violent": "very violent", "violent": "violent"}
    page = Reader(site / "en" / "index.html")
    lines = [text for text in page.texts if re.search(r" (very )?violent .*\d deaths$", text)]
    assert [line.removesuffix(" deaths").rsplit(" ", 1)[1] for line in lines] == [
        w[2] for w in worst
    ]
    for line, (region, name, _, intensity) in zip(lines, worst, strict=True):
        assert line.startswith(f"{name} ")
        assert f" {words[intensity]} " in line
        assert line.count("no level") == (region in ("MLI.mopti", "BFA.sahel"))
    html = (site / "en" / "index.html").read_text("utf-8")
    fills = re.findall(r'href="(\w{3}\.\w+)\.html"[^>]*><path[^>]*fill="var\(--i-(\w+)\)"', html)
    assert {place: dict(fills)[place] for place, *_ in worst} == {w[0]: w[3] for w in worst}
    signs = re.findall(r'<path[^>]*fill="var\(--(\w+)\)"[^>]*transform=|transform=[^>]*'
                       r'fill="var\(--(\w+)\)"', html)  # fmt: skip
    assert sorted(a or b for a, b in signs) == ["warning"] * 5 + ["watch"] * 9
    rows = Reader(site / "en" / "regions.html").rows
    assert ["Mopti", "very violent", "641", "95", "no level"] in [row[:5] for row in rows]


def test_the_choice_of_a_country_is_in_the_order_of_the_list(site: Path) -> None:
    for language in ("en", "fr"):
        html = (site / language / "regions.html").read_text("utf-8")
        choice = html.partition('id="by-country"')[2].partition("</select>")[0]
        names = re.findall(r'<option value="\w+">(.*?)</option>', choice)
        listed = re.findall(r'<a href="#[A-Z]{3}">(.*?)</a>', html)
        assert (names, names[1]) == (listed, "Burkina Faso")  # after Bénin


CODE_WORD = re.compile(r"\b[a-zA-Z0-9]+_[a-zA-Z0-9_]+\b(?!:\d)")
ENGLISH = re.compile(
    r"\b(events?|deaths?|the|and|with|months?|level|since|prefecture|commune of|warning|watch|"
    r"United States|government|rows?)\b"
)


def test_no_word_of_the_code_is_on_a_page_and_no_english_on_a_french_one(site: Path) -> None:
    entry = "ledger/2021-06-25-MLI.sikasso"
    for name in ("index", "regions", "MLI.sikasso", "MLI.mopti", "TGO.savanes", "BEN.zou", entry):
        for language in ("fr", "en"):
            html = (site / language / f"{name}.html").read_text("utf-8")
            body = re.sub(r"<script.*?</script>", "", html.partition("<body>")[2], flags=re.DOTALL)
            in_english = re.sub(r'<(\w+)[^>]* lang="en".*?</\1>', "", body, flags=re.DOTALL)
            tips = " ".join(re.findall(r"<title>(.*?)</title>", body))
            page_text = re.sub(r"<[^>]*>", " ", in_english if language == "fr" else body)
            assert CODE_WORD.findall(page_text + tips) == [], (language, name)
            if language == "fr":
                assert ENGLISH.findall(page_text + tips) == [], name


def test_the_ledger_lists_every_level_given_and_each_has_a_page(
    site: Path, published: Path
) -> None:
    rows = ask(published, "select ledger_id, region_name, window_events_count from ledger")
    assert len(rows) > 10
    for language in ("fr", "en"):
        page = Reader(site / language / "ledger.html")
        assert len(page.rows) == len(rows) + 1
        assert {f"ledger/{name}.html" for name, *_ in rows} <= set(page.links)
    entry = Reader(site / "en" / "ledger" / "2021-06-25-MLI.sikasso.html")
    words = " ".join(entry.texts)
    assert "Sikasso Mali, 25 June 2021 ▲ WARNING" in words
    assert "Figures up to 31 May 2021." in words
    assert ", events of release 24.1, boundaries 2021 vintage." in words
    assert "The window is not wholly known yet." in words
    entry = Reader(site / "fr" / "ledger" / "2021-06-25-MLI.sikasso.html")
    words = " ".join(entry.texts)
    assert "1 incident, 5 morts en mai 2021, contre 0,4 incident par mois" in words
    assert "Dernier incident connu : 30 mai 2021, cercle de Bougouni : 5 morts" in words
    assert ", incidents de la version 24.1, limites millésime 2021." in words
    earlier = Reader(site / "fr" / "ledger" / "2021-06-05-MLI.sikasso.html")  # told before May was
    assert "en avril 2021" in " ".join(earlier.texts)
    assert "cercle de Bougouni" not in " ".join(earlier.texts)


def test_a_figure_on_administrators_has_its_month_and_is_marked_when_old(site: Path) -> None:
    html = (site / "en" / "regions.html").read_text("utf-8")
    assert '27% <span class="old">(September 2019)</span>' in html  # Ségou
    assert '17% <span class="small">(February 2021)</span>' in html
    html = (site / "fr" / "regions.html").read_text("utf-8")
    assert "6 régions en ont un, de septembre 2019 à février 2021." in html
    assert html.count('fill="url(#hatch-c0)"') == 104 - 6  # no figure is not known


def test_events_in_no_region_are_said_and_listed(site: Path, published: Path) -> None:
    rows = ask(
        published,
        "select country_code, count(*), sum(deaths_best_count)::int from events "
        "where region_id is null and event_date between '2020-06-01' and '2021-05-31' "
        "group by all order by 1",
    )
    assert len(rows) == 2
    events, deaths = sum(row[1] for row in rows), sum(row[2] for row in rows)
    text = " ".join(Reader(site / "en" / "index.html").texts)
    assert f"In twelve months {events} more events, with {deaths} deaths, are known to a" in text
    for code, count, dead in rows:
        page = Reader(site / "fr" / f"{code}.html")
        text = " ".join(page.texts)
        assert f"En douze mois, {count} incidents de plus, avec {dead} morts" in text
    assert "#unplaced" not in (site / "fr" / "TGO.html").read_text("utf-8")


def test_a_country_has_a_page_with_its_regions_and_nobody_elses(site: Path) -> None:
    mali = Reader(site / "en" / "MLI.html")
    rows = {row[0]: row for row in mali.rows if len(row) == 7}
    assert len(rows) == 11  # with the head of the table
    assert rows["Mopti"][1:3] == ["very violent", "641"]
    assert "Tillabéri" not in " ".join(mali.texts)
    assert any(text.startswith("Mali: ") and "events (8 times in 10" in text for text in mali.texts)
    assert mali.links.count("MLI.sikasso.html") >= 3  # map, level, table
    assert "MLI.html" in Reader(site / "fr" / "MLI.sikasso.html").links


def test_of_a_large_area_countries_come_first_and_nothing_is_left_out(
    published: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("page.site.REGIONS_ON_ONE_PAGE", 50)
    monkeypatch.setattr("page.site.FLAGGED_SHOWN", 2)
    folder = build(published, tmp_path / "page").parent
    with_level = ask(
        published,
        "select left(region_id, 3), count(*) from alerts_as_of('2021-06-25') "
        "where alert_level <> 'none' group by all order by 1",
    )
    first, countries = Reader(folder / "en" / "index.html"), Reader(folder / "en" / "regions.html")
    assert f"{sum(n for _, n in with_level)} regions of 104 have one" in " ".join(first.texts)
    left_out = sum(n for _, n in with_level) - 2
    assert f"{left_out} more regions have a level" in " ".join(first.texts)
    assert {f"{code}.html#flags" for code, _ in with_level} <= set(first.links)
    assert "MLI.kidal.html" not in Reader(folder / "en" / "signals.html").links
    of_country = {row[0]: row for row in countries.rows[1:]}
    assert sum(int(row[-1]) for row in of_country.values()) == 104
    assert sum(int(row[-2]) for row in of_country.values()) == sum(n for _, n in with_level)
    assert Reader(folder / "fr" / "regions.html").rows[1][0] == "Bénin"  # before Burkina
    assert all(
        (folder / "en" / link.partition("#")[0]).exists()
        for link in first.links
        if link[-5:] == "html"
    )


def test_figures_of_a_region_are_those_of_the_file(site: Path, published: Path) -> None:
    rows = Reader(site / "en" / "MLI.sikasso.html").rows
    years = ask(
        published,
        "select year(event_date)::varchar, count(*)::varchar, "
        "count(*) filter (violence_type = 'one_sided')::varchar, sum(deaths_best_count)::varchar "
        "from events where region_id = 'MLI.sikasso' group by 1 order by 1 desc",
    )
    assert [(r[0], r[1], r[4], r[8]) for r in rows if len(r) == 9 and r[0].isdigit()] == years
    assert years[0] == ("2021", "3", "1", "7")
    forecast = ask(
        published,
        "select strftime(window_start_date, '%-d %B %Y'), round(events_mean, 2)::varchar, "
        "events_q90::int::varchar, round(p_any_event * 100)::int || '%' from forecasts "
        "where region_id = 'MLI.sikasso' and model = 'combined' order by horizon_months",
    )
    level_bar = [
        (r[0].partition(" – ")[0], r[1], r[7], r[9]) for r in rows if len(r) == 13 and "20" in r[0]
    ]
    assert level_bar == forecast
    assert len(level_bar) == 6
    drivers = ask(
        published,
        "select round(contribution_events, 2)::varchar from flag_drivers where region_id = "
        "'MLI.sikasso' and contribution_events is not null order by driver_rank",
    )
    assert [r[1].removesuffix(".0") for r in rows if len(r) == 4 and r[0] != "Driver"][:-1] == [
        value.removesuffix(".0") for (value,) in drivers
    ]
    assert ["25 June 2021", "▲ WARNING", "raised", "news", "25%"] in rows
    assert ["5 June 2021", "● WATCH", "new", "news", "18%"] in rows
    level_bar = r'fill="var\(--(\w+)\)"[^>]*><title>2021-06-\d\d: (\d+%)<'
    page = (site / "en" / "MLI.sikasso.html").read_text("utf-8")
    assert re.findall(level_bar, page) == [("watch", "18%"), ("warning", "25%")]


def test_residents_have_their_year_and_rates_by_them(site: Path) -> None:
    """Sikasso: 15 deaths and 5 events in twelve months, 3,257,816 residents."""
    english = " ".join(Reader(site / "en" / "MLI.sikasso.html").texts)
    assert "3,257,816 residents (2018); for every 100,000 of them in twelve months, deaths: " \
        "0.46, events: 0.15." in english  # fmt: skip
    unknown = " ".join(Reader(site / "en" / "GNB.gabu.html").texts)
    assert "How many people live here is not known." in unknown
    assert "for every 100,000" not in unknown


def test_what_is_missing_is_said(site: Path) -> None:
    french = " ".join(Reader(site / "fr" / "MLI.sikasso.html").texts)
    assert "Aucun chiffre n'est connu pour cette région." in french
    assert "Mesures visant le pays, coups d'État" in french
    quiet = " ".join(Reader(site / "en" / "BEN.zou.html").texts)
    assert "No event is on file for this region. That is no proof that nothing happened" in quiet
    assert "Ten years on one axis" not in quiet


def test_what_a_level_is_worth_without_a_back_test(site: Path) -> None:
    followed = thresholds()["followed"]
    had, came = followed["alarm"]["region_months"], followed["alarm"]["escalated"]
    missed = followed["none"]["escalated"]
    every = sum(followed[level]["escalated"] for level in ("none", "watch", "warning", "alarm"))
    first, last = (followed[f"origins_{end}"] for end in ("from", "until"))
    months = 12 * (last.year - first.year) + last.month - first.month + 1
    english = " ".join(Reader(site / "en" / "index.html").texts)
    assert f"Tested on {months} past months ({first:%B %Y} to {last:%B %Y}) in 104 regi" in english
    assert f"◆ ALARM of {had} region-months, {came} were followed by an escalation (" in english
    assert (
        f"of {every} escalations, {missed} ({percent(missed / every)}) came without one" in english
    )
    assert "none was run here yet" in english
    french = " ".join(Reader(site / "fr" / "index.html").texts)
    assert f"◆ ALARME sur {had} mois-régions, {came} suivis d'une escalade ({came / had:.0%}" \
        .removesuffix("%") in french  # fmt: skip


def test_what_tocsin_comes_with_is_what_its_back_test_found() -> None:
    page_text = (ROOT / "docs" / "scorecard.md").read_text("utf-8")
    followed = thresholds()["followed"]
    first, last = (origin_of(followed[end]).night for end in ("origins_from", "origins_until"))
    assert f"Nights {first} to {last}," in page_text
    flagged = escalated = 0
    came = sum(followed[level]["escalated"] for level in ("none", "watch", "warning", "alarm"))
    for level in ("alarm", "warning", "watch"):  # the page counts a level or a graver one
        flagged += followed[level]["region_months"]
        escalated += followed[level]["escalated"]
        shares = f"{escalated / flagged:.3f} | {escalated / came:.3f}"
        assert f"| level {level} or above | {flagged} | {shares} |" in page_text


def test_a_back_test_run_here_is_told() -> None:
    chances = np.array([[0.0, 0.15, 0.34], [0.0, 0.0, 0.34]])
    came = np.array([[True, False, True], [False, False, False]])
    rows = tidy_frame(outcomes_by_level(chances, came)).with_columns(
        origins_from=pl.lit(date(2023, 11, 1)),
        origins_until=pl.lit(date(2023, 12, 1)),
        known_until=pl.lit(date(2026, 1, 1)),
    )
    record = level_track_record(rows)
    assert list(record.levels) == ["alarm", "warning", "watch", "none"]
    assert record.levels["alarm"] == {"region_months": 2, "escalated": 1}
    assert record.levels["warning"] == {"region_months": 0, "escalated": 0}
    assert (record.months, record.regions, record.known_until) == (2, 3, date(2026, 1, 1))
    assert (record.flagged, record.hits, record.escalated) == (3, 1, 2)


def test_a_past_night_hostile_names_and_an_older_ledger(published: Path, tmp_path: Path) -> None:
    path = tmp_path / "tocsin.duckdb"
    shutil.copy(published, path)
    with duckdb.connect(path) as con:
        con.execute("update regions set region_name = $1 where region_id = 'MLI.gao'", [EVIL])
        for table in ("flags", "past_flags"):
            con.execute(f"update {table} set region_name = $1 where region_id = 'MLI.gao'", [EVIL])
            con.execute(f"update {table} set is_stale = true")
        con.execute("update events set actor_a = $1, source_admin2_name = $1", [EVIL])
        con.execute("update suspensions set actor = $1, what = $1", [EVIL])
        con.execute("update sources set licence = $1, flaws = $1, title = $1", [EVIL])
        con.execute(
            "insert into scorecard select 'level', part, 3, 'combined', measure, "
            "if(measure = 'escalated', 1, 2), null, null, "
            "'2020-01-01', '2020-02-01', '2026-11-25' "
            "from unnest(['alarm', 'warning', 'watch', 'none']) as p(part), "
            "unnest(['region_months', 'escalated']) as m(measure)"
        )
        con.execute("alter table ledger drop column escalation_night")
        con.execute("update ledger set outcome = 'did_not_come'")
        con.execute("update ledger set outcome = 'came' where ledger_id = '2021-06-05-MLI.sikasso'")
    build(path, tmp_path / "page", EARLIER)
    for file in (tmp_path / "page").rglob("*.html"):
        assert "<script>" not in file.read_text("utf-8"), file
    page = Reader(tmp_path / "page" / "fr" / "index.html")
    text = " ".join(page.texts)
    assert "Situation au 5 juin 2021" in text
    assert EVIL in text
    assert "Les chiffres sont trop anciens pour alerter : le dernier mois complet est" in text
    assert "Éprouvé sur 2 mois passés (janvier 2020 à février 2020) dans 4 régions" in text
    assert "tel que connu le 25 novembre 2026." in text
    assert "VIGILANCE sur 2 mois-régions, 1 suivi d'une escalade (50 %)" in text
    assert "sur 4 escalades, 1 (25 %) est venue sans niveau." in text
    ledger = " ".join(Reader(tmp_path / "page" / "fr" / "ledger.html").texts)
    assert "1 escalade : 1 après un tel niveau, 0 sans avertissement" in ledger
    assert re.search(r"VIGILANCE 1 sur \d+ suivi d'une escalade", ledger)
    assert any(t.startswith("● VIGILANCE peu violent Sikasso Mali") for t in page.texts)
    assert "30 mai 2021" not in " ".join(Reader(tmp_path / "page/fr/MLI.sikasso.html").texts)
    assert "Banque mondiale" not in text  # suspended on 4 June, known on 5 June, renamed above
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".page")]


def test_a_night_or_file_that_is_not_there(published: Path) -> None:
    with pytest.raises(WarehouseError, match=r"the night of 2021-06-10 is not in .* 'tocsin nigh"):
        situation(published, date(2021, 6, 10), [])
    older = published.with_name("older.duckdb")
    with duckdb.connect(older) as con:
        con.execute("create table nights as select date '2021-06-25' as as_of_date")
    with pytest.raises(WarehouseError, match=r"written by another Tocsin \(.*; run 'tocsin nigh"):
        situation(older, None, [])
    with pytest.raises(WarehouseError, match="nothing is published at"):
        situation(published.with_name("none.duckdb"), None, [])


def test_a_reader_finds_the_old_site_or_the_new_one(tmp_path: Path) -> None:
    contents: list[str] = []
    is_done = threading.Event()

    def read() -> None:
        while not is_done.is_set():
            try:
                contents.append((tmp_path / "page" / "index.html").read_text())
            except OSError as error:
                contents.append(str(error))

    reader = threading.Thread(target=read)
    for number in range(200):
        part = tmp_path / "part"
        part.mkdir()
        (part / "index.html").write_text(f"{number}")
        put_in_place(part, tmp_path / "page")
        if number == 0:
            reader.start()
        shutil.rmtree(part, ignore_errors=True)
    is_done.set()
    reader.join()
    assert len(set(contents)) > 10
    assert all(text.isdigit() for text in contents)
    assert [int(text) for text in contents] == sorted(int(text) for text in contents)


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", "ACLED events: 15 September 2026, stale, could not be renewed (before: 7 September "
         "2026)."),
        ("fr", "Événements ACLED : 15 septembre 2026, périmée, n'a pas pu être actualisée "
         "(avant : 7 septembre 2026)."),
    ],
)  # fmt: skip
def test_releases_are_named_for_readers(language: str, says: str) -> None:
    """A version of ACLED's is the instant of its newest edit, and what only a program reads."""
    news = {
        "news_kind": "source", "region_id": None, "source": "acled_events",
        "value_before": "1788739200 0a1b2c3d",
        "value_now": "1789430400 0a1b2c3d 2025-11-24, stale, not renewed",
    }  # fmt: skip
    facts = news_facts(pl.DataFrame([news], schema_overrides={"region_id": pl.String}))
    shown = {"news": facts, "titles": {"acled_events": "ACLED events"}}
    words = (
        environment(HERE / "templates", language, is_mail=False)
        .get_template("lists.j2")
        .make_module(shown)
        .what_is_new()
    )
    assert f"<li>{says}</li>" in str(words).replace("\N{NO-BREAK SPACE}", " ")


def test_a_site_beside_the_file_is_built_once_and_links_to_it(published: Path, tmp_path) -> None:
    path = tmp_path / "tocsin.duckdb"
    shutil.copy(published, path)
    (tmp_path / "quality.html").write_text("all checks")
    site = tmp_path / "page"
    build(path, site, FOUNDING)
    links = Reader(site / "fr" / "index.html").links
    assert {"../../tocsin.duckdb", "../../quality.html"} <= set(links)
    assert "../../tocsin.duckdb" in Reader(site / "en" / "MLI.gao.html").links
    first = (site / "index.html").stat().st_ino

    def is_left_alone() -> bool:
        build(path, site, FOUNDING)
        return (site / "index.html").stat().st_ino == first

    assert is_left_alone()
    (site / "en" / "MLI.gao.html").unlink()
    assert not is_left_alone()
    assert (site / "en" / "MLI.gao.html").exists()


def test_what_a_site_was_built_from(tmp_path: Path) -> None:
    file, site = tmp_path / "tocsin.duckdb", tmp_path / "page"
    site.mkdir()
    file.write_text("a night")
    (site / "index.html").write_text("its page")
    assert not is_built(site, ("2021-06-25", file))
    leave_mark(site, ("2021-06-25", file))
    assert is_built(site, ("2021-06-25", file))
    assert not is_built(site, ("2021-06-26", file))
    (site / "index.html").write_text("her page")
    assert not is_built(site, ("2021-06-25", file))
    leave_mark(site, ("2021-06-25", file))
    file.write_text("another")
    assert not is_built(site, ("2021-06-25", file))


def test_a_renderer_that_dies_stops_the_build_in_words() -> None:
    with Renderer() as renderer, pytest.raises(WarehouseError, match="could not be drawn"):
        renderer.draw("no specification", {}).result()


def test_what_is_not_a_page_is_left_alone(published: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(WarehouseError, match="holds something else; name a folder of its own"):
        build(published, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_the_registers_of_a_past_night(published: Path) -> None:
    earlier = situation(published, EARLIER, [])
    opened = earlier.suspensions.filter(status="open", country_code="MLI")["actor"].to_list()
    assert opened == ["World Bank", "France", "European Union", "United States"]
    assert earlier.coups["coup_date"].max() == date(2021, 5, 21)
    assert earlier.events["event_date"].max() <= date(2021, 4, 30)


def test_a_site_is_small_whole_and_asks_nothing_of_other_hosts(site: Path) -> None:
    assert sorted(p.name for p in site.iterdir()) == [
        ".built",
        "en",
        "fr",
        "index.html",
        "latest.json",
        "latest.schema.json",
        "script.js",
        "style.css",
    ]
    assert [p.name for p in site.parent.iterdir()] == ["page"]
    names = ("fr/index.html", "style.css", "script.js")
    first = sum((site / name).stat().st_size for name in names)
    assert first < 200_000
    assert max(p.stat().st_size for p in site.rglob("*.html")) < 300_000
    for file in site.rglob("*.html"):
        for link in Reader(file).links:
            path = link.partition("#")[0]
            assert link == "data:," or not path or (file.parent / path).exists(), (file, link)
