"""The mail in words and pictures, in both languages, whatever the sources say."""

import email
import re
from dataclasses import replace
from datetime import date
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from alerts.delivery import digest_message
from alerts.digest import Digest
from config.recipients import Recipient
from flows.mail_steps import digest_of
from made_lines import CIRCLE, GAO, made_lines

NIGHT = date(2021, 6, 25)
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def digest(warehouse_con, night) -> Digest:
    """Sikasso alone, raised on the founding night."""
    whole = digest_of(warehouse_con, night(NIGHT), NIGHT, "tocsin.duckdb")
    return replace(
        whole,
        flags=whole.flags.filter(region_id="MLI.sikasso"),
        country_forecasts=whole.country_forecasts.filter(country_code="MLI"),
        alerts=whole.alerts.filter(region_id="MLI.sikasso"),
        events=whole.events.filter(region_id="MLI.sikasso", event_date=date(2021, 5, 30)),
    )


def message(
    digest: Digest, language: str = "en", address: str = "a@example.org", was: str = "watch"
) -> EmailMessage:
    recipient = Recipient(address, language)
    mailed_levels = {"MLI.sikasso": was}
    return digest_message(
        digest, mailed_levels, recipient, "Tocsin <t@example.org>", "mailto:t@x.org"
    )


def text(mail: EmailMessage, kind: str = "plain") -> str:
    body = email.message_from_bytes(mail.as_bytes(), policy=default).get_body((kind,))
    return body.get_content()


def test_english(digest) -> None:
    mail = message(digest)
    assert mail["Subject"] == "Sikasso: WARNING (was WATCH) - Tocsin 25 June 2021"
    assert text(mail).splitlines()[:24] == [
        "Sikasso (Mali) is raised to WARNING (last told: WATCH). 1 event, 5 deaths in May 2021, "
        "against 0.4 events a month over the past twelve.",
        "A level is the chance that violence doubles from 26 June to 23 September 2021, against "
        "the region's own usual. It does not say how violent a region is: the deadliest often "
        "have none. Figures up to May 2021, as known on 25 June 2021.",
        "",
        "3,257,816 people live in regions with a level (figures of 2018).",
        "",
        "Whole countries, expected from 26 June to 25 July 2021",
        "  - Mali: 18.5 events (8 times in 10 between 9 and 29), 108.9 deaths (between 34 and 202)",
        "",
        "WARNING, some violence - Sikasso (Mali)",
        "  The past twelve months: some violence, 5 events, 15 deaths.",
        "  Escalation (at least 3 events from 26 June to 23 September 2021): about 1 in 4 (25%), "
        "up from 19% a month earlier.",
        "  Expected from 26 June to 23 September 2021: 1.5 events (8 times in 10 between 0 and 4), "
        "4.6 deaths (between 0 and 11).",
        "  1 further event would lift it to ALARM. If all stays quiet it can fall on 2 July 2021 "
        "at the earliest, once the figures of two months say so. Without its newest event: WATCH.",
        "  * 30 May 2021, Bougouni cercle: 5 deaths, Government of Mali / JNIM "
        "(state against armed group)",
        "  Signals of the region, since when: grave: spread to spared places (May 2021); raised: "
        "attacks (March 2021), civilians killed (March 2021), jihadist activity (March 2021).",
        "  Acts and measures: grave: aid suspended, military cooperation suspended, sanctions, "
        "membership suspended, coup; raised: state of emergency.",
        "  Signals not known: administrators at their posts.",
        "  Events by month since June 2019: latest 1, highest 2.",
        "  Main driver: own events of the past years (0.37 a month).",
        "  Administrators at their posts: no figure for this region.",
        "",
        "Suspensions and sanctions in force (Mali)",
        "  - World Bank: development aid suspended, 4 June 2021",
        "  - France: military cooperation suspended, 3 June 2021",
    ]


