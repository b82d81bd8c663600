"""Texts of others, made fit to be shown."""

import unicodedata


def shown(text: str) -> str:
    r"""Text of a source without what would steer a terminal.

    Example:
        >>> shown("Gao\x1b[2J"), shown("28\xa0%")
        ('Gao\\x1b[2J', '28 %')
    """
    spaced = ("\N{SPACE}" if unicodedata.category(sign) == "Zs" else sign for sign in text)
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in spaced)
