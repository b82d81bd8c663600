"""``tocsin status`` and ``tocsin show``: the newest night, and one region of it."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from config.errors import TocsinError
from config.texts import printable
from config.vocabulary import GRAVEST_FIRST
from flows.glance import (
    chance_change_in_words,
    deadliest_in_words,
    news_in_words,
    why_in_words,
)
from flows.terminal import (
    AsJson,
    Heading,
    intensity_text,
    level_text,
    listing,
    load,
    paragraph,
    print_json,
    quantity,
)

if TYPE_CHECKING:
    from warehouse.situation import Situation

GRAVEST = 3
EVENTS_SHOWN = 5


def status(as_json: AsJson = False) -> None:
    """The newest night in a dozen lines: levels, what changed, how fresh the figures are."""
    from warehouse.situation import gravest_first

    night = _newest_night()
    gravest = gravest_first(night.flags)
    if as_json:
        print_json(levels=gravest, news=night.news, sources=night.sources)
        return
    from alerts.wording import change, month

    console = Console(highlight=False)
    first = night.flags.row(0, named=True)
    figures = month(first["data_month"], "en")
    counts = dict(gravest["level"].value_counts().iter_rows())
    numbers = [f"{counts[level]} {level}" for level in GRAVEST_FIRST if level in counts]
    levels = ", ".join(numbers) or "none; that is no all-clear"
    paragraph(console, f"Night of {night.night}, figures to {figures}. Levels: {levels}.")
    if first["is_stale"]:
        console.print(f"[red]The figures end in {figures}: this is history, no warning.[/]")
    listing(
        console,
        [
            Heading("level"), Heading("region"), Heading("past 12 months"),
            Heading("chance", right=True), Heading("in a month"),
        ],
        [
            (
                level_text(row["level"]), f"{row['region_name']} ({row['country_code']})",
                intensity_text(row["intensity"]), f"{row['p_escalation']:.0%}",
                chance_change_in_words(
                    change(row["p_escalation"], row["p_escalation_before"]),
                    row["p_escalation_before"],
                ),
            )
            for row in gravest.head(GRAVEST).iter_rows(named=True)
        ],
        is_one_line=True,
    )  # fmt: skip
    paragraph(console, deadliest_in_words(night))
    paragraph(console, news_in_words(night))
    bad = night.sources.filter(night.sources["is_stale"] | night.sources["failure"].is_not_null())
    for row in bad.iter_rows(named=True):
        why = "STALE" if row["is_stale"] else "not renewed"
        console.print(Text.assemble((why, "red"), f" {row['title']}"), soft_wrap=True)
    if bad.is_empty():
        console.print(f"{quantity(night.sources.height, 'source')}, none stale.")
    console.print("[dim]tocsin show PLACE: one region. tocsin alerts: who was told. "
                  "tocsin doctor: what to mend.[/]")  # fmt: skip


def show(
    place: Annotated[str, typer.Argument(help="A region: any spelling, P-code or id.")],
    as_json: AsJson = False,
) -> None:
    """One region on the newest night: level and why, newest events, signals."""
    night = _newest_night()
    flag = night.flags.filter(region_id=_region_called(place, night)).row(0, named=True)
    of_region = {"region_id": flag["region_id"]}
    events = night.events.filter(**of_region).head(EVENTS_SHOWN)
    signals = night.signals.filter(place_id=flag["region_id"])
    if as_json:
        print_json(flags=[flag], events=events, signals=signals)
        return
    console = Console(highlight=False)
    name = f"{flag['region_name']} ({flag['country_code']})"
    console.print(Text.assemble(
        (name, "bold"), ", night of ", f"{night.night}: ", level_text(flag["level"]), ", ",
        intensity_text(flag["intensity"]),
    ))  # fmt: skip
    paragraph(console, why_in_words(flag, night).removeprefix(f"{name}: "))
    console.print()
    listing(
        console,
        [Heading("event"), Heading("deaths", right=True), Heading("place"), Heading("between")],
        [
            (
                str(row["event_date"]), str(row["deaths_best_count"]),
                printable(row["source_admin2_name"] or row["source_admin1_name"] or "-"),
                printable(f"{row['actor_a']} / {row['actor_b']}"),
            )
            for row in events.iter_rows(named=True)
        ],
        title="Newest events" if events.height else "No event is on file.",
    )  # fmt: skip
    for state in ("grave", "raised"):
        for row in signals.filter(state=state).iter_rows(named=True):
            paragraph(console, f"{state}: {row['signal'].replace('_', ' ')}. {row['sentence_en']}")
    unknown = signals.filter(state="not_known")["signal"].str.replace_all("_", " ").to_list()
    if unknown:
        paragraph(console, f"not known: {', '.join(unknown)}")


def _newest_night() -> "Situation":
    from warehouse.situation import situation

    settings, _ = load()
    return situation(settings.published_path, None, ())


def _region_called(name: str, night: "Situation") -> str:
    """The id of the region that a spelling means.

    Raises:
        TocsinError: None or several are called so.
    """
    from warehouse.core import match_region

    ids: list[str] = night.flags["region_id"].to_list()
    if name in ids:
        return name
    candidates = match_region(name, None)
    places = {
        row["parent_region_id"] or row["region_id"]: row["similarity"]
        for row in candidates.iter_rows(named=True)
    }
    meant = [place for place, similarity in places.items() if similarity == 1 and place in ids]
    if len(meant) == 1:
        return str(meant[0])
    near = ", ".join(place for place in meant or places if place in ids)
    raise TocsinError(
        f"{printable(name)!r} is {'the name of several regions' if meant else 'no region'}"
        + (f"; give an id: {near}" if near else "; 'tocsin regions match' says what comes nearest")
    )