def test_french(digest) -> None:
    mail = message(digest, "fr")
    assert mail["Subject"] == "Sikasso : ALERTE (était VIGILANCE) - Tocsin 25 juin 2021"
    lines = text(mail).splitlines()
    assert lines[0] == (
        "Sikasso (Mali) monte à ALERTE (dernier niveau annoncé : VIGILANCE). 1 incident, 5 morts "
        "en mai 2021, contre 0,4 incident par mois en moyenne sur douze mois."
    )
    assert "  * 30 mai 2021, cercle de Bougouni : 5 morts, Forces gouvernementales du Mali / JNIM" \
        " (forces de l'État contre groupe armé)" in lines  # fmt: skip
    assert "  - Banque mondiale : aide au développement suspendue, 4 juin 2021" in lines
    assert "environ 1 chance sur 4 (25 %)" in text(mail).replace("\u202f", " ").replace("\xa0", " ")
    assert "Sans son dernier incident : VIGILANCE." in text(mail)
    assert "aucun chiffre pour cette région" in text(mail)


CHANGES = {
    "none": ("Sikasso: WARNING (new)", "Sikasso (Mali) is now at WARNING."),
    "watch": (
        "Sikasso: WARNING (was WATCH)",
        "Sikasso (Mali) is raised to WARNING (last told: WATCH).",
    ),
    "alarm": (
        "Sikasso: WARNING (was ALARM)",
        "Sikasso (Mali) is lowered to WARNING (last told: ALARM).",
    ),
}


@pytest.mark.parametrize("was", CHANGES)
def test_every_direction_is_named(digest, was: str) -> None:
    subject, first = CHANGES[was]
    assert message(digest, was=was)["Subject"].startswith(subject)
    assert text(message(digest, was=was)).startswith(first)


@pytest.fixture
def ended(digest) -> Digest:
    closed = digest.alerts.with_columns(
        alert_level=pl.lit("none"), alert_status=pl.lit("closed"), cause=pl.lit("news")
    )
    return replace(digest, alerts=closed)


def test_an_alert_that_ended(ended) -> None:
    mail = message(ended, was="watch")
    assert mail["Subject"] == "Sikasso: no level (was WATCH) - Tocsin 25 June 2021"
    assert text(mail).startswith("Sikasso (Mali) has no level any more (last told: WATCH).")


def test_an_alert_that_ended_where_many_die_says_both(ended) -> None:
    violent = ended.flags.with_columns(
        intensity=pl.lit("very_violent"),
        deaths_past12_count=851,
        events_past12_count=60,
        deaths_best_count=240,
    )
    mail = message(replace(ended, flags=violent), was="watch")
    assert mail["Subject"].startswith("Sikasso: no level (was WATCH), still very violent - ")
    lines = text(mail).splitlines()
    assert lines[0].startswith(
        "Sikasso (Mali) has no level any more (last told: WATCH) but is still very violent: "
        "851 deaths in twelve months. 1 event, 240 deaths in May 2021"
    )
    assert "  - Sikasso (Mali): very violent, 851 deaths, 60 events; no level; 3,257,816 " \
        "residents in 2018" in lines  # fmt: skip


def test_people_in_regions_with_a_level_with_the_years_and_who_is_not_counted(
    warehouse_con, night
) -> None:
    """Kidal, Koulikoro, Ségou, Sikasso, Tombouctou of 2018; Gao and Ménaka of 2009."""
    mali = Recipient("a@example.org", "en", ("MLI",))
    whole = digest_of(warehouse_con, night(NIGHT), NIGHT, None).within(mali)

    def mailed(unknown: tuple[str, ...]) -> str:
        flags = whole.flags.with_columns(
            pl.when(~pl.col("region_id").is_in(unknown)).then(name).alias(name)
            for name in ("population_count", "population_year")
        )
        levels = dict(whole.alerts.select("region_id", "alert_level").iter_rows())
        return text(
            digest_message(replace(whole, flags=flags), levels, mali, "T <t@x.org>", "m:t", True)
        )

    assert "10,582,757 people live in regions with a level (figures of 2009 to 2018)." in mailed(())
    assert (
        "10,040,453 people live in regions with a level (figures of 2018). 2 of these regions "
        "have no figure and are not counted." in mailed(("MLI.gao", "MLI.menaka"))
    )
    nothing_known = mailed(tuple(whole.flags["region_id"]))
    assert "How many people live in regions with a level is not known." in nothing_known
    assert " residents in " not in nothing_known


