"""The built page in a real Chromium: reachable by links and keys, silent, alone, accessible."""

import csv
import email
import json
import re
import shutil
from collections.abc import Iterator
from datetime import date
from email.policy import default
from pathlib import Path

import axe_playwright_python
import duckdb
import polars as pl
import pytest
from PIL import Image, ImageColor
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from alerts.delivery import digest_message
from config.recipients import Recipient
from flows.mail_steps import digest_of
from flows.preview import html_with_pictures
from page.pictures import past_year_sums
from warehouse.situation import situation

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
PAGES = (
    "ledger.html",
    "ledger/2021-06-25-MLI.sikasso.html",
    "MLI.html",
    "index.html",
    "nights.html",
    "regions.html",
    "MLI.sikasso.html",
    "MLI.mopti.html",
    "BEN.zou.html",
)

FOUNDING, EARLIER = date(2021, 6, 25), date(2021, 6, 5)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine; apt-get install chromium"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A phone's page; at its end nothing was complained of and no other host was asked."""
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    yield page
    context.close()
    assert said == []
    assert asked
    assert [url for url in asked if not url.startswith(("file:///", "data:"))] == []


def test_from_the_first_page_to_a_region_and_its_other_language(page: Page, site: Path) -> None:
    page.goto((site / "index.html").as_uri())
    page.wait_for_url("**/fr/index.html")
    assert page.title() == "Tocsin – Situation au 25 juin 2021"
    flags = page.locator("section[aria-labelledby=flags]")
    flags.get_by_role("link", name="Sikasso", exact=True).click()
    assert page.url.endswith("/fr/MLI.sikasso.html")
    assert page.get_by_role("heading", level=1).inner_text() == "Sikasso Mali ▲ ALERTE peu violent"
    page.get_by_role("link", name="English").click()
    assert page.url.endswith("/en/MLI.sikasso.html")
    assert (
        page.get_by_role("heading", level=1).inner_text() == "Sikasso Mali ▲ WARNING some violence"
    )
    page.get_by_role("link", name="Overview").click()
    assert page.title() == "Tocsin – Situation on 25 June 2021"


def test_map_leads_to_regions_and_names_them(page: Page, site: Path) -> None:
    page.goto((site / "en" / "index.html").as_uri())
    region = page.locator('svg a[*|href="MLI.kidal.html"] path')
    assert region.locator("title").text_content() == "Kidal"
    assert page.locator("svg a").count() == 104
    fill = region.evaluate("mark => getComputedStyle(mark).fill")
    assert fill == "rgb(125, 91, 171)"  # violent
    sign = page.locator('svg path[transform][fill="var(--warning)"]')
    assert sign.count() == 5
    around = page.locator('svg path[stroke-width="0.7"]')  # borders beyond the area, below its own
    assert around.bounding_box()["width"] > 250
    region.click()
    assert page.title().startswith("Tocsin – Kidal (Mali)")


