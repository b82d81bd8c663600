"""``tocsin rehearse``: what a change would have done on past nights."""

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from flows.cli.operate import INTERVALS, Every
from flows.nights import PAST_DAY, NightError, runnable_night, tonight
from flows.terminal import (
    AsJson,
    Heading,
    level_text,
    listing,
    load,
    now,
    paragraph,
    print_json,
    quantity,
)

if TYPE_CHECKING:
    from flows.rehearse import Rehearsal

KINDS = {"appears": "new", "vanishes": "gone", "moves": "moved", "same": "as they are"}
SIDE_WORDS = {"now": "in force", "then": "changed"}


def rehearse(
    first: Annotated[date, typer.Option("--from", **PAST_DAY, help="First night.")],
    last: Annotated[date, typer.Option("--to", **PAST_DAY, help="Last night.")],
    every: Annotated[Every, typer.Option(help="How far apart the nights are.")] = Every.MONTH,
    with_file: Annotated[
        Path | None,
        typer.Option("--with", help="Thresholds laid over Tocsin's, in place of your own file."),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(help="NAME=FILE: a release of a source in place of all delivered of it."),
    ] = None,
    area: Annotated[str | None, typer.Option(help="Another area.")] = None,
    model: Annotated[
        str | None, typer.Option(help="A git revision of Tocsin: its models and numbers.")
    ] = None,
    sign: Annotated[
        str | None, typer.Option(help="Keep that you, by this name, looked at the result.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Replay past nights as now and with a change: alarms, mails and scores side by side.

    Nothing is published or mailed; the nights on file stay as they are.
    """
    if first > last:
        raise NightError(f"--from {first} is after --to {last}; exchange them")
    runnable_night(first, tonight())
    settings, _ = load()
    from flows import signed
    from flows.backfill import nights_between
    from flows.rehearse import Change, RehearsalError, rehearse

    sources = {}
    for text in source or []:
        name, _, release = text.partition("=")
        if not release:
            raise RehearsalError(f"--source {text}: write NAME=FILE, such as ucdp_ged=ged.csv")
        sources[name] = Path(release)
    if sign is not None:
        signed.check_name(sign)
    console = Console(highlight=False, stderr=as_json)
    change = Change(with_file, sources, area, model)
    nights = nights_between(first, last, INTERVALS[every])
    for line in change.in_words():
        paragraph(console, f"Changed: {line}")
    start = time.perf_counter()

    def progress(side: str, number: int, count: int) -> None:
        nights_done = number + (count if side == "now" else 0)
        seconds = (time.perf_counter() - start) / nights_done * (2 * count - nights_done)
        console.print(
            f"  {SIDE_WORDS[side]}: {number} of {quantity(count, 'night')}, {seconds:.0f} s left"
        )

    rehearsal = rehearse(settings, change, nights, progress)
    if as_json:
        print_as_json(rehearsal)
    else:
        print_rehearsal(rehearsal, console)
    if sign is not None:
        path = signed.sign(settings.data_folder, sign, rehearsal, now())
        paragraph(console, f"Signed by {sign}: {path}")


def print_as_json(rehearsal: "Rehearsal") -> None:
    """Scores by side, alarms, and mails by reader, side and kind, as one JSON object."""
    print_json(
        scores=[{"side": side, **scores} for side, scores in rehearsal.scores.items()],
        differences=rehearsal.differences,
        mails=[
            {"reader": reader, "side": side, "mail_kind": kind, "mails_count": sides[side][kind]}
            for reader, sides in rehearsal.mails.items()
            for side in SIDE_WORDS
            for kind in ("alert", "summary")
        ],
    )


def print_rehearsal(rehearsal: "Rehearsal", console: Console) -> None:
    """The answer first, then scores, readers, and every alarm that differs."""
    counts = rehearsal.counts()
    names = rehearsal.sides["now"].names | rehearsal.sides["then"].names
    console.print()
    paragraph(
        console,
        f"{quantity(len(rehearsal.nights), 'night')}, {rehearsal.nights[0]} to "
        f"{rehearsal.nights[-1]}; of {quantity(rehearsal.differences.height, 'alarm')} "
        + ", ".join(f"{counts.get(kind, 0)} {words}" for kind, words in KINDS.items())
        + ".",
    )
    console.print()
    _print_scores(rehearsal, console)
    console.print()
    _print_mails(rehearsal, console)
    numbers = {address: str(number) for number, address in enumerate(rehearsal.mails, 1)}
    differing = rehearsal.differences.filter(rehearsal.differences["kind"] != "same")
    if not differing.height:
        return
    console.print()
    listing(
        console,
        [
            Heading("region"), Heading("alarm"), Heading("now, highest"), Heading("from"),
            Heading("to", spare=1), Heading("then, highest"), Heading("from"),
            Heading("to", spare=1), Heading("nights", right=True), Heading("readers"),
        ],
        [
            (
                names[row["region_id"]], KINDS[row["kind"]],
                *_of_side(row, "now"), *_of_side(row, "then"),
                str(row["differing_nights"]), ", ".join(numbers[a] for a in row["readers"]),
            )
            for row in differing.iter_rows(named=True)
        ],
        title="Alarms that differ; nights on which they do; readers told otherwise, by number",
    )  # fmt: skip
    of_one_side = set(rehearsal.sides["now"].names) ^ set(rehearsal.sides["then"].names)
    if of_one_side:
        paragraph(console, f"{quantity(len(of_one_side), 'region')} on one side alone.")


def _of_side(row: dict[str, object], side: str) -> tuple[str | Text, str, str]:
    highest = row[f"highest_{side}"]
    if highest is None:
        return ("-", "-", "-")
    return (
        level_text(str(highest)), str(row[f"first_night_{side}"]), str(row[f"last_night_{side}"])
    )  # fmt: skip


def _print_scores(rehearsal: "Rehearsal", console: Console) -> None:
    now, then = (rehearsal.scores[side] for side in SIDE_WORDS)

    def share(value: float | None) -> str:
        return "-" if value is None else f"{value:.1%}"

    rows: list[tuple[str, str, Callable[[Any], str]]] = [
        ("region-nights whose outcome is known", "cells_count", "{:,}".format),
        ("of them before an escalation", "escalations_count", "{:,}".format),
        ("with a level", "flagged_share", share),
        ("levels given or raised: it came", "came_count", "{:,}".format),
        ("it did not come", "did_not_come_count", "{:,}".format),
        ("before an escalation, with a level", "warned_count", "{:,}".format),
    ]
    stale = {side: rehearsal.stale_nights(side) for side in SIDE_WORDS}
    if any(stale.values()):
        rows.append(("nights on which figures were too old to say", "stale", str))
        now, then = now | {"stale": stale["now"]}, then | {"stale": stale["then"]}
    if rehearsal.chances_differing or now["cells_count"] != then["cells_count"]:
        rows.append(
            ("Brier score of the chance", "brier", lambda v: "-" if v is None else f"{v:.5f}")
        )
    listing(
        console,
        [Heading("what came"), Heading("now", right=True), Heading("then", right=True)],
        [(words, text(now[name]), text(then[name])) for words, name, text in rows],
    )
    paragraph(
        console,
        f"Chances differ in {quantity(rehearsal.chances_differing, 'region-night')}. What came is "
        f"known up to {rehearsal.sides['now'].known_until}"
        + (
            f" (then: {rehearsal.sides['then'].known_until})."
            if rehearsal.sides["then"].known_until != rehearsal.sides["now"].known_until
            else "."
        ),
    )


def _print_mails(rehearsal: "Rehearsal", console: Console) -> None:
    alarms = rehearsal.differences.explode("readers")["readers"].drop_nulls().to_list()
    listing(
        console,
        [
            Heading("", right=True), Heading("reader"), Heading("alarms", right=True),
            Heading("mails now", right=True), Heading("then", right=True),
            Heading("weekly now", right=True), Heading("then", right=True),
        ],
        [
            (
                str(number), address, str(alarms.count(address)),
                *(str(sides[side][kind]) for kind in ("alert", "summary") for side in SIDE_WORDS),
            )
            for number, (address, sides) in enumerate(rehearsal.mails.items(), 1)
        ],
        title="Readers: alarms that differ, mails on a change, weekly ones without",
    )  # fmt: skip
