"""Rehearsals: past nights by the configuration in force and by a changed one, side by side."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from textwrap import shorten
from typing import Any

import polars as pl

from alerts.rehearsal import levels_for, mail_counts, readers_concerned
from config import thresholds
from config.areas import DEFAULT, areas
from config.areas import VARIABLE as AREA_VARIABLE
from config.code import ROOT
from config.errors import TocsinError
from config.files import remove
from config.overlay import VARIABLE as CONFIG_VARIABLE
from config.overlay import own_folder
from config.recipients import Recipient, load_recipients
from config.settings import PREFIX, Settings
from flows import replay
from indicators.rehearsal import SIDES, alarm_differences, alarm_scores, alert_levels, outcomes
from warehouse.connect import one_run, open_existing
from warehouse.marts import newest_night
from warehouse.source_status import renewed_sources
from warehouse.sources import SOURCES

MOST_SIGNS = 400  # of what another process says is wrong
FOLDER = "rehearsal"  # in the data folder, for as long as a rehearsal takes


class RehearsalError(TocsinError):
    """A change cannot be rehearsed; the message says why and what to give."""


@dataclass(frozen=True)
class Change:
    """What is to be otherwise than now.

    Attributes:
        thresholds: A file laid over ours in place of the user's own.
        sources: A release, or a folder of them, by source: in place of all that landed of it.
        area: Another area.
        revision: A git revision of Tocsin, whose code and tuned numbers are used.
    """

    thresholds: Path | None = None
    sources: Mapping[str, Path] = field(default_factory=dict)
    area: str | None = None
    revision: str | None = None

    def in_words(self) -> list[str]:
        """A line for each thing changed.

        Raises:
            RehearsalError: There is no such source, file, area or revision, or nothing is changed.
            ConfigurationError: A threshold is unknown or out of bounds.
        """
        words = []
        if self.thresholds:
            if not self.thresholds.is_file():
                raise RehearsalError(f"--with {self.thresholds}: there is no such file")
            now, then = thresholds.tuned(), thresholds.tuned(self.thresholds)
            differing = thresholds.differences(then, now, "now")
            words.append(f"{self.thresholds}: {', '.join(differing) or 'as now'}")
        source_names = [source.name for source in SOURCES]
        for name, path in self.sources.items():
            if name not in source_names:
                raise RehearsalError(
                    f"--source {name}: no such source; known are {', '.join(source_names)}"
                )
            if not path.exists():
                raise RehearsalError(f"--source {name}={path}: there is no such file or folder")
            words.append(f"{name}: {path}, in place of all that was delivered")
        if self.area:
            if self.area not in areas():
                raise RehearsalError(
                    f"--area {self.area}: no such area; known are {', '.join(areas())}"
                )
            words.append(f"area {self.area}")
        if self.revision:
            words.append(f"code of {self.revision} ({commit_of(self.revision)[:12]})")
        if not words:
            raise RehearsalError(
                "nothing is changed: give --with, --source, --area or --model "
                "(tocsin rehearse --help)"
            )
        return words


@dataclass(frozen=True)
class Side:
    """What the nights said by one configuration; frames as ``flows.replay`` writes them.

    Attributes:
        known_until: Last day of which it is known what came.
        configuration: ``replay.configuration``.
    """

    flags: pl.DataFrame
    alerts: pl.DataFrame
    lines: pl.DataFrame | None
    events: pl.DataFrame
    known_until: date
    configuration: Mapping[str, str]

    @property
    def levels(self) -> pl.DataFrame:
        """Level told of every region and night."""
        return alert_levels(self.flags, self.alerts)

    @property
    def names(self) -> dict[str, str]:
        """Names of its regions with their countries' codes, by their ids."""
        rows = self.flags.select("region_id", "region_name", "country_code").unique().iter_rows()
        return {region: f"{name} ({country})" for region, name, country in rows}


@dataclass(frozen=True)
class Rehearsal:
    """Two replays of the same nights, compared.

    Attributes:
        differences: ``indicators.rehearsal.alarm_differences`` with ``readers``.
        mails: Of every reader, by side, by kind (alert, summary).
        scores: ``indicators.rehearsal.alarm_scores`` by side.
        chances_differing: Region-nights on both sides whose chances differ by 0.0005 or more.
    """

    nights: list[date]
    changes: list[str]
    sides: dict[str, Side]
    differences: pl.DataFrame
    mails: dict[str, dict[str, Counter[str]]]
    scores: dict[str, dict[str, Any]]
    chances_differing: int

    def counts(self) -> dict[str, int]:
        """Alarms by kind: appears, vanishes, moves, same."""
        return dict(self.differences["kind"].value_counts().iter_rows())

    def stale_nights(self, side: str) -> int:
        """Nights on which a side's events were older than allowed, so that no level changed."""
        return self.sides[side].flags.filter("is_stale")["night"].n_unique()


