"""The nightly run: pull, keep, rebuild, assess, judge, publish, show, alert."""

import signal
from dataclasses import dataclass, replace
from datetime import date, datetime
from importlib import import_module
from pathlib import Path

import duckdb
import polars as pl
from prefect import flow

from alerts import life
from alerts import operator as ops
from alerts.delivery import Delivery, Letter, check, hand_over, later, letter, queue
from alerts.digest import SPARK_MONTHS, Digest
from config.recipients import load_recipients
from config.registry import Source, SourceError
from config.settings import Settings, Smtp, credentials
from config.texts import form_of
from expectations.across import derived_tables
from expectations.page import quality_page
from expectations.suites import SUITES
from flows.nights import FIRST_MONTH, LEAST_MONTHS, NightError, earliest_night, possible, tonight
from flows.process import end, end_on_signals, unusable_proxy
from flows.recall import Recall
from flows.record import Progress, recorded
from flows.terminal import known_sources, now
from indicators import compute_indicators
from indicators.risk import explain
from indicators.risk.delay import completeness
from indicators.risk.intensity import with_intensity
from page.site import build as build_page
from warehouse.connect import BusyError, WarehouseError, one_run, warehouse
from warehouse.core import CORE_TABLES, build_core, outlines
from warehouse.export import copy_as_parquet
from warehouse.history import QUARANTINED_SCHEMA, catch_up, losses, transaction
from warehouse.landing import Batch, QuarantinedRow, accept, deliveries, overrides, receive
from warehouse.marts import check_counts, previous_night, read_previous_night, write_marts
from warehouse.outbox import muted_regions, operator_findings
from warehouse.publish import publish, publish_page
from warehouse.query import table_frame
from warehouse.source_status import forget_attempt, source_status, write_attempt
from warehouse.sources import BOUNDARY_SOURCE, EVENT_SOURCE, SOURCES
from warehouse.vintages import complete_until, reporting_triangle

NIGHTS_SHOWN = 30  # of the data's quality
NOTHING = Recall()
RECALLED = "recalled"  # folder of findings


@dataclass(frozen=True)
class Report:
    """What a run found and did.

    Attributes:
        flags: Mart of the night.
        drivers: Mart of the night.
        sources: Mart of the night.
        checks: Results of all checks.
        failures: Why a source was not renewed, by its name.
        sources_off: Titles of sources that nobody turned on: neither embedded nor set.
        readers_count: How many are in the file of recipients.
        remarks: What was left out or passed over of what came.
        deliveries: What became of the mails.
    """

    flags: pl.DataFrame
    drivers: pl.DataFrame
    sources: pl.DataFrame
    checks: pl.DataFrame
    failures: dict[str, str]
    sources_off: list[str]
    readers_count: int
    remarks: list[str]
    deliveries: list[Delivery]

    @property
    def is_degraded(self) -> bool:
        """Whether a source was not renewed or a mail waits."""
        return bool(self.failures) or any(m.status in ("waits", "refused") for m in self.deliveries)


@dataclass(frozen=True)
class Arrived:
    """What a source sent; ``failure`` says why there is not more, ``is_on`` if it was asked."""

    source: Source
    batches: list[Batch]
    failure: str | None = None
    is_on: bool = True

    @property
    def rows_count(self) -> int:
        """Rows of what was not there before; what was is not even read."""
        return sum(batch.rows.height for batch in self.batches if batch.is_new)


def default_night(today: date, settings: Settings) -> date:
    """Tonight; on the embedded events the night their newest month became known.

    Example:
        >>> default_night(date(2026, 11, 24), Settings())
        datetime.date(2023, 1, 20)
    """
    source = EVENT_SOURCE
    covers_until = source.embedded[-1].covers_until
    if source.name in settings.sources or covers_until is None:
        return today
    known: datetime = pl.select(source.lag.known_at(pl.lit(covers_until))).item()
    return min(today, known.date())


def is_on(source: Source, settings: Settings) -> bool:
    """Whether a source is asked: it is embedded, or the operator says where from."""
    return bool(settings.sources.get(source.name) or source.embedded)


