"""The night in a terminal: the answer first, one line a region."""

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from config.texts import without_code_words
from config.vocabulary import DRIVER_WORDS, LEVELS
from flows.terminal import (
    Heading,
    intensity_text,
    level_text,
    listing,
    paragraph,
    print_mail,
    quantity,
)

if TYPE_CHECKING:
    import polars as pl

    from flows.report import Report
    from warehouse.situation import Situation

DEADLIEST = 10
NOT_TOO_OLD = "figures_are_not_too_old"  # a check's name


def check_in_words(check: dict[str, Any]) -> str:
    """A check that did not hold: how severe, of what, what good rows hold, what was seen."""
    from warehouse.sources import SOURCES

    titles = {f"landing.{source.name}": source.title for source in SOURCES}
    table = titles.get(check["table_name"], check["table_name"].partition(".")[2])
    count, column = check["unexpected_count"], check["column_name"] or "table"
    rows = "" if count is None else f"{quantity(count, 'row')}, "
    condition = check["expectation"].partition(": ")[2]
    of = "" if condition == column.replace("_", " ") else f", {column}"
    observed = check["observed"] or "-"
    return without_code_words(
        f"{check['severity']}, {table}{of}: {condition}; {rows}seen: {observed}"
    )


def news_in_words(report: "Report | Situation") -> str:
    """What is new since the night before, in one sentence."""
    import polars as pl

    if report.night_before is None:
        return "The first night: there is none before it to compare with."
    counts = dict(report.news.group_by("news_kind").len().iter_rows())
    entries = sum(counts.get(k, 0) for k in ("register_entry", "suspension", "coup", "presence"))
    changed_sources = report.news.filter(news_kind="source")["source"].to_list()
    titles = report.sources.filter(pl.col("source").is_in(changed_sources))["title"].to_list()
    parts = [
        quantity(counts.get("level", 0), "level") + " changed",
        quantity(counts.get("event_added", 0), "event") + " added",
        f"{counts.get('event_changed', 0):,} changed",
        f"{counts.get('event_withdrawn', 0):,} withdrawn",
        quantity(counts.get("signal", 0), "signal") + " in another state",
        quantity(entries, "entry") + " of registers",
    ]
    sources = f"; in another state: {', '.join(titles)}" if titles else ""
    return f"New since the night of {report.night_before}: {', '.join(parts)}{sources}."


def print_night(report: "Report", console: Console, published_path: str, why: bool = False) -> None:
    """The night at a glance: the answer first, then sources, checks, file and mails.

    Args:
        report: What the run did.
        console: Where to.
        published_path: Path of the published file.
        why: Whether each level's reasons are told.
    """
    from warehouse.situation import gravest_first

    flags = gravest_first(report.flags)
    _print_levels(report, flags, console)
    console.print()
    paragraph(console, deadliest_in_words(report))
    if why:
        for flag in flags.iter_rows(named=True):
            console.print()
            paragraph(console, why_in_words(flag, report))
    elif flags.height:
        console.print("[dim]Why: tocsin nightly --why, or the page.[/]")
    console.print()
    _print_sources(report, console)
    for remark in report.remarks:
        paragraph(console, remark)
    if count := report.reports_waiting_count:
        console.print(f"{quantity(count, 'report')} to be read (tocsin registers inbox)")
    failed_checks = report.checks.filter(~report.checks["is_success"])
    console.print(
        f"Checks: {report.checks.height} made, {failed_checks.height} did not hold", highlight=False
    )
    for check in failed_checks.iter_rows(named=True):
        if check["column_name"] != NOT_TOO_OLD:  # told in red above
            paragraph(console, check_in_words(check), indent=2)
    console.print(f"Published: {published_path}, and quality.html beside it", soft_wrap=True)
    for mail in report.deliveries:
        print_mail(console, mail)
    if not report.readers_count:
        console.print("[red]No mail: nobody is in the file of recipients.[/] (docs/operations.md)")
    elif not report.deliveries:
        console.print("No mail: readers know these levels, or a later night. (tocsin alerts)")


def _print_levels(report: "Report", flags: "pl.DataFrame", console: Console) -> None:
    """What is new, what a level says, and the regions that have one."""
    from alerts.wording import change, month, span

    paragraph(console, news_in_words(report))
    first = report.flags.row(0, named=True)
    until = month(first["data_month"], "en")
    if report.flags["is_stale"].any():
        console.print(f"[red]The figures end in {until}: what follows is history, no warning.[/]")
    window = span(first["window_start_date"], first["window_end_date"], "en")
    paragraph(
        console,
        f"A level is the chance that violence doubles {window}, against the region's own usual; it "
        f"does not say how violent a region is. Figures to {until}.",
    )
    if flags.is_empty():
        console.print("No region has a level; that is no all-clear.")
        return
    console.print()
    listing(
        console,
        [
            Heading("level"), Heading("region"), Heading("past 12 months"),
            Heading("chance", right=True), Heading("in a month"),
        ],
        [
            (
                level_text(flag["level"]),
                f"{flag['region_name']} ({flag['country_code']})",
                intensity_text(flag["intensity"]),
                f"{flag['p_escalation']:.0%}",
                chance_change_in_words(
                    change(flag["p_escalation"], flag["p_escalation_before"]),
                    flag["p_escalation_before"],
                ),
            )
            for flag in flags.iter_rows(named=True)
        ],
        title=f"Regions with a level, chance {window}: {flags.height} of {report.flags.height}",
        is_one_line=True,
    )  # fmt: skip
    undercut = [
        f"{f['region_name']} {level_text(f['level_of_month']).plain}"
        for f in flags.filter(flags["level"] != flags["level_of_month"]).iter_rows(named=True)
    ]
    if undercut:
        paragraph(console, f"Tonight's figures alone would say: {', '.join(undercut)}.")