def test_keys_alone_reach_what_a_pointer_shows(page: Page, site: Path) -> None:
    page.goto((site / "en" / "MLI.sikasso.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    bars = page.locator("svg path title").all_text_contents()
    assert "2021-05: 1" in bars  # one event
    assert "2021-05: 5" in bars  # five deaths
    months = page.locator("summary", has_text="The last two years by month")
    row = page.get_by_role("row", name="May 2021")
    assert row.count() == 0
    months.focus()
    page.keyboard.press("Enter")
    assert row.inner_text().split() == ["May", "2021", "1", "1", "0", "0", "5", "4"]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_ten_deadliest_are_on_the_first_screen_of_a_phone(page: Page, site, language) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto((site / language / "index.html").as_uri())
    gravest = page.locator("section[aria-labelledby=gravest] li")
    assert [gravest.nth(i).bounding_box()["height"] >= 44 for i in range(gravest.count())] == [
        True
    ] * 3
    rows = page.locator(".deadliest li")
    assert rows.count() == 10
    assert all(rows.nth(i).bounding_box()["height"] >= 28 for i in range(10))
    last = rows.nth(9).bounding_box()
    assert last["y"] + last["height"] <= 844


def test_no_page_is_wider_than_a_phone(page: Page, site: Path) -> None:
    for name in PAGES:
        page.goto((site / "fr" / name).as_uri())
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, name


def test_two_regions_side_by_side_fit_a_phone(page: Page, site: Path) -> None:
    for language in ("fr", "en"):
        page.goto((site / language / "regions.html").as_uri() + "#a=MLI.gao&b=MLI.kidal")
        facts = page.locator("#facts")
        expect(facts.get_by_role("link", name="Kidal")).to_be_visible()
        assert facts.evaluate("part => part.scrollWidth <= part.clientWidth"), language


def grave(tab: Page, name: str) -> list[tuple]:
    """What axe finds serious or critical on a page."""
    tab.evaluate(AXE.read_text("utf-8"))
    report = tab.evaluate("axe.run({resultTypes: ['violations']})")  # of what passes one node each
    assert len(report["passes"]) > 15
    return [
        (name, rule["id"], rule["nodes"][0]["html"])
        for rule in report["violations"]
        if rule["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize(("scheme", "language"), [("light", "fr"), ("dark", "en")])
def test_accessible(browser: Browser, site: Path, scheme, language) -> None:
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    tab = context.new_page()
    for name in PAGES:
        tab.goto((site / language / name).as_uri())
        assert grave(tab, name) == []
    context.close()


@pytest.mark.parametrize(("scheme", "language"), [("light", "fr"), ("dark", "en")])
def test_a_mail_is_accessible_and_fits_a_phone(
    browser: Browser, warehouse_con, night, scheme, language
) -> None:
    day = date(2021, 6, 25)
    digest = digest_of(warehouse_con, night(day), day, "tocsin.duckdb")
    mail = digest_message(digest, {"MLI.sikasso": "watch"}, Recipient("a@example.org", language),
                   "Tocsin <t@example.org>", "mailto:t@x.org")  # fmt: skip
    html = html_with_pictures(email.message_from_bytes(mail.as_bytes(), policy=default))
    context = browser.new_context(color_scheme=scheme, viewport={"width": 390, "height": 800})
    tab = context.new_page()
    tab.set_content(html)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    loaded = "[...document.images].map(i => i.naturalWidth > 0 && i.alt.length > 10)"
    assert tab.evaluate(loaded) == [True] * 6
    assert grave(tab, "mail") == []
    context.close()


def regions_found(page: Page) -> list[str]:
    return page.locator("#found tbody th a").all_inner_texts()


def count_said(page: Page) -> str:
    return page.locator("#found p[aria-live]").inner_text()


@pytest.mark.parametrize(
    ("typed", "place", "spelling"),
    [
        ("Badiangara", "Mopti", "as “Badiangara”"),  # a spelling of the registers
        ("SEGOU", "Ségou", None),  # neither accents nor case count
        ("yorosso", "Sikasso", "as “Yorosso cercle”"),  # a district
        ("Bandiagarra", "Mopti", "as “Bandiagara”"),  # nearly
        ("Tombuctou", "Tombouctou", None),
    ],
)
def test_a_region_is_found_by_any_spelling(page: Page, site: Path, typed, place, spelling) -> None:
    page.goto((site / "en" / "index.html").as_uri())
    page.get_by_label("Region or district").focus()
    page.keyboard.type(typed)
    page.keyboard.press("Enter")
    page.wait_for_url("**/regions.html#q=*")
    assert place in regions_found(page)
    row = page.locator("#found tbody tr", has_text=place).first
    assert spelling is None or spelling in row.inner_text()
    assert count_said(page).startswith(f"Regions: {len(regions_found(page))} of 104.")
    expect(page.locator("#whole")).to_be_hidden()


def test_what_is_not_found_is_said_and_all_comes_back(page: Page, site: Path) -> None:
    page.goto((site / "en" / "regions.html").as_uri())
    page.get_by_label("Region or district").focus()
    page.keyboard.type("Xyzzyx")
    assert count_said(page).startswith(
        "Regions: 0 of 104. No region or district on file is called so."
    )
    page.get_by_role("button", name="Show all").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#whole")).to_be_visible()
    expect(page.locator("#found")).to_be_hidden()
    assert page.url.endswith("regions.html#")


def test_filters_and_order_stand_in_the_address(page: Page, site: Path, published: Path) -> None:
    night = situation(published, None, ["events_count", "deaths_best_count"])
    year = past_year_sums(night).join(
        night.flags.select("region_id", "region_name", "country_code"), on="region_id"
    )
    flagged = year.filter(pl.col("level") != "none").sort(
        "deaths", "p_escalation", descending=[True, True]
    )
    page.goto((site / "en" / "regions.html").as_uri() + "#sort=deaths&level=flagged")
    assert page.get_by_label("Order").input_value() == "deaths"
    assert regions_found(page) == flagged["region_name"].to_list()
    page.get_by_label("Country").focus()
    page.keyboard.type("Mali")
    assert "country=MLI" in page.url
    of_mali = flagged.filter(country_code="MLI")["region_name"].to_list()
    assert regions_found(page) == of_mali
    page.get_by_role("link", name="Français").click()
    page.wait_for_url("**/fr/regions.html#*")
    assert len(regions_found(page)) == len(of_mali)
    page.go_back()
    page.go_back()
    assert page.get_by_label("Country").input_value() == ""
    assert regions_found(page) == flagged["region_name"].to_list()


def test_two_regions_side_by_side(page: Page, site: Path) -> None:
    page.goto((site / "en" / "MLI.sikasso.html").as_uri())
    page.get_by_role("link", name="Compare with another region").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/regions.html#a=MLI.sikasso")
    assert page.evaluate("document.activeElement.name") == "b"
    page.keyboard.type("Gao")
    expect(page.locator("#apart li").first).to_have_text("Levels: Sikasso ▲ WARNING, Gao ● WATCH.")
    text = page.locator("#apart").inner_text()
    assert "More people were killed in Gao in twelve months" in text
    cells = page.locator("#facts tbody tr", has_text="Deaths, 12 months").locator("td")
    deaths = [int(text.replace(",", "")) for text in cells.all_inner_texts()]
    assert deaths[1] > deaths[0] > 0
    assert page.locator("#facts svg rect").count() > 10
    assert page.url.endswith("#a=MLI.sikasso&b=MLI.gao")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(("scheme", "language"), [("light", "fr"), ("dark", "en")])
def test_results_are_accessible(browser: Browser, site: Path, scheme, language) -> None:
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    tab = context.new_page()
    for state in ("", "#q=Badiangara&sort=deaths", "#a=MLI.sikasso&b=MLI.gao"):
        tab.goto((site / language / "regions.html").as_uri() + state)
        tab.reload()
        assert grave(tab, state) == []
    tab.goto((site / language / "nights.html").as_uri() + "?show=deaths&month=2021-03")
    tab.locator("#between summary").click()
    assert grave(tab, "months") == []
    context.close()


def test_without_script_the_page_is_whole(browser: Browser, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    tab = context.new_page()
    tab.goto((site / "en" / "regions.html").as_uri())
    expect(tab.locator("#find")).to_be_hidden()
    expect(tab.locator("#pair")).to_be_hidden()
    assert tab.locator("#whole tbody tr").count() == 104
    tab.goto((site / "en" / "nights.html").as_uri())
    expect(tab.locator("#when")).to_be_hidden()
    expect(tab.locator("#changed")).to_have_text("New since the night of 5 June 2021")
    assert "Sikasso ▲ WARNING (before: WATCH)" in tab.locator("#between li").first.inner_text()
    row = tab.locator("table:visible tbody tr", has_text="Sikasso").locator("td")
    assert [text.split() for text in row.all_inner_texts()] == [
        ["▲", "WARNING", "25%"], ["●", "WATCH", "18%"],
    ]  # fmt: skip
    context.close()


def told_by(figure) -> dict[str, str]:
    """Colour of each place on a map of past nights, and how many signs of which colour."""
    return figure.evaluate(
        """figure => Object.fromEntries([
            ...[...figure.querySelectorAll('[data-place]')]
                .map(path => [path.dataset.place, path.getAttribute('fill')]),
            ...['alarm', 'warning', 'watch'].map(level => [level, figure.querySelectorAll(
                `.signs path[fill="var(--${level})"]`).length])])"""
    )


def test_past_nights_by_the_slider_are_those_of_the_file(
    page: Page, site: Path, published: Path
) -> None:
    page.goto((site / "en" / "nights.html").as_uri())
    figure = page.locator("#night-maps figure").first
    for key, night in (("End", FOUNDING), ("Home", EARLIER)):
        page.get_by_role("slider").focus()
        page.keyboard.press(key)
        expect(figure.locator("h2")).to_have_text(f"{night:%-d %B %Y}")
        with duckdb.connect(published, read_only=True) as con:
            levels = dict(
                con.execute(
                    "select alert_level, count(*) from alerts_as_of($1) group by all", [night]
                ).fetchall()
            )
            grounds = con.execute(
                "select region_id, intensity from flags_as_of($1) where p_unreported_event < 0.05 "
                "or p_unreported_event is null",
                [night],
            ).fetchall()
        shown = told_by(figure)
        assert {n: shown[n] for n in ("alarm", "warning", "watch")} == {
            n: levels.get(n, 0) for n in ("alarm", "warning", "watch")
        }
        assert len(grounds) > 90
        assert [shown[place] for place, _ in grounds] == [f"var(--i-{i})" for _, i in grounds]
    assert page.url.endswith("#night=2021-06-05&and=2021-06-05")
    expect(page.locator("#changed")).to_have_text("5 June 2021")  # it is not beside itself
    expect(page.locator("#night-maps figure").last).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_two_nights_side_by_side_and_a_night_without_change(
    page: Page, site: Path, published: Path, tmp_path: Path
) -> None:
    page.goto((site / "en" / "nights.html").as_uri() + "?night=2021-06-25&and=2021-06-05")
    changed = page.locator("#between li")
    texts = changed.all_inner_texts()
    assert texts[0] == "Figures up to April 2021, then up to May 2021."
    assert page.locator("#changed").inner_text().endswith("(levels that differ: 6)")
    assert "Raised: Sikasso (Mali), from WATCH to WARNING (chance from 18% to 25%)." in texts
    assert [text for text in texts if text.startswith("New: ")] == [
        "New: Koulikoro (Mali), WATCH (chance from 11% to 18%).",
        "New: Tahoua (Niger), WATCH (chance from 10% to 22%).",
    ]
    with duckdb.connect(published, read_only=True) as con:
        came = con.execute(
            "select count(*), sum(deaths_best_count)::int from events "
            "where known_from >= '2021-06-06' and known_from < '2021-06-26'"
        ).fetchone()
    assert any(
        text.startswith(
            f"Came onto file in between: events: {came[0]}, deaths in them: {came[1]}; "
        )
        for text in texts
    )
    page.locator("summary", has_text="The same as a table").focus()
    page.keyboard.press("Enter")
    row = page.locator("#between tbody tr", has_text="Sikasso")
    assert row.locator("td").all_inner_texts()[:2] == ["● WATCH", "18%"]
    assert row.locator("td").all_inner_texts()[5:7] == ["▲ WARNING", "25%"]
    unsure = page.locator("#between tbody tr", has_text="perhaps not quiet")
    assert unsure.locator("th a").all_inner_texts() == ["Ménaka"]
    text = (site / "en" / "nights.html").read_text("utf-8")
    (data,) = re.findall(r'<script type="application/json" id="nights">(.*?)</script>', text)
    content = json.loads(data)
    newest = {**content["nights"][1], "added": []}
    content["nights"] = [{**newest, "day": "2021-06-24"}, newest]
    shutil.copytree(site / "en", tmp_path / "en")
    for name in ("style.css", "script.js"):
        shutil.copy(site / name, tmp_path)
    (tmp_path / "en" / "nights.html").write_text(text.replace(data, json.dumps(content)), "utf-8")
    page.goto((tmp_path / "en" / "nights.html").as_uri())
    assert changed.all_inner_texts()[:4] == [
        "Figures of both up to May 2021.", "No level differs.",
        "No chance differs by a point or more.", "No event came onto file in between.",
    ]  # fmt: skip


def test_months_of_a_figure_on_the_map(page: Page, site: Path, published: Path) -> None:
    page.goto((site / "en" / "nights.html").as_uri())
    page.get_by_label("Show").focus()
    page.keyboard.type("deaths")
    page.get_by_role("slider").focus()
    for _ in range(2):
        page.keyboard.press("ArrowLeft")
    with duckdb.connect(published, read_only=True) as con:
        deaths, mopti = con.execute(
            "select sum(value)::int, (sum(value) filter (where place_id = 'MLI.mopti'))::int "
            "from indicators where indicator = 'deaths_best_count' and place_level = 'region' "
            "and month_start = '2021-03-01'"
        ).fetchone()
    figure = page.locator("#night-maps figure").first
    expect(figure.locator("h2")).to_have_text("March 2021")
    expect(page.locator("#between li").first).to_contain_text(f"deaths: {deaths}, events: ")
    step = sum(mopti >= bound for bound in (0, 1, 10, 50, 200, 500)) - 1
    assert told_by(figure)["MLI.mopti"] == f"var(--c{step})"
    assert told_by(figure)["MLI.kidal"] == "url(#hatch-i-calm)"  # silent, but hardly quiet
    assert page.locator("#between li").last.inner_text().endswith(" there was one: Kidal (Mali).")
    assert page.url.endswith("#show=deaths&month=2021-03")


def test_a_map_is_made_larger_and_moved_by_keys(page: Page, site: Path) -> None:
    page.goto((site / "en" / "index.html").as_uri())
    svg = page.locator("figure.map div[aria-hidden] svg")

    def view_box() -> list[float]:
        return [float(n) for n in svg.get_attribute("viewBox").split()]

    whole = view_box()
    page.get_by_role("button", name="larger").focus()
    page.keyboard.press("+")
    larger = view_box()
    assert larger[2] == pytest.approx(whole[2] / 1.6)
    assert larger[0] + larger[2] / 2 == pytest.approx(whole[0] + whole[2] / 2)  # about its middle
    page.keyboard.press("ArrowRight")
    assert view_box()[0] > larger[0]
    page.keyboard.press("-")
    page.keyboard.press("-")
    assert view_box() == whole
    sign = page.locator('figure.map path[transform][fill="var(--warning)"]').first
    before = sign.bounding_box()
    page.keyboard.press("Enter")  # the button itself
    assert view_box()[2] < whole[2]
    assert sign.bounding_box()["width"] == pytest.approx(before["width"], abs=0.5)
    page.keyboard.press("0")
    assert view_box() == whole


def saved(page: Page, button: Locator, folder: Path) -> Path:
    """What a button saves, pressed by its key."""
    button.focus()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


@pytest.mark.parametrize(("scheme", "paper"), [("light", (255, 255, 255)), ("dark", (21, 24, 28))])
def test_a_map_is_saved_as_the_picture_that_is_seen(
    browser: Browser, site: Path, tmp_path: Path, scheme, paper
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 390, "height": 800})
    tab = context.new_page()
    tab.goto((site / "en" / "index.html").as_uri())
    figure = tab.locator("figure", has=tab.locator("svg a"))
    path = saved(tab, figure.get_by_role("button", name="Save as PNG"), tmp_path)
    assert path.name == "tocsin-2021-06-25-index-map-1.png"
    picture = Image.open(path).convert("RGB")
    assert picture.width == 1248
    assert picture.getpixel((2, 2)) == paper
    counts = {colour: count for count, colour in picture.getcolors(maxcolors=1 << 24)}
    variables = tab.evaluate("""() => {
        const style = getComputedStyle(document.body);
        return ["--i-very_violent", "--i-violent", "--warning", "--ink"]
            .map((name) => style.getPropertyValue(name)) }""")
    areas = [counts.get(ImageColor.getrgb(name), 0) for name in variables]
    assert areas[0] > 20_000  # Mopti and others
    assert areas[1] > 50_000
    assert areas[2] > 1_000  # five signs
    assert areas[3] > 1_000  # words
    context.close()


def test_a_table_is_saved_with_all_its_rows(page: Page, site: Path, tmp_path: Path) -> None:
    page.goto((site / "fr" / "MLI.sikasso.html").as_uri())
    page.locator("summary", has_text="Les deux dernières années par mois").click()
    section = page.locator("section[aria-labelledby=history]")
    buttons = section.get_by_role("button", name="Enregistrer en CSV")
    ten_years = saved(page, buttons.nth(0), tmp_path).read_bytes()
    assert ten_years.startswith(b"\xef\xbb\xbfMois;Incidents;")  # as a French Excel opens it
    rows = list(csv.reader(ten_years.decode("utf-8-sig").splitlines(), delimiter=";"))
    assert [len(rows), rows[1][0], rows[-1][0]] == [121, "2011-06", "2021-05"]
    assert rows[-1][1:] == ["1", "1", "0", "0", "5", "4"]
    two_years = saved(page, buttons.nth(1), tmp_path)
    rows = list(csv.reader(two_years.read_text("utf-8-sig").splitlines(), delimiter=";"))
    assert rows[1] == ["mai 2021", "1", "1", "0", "0", "5", "4"]
    assert len(rows) == 25


def test_a_number_is_saved_without_the_blanks_within(page: Page, site: Path, tmp_path) -> None:
    page.goto((site / "fr" / "regions.html").as_uri() + "#a=MLI.gao&b=MLI.sikasso")
    compared = page.locator("section[aria-labelledby=compare]")
    path = saved(page, compared.get_by_role("button", name="Enregistrer en CSV"), tmp_path)
    rows = list(csv.reader(path.read_text("utf-8-sig").splitlines(), delimiter=";"))
    assert rows[0] == ["", "Gao", "Sikasso"]
    assert ["Habitants", "487848", "3257816"] in rows
    assert ["Dernier incident", "22 mai 2021", "30 mai 2021"] in rows


def test_a_cell_that_a_spreadsheet_would_compute_is_saved_as_text(
    page: Page, site: Path, tmp_path: Path
) -> None:
    page.goto((site / "en" / "MLI.sikasso.html").as_uri())
    register = page.locator("section[aria-labelledby=register]")
    register.locator("tbody td").first.evaluate("cell => cell.textContent = '=1+\"1,5\"'")
    path = saved(page, register.get_by_role("button", name="Save as CSV"), tmp_path)
    first = list(csv.reader(path.read_text("utf-8-sig").splitlines()))[1]
    assert first[:2] == ['\'=1+"1,5"', "–"]


def test_the_nights_text_is_copied_to_be_passed_on(browser: Browser, site: Path) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    tab = context.new_page()
    tab.goto((site / "fr" / "index.html").as_uri())
    tab.locator("summary", has_text="Texte à transmettre").press("Enter")
    button = tab.get_by_role("button", name="Copier")
    button.press("Enter")
    expect(tab.get_by_role("button", name="Copié")).to_be_visible()
    tab.get_by_label("Texte à transmettre").evaluate("text => text.blur()")
    copied = tab.evaluate("navigator.clipboard.readText()").replace("\xa0", " ")
    assert copied.startswith("Tocsin UEMOA, 25 juin 2021. Probabilité que les violences doublent ")
    assert "ALERTE Kidal (Mali) 30 %, ALERTE Centre-Nord (Burkina Faso) 26 %" in copied
    assert "Le plus de morts en douze mois : Mopti (Mali) 641, " in copied
    assert 300 < len(copied) < 900
    context.close()


def test_without_script_nothing_is_offered_that_does_not_work(browser: Browser, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto((site / "en" / "MLI.sikasso.html").as_uri())
    assert tab.get_by_role("button").count() == 0
    context.close()