def test_the_first_mail_tells_the_state(digest) -> None:
    first = digest_message(digest, {}, Recipient("a@example.org", "en"), "T <t@x.org>", "m:t", True)
    assert first["Subject"] == "Tocsin 25 June 2021: your first mail, 1 region (1 at warning)"
    words = text(first)
    assert words.startswith("Your first mail: the state on 25 June 2021.")
    assert "is now at" not in words
    assert "(new)" not in words


def test_a_week_without_change_names_the_deadliest(warehouse_con, night) -> None:
    whole = digest_of(warehouse_con, night(NIGHT), NIGHT, "tocsin.duckdb")
    mailed_levels = dict(whole.alerts.select("region_id", "alert_level").iter_rows())
    mali = Recipient("a@example.org", "fr", ("MLI",))
    mail = digest_message(whole.within(mali), mailed_levels, mali, "T <t@x.org>", "mailto:t@x.org")
    assert mail["Subject"].startswith("Tocsin 25 juin 2021 : sans changement")
    words = text(mail).replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert "  - Mopti (Mali) : très violent, 641 morts, 95 incidents ; aucun niveau ; " \
        "2 509 703 habitants en 2018" in words.splitlines()  # fmt: skip


def test_the_first_mail_of_a_year_says_what_came_of_the_last(digest) -> None:
    march, may = date(2020, 3, 1), date(2020, 5, 1)
    entries = [("alarm", "watch", "came", may),  # below the reader's lowest: it warned nobody
               ("alarm", "warning", "did_not_come", None),
               ("alarm", "watch", "came", march), ("alarm", "alarm", "came", march),  # of one
               ("held_level", "watch", "came", date(2020, 7, 1)),
               ("held_level", "warning", "came", date(2020, 9, 1)),
               ("unwarned", "none", "came", date(2020, 11, 1))]  # fmt: skip
    columns = ["ledger_kind", "alert_level", "outcome", "escalation_night"]
    ledger = pl.DataFrame(entries, schema=columns, orient="row").with_columns(
        region_id=pl.lit("MLI.sikasso"), as_of_date=pl.coalesce("escalation_night", pl.lit(may))
    )
    reader = Recipient("a@example.org", "en", lowest_level="warning")
    whole = replace(digest, ledger=lambda: ledger).within(reader)
    mails = [
        text(digest_message(whole, {}, reader, "T <t@x.org>", "m:t", is_first_of_year=is_first))
        for is_first in (True, False)
    ]
    line = (
        "2020: 2 levels given or raised, 1 came, 1 did not; 5 escalations: 1 after such a level, "
        "1 under a level held from before, 3 unwarned."
    )
    assert line in mails[0].splitlines()
    assert line not in mails[1]


def test_a_mail_of_many_regions_says_how_many_it_leaves_out_where(
    warehouse_con, night, monkeypatch
) -> None:
    monkeypatch.setattr("alerts.digest.LISTED", 1)
    monkeypatch.setattr("alerts.digest.DETAILED", 1)
    whole = digest_of(warehouse_con, night(NIGHT), NIGHT, "tocsin.duckdb")
    levels = dict(whole.alerts.select("region_id", "alert_level").iter_rows())
    for mailed_levels in ({}, levels):  # all of it news, and nothing
        mail = digest_message(
            whole, mailed_levels, Recipient("a@example.org", "en"), "T <t@x.org>", "mailto:t@x.org"
        )
        for kind in ("plain", "html"):
            assert "more regions: " in text(mail, kind)
            assert "7 more countries, with fewer deaths expected" in text(mail, kind)


def test_where_most_die_nobody_is_left_without_a_word(warehouse_con, night) -> None:
    day = date(2023, 1, 20)
    whole = digest_of(warehouse_con, night(day), day, "tocsin.duckdb")
    flags = whole.flags
    deaths = flags["deaths_past12_count"]
    is_grey = (flags["level"] == "none") & flags["intensity"].is_in(["calm", "some"])
    assert deaths.sum() == 6845
    assert deaths.filter(flags["level"] == "none").sum() / deaths.sum() > 0.8  # a level alone
    assert deaths.filter(is_grey).sum() / deaths.sum() < 0.05
    worst = flags.sort("deaths_past12_count", descending=True).head(10)["region_name"].to_list()
    assert worst[0] == "Mopti"
    mailed_levels = dict(whole.alerts.select("region_id", "alert_level").iter_rows())
    for levels in ({}, mailed_levels):  # changes, and a week without any
        mail = digest_message(
            whole, levels, Recipient("a@example.org", "en"), "T <t@x.org>", "mailto:t@x.org"
        )
        words = text(mail)
        for name in worst:
            assert re.search(rf"^  - {name} \(.*\): very violent, \d", words, re.MULTILINE), name
            assert re.search(rf"very violent: [^;]*\b{name}\b", text(mail, "html")), name


