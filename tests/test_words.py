"""What a level means, in the words of page, mail and terminal, on rows made by hand."""

import re
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from alerts.digest import _environment as mail_environment
from config.vocabulary import MEASURES
from flows.glance import level_moves_in_words
from page.site import _environment as page_environment

ROW = MappingProxyType(
    {
        "region_name": "Boucle du Mouhoun",
        "country_name": "Burkina Faso",
        "intensity": "some",
        "direction": "raised",
        "mailed_level": "watch",
        "cause": "news",
        "moved": "down",
        "is_stale": False,
        "level": "warning",
        "alert_level": "warning",
        "level_of_month": "warning",
        "level_at_bar_before": "none",
        "quiet_days": 241,
        "level_without_newest_event": "watch",
        "events_to_next_level_count": 2,
        "may_fall_on_date": date(2021, 8, 13),
        "p_escalation": 0.311,
        "p_escalation_before": 0.422,
        "escalation_threshold_count": 3,
        "events_count": 0,
        "models_left_out": None,
        "undercut_level": None,
        "window_start_date": date(2021, 6, 26),
        "window_end_date": date(2021, 9, 23),
        "events_next3_mean": 1.57,
        "events_next3_q10": 0.0,
        "events_next3_q90": 4.0,
        "deaths_next3_mean": 3.94,
        "deaths_next3_q10": 0.0,
        "deaths_next3_q90": 9.0,
    }
)
MALI = MappingProxyType(
    {
        "country_code": "MLI",
        "window_start_date": date(2021, 6, 26),
        "window_end_date": date(2021, 7, 25),
        "events_mean": 22.14,
        "events_q10": 11.0,
        "events_q90": 35.0,
        "deaths_mean": 101.0,
        "deaths_q10": 28.0,
        "deaths_q90": 199.0,
    }
)
PLACES = ["page", "mail"]


def words(place: str, language: str, is_stale: bool = False) -> Any:
    """The sentences of a place, to be called with a row."""
    environment = (
        page_environment(language) if place == "page" else mail_environment(language, False)
    )
    template = environment.get_template("words.j2")
    country_names = {"MLI": "Mali"}
    known = {"is_stale": is_stale, "country_names": country_names, "country_forecasts": [MALI]}
    return template.make_module(known)


def plain(text: object) -> str:
    """Text with ordinary blanks."""
    return " ".join(str(text).replace("\N{NARROW NO-BREAK SPACE}", " ").split())


@pytest.mark.parametrize("place", PLACES)
def test_a_quiet_region_says_that_its_bar_fell(place: str) -> None:
    english, french = words(place, "en"), words(place, "fr")
    assert plain(english.bar(ROW)) == (
        "No event for 241 days; the level stands because the bar fell: a return to last year's "
        "level would count."
    )
    assert plain(french.bar(ROW)) == (
        "Aucun incident depuis 241 jours ; le niveau tient à un seuil abaissé : un retour au "
        "niveau de l'an passé suffirait."
    )
    for other in (
        {"quiet_days": 179},
        {"quiet_days": None},
        {"level_at_bar_before": "warning"},
        {"level_at_bar_before": "alarm"},
        {"level": "none", "alert_level": "none", "level_of_month": "none"},
    ):
        assert plain(english.bar({**ROW, **other})) == "", other
    assert plain(words(place, "en", is_stale=True).bar(ROW)) == ""


@pytest.mark.parametrize(
    ("now", "before", "says", "says_in_french"),
    [
        (0.20, 0.15, "up from 15% a month earlier.", "en hausse sur un mois (15 %"),
        (0.1944, 0.1856, "unchanged in a month.", "inchangé"),
        (0.28, 0.34, "down from 34% a month earlier.", "en baisse sur un mois (34 %"),
    ],
)
@pytest.mark.parametrize("place", PLACES)
def test_only_a_chance_that_rose_in_whole_per_cents_is_rising(
    place: str, now: float, before: float, says: str, says_in_french: str
) -> None:
    moved = {"up": "up", "unchanged": "unchanged", "down": "down"}[says.split()[0]]
    row = {**ROW, "p_escalation": now, "p_escalation_before": before, "moved": moved}
    assert says in plain(words(place, "en").chance(row))
    french = plain(words(place, "fr").chance(row))
    assert says_in_french in french
    assert ("hausse" in french) == (moved == "up")


