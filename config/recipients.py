"""Who is told, by mail or text: in which language, about where, from which level, and when."""

import re
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from config.areas import area
from config.lines import Line, line_of
from config.registry import countries, regions
from config.settings import SettingsError, is_address
from config.vocabulary import LEVELS

LANGUAGES = ("en", "fr")
EXAMPLES = Path(__file__).parent / "recipients.toml"
WHEN = ("immediate", "nightly", "weekly")
FIELDS = (
    "address", "language", "countries", "regions", "lowest_level", "when", "quiet_hours",
    "time_zone", "line",
)  # fmt: skip
TEXT_ADDRESS = re.compile(
    r"([a-z][a-z0-9_-]{0,30}):(\+[1-9]\d{6,14}|[A-Za-z0-9][\w.-]{0,63})", re.ASCII
)


def channel_and_target(address: str) -> tuple[str, str] | None:
    """The channel of a text (``TOCSIN_CHANNELS``) and whom it is for; None: an address of mail.

    Example:
        >>> channel_and_target("sms:+22370112233"), channel_and_target("a@b.org")
        (('sms', '+22370112233'), None)
    """
    match = TEXT_ADDRESS.fullmatch(address)
    return (match[1], match[2]) if match else None


@dataclass(frozen=True)
class Recipient:
    """One reader.

    Attributes:
        address: E-mail address; or of a text, a channel and a number in international form
            (``sms:+22370112233``) or a name (``team:bamako``). Who wants both has two entries.
        language: en or fr.
        countries: ISO 3166 alpha-3; none and no regions: everywhere.
        regions: Region ids, besides those of ``countries``.
        lowest_level: Levels below it are not told: watch, warning or alarm.
        when: immediate: every run that changes something; nightly: at most one such mail
            a night; weekly: one mail in the first run of a week, changed or not. The other
            two get that one too, where nothing else was sent in the week.
        quiet_hours: From and to, local time: mails wait until they end.
        time_zone: IANA name.
        lines: The reader's own (``[[recipient.line]]``).
    """

    address: str
    language: str
    countries: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    lowest_level: str = LEVELS[1]
    when: str = "nightly"
    quiet_hours: tuple[time, time] | None = None
    time_zone: str = field(default_factory=lambda: area().time_zone)
    lines: tuple[Line, ...] = ()

    def not_before(self, now: datetime) -> datetime:
        """When a mail may go: now, or the end of the quiet hours (UTC, as ``now``).

        Example:
            >>> night = Recipient("a@b.org", "fr", quiet_hours=(time(21), time(6)))
            >>> str(night.not_before(datetime(2021, 6, 25, 22, 5)))
            '2021-06-26 06:00:00'
            >>> str(night.not_before(datetime(2021, 6, 25, 12)))
            '2021-06-25 12:00:00'
        """
        if self.quiet_hours is None:
            return now
        begins, ends = self.quiet_hours
        here = now.replace(tzinfo=UTC).astimezone(ZoneInfo(self.time_zone))
        at = here.time()
        is_quiet = begins <= at < ends if begins < ends else at >= begins or at < ends
        if not is_quiet:
            return now
        until = datetime.combine(here.date(), ends, here.tzinfo)
        until += timedelta(days=until <= here)
        return until.astimezone(UTC).replace(tzinfo=None)


