"""Steps that write and hand over the mails of a night."""

from datetime import date
from functools import cache, partial

import duckdb
import polars as pl

from alerts import operator as ops
from alerts.delivery import (
    MailOutcome,
    QueuedMail,
    QueuedText,
    compose_digest_mail,
    hand_over,
    queue,
    waiting_mails,
)
from alerts.digest import SPARK_MONTHS, Digest
from config.recipients import load_recipients
from config.settings import Settings, Smtp
from flows.terminal import now
from warehouse.connect import WarehouseError
from warehouse.core import build_core, outlines
from warehouse.marts import MARTS, ledger, newest_night, read_mart
from warehouse.outbox import muted_regions, operator_findings
from warehouse.query import table_frame


def queue_digests(
    con: duckdb.DuckDBPyConnection, tables: dict[str, pl.DataFrame], night: date, settings: Settings
) -> tuple[list[QueuedMail | QueuedText], list[MailOutcome]]:
    """Mails and texts of the night, one a reader who has news at most, put into the outbox.

    Beside them those that were refused for good before and say the same again.
    """
    instant = now()
    digest = digest_of(con, tables, night, settings.published_url)
    mails = [
        compose_digest_mail(
            con, digest, recipient, instant, settings.hold_hours, settings.mail_sender,
            settings.mail_unsubscribe,
        )
        for recipient in load_recipients(settings.recipients_file)
    ]  # fmt: skip
    queued = [mail for mail in mails if mail]
    return queued, queue(con, queued, instant)


def digest_of(
    con: duckdb.DuckDBPyConnection, tables: dict[str, pl.DataFrame], night: date, place: str | None
) -> Digest:
    """Digest of a night: the tables that mails are written from."""
    residents = tables["core.region"].select("region_id", "population_count", "population_year")
    flags = tables["mart.flag"].join(residents, on="region_id", how="left", maintain_order="left")
    alerts = tables["mart.alert"]
    month = flags["data_month"][0]
    is_recent = pl.col("month_start") > pl.lit(month).dt.offset_by(f"-{SPARK_MONTHS}mo")
    return Digest(
        as_of_date=night,
        data_month=month,
        flags=flags,
        country_forecasts=tables["mart.country_forecast"].filter(horizon_months=1),
        alerts=alerts,
        drivers=tables["mart.flag_driver"],
        events=tables["core.event"]
        .join(alerts, on="region_id", how="semi")
        .filter(pl.col("event_date") >= pl.lit(month).dt.offset_by("-2mo")),
        counts=tables["mart.indicator"]
        .filter(is_recent, indicator="events_count", place_level="region")
        .select("month_start", "value", region_id="place_id"),
        presence=tables["core.presence"],
        suspensions=tables["core.suspension"],
        signals=tables["mart.signal"],
        lines=tables["mart.line"],
        ledger=cache(partial(ledger, con, night)),
        sources=tables["mart.source_status"],
        event_sources=tables["mart.event_source"],
        outlines=outlines(con),
        muted=muted_regions(con, night),
        place=place.rstrip("/") if place else None,
    )


def newest_digest(con: duckdb.DuckDBPyConnection, place: str | None) -> Digest:
    """Digest of the newest night, from what was kept of it.

    Raises:
        WarehouseError: No night was run, or an older Tocsin told it.
    """
    night = newest_night(con)
    if night is None:
        raise WarehouseError("no night was run yet: tocsin nightly")
    build_core(con, night)
    core = ("region", "event", "presence", "suspension")
    tables = {f"core.{name}": table_frame(con, f"core.{name}") for name in core}
    for name in MARTS:
        mart = read_mart(con, name, night)
        if mart is None:
            raise WarehouseError(
                f"an older Tocsin told the night of {night}, without {name}: tocsin nightly"
            )
        tables[f"mart.{name}"] = mart
    return digest_of(con, tables, night, place)


def send_mails(con: duckdb.DuckDBPyConnection, settings: Settings, smtp: Smtp) -> list[MailOutcome]:
    """Outcomes of all mails and texts that may go; the operator's go last."""

    def hand_mails() -> list[MailOutcome]:
        return hand_over(
            con, smtp, settings.outbox_folder, now(), settings.hold_then, settings.channels
        )

    outcomes = hand_mails()
    findings = [ops.Notice(*finding) for finding in operator_findings(con)]
    operator_mail = ops.compose_operator_mail(con, findings, settings, now())
    if operator_mail is not None:
        queue(con, [operator_mail], now())
        outcomes += hand_mails()
    return outcomes + waiting_mails(con, now())