def rehearse(
    settings: Settings,
    change: Change,
    nights: list[date],
    progress: Callable[[str, int, int], None],
) -> Rehearsal:
    """Replay nights from what has landed, with the configuration in force and with a changed one.

    Each side has a working file of its own, in which the first night is the first ever; what
    readers see, and what they were mailed, is not touched. What came is judged by what each
    side knows on the newest night on file.

    Args:
        settings: Where data lie, and who reads.
        change: What is otherwise.
        nights: Rising, at least one.
        progress: Called after each night with the side, its number and how many there are; the
            changed side comes first, since it is the one that may fail.

    Raises:
        RehearsalError: A side cannot be replayed.
        TocsinError: As ``Change.in_words``, or no night was run yet.
    """
    changes = change.in_words()
    folder = settings.data_folder / FOLDER
    recipients = load_recipients(settings.recipients_file)
    with open_existing(settings.warehouse_path) as con:
        newest, renewed = newest_night(con), renewed_sources(con)
    if newest is None:
        raise RehearsalError("no night is on file, so nothing has landed; run 'tocsin nightly'")
    with one_run(folder, "tocsin rehearse"):
        try:
            for leftover in folder.iterdir():  # of one that was killed
                if leftover.is_dir():
                    remove(leftover)
            with one_run(settings.data_folder, "tocsin rehearse (copies what landed)"):
                shutil.copytree(settings.landing_folder, folder / "landing")
            then = _replayed(folder, settings, "then", change, nights, newest, renewed, progress)
            now = _replayed(folder, settings, "now", Change(), nights, newest, renewed, progress)
        finally:
            for path in folder.iterdir():
                if path.is_dir():
                    remove(path)
    return comparison({"now": now, "then": then}, nights, changes, recipients)


def comparison(
    sides: dict[str, Side], nights: list[date], changes: list[str], recipients: Sequence[Recipient]
) -> Rehearsal:
    """Two sides of the same nights, and what their difference means to readers."""
    levels = {name: side.levels for name, side in sides.items()}
    of_readers: dict[str, list[pl.DataFrame]] = {name: [] for name in SIDES}
    mails: dict[str, dict[str, Counter[str]]] = {}
    for recipient in recipients:
        mails[recipient.address] = {}
        for name, side in sides.items():
            own = levels_for(levels[name], side.flags, recipient)
            of_readers[name].append(own.with_columns(address=pl.lit(recipient.address)))
            mails[recipient.address][name] = mail_counts(own, side.flags, side.lines, recipient)
    differences = alarm_differences(levels["now"], levels["then"])
    if recipients:
        now, then = (pl.concat(of_readers[name]) for name in SIDES)
        differences = readers_concerned(differences, now, then, recipients)
    else:
        differences = differences.with_columns(readers=pl.lit([], pl.List(pl.String)))
    chances = [side.flags.select("region_id", "night", "p_escalation") for side in sides.values()]
    both = chances[0].join(chances[1], on=["region_id", "night"])
    differ = (pl.col("p_escalation") - pl.col("p_escalation_right")).abs() >= 0.0005
    return Rehearsal(
        nights,
        changes,
        sides,
        differences,
        mails,
        {name: _scores(side, levels[name]) for name, side in sides.items()},
        both.filter(differ).height,
    )


def _scores(side: Side, levels: pl.DataFrame) -> dict[str, Any]:
    known_outcomes = outcomes(side.flags, levels, side.events).join(
        side.flags.filter(pl.col("window_end_date") <= side.known_until),
        on=["region_id", "night"],
        how="semi",
    )
    return alarm_scores(known_outcomes)


