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
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from alerts.delivery import compose
from alerts.digest import Digest
from config.recipients import Recipient
from flows.nightly import digest_of

NIGHT = date(2021, 6, 25)
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def digest(kept, night) -> Digest:
    """Sikasso alone, raised on the founding night."""
    whole = digest_of(kept, night(NIGHT), NIGHT, "tocsin.duckdb")
    return replace(
        whole,
        flags=whole.flags.filter(region_id="MLI.sikasso"),
        alerts=whole.alerts.filter(region_id="MLI.sikasso"),
        events=whole.events.filter(region_id="MLI.sikasso", event_date=date(2021, 5, 30)),
    )


def message(
    digest: Digest, language: str = "en", address: str = "a@example.org", was: str = "watch"
) -> EmailMessage:
    recipient = Recipient(address, language)
    told = {"MLI.sikasso": was}
    return compose(digest, told, recipient, "Tocsin <t@example.org>", "mailto:t@x.org")


def text(mail: EmailMessage, kind: str = "plain") -> str:
    body = email.message_from_bytes(mail.as_bytes(), policy=default).get_body((kind,))
    return body.get_content()


def test_english(digest) -> None:
    mail = message(digest)
    assert mail["Subject"] == "Sikasso: WARNING, raised - Tocsin 25 June 2021"
    assert text(mail).splitlines()[:13] == [
        "Sikasso (Mali) is raised from WATCH to WARNING. 1 event, 5 deaths in May 2021, "
        "against 0.4 events a month over the past twelve.",
        "Levels: chance that violence doubles in the next three months, on figures up to May 2021, "
        "as known on 25 June 2021.",
        "",
        "WARNING - Sikasso (Mali)",
        "  Escalation (at least 3 events in three months): about 1 in 5 (20%), "
        "up from 15% a month earlier.",
        "  Expected in three months: 1.5 events, 8 times in 10 between 0 and 4. "
        "Without its newest event: WATCH.",
        "  * 30 May 2021, Bougouni cercle: 5 deaths, Government of Mali / JNIM "
        "(state against armed group)",
        "  Events by month since June 2019: latest 1, highest 2.",
        "  Main driver: own events of the past years (0.15 a month).",
        "  Administrators at their posts: no figure for this region.",
        "",
        "Suspensions and sanctions in force (Mali)",
        "  - World Bank: development aid suspended, 4 June 2021",
    ]


def test_french(digest) -> None:
    mail = message(digest, "fr")
    assert mail["Subject"] == "Sikasso : ALERTE, en hausse - Tocsin 25 juin 2021"
    lines = text(mail).splitlines()
    assert lines[0] == (
        "Sikasso (Mali) passe de VIGILANCE à ALERTE. 1 incident, 5 morts en mai 2021, contre "
        "0,4 incident par mois en moyenne sur douze mois."
    )
    assert "  * 30 mai 2021, cercle de Bougouni : 5 morts, Forces gouvernementales du Mali / JNIM" \
        " (forces de l'État contre groupe armé)" in lines  # fmt: skip
    assert "  - Banque mondiale : aide au développement suspendue, 4 juin 2021" in lines
    assert "environ 1 chance sur 5 (20 %)" in text(mail).replace("\u202f", " ").replace("\xa0", " ")
    assert "Sans son dernier incident : VIGILANCE." in text(mail)
    assert "aucun chiffre pour cette région" in text(mail)


CHANGES = {
    "none": ("Sikasso: WARNING, new", "Sikasso (Mali) is now at WARNING."),
    "watch": ("Sikasso: WARNING, raised", "Sikasso (Mali) is raised from WATCH to WARNING."),
    "alarm": ("Sikasso: WARNING, lowered", "Sikasso (Mali) is lowered from ALARM to WARNING."),
}


@pytest.mark.parametrize("was", CHANGES)
def test_every_direction_is_named(digest, was: str) -> None:
    subject, first = CHANGES[was]
    assert message(digest, was=was)["Subject"].startswith(subject)
    assert text(message(digest, was=was)).startswith(first)


