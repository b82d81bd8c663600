"""What Tocsin's own errors have in common."""


class TocsinError(Exception):
    """A failure that was foreseen: its message says what failed and what to do.

    Attributes:
        exit_code: What the command line ends with.
    """

    exit_code = 1


def failure_in_words(error: BaseException) -> str:
    """One line for logs and mails: of an error that was not foreseen with its class.

    Example:
        >>> failure_in_words(TocsinError("no room; make some"))
        'no room; make some'
        >>> failure_in_words(KeyError("region_id")), failure_in_words(KeyboardInterrupt())
        ("KeyError: 'region_id'", 'KeyboardInterrupt')
    """
    message, name = " ".join(str(error).split()), type(error).__name__
    if isinstance(error, TocsinError):
        return message or name
    return f"{name}: {message}" if message else name