def test_a_headline_of_a_higher_level_says_where_the_chance_did_not_rise() -> None:
    english, french = words("mail", "en"), words("mail", "fr")
    assert plain(english.change(ROW)).endswith(
        "is raised to WARNING (last told: WATCH). The chance of as many events has not risen: "
        "31%, 42% a month earlier."
    )
    assert plain(french.change(ROW)).endswith(
        "La probabilité d'autant d'incidents n'a pas augmenté : 31 %, contre 42 % un mois plus tôt."
    )
    for other in ({"moved": "up"}, {"direction": "lowered"}, {"cause": "model"}):
        assert "has not risen" not in plain(english.change({**ROW, **other}))


@pytest.mark.parametrize("place", PLACES)
def test_what_moves_a_level(place: str) -> None:
    english, french = words(place, "en"), words(place, "fr")
    assert plain(english.moves(ROW)) == (
        "2 further events would lift it to ALARM. If all stays quiet it can fall on 13 August "
        "2021 at the earliest, once the figures of two months say so."
    )
    assert plain(french.moves(ROW)) == (
        "2 incidents de plus porteraient la région à ALARME. Si tout reste calme, le niveau peut "
        "baisser au plus tôt le 13 août 2021, une fois que les chiffres de deux mois le disent."
    )
    assert plain(english.fragile(ROW)) == "Without its newest event: WATCH."
    for without in ("warning", "alarm", None):  # the bar falls with the count
        assert plain(english.fragile({**ROW, "level_without_newest_event": without})) == ""
    lower = {**ROW, "level": "watch", "alert_level": "watch", "level_of_month": "watch"}
    one = {**lower, "events_to_next_level_count": 1, "may_fall_on_date": None}
    assert plain(english.moves(one)) == "1 further event would lift it to WARNING or higher."
    silent = {**ROW, "events_to_next_level_count": None, "may_fall_on_date": None}
    above_its_month = {**ROW, "level": "watch", "level_of_month": "watch"}  # told: warning
    if place == "page":
        above_its_month["level"] = "warning"
    assert plain(english.moves(silent)) == plain(english.moves(above_its_month)) == ""
    assert plain(words(place, "en", is_stale=True).moves(ROW)) == ""
    undercut = {**above_its_month, "undercut_level": "watch"}
    assert plain(english.fragile(undercut)).endswith("This month alone would say: WATCH.")


@pytest.mark.parametrize("place", PLACES)
def test_events_and_deaths_of_the_window_are_expected_in_dates(place: str) -> None:
    assert plain(words(place, "en").range(ROW)) == (
        "Expected from 26 June to 23 September 2021: 1.6 events (8 times in 10 between 0 and 4), "
        "3.9 deaths (between 0 and 9)."
    )
    assert plain(words(place, "fr").range(ROW)) == (
        "Prévision du 26 juin au 23 septembre 2021 : 1,6 incident (8 fois sur 10 entre 0 et 4), "
        "3,9 morts (entre 0 et 9)."
    )


def test_a_country_is_told_as_a_whole() -> None:
    english, french = words("mail", "en"), words("mail", "fr")
    assert plain(english.countries_title()) == (
        "Whole countries, expected from 26 June to 25 July 2021"
    )
    assert plain(english.country_line(MALI)) == (
        "Mali: 22.1 events (8 times in 10 between 11 and 35), 101 deaths (between 28 and 199)"
    )
    assert plain(french.country_line(MALI)) == (
        "Mali : 22,1 incidents (8 fois sur 10 entre 11 et 35), 101 morts (entre 28 et 199)"
    )
    assert plain(words("page", "en").sums(MALI, "_")) in plain(english.country_line(MALI))


def test_the_terminal_says_what_moves_a_level() -> None:
    assert level_moves_in_words(dict(ROW)).strip() == (
        "No event for 241 days; the level stands because the bar fell: a return to last year's "
        "level would count. 2 further events would lift it to alarm. If all stays quiet it can "
        "fall on 2021-08-13 at the earliest, once the figures of two months say so. Without its "
        "newest event: watch."
    )
    for without in ("warning", "alarm", None):
        said = level_moves_in_words({**ROW, "level_without_newest_event": without})
        assert said.endswith("once the figures of two months say so.")