def load_ahead(settings: Settings) -> None:
    """Import what the run will ask for in its midst, while it must wait for a server anyway."""
    libraries = ["pandas"]  # DuckDB looks for it when a value is bound
    if not (settings.data_folder / RECALLED).exists():
        libraries += ["expectations.judge", "indicators.risk.assess"]
    for name in libraries:
        import_module(name)


def fetch_source(source: Source, settings: Settings) -> Arrived:
    """What a source sent, its bytes landed as received and parsed; the newest is last.

    Deliveries before one that fails count; whatever is wrong with a source stops only it.
    """
    address = settings.sources.get(source.name)
    place = source.live if address == "live" else address
    batches: list[Batch] = []
    try:
        if place and "://" in place and (why := unusable_proxy(place)):
            raise SourceError(f"{source.name}: {place} cannot be reached: {why}")
        received = receive(source, place, settings.landing_folder, credentials(source.credentials))
        for batch in received:
            if batch.is_new:
                _ = batch.rows  # bytes that cannot be read fail here, by name
            batches.append(batch)
    except SourceError as error:
        return Arrived(source, batches, _form_where_secret(source, str(error)))
    except Exception as error:  # a publisher may send anything; the others go on
        text = f"{source.name}: cannot be read ({type(error).__name__}: {error})"
        return Arrived(source, batches, f"{text}; its last good figures stay in use")
    return Arrived(source, batches, is_on=is_on(source, settings))


def judge_arrived(
    arrived: list[Arrived],
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    recall: Recall = NOTHING,
) -> tuple[list[Arrived], pl.DataFrame]:
    """What passes the checks, and their results for the last delivery judged of each source.

    Rows that break a rule are held out; a delivery with a critical failure, with too many
    such rows, or that would take away much of what is in force, is refused, with those after
    it.
    """
    passed: list[Arrived] = []
    results: dict[str, pl.DataFrame] = {}
    for sent in arrived:
        good: list[Batch] = []
        failure = sent.failure
        if any(batch.is_new for batch in sent.batches):
            catch_up(con, sent.source, folder)  # what a killed run had accepted is in force too
        for batch in sent.batches:
            judged, found = judge_delivery(batch, folder, recall)
            if isinstance(judged, Batch) and judged.is_new:  # what came again loses nothing
                loss, refusal = judge_loss(con, judged)
                if not loss["is_success"][0]:
                    found = pl.concat([found, loss])
                judged = refusal or judged
            results[sent.source.name] = found
            if isinstance(judged, str):
                failure = _form_where_secret(sent.source, judged)
                break
            good.append(judged)
        passed.append(replace(sent, batches=good, failure=failure))
    if not results:  # every source failed
        from expectations.judge import judge

        return passed, judge({})
    return passed, pl.concat(results.values())


def judge_loss(con: duckdb.DuckDBPyConnection, batch: Batch) -> tuple[pl.DataFrame, str | None]:
    """Result of the check against what is in force, and why the delivery is refused."""
    from expectations.past import no_great_loss

    result = no_great_loss(batch, losses(con, batch.source, batch))
    if result["is_success"][0] or result["severity"][0] == "warning":
        return result, None
    return result, (
        f"{batch.source.name}: {batch.fetched.url} was refused: it would take away "
        f"{result['observed'][0]}, so it is a part given as the whole, or figures were lost on "
        "the way; the last good figures stay in use. If the loss is meant, lower "
        "quarantine.least_rows_share in config/thresholds.toml for one night"
    )


def _form_where_secret(source: Source, failure: str) -> str:
    """The failure, which is published, without values of rows that may not be passed on."""
    return failure if source.is_republishable else form_of(failure)


