"""What may be wrong with an installation, and the cure of each finding."""

import os
import re
import shutil
import stat
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from textwrap import shorten
from urllib.parse import urlsplit
from urllib.request import getproxies

import duckdb

from alerts.channels import check_channels
from alerts.delivery import CANNOT_SEND, why_not_sent
from config.areas import NAME as AREAS
from config.areas import area, read_areas
from config.overlay import HERE, LAID_OVER, VARIABLE, ConfigurationError, own_files
from config.recipients import load_recipients
from config.registry import Source, SourceError
from config.settings import Settings, Smtp, credentials
from config.tables import TABLES, file_rows
from config.thresholds import NAME as THRESHOLDS
from config.thresholds import own_thresholds
from flows.nights import tonight
from flows.process import SOCKS, unusable_proxy
from warehouse import runs
from warehouse.connect import (
    BusyError,
    WarehouseError,
    ensure_writable,
    holder,
    log_beside,
    open_existing,
)
from warehouse.marts import newest_night, nights, read_mart
from warehouse.outbox import failed_attempts, overdue
from warehouse.publish import file_sha256, manifest_entries
from warehouse.repair import is_sound
from warehouse.source_status import failing_sources
from warehouse.sources import SOURCES

LIBRARIES = (
    "duckdb", "duckdb-extension-spatial", "great-expectations", "polars", "prefect", "statsmodels",
)  # fmt: skip
LOCK_FILE = Path(__file__).parent.parent / "requirements.lock"
MAX_SIGNS = 120  # characters of what a library says
LEAST_FREE = 1_000_000_000  # bytes; a night needs far less, a yearly release of a source does not
LEAST_MEMORY = 1_000_000_000  # bytes: with 768 MB a first night is killed, with 1 GB it runs
LONGEST_RUN = timedelta(hours=3)
LATE = timedelta(hours=26)  # after the last night
OTHERS_READ_OR_ENTER = stat.S_IROTH | stat.S_IXOTH
OK, NOTE, BAD = "ok", "note", "BAD"


@dataclass(frozen=True)
class Diagnosis:
    """One thing looked at.

    Attributes:
        subject: What.
        state: ok, note (no night fails of it) or BAD.
        detail: What was found.
        cure: What to do; empty: nothing.
    """

    subject: str
    state: str
    detail: str
    cure: str = ""


def examine(settings: Settings, smtp: Smtp) -> list[Diagnosis]:
    """Everything that is looked at, in the order in which to mend it."""
    looks: tuple[Callable[[Settings, Smtp], Iterator[Diagnosis]], ...] = (
        _versions, _configuration, _disk, _memory, _run, _warehouse, _published, _sources, _proxy,
        _mail, _schedule,
    )  # fmt: skip
    return [finding for look in looks for finding in look(settings, smtp)]


def _versions(_: Settings, __: Smtp) -> Iterator[Diagnosis]:
    python = f"Python {sys.version.partition(' ')[0]}"
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", LOCK_FILE.read_text("utf-8"), re.M))
    wrong = []
    for name in LIBRARIES:
        try:
            have = version(name)
        except PackageNotFoundError:
            have = "none"
        if have != locked[name]:
            wrong.append(f"{name} {have} instead of {locked[name]}")
    if wrong:
        yield Diagnosis(
            "versions", BAD, f"{python}; {', '.join(wrong)}",
            "delete .venv and call ./run, which installs what requirements.lock says",
        )  # fmt: skip
    else:
        yield Diagnosis("versions", OK, f"{python}, libraries as locked")


def _configuration(_: Settings, __: Smtp) -> Iterator[Diagnosis]:
    try:
        files = own_files()
    except ConfigurationError as error:
        yield Diagnosis("configuration", BAD, *_fault_and_cure(error))
        return
    ours = [name for name in (*TABLES, THRESHOLDS, AREAS, "recipients.toml") if name not in files]
    ours += [release.file for source in SOURCES if source.is_by_hand for release in source.embedded
             if release.file not in files]  # fmt: skip
    if not files:
        yield Diagnosis(
            "configuration", OK, f"Tocsin's own, in {HERE}; yours goes into a folder of your own "
            f"that {VARIABLE} names",
        )  # fmt: skip
        return
    for name, path in files.items():
        try:
            yield Diagnosis(name, OK, f"{path}: {_in_force(name, path)}")
        except (ConfigurationError, SourceError) as error:
            yield Diagnosis(name, BAD, *_fault_and_cure(error))
    yield Diagnosis("configuration", OK, f"Tocsin's own: {', '.join(sorted(ours))}")


