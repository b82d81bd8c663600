"""Words, numbers and dates in the reader's language."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal, format_percent

from config.registry import countries, names_fr
from config.vocabulary import LEVELS

UNITS_FR = {
    "cercle": "cercle",
    "province": "province",
    "department": "département",
    "departement": "département",
    "prefecture": "préfecture",
    "commune": "commune",
    "sector": "secteur",
    "district": "district",
    "region": "région",
}
LEAST_CHANCE = 0.005  # below, a chance is told as "less than", never as nought
VOWELS = "AEIOUYÀÂÉÈÊËÎÏÔÛÜaeiouyéèê"
QUIET_DAYS = 180  # half a year
MAX_SIGNS = 120  # signs of a name: longer than any in the sources


def residents(regions: Iterable[Mapping[str, Any]]) -> dict[str, int | None]:
    """People who live in these regions, of which years their figures are, and regions without.

    Args:
        regions: Each with ``population_count`` and ``population_year``, null where not known.

    Example:
        >>> mopti = {"population_count": 2_509_703, "population_year": 2018}
        >>> gabu = {"population_count": None, "population_year": None}
        >>> residents([mopti, gabu])
        {'people_count': 2509703, 'first_year': 2018, 'last_year': 2018, 'without_count': 1}
        >>> residents([gabu])
        {'people_count': None, 'first_year': None, 'last_year': None, 'without_count': 1}
    """
    regions = list(regions)
    with_figure = [region for region in regions if region["population_count"] is not None]
    years = [region["population_year"] for region in with_figure]
    return {
        "people_count": sum(region["population_count"] for region in with_figure)
        if with_figure
        else None,
        "first_year": min(years, default=None),
        "last_year": max(years, default=None),
        "without_count": len(regions) - len(with_figure),
    }


def day(value: date, language: str) -> str:
    """A day in words.

    Example:
        >>> day(date(2021, 6, 25), "fr"), day(date(2021, 6, 25), "en")
        ('25 juin 2021', '25 June 2021')
        >>> day(date(2021, 3, 1), "fr")
        '1er mars 2021'
    """
    pattern = "d'er' MMMM y" if language == "fr" and value.day == 1 else "d MMMM y"
    return format_date(value, pattern, locale=language)


def short_day(value: date, language: str) -> str:
    """A day of the coming year in few signs.

    Example:
        >>> short_day(date(2021, 9, 23), "fr"), short_day(date(2021, 9, 23), "en")
        ('23 sept.', '23 Sep')
    """
    return format_date(value, "d MMM", locale=language)


def plain(text: str, language: str) -> str:
    r"""Text of a source as one short line: no control or direction signs, at most 120 signs.

    Example:
        >>> plain("Kidal\r\nBcc:\u202e x", "en"), len(plain("a" * 10**6, "en"))
        ('Kidal Bcc: x', 120)
    """
    del language  # the same in all
    line = " ".join(text[: 10 * MAX_SIGNS].split())
    line = "".join(sign for sign in line if unicodedata.category(sign)[0] != "C")
    return line if len(line) <= MAX_SIGNS else f"{line[: MAX_SIGNS - 1]}…"


def name(text: str, language: str) -> str:
    """An actor or region as it is called in the language, where ``config/names_fr.csv`` knows it.

    Example:
        >>> name("World Bank", "fr"), name("JNIM", "fr"), name("World Bank", "en")
        ('Banque mondiale', 'JNIM', 'World Bank')
        >>> name("Bere", "fr"), name("Bere", "en")
        ('Béré', 'Bere')
    """
    return names_fr().get(text, text) if language == "fr" else text


def release(versions: str, language: str) -> str:
    """Releases as readers call them: without our notes; what is numbered by an instant, its day.

    Example:
        >>> release("24.1, eight WAEMU countries, 1989-2022; 2021 vintage, simplified", "fr")
        '24.1; millésime 2021'
        >>> release("1789430400 0a1b2c3d 2025-11-24", "en"), release("as of 2026-11-24", "en")
        ('15 September 2026', '24 November 2026')
    """
    return "; ".join(_release(version, language) for version in versions.split("; "))


def _release(version: str, language: str) -> str:
    instant = re.fullmatch(r"(\d{9,10})( [0-9a-f]{8}.*)?", version)  # ACLED's, of the newest edit
    if instant:
        return day(datetime.fromtimestamp(int(instant[1]), UTC).date(), language)
    asked_on = re.fullmatch(r"as of (\d{4}-\d\d-\d\d)", version)
    if asked_on:
        return day(date.fromisoformat(asked_on[1]), language)
    return name(version.partition(",")[0], language)


def country(code: str, language: str) -> str:
    """A country's name by its code.

    Example:
        >>> country("SEN", "fr"), country("SEN", "en")
        ('Sénégal', 'Senegal')
    """
    column = "country_name_fr" if language == "fr" else "country_name"
    names: dict[str, str] = dict(countries().select("country_code", column).iter_rows())
    return names[code]


def unit(text: str, language: str) -> str:
    """An admin-2 unit as the source spells it (English), in the language.

    Example:
        >>> unit("Bougouni cercle", "fr"), unit("Ansongo cercle", "fr"), unit("Kossi", "fr")
        ('cercle de Bougouni', "cercle d'Ansongo", 'Kossi')
        >>> unit("Yorosso cercle", "fr")
        'cercle de Yorosso'
    """
    place, _, kind = text.rpartition(" ")
    if language != "fr" or kind not in UNITS_FR or not place:
        return text
    is_consonant = place[0] == "Y" and place[1:2] in VOWELS  # Yorosso, not Ypres
    of = "d'" if place[0] in VOWELS and not is_consonant else "de "
    return f"{UNITS_FR[kind]} {of}{place}"


def month(value: date, language: str) -> str:
    """A month in words.

    Example:
        >>> month(date(2021, 5, 1), "fr")
        'mai 2021'
    """
    return format_date(value, "MMMM y", locale=language)


def span(first: date, last: date, language: str) -> str:
    """A window of days with its preposition: its months, or its days where it cuts a month.

    Example:
        >>> span(date(2021, 6, 1), date(2021, 8, 31), "fr")
        'de juin à août 2021'
        >>> span(date(2021, 4, 1), date(2021, 6, 30), "fr")
        "d'avril à juin 2021"
        >>> span(date(2022, 12, 1), date(2023, 2, 28), "en")
        'from December 2022 to February 2023'
        >>> span(date(2021, 6, 1), date(2021, 6, 30), "fr")
        'en juin 2021'
        >>> span(date(2021, 6, 25), date(2021, 9, 22), "fr")
        'du 25 juin au 22 septembre 2021'
        >>> span(date(2022, 12, 25), date(2023, 3, 24), "en")
        'from 25 December 2022 to 24 March 2023'
    """
    is_whole = first.day == 1 and (last + timedelta(days=1)).day == 1
    in_words = month if is_whole else day
    end = in_words(last, language)
    if is_whole and in_words(first, language) == end:
        return f"{'en' if language == 'fr' else 'in'} {end}"
    begin = in_words(first, language)
    if first.year == last.year:
        begin = begin.removesuffix(f" {first.year}")
    if language != "fr":
        return f"from {begin} to {end}"
    if not is_whole:
        return f"du {begin} au {end}"
    return f"d'{begin} à {end}" if begin[0] in VOWELS else f"de {begin} à {end}"


def first_part(first: date, last: date) -> tuple[date, date]:
    """The first of the three parts of a window: its first month, or its first third.

    Example:
        >>> first_part(date(2021, 6, 1), date(2021, 8, 31))
        (datetime.date(2021, 6, 1), datetime.date(2021, 6, 30))
        >>> first_part(date(2021, 6, 25), date(2021, 9, 22))
        (datetime.date(2021, 6, 25), datetime.date(2021, 7, 24))
    """
    if first.day == 1 and (last + timedelta(days=1)).day == 1:
        following = (first + timedelta(days=31)).replace(day=1)
        return first, following - timedelta(days=1)
    days = (last - first).days + 1
    return first, first + timedelta(days=days // 3 - 1)


def number(value: float, language: str, digits: int = 1) -> str:
    """A number with at most ``digits`` decimals.

    Example:
        >>> number(0.42, "fr"), number(1234, "en")
        ('0,4', '1,234')
    """
    return format_decimal(round(value, digits), locale=language)


def percent(value: float, language: str) -> str:
    """A share as whole per cents.

    Example:
        >>> percent(0.108, "en")
        '11%'
    """
    return format_percent(round(value, 2), locale=language)


def share(value: float, language: str) -> str:
    """A small share in per cents with one digit.

    Example:
        >>> share(0.0234, "en"), share(-0.001, "en")
        ('2.3%', '-0.1%')
    """
    return format_percent(round(value, 3), locale=language, decimal_quantization=False)


def chance(probability: float, language: str) -> str:
    r"""A probability as whole per cents; what is small is not nothing.

    Example:
        >>> chance(0.2, "en"), chance(0.0004, "en")
        ('20%', '<\xa01%')
    """
    share = percent(max(probability, 0.01), language)
    return f"<\N{NO-BREAK SPACE}{share}" if probability < LEAST_CHANCE else share


def change(now: float, before: float) -> str:
    """Whether a share is up, down or unchanged, as far as whole per cents show it.

    Example:
        >>> change(0.20, 0.15), change(0.1944, 0.1856), change(0.28, 0.34)
        ('up', 'unchanged', 'down')
    """
    now, before = round(now, 2), round(before, 2)
    return "up" if now > before else "down" if now < before else "unchanged"


def rests_on_fallen_bar(level: str, level_at_bar_before: str, quiet_days: int | None) -> bool:
    """Whether a quiet region has its level only because fewer events count as escalation now.

    Args:
        level: By the figures of the night.
        level_at_bar_before: What it would be if the bar of half a year ago still held.
        quiet_days: Since the newest event; None: there never was one.

    Example:
        >>> rests_on_fallen_bar("warning", "none", 241), rests_on_fallen_bar("warning", "none", 179)
        (True, False)
        >>> rests_on_fallen_bar("none", "none", 900), rests_on_fallen_bar("watch", "alarm", 241)
        (False, False)
    """
    is_quiet = quiet_days is not None and quiet_days >= QUIET_DAYS
    return is_quiet and LEVELS.index(level_at_bar_before) < LEVELS.index(level)


def rests_on_newest_event(level: str, level_without: str | None) -> bool:
    """Whether a level is lower without the region's newest event; its bar falls, too.

    Args:
        level: By the figures of the night.
        level_without: Without that event; None: there is none.

    Example:
        >>> rests_on_newest_event("warning", "watch"), rests_on_newest_event("watch", "warning")
        (True, False)
    """
    return level_without is not None and LEVELS.index(level_without) < LEVELS.index(level)


def odds(probability: float) -> dict[str, int]:
    """N and of in "n in of": one in some number, of what is likely so many in ten.

    Example:
        >>> odds(0.19), odds(0.82), odds(0.999)
        ({'n': 1, 'of': 5}, {'n': 8, 'of': 10}, {'n': 9, 'of': 10})
    """
    if probability < 0.35:
        return {"n": 1, "of": one_in(probability)}
    return {"n": min(9, round(10 * probability)), "of": 10}


def one_in(probability: float) -> int:
    """The N of "about 1 in N", at least 1.

    Example:
        >>> one_in(0.108), one_in(0.27), one_in(0.0)
        (9, 4, 1000)
    """
    return max(1, round(1 / max(probability, 0.001)))