OWN = Recipient("a@example.org", "en", regions=("MLI.sikasso",), lines=(GAO, CIRCLE))


def test_a_line_that_is_passed_comes_first_with_its_price(digest) -> None:
    own = replace(digest, lines=made_lines("of another reader")["mart.line"]).within(OWN)
    mail = digest_message(own, {"MLI.sikasso": "warning"}, OWN, "T <t@x.org>", "mailto:t@x.org")
    assert mail["Subject"] == "North: 45% - Tocsin 25 June 2021"
    assert text(mail).startswith(
        "Your line is passed: North (Gao and Ménaka together); at least 10 events from 26 June to "
        "23 September 2021: chance 45% (the line: 40%). Since February 2018 this line would have "
        "been passed 2.9 times a year, in all on 14 of 37 nights; 5 of 9 came (30% to 78%)"
    )
    assert "  - 50 km around 11.42° N, 7.48° W; at least 25 deaths of civilians from " in text(mail)
    assert "of another reader" not in text(mail)
    mailed = {"MLI.sikasso": "warning", f"line {GAO.line_id}": "passed"}
    again = digest_message(own, mailed, OWN, "T <t@x.org>", "mailto:t@x.org")
    assert again["Subject"].startswith("Tocsin 25 June 2021: no change")
    assert text(again).startswith("Your line still stands passed: North")


def test_a_line_is_news_when_it_is_passed_and_nothing_while_figures_are_stale(digest) -> None:
    below, passed = (
        replace(digest, lines=made_lines(p_reached=p)["mart.line"]).within(OWN) for p in (0.3, 0.4)
    )
    changes = {f"line {GAO.line_id}": "passed"}
    assert passed.line_changes({}) == changes
    assert passed.line_changes(changes) == below.line_changes({}) == {}
    assert below.line_changes(changes) == {f"line {GAO.line_id}": "none"}
    stale = replace(passed, flags=passed.flags.with_columns(is_stale=True))
    assert stale.line_changes({}) == {}
    assert "Your line" not in text(message(stale))


CODE_WORD = re.compile(r"\b[a-zA-Z0-9]+_[a-zA-Z0-9_]+\b")
ENGLISH = re.compile(
    r"\b(events?|deaths?|regions?|the|and|with|months?|level|since|prefecture|warning|watch|"
    r"reference|facts|United States|government)\b"
)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_word_of_the_code_reaches_a_reader_and_no_english_a_french_one(
    warehouse_con, night, language
) -> None:
    whole = digest_of(warehouse_con, night(NIGHT), NIGHT, "https://example.org")
    mail = digest_message(
        whole, {}, Recipient("a@example.org", language), "T <t@x.org>", "mailto:t@x.org"
    )
    words = text(mail)
    assert CODE_WORD.findall(words) == []
    if language == "fr":
        citations = words.rindex("Sources")
        assert ENGLISH.findall(words[:citations]) == []


@pytest.mark.parametrize(
    ("now", "before", "says"),
    [
        (0.20, 0.15, "about 1 in 5 (20%), up from 15% a month earlier."),
        (0.1944, 0.1856, "about 1 in 5 (19%), unchanged in a month."),
        (0.28, 0.34, "about 1 in 4 (28%), down from 34% a month earlier."),
        (0.001, 0.02, "less than 1 in 200, down from 2% a month earlier."),
    ],
)
def test_up_and_down_are_what_the_figures_beside_them_show(digest, now, before, says) -> None:
    moved = digest.flags.with_columns(p_escalation=now, p_escalation_before=before)
    assert says in text(message(replace(digest, flags=moved)))


def test_a_window_of_whole_months_is_told_in_months(digest) -> None:
    cut = digest.flags.with_columns(
        window_start_date=date(2021, 6, 1), window_end_date=date(2021, 8, 31)
    )
    words = text(message(replace(digest, flags=cut), "fr"))
    assert "au moins 3 incidents de juin à août 2021" in words


