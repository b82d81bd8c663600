"""Words, numbers and dates in the reader's language."""

import unicodedata
from datetime import date
from functools import cache
from gettext import NullTranslations
from pathlib import Path

from babel.dates import format_date
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent

from config.registry import names_fr

UNITS_FR = {
    "cercle": "cercle",
    "province": "province",
    "department": "département",
    "region": "région",
}
VOWELS = "AEIOUYÀÂÉÈÊËÎÏÔÛÜaeiouyéèê"
LONGEST = 120  # signs of a name: longer than any in the sources
LOCALES = Path(__file__).parent / "locales"


class CatalogueTranslations(NullTranslations):
    """Translations read from a ``.po`` file, so that no compiled copy can be out of date."""

    def __init__(self, catalogue: Catalog) -> None:
        super().__init__()
        self.catalogue = catalogue

    def gettext(self, message: str) -> str:
        """The translated message; the message itself where there is none."""
        found = self.catalogue.get(message)
        return str(found.string) if found is not None and found.string else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """The translated form for ``n``; French counts 0 as singular."""
        found = self.catalogue.get(msgid1)
        if found is None or not found.string:
            return msgid1 if n == 1 else msgid2
        forms = found.string if isinstance(found.string, tuple) else (found.string,)
        return str(forms[0 if n < 2 else len(forms) - 1])


@cache
def translations(language: str) -> NullTranslations:
    """The catalogue of a language; English is the language of the templates."""
    path = LOCALES / language / "LC_MESSAGES" / "tocsin.po"
    if language == "en":
        return NullTranslations()
    with path.open("rb") as file:
        return CatalogueTranslations(read_po(file, locale=language))


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


def plain(text: str, language: str) -> str:
    r"""Text of a source as one short line: no control or direction signs, at most 120 signs.

    Example:
        >>> plain("Kidal\r\nBcc:\u202e x", "en"), len(plain("a" * 10**6, "en"))
        ('Kidal Bcc: x', 120)
    """
    del language  # the same in all
    line = " ".join(text[: 10 * LONGEST].split())
    shown = "".join(sign for sign in line if unicodedata.category(sign)[0] != "C")
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def name(text: str, language: str) -> str:
    """An actor as it is called in the language, where ``config/names_fr.csv`` knows it.

    Example:
        >>> name("World Bank", "fr"), name("JNIM", "fr"), name("World Bank", "en")
        ('Banque mondiale', 'JNIM', 'World Bank')
    """
    return names_fr().get(text, text) if language == "fr" else text


def unit(text: str, language: str) -> str:
    """An admin-2 unit as the source spells it (English), in the language.

    Example:
        >>> unit("Bougouni cercle", "fr"), unit("Ansongo cercle", "fr"), unit("Kossi", "fr")
        ('cercle de Bougouni', "cercle d'Ansongo", 'Kossi')
    """
    place, _, kind = text.rpartition(" ")
    if language != "fr" or kind not in UNITS_FR or not place:
        return text
    of = "d'" if place[0] in VOWELS else "de "
    return f"{UNITS_FR[kind]} {of}{place}"


def month(value: date, language: str) -> str:
    """A month in words.

    Example:
        >>> month(date(2021, 5, 1), "fr")
        'mai 2021'
    """
    return format_date(value, "MMMM y", locale=language)


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


def odds(probability: float) -> int:
    """The N of "about 1 in N", at least 1.

    Example:
        >>> odds(0.108), odds(0.27), odds(0.0)
        (9, 4, 1000)
    """
    return max(1, round(1 / max(probability, 0.001)))