def _fault_and_cure(error: Exception) -> tuple[str, str]:
    first, _, others = str(error).partition("\n")
    fault, _, cure = first.rpartition("; ")
    more = f" ({_several(others.count(chr(10)) + 1, 'more line')})" if others else ""
    return (fault or cure) + more, cure if fault else "correct it"


def _in_force(name: str, path: Path) -> str:
    """What a file of the user's own makes of ours, in rows.

    Raises:
        ConfigurationError: It is wrong.
        SourceError: It is a register and wrong.
    """
    if name == THRESHOLDS:
        numbers = own_thresholds()
        return f"above ours: {', '.join(numbers) or 'no other number'}"
    if name == "recipients.toml":
        return "in place of ours"
    if name == AREAS:
        return f"above ours: {', '.join(read_areas(path))}; in force: {area().name}"
    if name.startswith("boundaries/"):
        return "in force" if area().boundaries == path else "of another area"
    registers = {r.file: s for s in SOURCES if s.is_by_hand for r in s.embedded}
    if name in registers:
        source = registers[name]
        own, ours = (source.parse(p.read_bytes(), str(p)) for p in (path, HERE / name))
        key: tuple[str, ...] = source.key
    else:
        own, ours = file_rows(path, name), file_rows(HERE / name, name)
        key = TABLES[name][1]
    lacking_count = ours.join(own, on=key, how="anti", nulls_equal=True).height
    if name in LAID_OVER:
        return f"{own.height} rows above our {ours.height}; {own.height + lacking_count} in force"
    missing = f", of which it lacks {lacking_count}" if lacking_count else ""
    return f"{own.height} rows in place of our {ours.height}{missing}"


def _disk(settings: Settings, _: Smtp) -> Iterator[Diagnosis]:
    folder = settings.data_folder
    try:
        ensure_writable(folder)
    except WarehouseError as error:
        yield Diagnosis("data folder", BAD, str(error), "see there")
        return
    free = shutil.disk_usage(folder).free
    text = f"{folder}, {free / 1e9:.1f} GB free"
    if free < LEAST_FREE:
        yield Diagnosis(
            "data folder", BAD, text, "make room: published copies can be fewer "
            "(TOCSIN_PUBLISHED_COPIES), files named damaged be deleted",
        )  # fmt: skip
    else:
        yield Diagnosis("data folder", OK, text)
    private = (folder, settings.warehouse_path)
    if all(path.exists() and path.stat().st_mode & OTHERS_READ_OR_ENTER for path in private):
        yield Diagnosis(
            "rights", NOTE, f"others on this machine can read {settings.warehouse_path.name}, "
            "which holds readers' addresses", f"chmod -R o= {folder}",
        )  # fmt: skip


def _memory(_: Settings, __: Smtp) -> Iterator[Diagnosis]:
    most = most_memory(Path("/"))
    text = f"a run may take {most / 1e9:.1f} GB"
    if most < LEAST_MEMORY:
        yield Diagnosis(
            "memory", BAD, f"{text}; a first night takes {LEAST_MEMORY / 1e9:.1f} GB and would be "
            "killed", "allow more (podman run --memory, MemoryMax=), or run on another machine",
        )  # fmt: skip
    else:
        yield Diagnosis("memory", OK, text)


def most_memory(root: Path) -> int:
    """Bytes that this process may take: of the machine, or fewer by its control groups.

    Args:
        root: Where ``proc`` and ``sys`` are mounted.
    """
    most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    groups = root / "sys" / "fs" / "cgroup"
    limits = [groups / "memory.max", groups / "memory" / "memory.limit_in_bytes"]
    try:
        lines = (root / "proc" / "self" / "cgroup").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if not controllers:  # version 2: a limit of any group above holds, too
            own = groups / group.strip("/")
            limits += [
                path / "memory.max" for path in (own, *own.parents) if groups in path.parents
            ]
        elif "memory" in controllers.split(","):
            limits.append(groups / "memory" / group.strip("/") / "memory.limit_in_bytes")
    for path in limits:
        try:
            most = min(most, int(path.read_text("utf-8")))
        except (OSError, ValueError):  # no such group, or "max"
            continue
    return most