def judge_delivery(batch: Batch, folder: Path, recall: Recall) -> tuple[Batch | str, pl.DataFrame]:
    """The batch less its bad rows, or why it was refused; with the results of its checks.

    Bytes that were judged before, by the same rules, are not even parsed.
    """
    name = batch.source.name
    given = "".join(override.model_dump_json() for override in overrides(name, folder))
    seen = (batch.sha256, batch.fetched.url, given)
    step = f"check {name} {batch.fetched.release.partition}".strip()
    known = recall.find(step, seen)
    if known is not None:
        rows = known["held"].iter_rows(named=True)
        return replace(batch, quarantined=tuple(QuarantinedRow(**row) for row in rows)), known[
            "results"
        ]
    from expectations.judge import GateError, judge  # Great Expectations: seconds to import
    from expectations.quarantine import FUTURE, quarantine_rows

    try:
        judged, results = quarantine_rows(batch, folder)
    except (GateError, SourceError) as error:
        found = error.results if isinstance(error, GateError) else judge({})
        return f"{name}: {batch.fetched.url} was refused. {error}", found
    held = pl.DataFrame([row.model_dump() for row in judged.quarantined], schema=QUARANTINED_SCHEMA)
    if FUTURE not in held["rule"]:  # what is too early tonight may be in time on another
        recall.keep(step, seen, {"held": held, "results": results})
    return judged, results


def keep_versions(
    con: duckdb.DuckDBPyConnection, arrived: list[Arrived], settings: Settings
) -> int:
    """Enter what is new in the log of its source and bring the history up to it.

    Returns:
        Versions begun.

    Raises:
        SourceError: A source that the night cannot do without failed and has no figures.
    """
    begun = 0
    for sent in arrived:
        for batch in sent.batches:
            accept(batch, settings.landing_folder)
        begun += catch_up(con, sent.source, settings.landing_folder, sent.batches)
        is_needed = bool(sent.source.embedded)
        if sent.failure and is_needed and not deliveries(sent.source, settings.landing_folder):
            raise SourceError(sent.failure)
        if sent.is_on:
            write_attempt(con, sent.source.name, sent.failure)
        else:
            forget_attempt(con, sent.source.name)
    return begun


def assess_night(
    con: duckdb.DuckDBPyConnection, night: date, recall: Recall = NOTHING
) -> dict[str, pl.DataFrame]:
    """Core as known on the night, then its marts: indicators, forecasts, flags, alerts."""
    build_core(con, night)
    core = {name: table_frame(con, f"core.{name}") for name in CORE_TABLES}
    sources = source_status(con, night)
    known_until = complete_until(con, EVENT_SOURCE, night)
    newest = explain.newest_complete_month(known_until)
    if (newest.year - FIRST_MONTH.year) * 12 + newest.month - FIRST_MONTH.month + 1 < LEAST_MONTHS:
        raise NightError(
            f"the night of {night}: events are whole up to {newest:%Y-%m} only, and a level needs "
            f"{LEAST_MONTHS} months from {FIRST_MONTH:%Y-%m} on; the earliest night is "
            f"{earliest_night()}, with figures that reach so far"
        )
    series = compute_indicators(core, FIRST_MONTH, newest)
    is_stale = sources.filter(source=EVENT_SOURCE.name)["is_stale"].item()
    by_region = series.filter(place_level="region").select(
        "indicator", "place_id", "month_start", "value"
    )
    counts = by_region.filter(indicator="events_count").drop("indicator")
    deaths = by_region.filter(indicator="deaths_best_count").drop("indicator")
    counts = counts.join(deaths.rename({"value": "deaths"}), on=["place_id", "month_start"])
    events = core["event"].select("event_date", "country_code", "region_id", "deaths_best_count")
    given = (events, core["region"], str(known_until), str(night))
    assessed = recall.find("assess", given)
    if assessed is None:
        from indicators.risk.assess import assess  # so that scipy is imported when needed

        assessed = vars(assess(events, core["region"], known_until, night, is_stale))
        recall.keep("assess", given, assessed)
    told = assessed["flags"].with_columns(is_stale=pl.lit(is_stale))
    told = explain.with_month(told, counts, newest)
    known = completeness(reporting_triangle(con, EVENT_SOURCE, night))
    violent = with_intensity(explain.with_correction(told, known), counts)
    flags = explain.with_reason(violent, core["event"])
    boundaries = sources.filter(source=BOUNDARY_SOURCE.name)["source_version"].item()
    flags = flags.with_columns(boundaries_version=pl.lit(boundaries))
    context = explain.context(flags, series, core["suspension"], core["coup"], known)
    marts = {
        "indicator": series,
        "forecast": assessed["forecasts"],
        "country_forecast": assessed["country_forecasts"],
        "flag": flags,
        "flag_driver": explain.ranked(pl.concat([assessed["drivers"], context])),
        "alert": follow_alerts(con, night, flags, series, core, known_until),
        "source_status": sources,
    }
    return {
        **{f"core.{n}": f for n, f in core.items()},
        **{f"mart.{n}": f for n, f in marts.items()},
    }