def _print_sources(report: "Report", console: Console) -> None:
    """How each source stands, which are off, and why one was not renewed.

    Its age is counted from the day beside it.
    """
    listing(
        console,
        [
            Heading("source"), Heading("rows", right=True, spare=2), Heading("figures to"),
            Heading("age in days", right=True, spare=1), Heading("held out", right=True),
            Heading("state"),
        ],
        [
            (
                source["title"],
                f"{source['rows_count']:,}",
                str(source["covered_until_date"] or "-"),
                str(source["age_days"] if source["age_days"] is not None else "-"),
                f"{source['quarantined_count']:,}",
                Text("STALE", style="red") if source["is_stale"]
                else Text("not renewed", style="red") if source["failure"] else "ok",
            )
            for source in report.sources.iter_rows(named=True)
        ],
    )  # fmt: skip
    if report.sources_off:
        paragraph(console, f"Off: {', '.join(report.sources_off)} (TOCSIN_SOURCES turns one on)")
    titles = dict(report.sources.select("source", "title").iter_rows())
    for name, failure in report.failures.items():
        sentence = f"{titles.get(name, name)}: {failure.removeprefix(f'{name}: ')}"
        paragraph(console, sentence, alarming="NOT RENEWED")


def chance_change_in_words(direction: str, before: float) -> str:
    """How a chance moved in a month.

    Example:
        >>> chance_change_in_words("down", 0.34), chance_change_in_words("unchanged", 0.19)
        ('down from 34%', 'unchanged')
    """
    return direction if direction == "unchanged" else f"{direction} from {before:.0%}"


def deadliest_in_words(report: "Report | Situation") -> str:
    """How many regions are violent, and the deadliest of those without a level."""
    flags = report.flags
    numbers = {name: flags.filter(intensity=name).height for name in ("very_violent", "violent")}
    worst = flags.sort("deaths_past12_count", "events_past12_count", descending=True)
    unflagged = [
        f"{flag['region_name']} ({flag['country_code']}) {flag['deaths_past12_count']:,}"
        for flag in worst.head(DEADLIEST).iter_rows(named=True)
        if flag["level"] == "none" and flag["deaths_past12_count"]
    ]
    text = (
        f"Past twelve months, whatever the level: {quantity(numbers['very_violent'], 'region')} "
        f"very violent, {numbers['violent']} violent."
    )
    if unflagged:
        text += f" Among the deadliest without a level (deaths): {', '.join(unflagged)}."
    return text


def why_in_words(flag: dict[str, Any], report: "Report | Situation") -> str:
    """The figures that a level rests on, and what stands beside them."""
    drivers = report.drivers.filter(region_id=flag["region_id"])
    of_region = {row["driver"]: row["value"] for row in drivers.iter_rows(named=True)}
    figure = drivers.filter(driver="administrator_presence")["detail"].item() or ""
    first = drivers.filter(driver_rank=1).row(0, named=True)
    presence = of_region["administrator_presence"]
    suspended = of_region["aid_suspensions_open"]
    is_of_earlier_figures = flag["is_stale"] or flag["level"] != flag["level_of_month"]
    return (
        f"{flag['region_name']} ({flag['country_code']}): {flag['reason']}. Main driver: "
        f"{DRIVER_WORDS[first['driver']]} ({first['value']:.2f} a month). Administrators at their "
        f"posts: {'no figure' if presence is None else f'{presence:.0%}, {figure}'}. "
        "Suspensions of aid or cooperation in force: "
        f"{'not known' if suspended is None else f'{suspended:.0f}'}."
        f"{'' if is_of_earlier_figures else level_moves_in_words(flag)}"
    )


def level_moves_in_words(flag: dict[str, Any]) -> str:
    """What would lift or lower a level, each sentence after a blank; empty: nothing is known.

    Example:
        >>> flag = {
        ...     "level": "warning", "level_at_bar_before": "warning", "quiet_days": 241,
        ...     "level_without_newest_event": "watch", "events_to_next_level_count": 2,
        ...     "may_fall_on_date": None,
        ... }
        >>> for sentence in level_moves_in_words(flag).split(". "):
        ...     print(sentence.strip())
        2 further events would lift it to alarm
        Without its newest event: watch.
    """
    from alerts.wording import rests_on_fallen_bar, rests_on_newest_event

    level, without = flag["level"], flag["level_without_newest_event"]
    text = ""
    if rests_on_fallen_bar(level, flag["level_at_bar_before"], flag["quiet_days"]):
        text += (
            f" No event for {quantity(flag['quiet_days'], 'day')}; the level stands because the "
            "bar fell: a return to last year's level would count."
        )
    if flag["events_to_next_level_count"]:
        above = LEVELS[LEVELS.index(level) + 1]
        text += (
            f" {quantity(flag['events_to_next_level_count'], 'further event')} would lift it to "
            f"{above}{'' if above == LEVELS[-1] else ' or higher'}."
        )
    if flag["may_fall_on_date"]:
        text += (
            f" If all stays quiet it can fall on {flag['may_fall_on_date']} at the earliest, once "
            "the figures of two months say so."
        )
    if rests_on_newest_event(level, without):
        text += f" Without its newest event: {level_text(without).plain}."
    return text