def _run(settings: Settings, _: Smtp) -> Iterator[Diagnosis]:
    at_work = holder(settings.data_folder)
    start = re.search(r"since (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)Z", at_work)
    if not at_work or not start:
        yield Diagnosis("run", OK, "none is at work")
        return
    lasts = datetime.now(UTC) - datetime.fromisoformat(start[1]).replace(tzinfo=UTC)
    if lasts > LONGEST_RUN:
        yield Diagnosis(
            "run", BAD, at_work, "it hangs: end its process, then run again; nothing is lost"
        )
    else:
        yield Diagnosis("run", OK, at_work)


def _warehouse(settings: Settings, _: Smtp) -> Iterator[Diagnosis]:
    path = settings.warehouse_path
    if not path.exists():
        if settings.published_path.exists():
            yield Diagnosis("working file", BAD, f"{path} is gone", "tocsin repair")
        else:
            yield Diagnosis("working file", NOTE, "none yet", "tocsin nightly makes it")
        return
    try:
        with open_existing(path) as con:
            run_nights = nights(con)
        is_whole = is_sound(path)
    except BusyError as error:
        yield Diagnosis("working file", NOTE, str(error), "look again when it has ended")
    except (WarehouseError, duckdb.Error) as error:
        text = str(error).partition("\n")[0]
        if text.startswith("cannot write to"):
            yield Diagnosis("working file", NOTE, "cannot be looked at before the folder is mended")
        elif "newer Tocsin" in text or "ermission denied" in text:
            yield Diagnosis("working file", BAD, text, "see there")
        else:
            yield Diagnosis("working file", BAD, shorten(text, MAX_SIGNS), "tocsin repair")
    else:
        text = f"{path.stat().st_size / 1e6:.0f} MB, {len(run_nights)} nights to "
        text += str(run_nights[-1]) if run_nights else "-"
        to_come = [night for night in run_nights if night > tonight()]
        if is_whole:
            yield Diagnosis("working file", OK, text)
        else:
            yield Diagnosis("working file", BAD, f"{text}; rows cannot be read", "tocsin repair")
        if to_come:
            yield Diagnosis(
                "nights", BAD, f"{_several(len(to_come), 'night')} still to come told by mistake, "
                f"the last {to_come[-1]}: a typing error or a wrong clock",
                "tocsin repair takes them back",
            )  # fmt: skip