def test_an_alert_that_ended(digest) -> None:
    closed = digest.alerts.with_columns(
        alert_level=pl.lit("none"), alert_status=pl.lit("closed"), cause=pl.lit("news")
    )
    mail = message(replace(digest, alerts=closed), was="watch")
    assert mail["Subject"] == "Sikasso: WATCH, ended - Tocsin 25 June 2021"
    assert text(mail).startswith("Sikasso (Mali) is below the threshold again (was WATCH).")


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
    assert "  - Sikasso (Mali): WARNING, about 1 in 5 (20%), since 25 June 2021" in text(mail)


def test_a_level_held_says_what_this_month_alone_would(digest) -> None:
    held = digest.alerts.with_columns(undercut_level=pl.lit("none"))
    assert "This month alone would say: below the threshold." in text(
        message(replace(digest, alerts=held))
    )


def test_muted_regions_are_named_and_not_told(digest) -> None:
    muted = replace(digest, muted={"MLI.sikasso": date(2021, 7, 1)})
    mail = message(muted)
    assert "no change" in mail["Subject"]
    assert "Sikasso: nobody is mailed until 1 July 2021." in text(mail)


def test_every_string_is_translated() -> None:
    methods = [("**.j2", "jinja2.ext:babel_extract")]
    options = {"**.j2": {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}}
    found = {
        m[2] if isinstance(m[2], str) else m[2][0]
        for m in extract_from_dir(ROOT / "alerts" / "templates", methods, options)
    }
    path = ROOT / "alerts/locales/fr/LC_MESSAGES/tocsin.po"
    with path.open("rb") as file:
        catalogue = {
            m.id if isinstance(m.id, str) else m.id[0]: m.string for m in read_po(file) if m.id
        }
    assert found == catalogue.keys()
    assert all(all(s) if isinstance(s, tuple) else s for s in catalogue.values())


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
    assert "about 1 in 4 (28%), since 25 February 2021." in changed
    assert "Sikasso (Mali): WARNING, about 1 in 4 (28%), since 25 February 2021" in standing
    assert "1 in 1000" not in changed + standing
    never_told = replace(stale, alerts=stale.alerts.head(0))  # it ended on an earlier night
    assert "Sikasso (Mali) is below the threshold again" in text(message(never_told))


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


def test_same_night_same_bytes_and_small(kept, night, digest) -> None:
    assert message(digest).as_bytes() == message(digest).as_bytes()
    whole = digest_of(kept, night(NIGHT), NIGHT, "tocsin.duckdb")
    every = compose(whole, {}, Recipient("a@example.org", "fr"), "T <t@x.org>", "mailto:t@x.org")
    assert len(every.as_bytes()) < 60_000


def test_pictures_show_levels_and_have_words(digest) -> None:
    mail = email.message_from_bytes(message(digest).as_bytes(), policy=default)
    pictures = {
        part["Content-ID"]: Image.open(BytesIO(part.get_content()))
        for part in mail.walk()
        if part.get_content_type() == "image/png"
    }
    assert list(pictures) == ["<map>", "<counts0>"]
    for picture in pictures.values():
        colours = {c[1] for c in picture.convert("RGBA").getcolors()}
        assert any(abs(c[0] - 0xD9) + abs(c[1] - 0x6B) + c[2] < 12 and c[3] > 250 for c in colours)
    tags = re.findall(r"<img[^>]*>", text(mail, "html"))
    assert [re.search(r'src="cid:(\w+)"', tag).group(1) for tag in tags] == ["map", "counts0"]
    assert 'alt="Map of the levels; WARNING: Sikasso."' in tags[0]
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
    @settings(max_examples=25, deadline=None)
    @given(words=hostile, language=st.sampled_from(["en", "fr"]))
    def reaches(words: str, language: str) -> None:
        evil = pl.lit(words or "x")
        mail = message(
            replace(
                digest,
                flags=digest.flags.with_columns(region_name=evil),
                events=digest.events.with_columns(actor_a=evil, source_admin2_name=evil),
                suspensions=digest.suspensions.with_columns(actor=evil),
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
