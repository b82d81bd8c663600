"""Every month of 2018-2022 as a nightly run: how many mails, alerts and flip-flops.

    python tests/benchmarks/replay.py

Takes some five minutes. A night a month, on the 25th, when UCDP's newest month is known.
"""

from collections import Counter
from datetime import date, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from alerts.delivery import compose_digest_mail, queue
from config.recipients import Recipient
from expectations.judge import judge
from flows.mail_steps import digest_of
from flows.steps import assess_night, keep_night
from warehouse.connect import warehouse
from warehouse.history import catch_up
from warehouse.landing import accept, receive
from warehouse.sources import SOURCES

NIGHTS = pl.date_range(date(2018, 1, 25), date(2022, 12, 25), "1mo", eager=True).to_list()
PROFILES = {
    "all countries, nightly": Recipient("a@example.org", "en"),
    "Mali, nightly": Recipient("b@example.org", "fr", ("MLI",)),
    "Mali, from warning": Recipient("c@example.org", "fr", ("MLI",), lowest_level="warning"),
    "Sikasso alone": Recipient("d@example.org", "fr", regions=("MLI.sikasso",)),
}
SENDER, LEAVE = "Tocsin <t@example.org>", "mailto:t@example.org"
RANK = {"none": 0, "watch": 1, "warning": 2, "alarm": 3}


def main() -> None:
    """Run the nights, then print what readers got and what came of it."""
    mails: Counter[tuple[str, str]] = Counter()
    alerts, flags = [], []
    with TemporaryDirectory() as folder, warehouse(Path(folder) / "w.duckdb") as con:
        for source in SOURCES:
            for batch in receive(source, None, Path(folder)):
                accept(batch, Path(folder))
            catch_up(con, source, Path(folder))
        checks = judge({})
        for night in NIGHTS:
            tables = assess_night(con, night)
            keep_night(con, night, tables, checks)
            now = datetime.combine(night, time(22))
            digest = digest_of(con, tables, night, "tocsin.duckdb")
            for profile, recipient in PROFILES.items():
                mail = compose_digest_mail(con, digest, recipient, now, 0, SENDER, LEAVE)
                if mail:
                    mails[profile, mail.kind] += 1
                    queue(con, [mail], now)
            alerts.append(tables["mart.alert"].with_columns(night=pl.lit(night)))
            flags.append(tables["mart.flag"].with_columns(night=pl.lit(night)))
        last = assess_night(con, date(2024, 12, 31))
        events, until = last["core.event"], last["mart.flag"]["known_until_date"][0]
    for (profile, kind), count in sorted(mails.items()):
        print(f"{profile:<24}{kind:<9}{count:>4} mails in {len(NIGHTS)} months")
    print_levels_and_outcomes(pl.concat(alerts), pl.concat(flags), events, until)


def print_levels_and_outcomes(
    alerts: pl.DataFrame, flags: pl.DataFrame, events: pl.DataFrame, until: date
) -> None:
    """Alerts by level, flip-flops, and what was followed by escalation.

    Args:
        alerts: Of every night, with ``night``.
        flags: The same.
        events: What came, by ``region_id`` and ``event_date``.
        until: Last day of which events are known: windows that end later have no outcome.
    """
    cells = flags.filter(pl.col("window_end_date") <= until).select(
        "region_id", "night", "level", "escalation_threshold_count",
        "window_start_date", "window_end_date",
    )  # fmt: skip
    came = (
        cells.join(events.select("region_id", "event_date"), on="region_id")
        .filter(pl.col("event_date").is_between("window_start_date", "window_end_date"))
        .group_by("region_id", "night")
        .agg(events_count=pl.len())
    )
    cells = (
        cells.join(came, on=["region_id", "night"], how="left")
        .with_columns(
            escalated=pl.col("events_count").fill_null(0) >= pl.col("escalation_threshold_count")
        )
        .join(
            alerts.select("region_id", "night", "alert_status", "alert_level", "cause"),
            on=["region_id", "night"],
            how="left",
        )
    )
    print(
        f"region-months with an outcome: {cells.height:,}, "
        f"escalated {cells['escalated'].mean():.3f}"
    )
    for level in ("watch", "warning", "alarm"):
        flagged = cells.filter(alert_level=level)
        rises = flagged.filter(pl.col("alert_status").is_in(["new", "raised"]))
        print(
            f"{level:<8} held in {flagged.height / cells.height:.1%} of region-months "
            f"(model alone {(cells['level'] == level).mean():.1%}), "
            f"{flagged['escalated'].mean():.0%} escalated; "
            f"reached {rises.height} times, {rises['escalated'].mean():.0%} followed by escalation"
        )
    for name, column in (("alerts", "alert_level"), ("the model's levels alone", "level")):
        ranks = (
            cells.sort("region_id", "night")
            .with_columns(rank=pl.col(column).fill_null("none").replace_strict(RANK))
            .with_columns(step=pl.col("rank").diff().over("region_id").sign())
        )
        turned = pl.any_horizontal(
            *(
                (pl.col("step") == 1) & (pl.col("step").shift(-months).over("region_id") == -1)
                for months in (1, 2)
            )
        )
        rises = ranks.filter(pl.col("step") == 1).height
        flips = ranks.filter(turned.over("region_id")).height
        print(f"{name}: {rises} rises, {flips} taken back within two months (flip-flops)")
    print("causes of changes:", dict(alerts.filter(pl.col("alert_status") != "ongoing")["cause"]
                                     .value_counts().iter_rows()))  # fmt: skip


if __name__ == "__main__":
    main()