def _several(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _published(settings: Settings, _: Smtp) -> Iterator[Diagnosis]:
    path = settings.published_path
    logs = [log_beside(file) for file in sorted(path.parent.glob(f"{path.stem}*.duckdb"))]
    if names := [log.name for log in logs if log.exists()]:
        yield Diagnosis(
            "published file", BAD, f"{', '.join(names)} beside it: changes that another program "
            "made, which readers see in it", "run again, which takes them away, or delete them",
        )  # fmt: skip
    if not path.exists():
        yield Diagnosis("published file", NOTE, "none yet", "tocsin nightly makes it")
        return
    entry = manifest_entries(path.with_name("manifest.json")).get(path.name)
    text = f"{path.stat().st_size / 1e6:.0f} MB"
    if entry is None:
        yield Diagnosis(
            "published file", BAD, f"{text}; manifest.json beside it does not tell of it",
            "run again, which writes both anew",
        )  # fmt: skip
        return
    text = f"the night of {entry.get('as_of_date', '-')}, {text}"
    if path.is_file() and file_sha256(path) == entry.get("sha256"):
        yield Diagnosis("published file", OK, text)
    else:
        yield Diagnosis(
            "published file", BAD, f"{text}; not as the manifest says",
            "delete it and run again; past nights stand in the copies beside it",
        )  # fmt: skip


def _sources(settings: Settings, _: Smtp) -> Iterator[Diagnosis]:
    for source in SOURCES:
        missing = [n for n in source.credentials if n not in credentials(source.credentials)]
        is_live = settings.sources.get(source.name, "") == "live" or "://" in (
            settings.sources.get(source.name, "")
        )
        if is_live and missing:
            yield Diagnosis(
                source.name, NOTE, f"live without {', '.join(missing)}",
                f"set it if its page asks for it: docs/sources/{source.name}.md",
            )  # fmt: skip
    try:
        with open_existing(settings.warehouse_path) as con:
            failing = failing_sources(con)
            status = read_mart(con, "source_status", newest_night(con))
            old = [] if status is None else (
                status.filter("is_stale").select("source", "age_days", "max_age_days").rows()
            )  # fmt: skip
    except (WarehouseError, duckdb.Error):
        return  # told of above
    for name, since, failure in failing:
        yield Diagnosis(
            name, BAD, f"not renewed since {since:%Y-%m-%d %H:%M}: {failure}",
            f"tocsin sources check {name}",
        )  # fmt: skip
    by_name = {source.name: source for source in SOURCES}
    for name, age, most in old:
        if name in by_name:
            yield stale_source(by_name[name], settings.sources.get(name), age, most)
    if not failing and not old:
        yield Diagnosis("sources", OK, "none fails, none is stale")


def stale_source(source: Source, address: str | None, age: int | None, most: int) -> Diagnosis:
    """A source whose figures are old: bad where the operator can renew it, else a note.

    Health hangs on what can be mended here: a register that nobody can carry on, or a
    publisher that sends nothing newer, would keep it bad for ever.
    """
    newest = "it has no figures" if age is None else f"its newest figures are {age} days old"
    text = f"{newest}, {most} are usual"
    page = f"docs/sources/{source.name}.md"
    if address and (address == "live" or "://" in address):
        return Diagnosis(
            source.name, NOTE, f"{text}; it is fetched every night, and nothing newer came",
            f"see whether the publisher still does: {page}",
        )  # fmt: skip
    if address:
        return Diagnosis(source.name, BAD, f"{text}; it is read from {address}",
                       f"put a newer file there, or correct TOCSIN_SOURCES ({page})")  # fmt: skip
    if source.live:
        return Diagnosis(source.name, BAD, f"{text}; the embedded copy is in use",
                       f'TOCSIN_SOURCES=\'{{"{source.name}": "live"}}\' ({page})')  # fmt: skip
    file = source.embedded[-1].file if source.embedded else ""
    return Diagnosis(
        source.name, NOTE, f"{text}; it is kept by hand, no address renews it",
        f"enter what is known since in {_named(file)} (docs/registers.md)",
    )  # fmt: skip


def _named(file: str) -> str:
    return str(own_files().get(file, f"config/{file}"))


def _proxy(settings: Settings, _: Smtp) -> Iterator[Diagnosis]:
    proxies = {
        scheme: url for scheme, url in getproxies().items() if scheme in ("http", "https", "all")
    }
    names = ", ".join(
        f"{scheme}_proxy={urlsplit(url).hostname}:{urlsplit(url).port or ''}"
        for scheme, url in sorted((proxies | SOCKS).items())
    )
    if not names:
        return
    places = [
        source.live if settings.sources[source.name] == "live" else settings.sources[source.name]
        for source in SOURCES
        if source.name in settings.sources
    ]
    places += [os.environ.get("PREFECT_API_URL", "")]
    for why in sorted(
        {why for place in places if "://" in place and (why := unusable_proxy(place))}
    ):
        yield Diagnosis("proxy", BAD, why.partition(":")[0], why.partition(": ")[2])
        return
    yield Diagnosis(
        "proxy", NOTE, f"{names} stands between this machine and sources; this machine itself is "
        "reached without it", "unset it, or name hosts in no_proxy, if a source does not answer",
    )  # fmt: skip


def _mail(settings: Settings, smtp: Smtp) -> Iterator[Diagnosis]:
    try:
        readers = load_recipients(settings.recipients_file)
        check_channels(readers, settings.channels)
    except Exception as error:  # its message names entry and cure
        yield Diagnosis("recipients", BAD, str(error), "correct the entry")
    else:
        yield Diagnosis("recipients", OK, f"{len(readers)} in {settings.recipients_file}")
    where = f"{smtp.host}:{smtp.port}" if smtp.host else str(settings.outbox_folder)
    try:
        with open_existing(settings.warehouse_path) as con:
            waiting, last = overdue(con, datetime.now(UTC).replace(tzinfo=None) - LATE)
            failures = failed_attempts(con)
    except (WarehouseError, duckdb.Error):
        return
    if not settings.published_url:
        yield Diagnosis(
            "address", NOTE, "mails name no page or file that readers elsewhere could open",
            f"serve {settings.published_path.parent} and set TOCSIN_PUBLISHED_URL",
        )  # fmt: skip
    text = f"by {where}; the last went out {f'{last:%Y-%m-%d %H:%M}' if last else 'never'}"
    if failures:
        yield _failed_mails(failures, text, settings, smtp)
    if waiting:
        yield Diagnosis(
            "mail",
            BAD,
            f"{text}; {waiting} wait since the night before last or longer",
            "run again; it says why they do not go out",
        )
    if failures or waiting:
        return
    if not smtp.host:
        yield Diagnosis("mail", NOTE, f"{text}; nobody is mailed", "set TOCSIN_SMTP_HOST")
    else:
        yield Diagnosis("mail", OK, text)


def _failed_mails(
    failures: list[tuple[str, datetime]], text: str, settings: Settings, smtp: Smtp
) -> Diagnosis:
    """Mails whose last attempt failed: bad, unless all failed of a server that takes mail now.

    What a server said of a single mail, a channel of a text or a folder of a file, none can be
    asked without handing it over.
    """
    text += f"; {len(failures)} wait after a failed attempt"
    why = why_not_sent(smtp, settings.mail_sender) if smtp.host else None
    others = [cause for cause, _ in failures if not cause.startswith(CANNOT_SEND)]
    if why or others:
        return Diagnosis(
            "mail", BAD, f"{text}: {why or others[0]}", "mend what it names and run again"
        )
    now = "the server takes mail now" if smtp.host else "mails are written to files now"
    due = max(at for _, at in failures)
    return Diagnosis(
        "mail", NOTE, f"{text} ({failures[0][0]}); {now}",
        f"the next run after {due:%Y-%m-%d %H:%M} UTC sends them, or tocsin alerts send",
    )  # fmt: skip


def _schedule(settings: Settings, _: Smtp) -> Iterator[Diagnosis]:
    url = os.environ.get("PREFECT_API_URL")
    if url:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=3):  # noqa: S310
                yield Diagnosis("Prefect", OK, f"answers at {url}")
        except (urllib.error.URLError, OSError, ValueError) as error:
            yield Diagnosis(
                "Prefect", BAD, f"{url} does not answer ({error})",
                "start it ('tocsin serve' or 'prefect server start'), or unset PREFECT_API_URL: "
                "each run then starts its own",
            )  # fmt: skip
    try:
        with open_existing(settings.warehouse_path) as con:
            last = runs.latest_runs(con, 1).to_dicts()
            finished = runs.last_finished(con)
    except (WarehouseError, duckdb.Error):
        return
    if not last:
        return
    began_at, status = last[0]["began_at"], last[0]["run_status"]
    text, now = f"the last run began at {began_at:%Y-%m-%d %H:%M} UTC", datetime.now(UTC)
    if began_at.replace(tzinfo=UTC) > now + timedelta(minutes=5):
        yield Diagnosis(
            "clock", BAD, f"{text}, which is to come", "set the clock (timedatectl), then run again"
        )
        return
    if status not in (runs.DONE, runs.DEGRADED):  # nobody holds the file: it is not at work
        why = f"failed: {last[0]['run_failure']}" if status == runs.FAILED else "was killed"
        yield Diagnosis("last run", BAD, f"{text} and {why}", "mend it and run again; tocsin runs")
    if finished is None or now - finished.replace(tzinfo=UTC) > LATE:
        last_end = f"{finished:%Y-%m-%d %H:%M} UTC" if finished else "never"
        yield Diagnosis(
            "schedule", BAD, f"the last run that was finished: {last_end}",
            "schedule it: 'tocsin serve', prefect.yaml or a timer (docs/operations.md)",
        )  # fmt: skip
    else:
        yield Diagnosis("schedule", OK, text)