def follow_alerts(
    con: duckdb.DuckDBPyConnection,
    night: date,
    flags: pl.DataFrame,
    series: pl.DataFrame,
    core: dict[str, pl.DataFrame],
    known_until: date,
) -> pl.DataFrame:
    """The alerts of the night, from its levels and what the night before told."""

    def counted(series: pl.DataFrame) -> pl.DataFrame:
        return series.filter(indicator="events_count", place_level="region").select(
            "place_id", "month_start", "value"
        )

    before = previous_night(con, night)
    told, flags_told, series_told = (
        read_previous_night(con, mart, night) for mart in ("alert", "flag", "indicator")
    )
    if before is None or told is None or flags_told is None or series_told is None:
        return life.follow(flags.with_columns(cause=pl.lit(life.NEWS)), life.NONE, night)
    unrevised = None
    if life.is_revised(counted(series), counted(series_told)):
        from indicators.risk.assess import levels_unrevised  # scipy, when needed

        events = life.unrevised(core["event_version"], before, flags_told["data_month"][0])
        unrevised = levels_unrevised(events, core["region"], known_until, night)
    causes = life.causes(flags, flags_told, unrevised)
    return life.follow(flags.join(causes, on="region_id"), told, night)


def judge_night(
    tables: dict[str, pl.DataFrame], landed: pl.DataFrame, recall: Recall = NOTHING
) -> pl.DataFrame:
    """Results of core, marts and all of them together after ``landed``; critical stops here."""
    told = tables | derived_tables(tables)
    judged = {n: told[n] for n in SUITES if n in told}
    known = {n: recall.find(f"check {n}", (f,)) for n, f in judged.items()}
    unknown = {n: f for n, f in judged.items() if known[n] is None}
    if unknown:
        from expectations.judge import gate, judge  # Great Expectations takes seconds to import

        results = judge(unknown)
        gate(results)
        for name, frame in unknown.items():
            known[name] = {"results": results.filter(table_name=name)}
            recall.keep(f"check {name}", (frame,), {"results": results.filter(table_name=name)})
    return pl.concat([landed, *(found["results"] for found in known.values() if found)])


def keep_night(
    con: duckdb.DuckDBPyConnection,
    night: date,
    tables: dict[str, pl.DataFrame],
    checks: pl.DataFrame,
) -> int:
    """Keep what the night tells and how it was judged, all of it or nothing; rows written."""
    marts = {n.removeprefix("mart."): f for n, f in tables.items() if n.startswith("mart.")}
    marts["check"] = checks.with_columns(pl.col("column_name").fill_null("(table)"))
    with transaction(con):
        return write_marts(con, night, marts)


def show_quality(
    con: duckdb.DuckDBPyConnection,
    night: date,
    tables: dict[str, pl.DataFrame],
    checks: pl.DataFrame,
    settings: Settings,
) -> None:
    """The page about the data's quality, beside the published file."""
    counts = check_counts(con, night, NIGHTS_SHOWN)
    name = settings.published_path.name
    page = quality_page(night, checks, tables["mart.source_status"], counts, name)
    publish_page(settings.quality_path, page)


def write_letters(
    con: duckdb.DuckDBPyConnection, tables: dict[str, pl.DataFrame], night: date, settings: Settings
) -> list[Letter]:
    """Into the outbox: what each reader must be told tonight."""
    instant = now()
    digest = digest_of(con, tables, night, settings.published_url)
    letters = [
        letter(
            con, digest, recipient, instant, settings.hold_hours, settings.mail_sender,
            settings.mail_unsubscribe,
        )
        for recipient in load_recipients(settings.recipients_file)
    ]  # fmt: skip
    found = [one for one in letters if one]
    queue(con, found, instant)
    return found


