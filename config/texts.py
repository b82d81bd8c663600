"""Texts of others, made fit to be shown."""

import re
import unicodedata


def printable(text: str) -> str:
    r"""Text of a source without what would steer a terminal.

    Example:
        >>> printable("Gao\x1b[2J"), printable("28\xa0%")
        ('Gao\\x1b[2J', '28 %')
    """
    spaced = ("\N{SPACE}" if unicodedata.category(sign) == "Zs" else sign for sign in text)
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in spaced)


def without_code_words(text: str) -> str:
    """Text without the underscores of names in the code; ids and addresses stay whole.

    Example:
        >>> without_code_words("is_stale: event_id ucdp_ged:313762, outside_km 19.1")
        'is stale: event id ucdp_ged:313762, outside km 19.1'
        >>> without_code_words("see https://example.org/a_b, column where_prec")
        'see https://example.org/a_b, column where prec'
    """
    return re.sub(r"(?<![\w/.])\w*_\w*\b(?!:\d)", lambda word: word[0].replace("_", " "), text)


def mask_quoted(text: str) -> str:
    """A message with the form of the values it quotes, for rows that may not be passed on.

    Example:
        >>> mask_quoted("field event_date: '05 October 2026' is no day")
        "field event_date: '99 aaaaaaa 9999' is no day"
        >>> mask_quoted("field latitude: '' is no number")
        "field latitude: '' is no number"
    """
    in_quotes = re.compile(r"'(.*?)'(?=$|[ ,;:)])")
    return in_quotes.sub(lambda match: f"'{_masked(match[1])}'", text)


def _masked(value: str) -> str:
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", value))
