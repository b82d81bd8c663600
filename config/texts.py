"""Texts of others, made fit to be shown."""


def shown(text: str) -> str:
    r"""Text of a source without what would steer a terminal.

    Example:
        >>> shown("Gao\x1b[2J")
        'Gao\\x1b[2J'
    """
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