def digest_of(
    con: duckdb.DuckDBPyConnection, tables: dict[str, pl.DataFrame], night: date, place: str | None
) -> Digest:
    """What a night has to say to readers."""
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
        sources=tables["mart.source_status"],
        outlines=outlines(con),
        muted=muted_regions(con, night),
        place=place.rstrip("/") if place else None,
    )


def send_mails(con: duckdb.DuckDBPyConnection, settings: Settings, smtp: Smtp) -> list[Delivery]:
    """What may go, by SMTP where a server is configured, else as files; then the operator's."""

    def hand() -> list[Delivery]:
        return hand_over(con, smtp, settings.outbox_folder, now(), settings.hold_then)

    done = hand()
    findings = [ops.Finding(*found) for found in operator_findings(con)]
    told = ops.letter(con, findings, settings, now())
    if told is not None:
        queue(con, [told], now())
        done += hand()
    return done + later(con, now())


def nightly(night: date, settings: Settings, smtp: Smtp, progress: Progress) -> Report:
    """The nightly run as a Prefect flow; of its parameters Prefect keeps the night alone.

    If it fails the operator is told.

    Raises:
        NightError: The night is to come, or before the earliest.
    """
    is_ending = signal.getsignal(signal.SIGTERM) is end

    @flow(name="nightly", validate_parameters=False)
    def run(night: date) -> Report:
        if is_ending:
            end_on_signals()  # Prefect takes SIGTERM over for as long as a flow runs
        return _nightly(night, settings, smtp, progress)

    possible(night, tonight())

    try:
        return run(night)
    except BusyError:
        raise
    except Exception as error:
        ops.run_failed(settings, smtp, error, now())
        raise


def _nightly(night: date, settings: Settings, smtp: Smtp, progress: Progress) -> Report:
    """Pull every source, keep its versions, rebuild the night, judge it, publish, alert."""
    readers = load_recipients(settings.recipients_file)  # a wrong entry stops before the work
    check(smtp)
    known_sources(settings)
    if settings.published_path.exists() and not settings.warehouse_path.exists():
        raise WarehouseError(
            f"{settings.warehouse_path} is gone, while {settings.published_path} tells of its "
            "nights: 'tocsin repair' builds it anew (or move published/ away to begin anew)"
        )
    recall = Recall(settings.data_folder / RECALLED)
    told = f"tocsin nightly, the night of {night}"
    with (
        one_run(settings.data_folder, told),
        warehouse(settings.warehouse_path) as con,
        recorded(con, settings.log_folder, night, progress) as record,
    ):
        run = record.step
        sent = [
            run(f"fetch {s.name}", fetch_source, s, settings)
            if is_on(s, settings)
            else Arrived(s, [], is_on=False)
            for s in SOURCES
        ]
        arrived, landed = run(
            "check what arrived", judge_arrived, sent, con, settings.landing_folder, recall
        )
        run("keep versions", keep_versions, con, arrived, settings)
        tables = run("assess the night", assess_night, con, night, recall)
        checks = run("check the night", judge_night, tables, landed, recall)
        run("keep the night", keep_night, con, night, tables, checks)
        run("publish", publish, con, settings.published_path, night, settings.published_copies)
        run("copy as parquet", copy_as_parquet, settings.published_path, settings.parquet_folder)
        run("show the quality", show_quality, con, night, tables, checks, settings)
        run("build the page", build_page, settings.published_path, settings.page_folder, night)
        run("write mails", write_letters, con, tables, night, settings)
        mails = run("send mails", send_mails, con, settings, smtp)
        report = Report(
            flags=tables["mart.flag"],
            drivers=tables["mart.flag_driver"],
            sources=tables["mart.source_status"],
            checks=checks,
            failures={s.source.name: s.failure for s in arrived if s.failure},
            sources_off=[s.source.title for s in arrived if not s.is_on],
            readers_count=len(readers),
            remarks=[text for s in sent for batch in s.batches for text in batch.remarks],
            deliveries=mails,
        )
        record.is_degraded = report.is_degraded
    ops.finished(settings, str(night), now())
    return report
