"""Channels of texts: a command, or whatever service Apprise knows; their secrets are never said."""

import logging
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, unquote

from pydantic import SecretStr

from config.recipients import Recipient, channel_and_target
from config.settings import PREFIX, SettingsError

COMMAND = "exec:"
COMMAND_SECONDS = 60
LONGEST_REASON = 200
NEVER_LEFT = re.compile(r"Max retries exceeded|Failed to establish|NewConnectionError")
SENT, WAITS, UNSURE = "sent", "waits", "unsure"


def check_channels(recipients: Iterable[Recipient], channels: Mapping[str, SecretStr]) -> None:
    """See that every reader's channel is set, and is one that texts can be handed to.

    Raises:
        SettingsError: One is not; the message names the reader and the cure, not the secret.
    """
    channels_used: dict[str, str] = {}
    for recipient in recipients:
        if of_text := channel_and_target(recipient.address):
            channels_used.setdefault(of_text[0], recipient.address)
    for channel, address in sorted(channels_used.items()):
        if channel not in channels:
            known_channels = ", ".join(sorted(channels)) or "none"
            raise SettingsError(
                f"recipient {address}: {PREFIX}CHANNELS names no channel {channel!r} (known: "
                f"{known_channels}); name it there, or remove the recipient"
            )
        way = channels[channel].get_secret_value()
        if way.startswith(COMMAND):
            path = way.removeprefix(COMMAND)
            if not os.access(path, os.X_OK) or os.path.isdir(path):  # noqa: PTH112 - beside access
                raise SettingsError(
                    f"{PREFIX}CHANNELS, {channel}: the command is no file that can be executed; "
                    "write its whole path"
                )
        elif _service(way, address) is None:
            raise SettingsError(
                f"{PREFIX}CHANNELS, {channel}: no address that Apprise can use; see its list of "
                "services for how one is written"
            )


def send_text(way: str, target: str, text: str) -> tuple[str, str]:
    """Hand a text to a channel, once.

    Args:
        way: ``exec:`` with a command, which gets the target as its argument and the text on its
            standard input; or an address of Apprise, in which ``{to}`` stands for the target.
        target: Number or name.
        text: The text.

    Returns:
        sent; waits: it did not go out; unsure: it may have. And the reason, without secrets.
    """
    status, reason = (_run if way.startswith(COMMAND) else _notify)(way, target, text)
    return status, _without_secrets(reason, way)


def _run(way: str, target: str, text: str) -> tuple[str, str]:
    """Of the settings, which hold passwords, the command sees none."""
    environment = {n: v for n, v in os.environ.items() if not n.upper().startswith(PREFIX)}
    try:
        run = subprocess.run(  # noqa: S603 - the operator's own command, without a shell
            [way.removeprefix(COMMAND), target], input=text.encode(), capture_output=True,
            check=False, timeout=COMMAND_SECONDS, env=environment,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return UNSURE, f"the command did not end in {COMMAND_SECONDS} seconds"
    except OSError as error:
        return WAITS, f"the command cannot be run ({error.strerror})"
    output = (run.stderr or run.stdout).decode("utf-8", "replace")
    return (SENT, "") if run.returncode == 0 else (WAITS, f"exit {run.returncode}: {output}")


def _notify(way: str, target: str, text: str) -> tuple[str, str]:
    with _words_of_apprise() as records:
        service = _service(way, target)
        if service is None:
            return WAITS, "no address that Apprise can use"
        is_sent = bool(service.notify(body=text))
    if is_sent:
        return SENT, ""
    broken = [text for _, text in records if text.startswith("Socket Exception")]
    reasons = [text for level, text in records if level >= logging.WARNING]
    is_unsure = any(not NEVER_LEFT.search(text) for text in broken)
    return UNSURE if is_unsure else WAITS, "; ".join(reasons) or "the service did not take it"


def _service(way: str, address: str) -> Any:
    """Apprise's service for a way and a reader; None: there is no such service."""
    import apprise  # a tenth of a second, for texts alone

    _, target = channel_and_target(address) or ("", address)
    with _words_of_apprise():
        url = way.replace("{to}", quote(target, safe="+"))
        return apprise.Apprise.instantiate(url, suppress_exceptions=True)


@contextmanager
def _words_of_apprise() -> Iterator[list[tuple[int, str]]]:
    """Level and text of what Apprise and its client log, which goes nowhere else: addresses."""
    records: list[tuple[int, str]] = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append((record.levelno, record.getMessage()))  # type: ignore[method-assign]
    loggers = [logging.getLogger(name) for name in ("apprise", "urllib3")]
    before = [(logger.level, logger.propagate, list(logger.handlers)) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.propagate, logger.handlers[:] = False, [handler]
    try:
        yield records
    finally:
        for logger, (level, propagate, handlers) in zip(loggers, before, strict=True):
            logger.setLevel(level)
            logger.propagate, logger.handlers[:] = propagate, handlers


def _without_secrets(reason: str, way: str) -> str:
    r"""A reason in one line, in which every part of the way that may be a secret is masked.

    Example:
        >>> _without_secrets("POST /T1A/sesame4712 failed\nat host", "slack://T1A/sesame4712/x")
        'POST /T1A/*** failed at host'
    """
    line = "".join(s if s.isprintable() else " " for s in " ".join(reason.split()))
    parts = re.split(r"[/?&=:@#,;]", way.partition("://")[2]) if "://" in way else []
    for part in sorted({*parts, *map(unquote, parts)}, key=len, reverse=True):
        if len(part) > 3 and part != "{to}":
            line = line.replace(part, "***")
    return line[:LONGEST_REASON]