def load_recipients(path: Path) -> list[Recipient]:
    """The readers listed in a TOML file of ``[[recipient]]`` tables.

    Raises:
        SettingsError: The file cannot be read, or an entry is wrong; the
            message names file, entry, field and what is allowed.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{path}: byte {error.start} is no UTF-8; save the file as UTF-8"
        ) from None
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(
            f"{path}: {cause}; mend the file or set TOCSIN_RECIPIENTS_FILE"
        ) from None
    entries = document.pop("recipient", [])
    if document or not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        names = ", ".join(sorted(document)) or "recipient"
        raise SettingsError(
            f"{path}: {names} is not what is read; write [[recipient]] above each entry"
        )
    if path.resolve() == EXAMPLES:  # of the default area; elsewhere those of its countries go
        entries = [e for e in entries if {*e.get("countries", [])} <= {*area().countries}]
    recipients = [
        _recipient(entry, f"{path}: recipient {number}") for number, entry in enumerate(entries, 1)
    ]
    addresses = [recipient.address.lower() for recipient in recipients]
    if twice := sorted({address for address in addresses if addresses.count(address) > 1}):
        raise SettingsError(f"{path}: {', '.join(twice)} stands twice; keep one entry an address")
    return recipients


def reader(path: Path, address: str) -> Recipient:
    """The reader of an address in the file.

    Raises:
        SettingsError: None has it, or the file is wrong.
    """
    readers = {recipient.address.lower(): recipient for recipient in load_recipients(path)}
    if address.lower() not in readers:
        raise SettingsError(
            f"{path}: no recipient has the address {address!r}; write one of its {len(readers)}"
        )
    return readers[address.lower()]


def address_of(text: object, where: str) -> str:
    """A plain e-mail address, or the address of a text.

    Raises:
        SettingsError: It is neither.
    """
    if not is_address(str(text)) and channel_and_target(str(text)) is None:
        raise SettingsError(
            f"{where} {text!r} is no e-mail address; write name@host, or of a text channel:number "
            "(sms:+22370112233)"
        )
    return str(text)


def _recipient(entry: dict[str, Any], where: str) -> Recipient:
    if unknown := entry.keys() - set(FIELDS):
        raise SettingsError(
            f"{where}: unknown field {', '.join(sorted(unknown))}; known are {', '.join(FIELDS)}"
        )

    def one_of(field: str, options: tuple[str, ...], default: str | None = None) -> str:
        value = entry.get(field, default)
        if value not in options:
            fault = f"{value!r} is not" if field in entry else "is missing: write"
            raise SettingsError(f"{where}: {field} {fault} one of {', '.join(options)}")
        return str(value)

    def out_of(field: str, codes: list[str], named_in: str) -> tuple[str, ...]:
        values = entry.get(field, [])
        if not isinstance(values, list) or any(value not in codes for value in values):
            wrong = [v for v in values if v not in codes] if isinstance(values, list) else values
            raise SettingsError(f"{where}: {field} {wrong!r} must be a list out of {named_in}")
        return tuple(values)

    codes = countries()["country_code"].to_list()
    zone = entry.get("time_zone", area().time_zone)
    if not isinstance(zone, str) or zone not in available_timezones():
        raise SettingsError(
            f"{where}: time_zone {zone!r} is no IANA time zone; write one such as Africa/Bamako"
        )
    return Recipient(
        address_of(entry.get("address", ""), f"{where}: address"),
        one_of("language", LANGUAGES),
        out_of("countries", codes, ", ".join(codes)),
        out_of("regions", regions()["region_id"].to_list(), "the ids of the area's regions"),
        one_of("lowest_level", LEVELS[1:], Recipient.lowest_level),
        one_of("when", WHEN, Recipient.when),
        _hours(entry.get("quiet_hours"), where),
        zone,
        _lines(entry.get("line", []), where),
    )


def _lines(entries: object, where: str) -> tuple[Line, ...]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SettingsError(f"{where}: line: write [[recipient.line]] above each of them")
    lines = [line_of(entry, f"{where}: line {n}") for n, entry in enumerate(entries, 1)]
    ids = [line.line_id for line in lines]
    if twice := [n for n, line_id in enumerate(ids, 1) if line_id in ids[: n - 1]]:
        raise SettingsError(f"{where}: line {twice[0]}: says what another says; keep one")
    return tuple(lines)


def _hours(text: object, where: str) -> tuple[time, time] | None:
    if text is None:
        return None
    try:
        begins, ends = (time.fromisoformat(part.strip()) for part in str(text).split("-"))
        if begins == ends or begins.tzinfo or ends.tzinfo:
            raise ValueError
    except ValueError:
        raise SettingsError(
            f'{where}: quiet_hours {text!r} is no span of hours; write one such as "21:00-06:00"'
        ) from None
    return begins, ends