def _replayed(
    folder: Path,
    settings: Settings,
    name: str,
    change: Change,
    nights: list[date],
    newest: date,
    renewed: Collection[str],
    progress: Callable[[str, int, int], None],
) -> Side:
    """One side, worked out in a process of its own.

    Raises:
        RehearsalError: It failed; the message says what it said.
    """
    side = folder / name
    (side / "out").mkdir(parents=True)
    order = {
        "nights": [str(night) for night in nights],
        "judged_on": str(max(newest, nights[-1])),
        "landing": str((folder / "landing").resolve()),
        "sources": {source: str(path.resolve()) for source, path in change.sources.items()},
        "renewed": [
            source.name
            for source in SOURCES
            if source.event_grain and source.name in {*renewed, *change.sources}
        ],
        "is_other_area": change.area is not None,
        "is_checked": change != Change(),
        "out": str((side / "out").resolve()),
    }
    with _code_of(change.revision, side) as code, (side / "errors").open("w+") as errors:
        process = subprocess.Popen(  # noqa: S603 (our own text, our own interpreter)
            [sys.executable, "-c", Path(replay.__file__).read_text("utf-8"), json.dumps(order)],
            cwd=code, env=_environment(settings, change, side, code), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
        )  # fmt: skip
        try:
            finished = (line for line in process.stdout or () if line.startswith(replay.DONE))
            for number, _ in enumerate(finished, 1):
                progress(name, number, len(nights))
            status = process.wait()
        finally:
            process.kill()
            process.communicate()
        errors.seek(0)
        last = (errors.read().strip().splitlines() or [f"it ended with {status}"])[-1]
    if status:
        raise RehearsalError(_failure(last, change))
    return _read_side(side / "out")


def _failure(last: str, change: Change) -> str:
    """A sentence of what the other process said last."""
    last = shorten(last, MOST_SIGNS, placeholder=" ...")
    if change.revision:
        return (
            f"--model {change.revision}: its nights cannot be replayed from what landed here, with "
            f"the libraries installed here ({last}); give a revision nearer to this one"
        )
    hint = "; here: --source NAME=/path beside --area" if change.area else ""
    return f"the nights cannot be replayed: {last}{hint}"


def _read_side(out: Path) -> Side:
    frames = {path.stem: pl.read_parquet(path) for path in out.glob("*.parquet")}
    facts = json.loads((out / "side.json").read_text("utf-8"))
    return Side(
        frames["flags"],
        frames["alerts"],
        frames.get("lines"),
        frames["events"],
        date.fromisoformat(facts["known_until"]),
        facts["configuration"],
    )


def _environment(settings: Settings, change: Change, side: Path, code: Path) -> dict[str, str]:
    """What the process of a side knows: no secret, no mail server, no source's address."""
    secrets = {name for source in SOURCES for name in source.credentials}
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(PREFIX) and name not in secrets
    }
    environment |= {
        "PYTHONPATH": str(code),
        f"{PREFIX}DATA_FOLDER": str((side / "data").resolve()),
        f"{PREFIX}RECIPIENTS_FILE": str(settings.recipients_file.resolve()),
    }
    if (area := change.area or settings.area) != DEFAULT:
        environment[AREA_VARIABLE] = area
    own = own_folder()
    if change.thresholds:
        config = side / "config"
        if own:
            shutil.copytree(own, config)
        config.mkdir(exist_ok=True)
        shutil.copyfile(change.thresholds, config / thresholds.NAME)
        own = config
    if own:
        environment[CONFIG_VARIABLE] = str(own.resolve())
    return environment


@contextmanager
def _code_of(revision: str | None, side: Path) -> Iterator[Path]:
    """The folder of the code: ours, or that of a revision, unpacked."""
    if revision is None:
        yield ROOT
        return
    code, packed = side / "code", side / "code.tar"
    _git("archive", "--format=tar", f"--output={packed.resolve()}", commit_of(revision))
    with tarfile.open(packed) as archive:
        archive.extractall(code, filter="data")
    yield code.resolve()


def commit_of(revision: str) -> str:
    """The commit that a revision of Tocsin names.

    Raises:
        RehearsalError: There is no git here, no repository, or no such revision.
    """
    return _git(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}",
        failure=f"--model {revision}: no such revision of {ROOT}; 'git log --oneline' lists them",
    )  # fmt: skip


def _git(*arguments: str, failure: str = "") -> str:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        why = "git is not installed" if git is None else f"{ROOT} is no git repository"
        raise RehearsalError(f"--model: {why}; run from a clone of Tocsin, with git")
    run = subprocess.run(  # noqa: S603 (git, with a revision after --end-of-options)
        [git, "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False
    )
    if run.returncode:
        last = (run.stderr.strip().splitlines() or ["no message"])[-1]
        raise RehearsalError(failure or f"--model: git {arguments[0]} failed ({last})")
    return run.stdout.strip()