@pytest.mark.parametrize(
    ("code_status", "is_provisional", "says"),
    [
        ("Clear", True, "(state against armed group), provisional\n"),
        ("Check deaths", True, "armed group), provisional: the source still checks it\n"),
        ("Clear", False, "(state against armed group)\n"),
    ],
)
def test_a_provisional_event_is_told_as_such(digest, code_status, is_provisional, says) -> None:
    checked = digest.events.with_columns(
        code_status=pl.lit(code_status), is_provisional=is_provisional
    )
    assert says in text(message(replace(digest, events=checked))).replace("\r", "")


@pytest.mark.parametrize(
    ("cause", "says"),
    [("revision", "Earlier figures were revised"), ("model", "The models were changed"),
     ("boundaries", "Boundaries were changed")],
)  # fmt: skip
def test_what_is_no_news_of_violence_says_so(digest, cause: str, says: str) -> None:
    other = replace(digest, alerts=digest.alerts.with_columns(cause=pl.lit(cause)))
    assert f"{says}: this is not news of violence." in text(message(other)).splitlines()[0]
    assert "this is not news" not in text(message(digest))


def test_nothing_changed(digest) -> None:
    mail = message(digest, was="warning")
    assert mail["Subject"] == "Tocsin 25 June 2021: no change, 1 region (1 at warning)"
    assert (
        "  - Sikasso (Mali): WARNING, some violence, about 1 in 4 (25%), told since 25 June 2021"
        in (text(mail))
    )


def test_a_level_held_says_what_this_month_alone_would(digest) -> None:
    undercut = digest.alerts.with_columns(undercut_level=pl.lit("none"))
    assert "This month alone would say: no level." in text(
        message(replace(digest, alerts=undercut))
    )


def test_muted_regions_are_named_and_not_told(digest) -> None:
    muted = replace(digest, muted={"MLI.sikasso": date(2021, 7, 1)})
    mail = message(muted)
    assert "no change" in mail["Subject"]
    assert "Sikasso: nobody is mailed until 1 July 2021." in text(mail)


def test_stale_figures_are_no_warning(digest) -> None:
    stale = replace(digest, flags=digest.flags.with_columns(is_stale=pl.lit(True)))
    assert message(stale)["Subject"] == "Tocsin 25 June 2021: figures too old to warn"
    assert text(message(stale)).startswith("The figures are too old to warn")


def test_while_figures_are_stale_a_level_stands_beside_the_chance_it_was_given_for(digest) -> None:
    stale = replace(
        digest,
        flags=digest.flags.with_columns(is_stale=pl.lit(True), p_escalation=0.001),
        alerts=digest.alerts.with_columns(
            changed_p_escalation=0.28, changed_night=date(2021, 2, 25)
        ),
    )
    changed, standing = text(message(stale)), text(message(stale, was="warning"))
    assert "about 1 in 4 (28%), told since 25 February 2021." in changed
    beside = r"Sikasso \(Mali\): WARNING, .*about 1 in 4 \(28%\), told since 25 February 2021"
    assert re.search(beside, standing)
    assert "1 in 1000" not in changed + standing
    never_told = replace(stale, alerts=stale.alerts.head(0))  # it ended on an earlier night
    assert "Sikasso (Mali) has no level any more" in text(message(never_told))


def test_no_mail_names_a_path_of_this_machine(digest) -> None:
    nowhere, served = replace(digest, place=None), replace(digest, place="https://x.org/p")
    for kind in ("plain", "html"):
        assert "tocsin.duckdb" not in text(message(nowhere), kind)
        assert "Situation page" not in text(message(nowhere), kind)
        assert "https://x.org/p/page/index.html" in text(message(served), kind)


def test_a_source_that_failed_is_named_first(digest) -> None:
    failed = digest.sources.with_columns(
        failure=pl.when(pl.col("source") == "mali_census_2009").then(pl.lit("HTTP 500"))
    )
    second = text(message(replace(digest, sources=failed), "fr")).splitlines()[1]
    assert second.endswith(
        " Mali, recensement de 2009 : non actualisé cette nuit ; les derniers chiffres restent "
        "utilisés."
    )
    assert "not renewed" not in text(message(digest))


