"""Texts of others, made fit to be shown."""

import re


def shown(text: str) -> str:
    r"""Text of a source without what would steer a terminal.

    Example:
        >>> shown("Gao\x1b[2J")
        'Gao\\x1b[2J'
    """
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def form_of(text: str) -> str:
    """A message with the form of the values it quotes, for rows that may not be passed on.

    Example:
        >>> form_of("field event_date: '05 October 2026' is no day")
        "field event_date: '99 aaaaaaa 9999' is no day"
        >>> form_of("field latitude: '' is no number")
        "field latitude: '' is no number"
    """
    quoted = re.compile(r"'(.*?)'(?=$|[ ,;:)])")
    return quoted.sub(lambda found: f"'{_masked(found[1])}'", text)


def _masked(value: str) -> str:
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", value))