@pytest.mark.parametrize(
    ("came", "open_count", "says"),
    [
        (0, 1, "0 suivi d'une escalade, 1 non, 1 pas encore connu"),
        (1, 2, "1 suivi d'une escalade, 1 non, 2 pas encore connus"),
        (2, 0, "2 suivis d'une escalade, 1 non"),
    ],
)
def test_what_came_of_a_years_levels_agrees_with_its_count(
    came: int, open_count: int, says: str
) -> None:
    year = {"alarms": 7, "came": came, "did_not_come": 1, "not_yet_known": open_count,
            "escalations": 0}  # fmt: skip
    assert plain(words("page", "fr").ledger_year(year)) == (
        f"7 niveaux donnés ou relevés, {says} ; 0 escalade"
    )
    assert f"raised, {came} came, 1 did not" in plain(words("page", "en").ledger_year(year))


@pytest.mark.parametrize(
    ("after", "under_held", "unwarned", "english", "french"),
    [
        (0, 0, 1, "1 escalation: 0 after such a level, 1 unwarned",
         "1 escalade : 0 après un tel niveau, 1 sans avertissement"),
        (1, 1, 0, "2 escalations: 1 after such a level, 1 under a level held from before, "
         "0 unwarned",
         "2 escalades : 1 après un tel niveau, 1 sous un niveau maintenu, 0 sans avertissement"),
        (2, 6, 3, "11 escalations: 2 after such a level, 6 under a level held from before, "
         "3 unwarned",
         "11 escalades : 2 après un tel niveau, 6 sous un niveau maintenu, 3 sans avertissement"),
    ],
)  # fmt: skip
def test_what_the_escalations_of_a_year_came_under_adds_up(
    after: int, under_held: int, unwarned: int, english: str, french: str
) -> None:
    year = {"alarms": 0, "escalations": after + under_held + unwarned, "after_alarm": after,
            "under_held_level": under_held, "unwarned": unwarned}  # fmt: skip
    assert plain(words("page", "en").ledger_year(year)) == f"0 levels given or raised; {english}"
    assert plain(words("page", "fr").ledger_year(year)) == f"0 niveau donné ou relevé ; {french}"


def test_every_string_of_mails_and_page_is_translated_once() -> None:
    root = Path(__file__).parent.parent
    methods = [("**.j2", "jinja2.ext:babel_extract")]
    options = {"**.j2": {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}}
    messages = {
        m[2] if isinstance(m[2], str) else m[2][0]
        for folder in ("alerts/templates", "alerts/wording/templates", "page/templates")
        for m in extract_from_dir(root / folder, methods, options)
    }
    path = root / "alerts" / "wording" / "fr.po"
    with path.open("rb") as file:
        catalogue = {
            m.id if isinstance(m.id, str) else m.id[0]: m.string for m in read_po(file) if m.id
        }
    assert messages == catalogue.keys()
    assert all(all(s) if isinstance(s, tuple) else s for s in catalogue.values())
    assert path.read_text("utf-8").count("\nmsgid ") == len(catalogue)
    how_to = (root / "docs" / "adding.md").read_text("utf-8")
    (example,) = re.findall(r"```po\n(.*?)```", how_to, flags=re.DOTALL)
    assert f"\n\n{example}" in path.read_text("utf-8")


def test_macros_are_written_once() -> None:
    root = Path(__file__).parent.parent
    mail, page, shared = (
        set(re.findall(r"{% macro (\w+)\(.*", (root / name).read_text("utf-8")))
        for name in (
            "alerts/templates/words.j2",
            "page/templates/words.j2",
            "alerts/wording/templates/sentences.j2",
        )
    )
    assert not shared & (mail | page)


def test_every_measure_has_its_words_in_mails_and_on_the_page() -> None:
    mails = mail_environment("en", is_html=False)
    words, said = (mails.get_template(name).module for name in ("words.j2", "vocabulary.j2"))
    for measure in MEASURES:
        act = {"actor": "France", "measure_type": measure, "opened_precision": "day",
               "opened_date": date(2022, 1, 1)}  # fmt: skip
        assert str(words.measure(act)).endswith(", 1 January 2022")
        assert measure in said.measures