def test_same_night_same_bytes_and_small(warehouse_con, night, digest) -> None:
    assert message(digest).as_bytes() == message(digest).as_bytes()
    whole = digest_of(warehouse_con, night(NIGHT), NIGHT, "tocsin.duckdb")
    every = digest_message(
        whole, {}, Recipient("a@example.org", "fr"), "T <t@x.org>", "mailto:t@x.org"
    )
    assert len(every.as_bytes()) < 64_000


def test_pictures_show_levels_and_have_words(digest) -> None:
    mail = email.message_from_bytes(message(digest).as_bytes(), policy=default)
    pictures = {
        part["Content-ID"]: Image.open(BytesIO(part.get_content()))
        for part in mail.walk()
        if part.get_content_type() == "image/png"
    }
    assert list(pictures) == ["<map>", "<counts0>"]
    for picture in pictures.values():  # a sign on the map, a bar among those of the months
        colours = {c[1] for c in picture.convert("RGBA").getcolors()}
        assert any(abs(c[0] - 0xD9) + abs(c[1] - 0x6B) + c[2] < 12 and c[3] > 250 for c in colours)
    tags = re.findall(r"<img[^>]*>", text(mail, "html"))
    assert [re.search(r'src="cid:(\w+)"', tag).group(1) for tag in tags] == ["map", "counts0"]
    assert 'alt="Map; WARNING: Sikasso."' in tags[0]
    assert 'alt="Events by month since June 2019: latest 1, highest 2."' in tags[1]


class Tags(HTMLParser):
    """Tags and names of attributes, as a reader of HTML finds them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


hostile = st.text(
    st.sampled_from("a<>&\"'=\r\n\t\x00\u202e\u2028\u200b{}%()@:;") | st.characters(codec="utf-8"),
    max_size=60,
) | st.sampled_from(
    ["Sikasso\r\nBcc: x@y.z", "<script>alert(1)</script>", "\u202eevil", '=HYPERLINK("http://x")',
     "{{ 7 * 7 }}", "%(num)s"]
)  # fmt: skip


def test_hostile_texts_reach_neither_headers_nor_html(digest) -> None:
    @settings(max_examples=25)
    @given(words=hostile, language=st.sampled_from(["en", "fr"]))
    def reaches(words: str, language: str) -> None:
        evil = pl.lit(words or "x")
        mail = message(
            replace(
                digest,
                flags=digest.flags.with_columns(region_name=evil),
                events=digest.events.with_columns(actor_a=evil, source_admin2_name=evil),
                suspensions=digest.suspensions.with_columns(actor=evil),
                lines=made_lines(words)["mart.line"],
            ),
            language,
        )
        assert set(mail.keys()) == {
            "Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "List-Unsubscribe",
            "Content-Language", "MIME-Version", "Content-Type",
        }  # fmt: skip
        assert mail["To"] == "a@example.org"
        again = email.message_from_bytes(mail.as_bytes(), policy=default)
        html, plain = text(again, "html"), text(again)
        assert len(mail.as_bytes()) < 100_000
        page = Tags()
        page.feed(html)
        assert page.tags <= set(
            [
                "html",
                "head",
                "meta",
                "title",
                "style",
                "body",
                "table",
                "tbody",
                "tr",
                "td",
                "h1",
                "h2",
                "p",
                "img",
                "ul",
                "li",
                "div",
                "span",
                "strong",
                "br",
            ]
        )
        assert not {name for name in page.attributes if name.startswith("on")}
        forbidden = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\u200b]")
        assert not forbidden.search(html.replace("\r\n", "\n"))
        assert not forbidden.search(plain.replace("\r\n", "\n"))

    reaches()


def test_ten_million_signs_stay_out(digest) -> None:
    events = digest.events.with_columns(actor_a=pl.lit("a" * 10_000_000))
    assert len(message(replace(digest, events=events)).as_bytes()) < 60_000


def test_an_address_cannot_inject(digest) -> None:
    with pytest.raises(ValueError, match="linefeed"):
        message(digest, address="a@example.org\r\nBcc: x@y.z")


def test_message_id_has_no_address(digest) -> None:
    assert re.fullmatch(r"<2021-06-25\.[0-9a-f]{32}@example\.org>", message(digest)["Message-ID"])
