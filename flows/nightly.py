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
from alerts.delivery import (
    MailOutcome,
    QueuedMail,
    check_encryption,
    compose_digest_mail,
    hand_over,
    queue,
    waiting_mails,
)
from alerts.digest import SPARK_MONTHS, Digest
from config.files import remove
from config.months import months_between, newest_complete_month
from config.recipients import load_recipients
from config.registry import Source, SourceError
from config.settings import Settings, Smtp, credentials
from config.texts import mask_quoted
from config.vocabulary import FIRST_DAY
from expectations.across import derived_tables
from expectations.page import quality_page
from expectations.suites import SUITES
from flows.nights import LEAST_MONTHS, NightError, earliest_night, runnable_night, tonight
from flows.process import end, end_on_signals, unusable_proxy
from flows.record import Progress, record_run
from flows.step_cache import CACHE_FOLDER, NO_CACHE, StepCache
from flows.terminal import check_sources, now
from indicators import compute_indicators
from indicators.risk import explain
from indicators.risk.delay import completeness
from indicators.risk.intensity import with_intensity
from page.site import build as build_page
from warehouse import build
from warehouse.connect import BusyError, WarehouseError, one_run, warehouse
from warehouse.export import copy_as_parquet
from warehouse.history import QUARANTINED_SCHEMA, catch_up, losses, transaction
from warehouse.landing import Batch, QuarantinedRow, accept, deliveries, overrides, receive
from warehouse.publish import publish, publish_page
from warehouse.sources import BOUNDARY_SOURCE, EVENT_SOURCE, SOURCES

NIGHTS_SHOWN = 30  # of the data's quality


@dataclass(frozen=True)
class Report:
    """Outcome of a run, for the terminal and Prefect.

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
    deliveries: list[MailOutcome]

    @property
    def is_degraded(self) -> bool:
        """Whether a source was not renewed or a mail waits."""
        return bool(self.failures) or any(m.status in ("waits", "refused") for m in self.deliveries)


@dataclass(frozen=True)
class FetchOutcome:
    """Deliveries of a source; ``failure`` says why there are no more, ``is_on`` if it was asked."""

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
    known_at: datetime = pl.select(source.lag.known_at(pl.lit(covers_until))).item()
    return min(today, known_at.date())


def is_on(source: Source, settings: Settings) -> bool:
    """Whether a source is asked: it is embedded, or the operator says where from."""
    return bool(settings.sources.get(source.name) or source.embedded)


def preload(settings: Settings) -> None:
    """Import what the run will need, while it must wait for a server anyway."""
    libraries = ["pandas"]  # DuckDB looks for it when a value is bound
    if not (settings.data_folder / CACHE_FOLDER).exists():
        libraries += ["expectations.judge", "indicators.risk.assess"]
    for name in libraries:
        import_module(name)


def fetch_source(source: Source, settings: Settings) -> FetchOutcome:
    """Deliveries of a source, bytes landed as received, then parsed; the newest is last.

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
        return FetchOutcome(source, batches, _masked_if_secret(source, str(error)))
    except Exception as error:  # a publisher may send anything; the others go on
        text = f"{source.name}: cannot be read ({type(error).__name__}: {error})"
        return FetchOutcome(source, batches, f"{text}; its last good figures stay in use")
    return FetchOutcome(source, batches, is_on=is_on(source, settings))


def judge_deliveries(
    outcomes: list[FetchOutcome],
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    cache: StepCache = NO_CACHE,
) -> tuple[list[FetchOutcome], pl.DataFrame]:
    """Outcomes without what fails, and the results of each source's last delivery checked.

    Rows that break a rule are held out; a delivery with a critical failure, with too many
    such rows, or that would take away much of what is in force, is refused, with those after
    it.
    """
    passing: list[FetchOutcome] = []
    results: dict[str, pl.DataFrame] = {}
    for outcome in outcomes:
        accepted: list[Batch] = []
        failure = outcome.failure
        if any(batch.is_new for batch in outcome.batches):
            catch_up(con, outcome.source, folder)  # what a killed run had accepted is in force too
        for batch in outcome.batches:
            verdict, table = judge_delivery(batch, folder, cache)
            if isinstance(verdict, Batch) and verdict.is_new:  # what came again loses nothing
                loss, refusal = judge_loss(con, verdict)
                if not loss["is_success"][0]:
                    table = pl.concat([table, loss])
                verdict = refusal or verdict
            results[outcome.source.name] = table
            if isinstance(verdict, str):
                failure = _masked_if_secret(outcome.source, verdict)
                break
            accepted.append(verdict)
        passing.append(replace(outcome, batches=accepted, failure=failure))
    if not results:  # every source failed
        from expectations.judge import judge

        return passing, judge({})
    return passing, pl.concat(results.values())


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


def _masked_if_secret(source: Source, failure: str) -> str:
    """The failure, which is published, without values of rows that may not be passed on."""
    return failure if source.is_republishable else mask_quoted(failure)


def judge_delivery(
    batch: Batch, folder: Path, cache: StepCache
) -> tuple[Batch | str, pl.DataFrame]:
    """The batch less its bad rows, or why it was refused; with the results of its checks.

    Bytes that were judged before, by the same rules, are not even parsed.
    """
    name = batch.source.name
    overrides_json = "".join(override.model_dump_json() for override in overrides(name, folder))
    inputs = (batch.sha256, batch.fetched.url, overrides_json)
    step = f"check {name} {batch.fetched.release.partition}".strip()
    cached = cache.get(step, inputs)
    if cached is not None:
        rows = cached["rows"].iter_rows(named=True)
        return replace(batch, quarantined=tuple(QuarantinedRow(**row) for row in rows)), cached[
            "results"
        ]
    from expectations.judge import GateError, judge  # Great Expectations: seconds to import
    from expectations.quarantine import FUTURE, quarantine_rows

    try:
        passing, results = quarantine_rows(batch, folder)
    except (GateError, SourceError) as error:
        results = error.results if isinstance(error, GateError) else judge({})
        return f"{name}: {batch.fetched.url} was refused. {error}", results
    quarantined = pl.DataFrame(
        [row.model_dump() for row in passing.quarantined], schema=QUARANTINED_SCHEMA
    )
    if FUTURE not in quarantined["rule"]:  # what is too early tonight may be in time on another
        cache.put(step, inputs, {"rows": quarantined, "results": results})
    return passing, results


def keep_versions(
    con: duckdb.DuckDBPyConnection, outcomes: list[FetchOutcome], settings: Settings
) -> int:
    """Enter what is new in the log of its source and bring the history up to it.

    Returns:
        Versions begun.

    Raises:
        SourceError: A source that the night cannot do without failed and has no figures.
    """
    versions = 0
    for outcome in outcomes:
        for batch in outcome.batches:
            accept(batch, settings.landing_folder)
        versions += catch_up(con, outcome.source, settings.landing_folder, outcome.batches)
        is_needed = bool(outcome.source.embedded)
        if (
            outcome.failure
            and is_needed
            and not deliveries(outcome.source, settings.landing_folder)
        ):
            raise SourceError(outcome.failure)
        if outcome.is_on:
            build.write_attempt(con, outcome.source.name, outcome.failure)
        else:
            build.forget_attempt(con, outcome.source.name)
    return versions


def assess_night(
    con: duckdb.DuckDBPyConnection, night: date, cache: StepCache = NO_CACHE
) -> dict[str, pl.DataFrame]:
    """Core as known on the night, then its marts: indicators, forecasts, flags, alerts."""
    build.build_core(con, night)
    core = {name: build.read(con, f"core.{name}") for name in build.CORE_TABLES}
    sources = build.source_status(con, night)
    known_until = build.complete_until(con, EVENT_SOURCE, night)
    newest = newest_complete_month(known_until)
    if months_between(FIRST_DAY, newest) + 1 < LEAST_MONTHS:
        raise NightError(
            f"the night of {night}: events are whole up to {newest:%Y-%m} only, and a level needs "
            f"{LEAST_MONTHS} months from {FIRST_DAY:%Y-%m} on; the earliest night is "
            f"{earliest_night()}, with figures that reach so far"
        )
    series = compute_indicators(core, FIRST_DAY, newest)
    is_stale = sources.filter(source=EVENT_SOURCE.name)["is_stale"].item()
    by_region = series.filter(place_level="region").select(
        "indicator", "place_id", "month_start", "value"
    )
    counts = by_region.filter(indicator="events_count").drop("indicator")
    deaths = by_region.filter(indicator="deaths_best_count").drop("indicator")
    counts = counts.join(deaths.rename({"value": "deaths"}), on=["place_id", "month_start"])
    events = core["event"].select("event_date", "country_code", "region_id", "deaths_best_count")
    inputs = (events, core["region"], str(known_until), str(night))
    assessment = cache.get("assess", inputs)
    if assessment is None:
        from indicators.risk.assess import assess  # so that scipy is imported when needed

        assessment = vars(assess(events, core["region"], known_until, night, is_stale))
        cache.put("assess", inputs, assessment)
    flags = assessment["flags"].with_columns(is_stale=pl.lit(is_stale))
    flags = explain.with_month(flags, counts, newest)
    shares = completeness(build.reporting_triangle(con, EVENT_SOURCE, night))
    flags = with_intensity(explain.with_correction(flags, shares), counts)
    flags = explain.with_reason(flags, core["event"])
    boundaries = sources.filter(source=BOUNDARY_SOURCE.name)["source_version"].item()
    flags = flags.with_columns(boundaries_version=pl.lit(boundaries))
    context = explain.context(flags, series, core["suspension"], core["coup"], shares)
    marts = {
        "indicator": series,
        "forecast": assessment["forecasts"],
        "country_forecast": assessment["country_forecasts"],
        "flag": flags,
        "flag_driver": explain.with_rank(pl.concat([assessment["drivers"], context])),
        "alert": alerts_of_night(con, night, flags, series, core, known_until),
        "source_status": sources,
    }
    return {
        **{f"core.{n}": f for n, f in core.items()},
        **{f"mart.{n}": f for n, f in marts.items()},
    }


def alerts_of_night(
    con: duckdb.DuckDBPyConnection,
    night: date,
    flags: pl.DataFrame,
    series: pl.DataFrame,
    core: dict[str, pl.DataFrame],
    known_until: date,
) -> pl.DataFrame:
    """Alerts of the night, from its levels and the previous night's alerts, flags and figures."""

    def counts_of(series: pl.DataFrame) -> pl.DataFrame:
        return series.filter(indicator="events_count", place_level="region").select(
            "place_id", "month_start", "value"
        )

    old_night = build.previous_night(con, night)
    old_alerts, old_flags, old_series = (
        build.read_previous_night(con, mart, night) for mart in ("alert", "flag", "indicator")
    )
    if old_night is None or old_alerts is None or old_flags is None or old_series is None:
        return life.advance_alerts(
            flags.with_columns(cause=pl.lit(life.NEWS)), life.NO_ALERTS, night
        )
    levels = None
    if life.is_revised(counts_of(series), counts_of(old_series)):
        from indicators.risk.assess import levels_on_previous_vintage  # scipy, when needed

        events = life.events_on_previous_vintage(
            core["event_version"], old_night, old_flags["data_month"][0]
        )
        levels = levels_on_previous_vintage(events, core["region"], known_until, night)
    causes = life.causes(flags, old_flags, levels)
    return life.advance_alerts(flags.join(causes, on="region_id"), old_alerts, night)


def judge_night(
    tables: dict[str, pl.DataFrame], landed: pl.DataFrame, cache: StepCache = NO_CACHE
) -> pl.DataFrame:
    """Results of core, marts and all of them together after ``landed``; critical stops here."""
    frames = tables | derived_tables(tables)
    frames = {n: frames[n] for n in SUITES if n in frames}
    cached = {n: cache.get(f"check {n}", (f,)) for n, f in frames.items()}
    unchecked = {n: f for n, f in frames.items() if cached[n] is None}
    if unchecked:
        from expectations.judge import gate, judge  # Great Expectations takes seconds to import

        results = judge(unchecked)
        gate(results)
        for name, frame in unchecked.items():
            cached[name] = {"results": results.filter(table_name=name)}
            cache.put(f"check {name}", (frame,), {"results": results.filter(table_name=name)})
    return pl.concat([landed, *(result["results"] for result in cached.values() if result)])


def keep_night(
    con: duckdb.DuckDBPyConnection,
    night: date,
    tables: dict[str, pl.DataFrame],
    checks: pl.DataFrame,
) -> int:
    """Rows written: the night's marts and the results of its checks, all of them or none."""
    marts = {n.removeprefix("mart."): f for n, f in tables.items() if n.startswith("mart.")}
    marts["check"] = checks.with_columns(pl.col("column_name").fill_null("(table)"))
    with transaction(con):
        return build.write_marts(con, night, marts)


def write_quality_page(
    con: duckdb.DuckDBPyConnection,
    night: date,
    tables: dict[str, pl.DataFrame],
    checks: pl.DataFrame,
    settings: Settings,
) -> None:
    """Write the page about the data's quality beside the published file."""
    counts = build.check_counts(con, night, NIGHTS_SHOWN)
    name = settings.published_path.name
    page = quality_page(night, checks, tables["mart.source_status"], counts, name)
    publish_page(settings.quality_path, page)


def queue_digests(
    con: duckdb.DuckDBPyConnection, tables: dict[str, pl.DataFrame], night: date, settings: Settings
) -> list[QueuedMail]:
    """Mails of the night, one a reader who has news at most, put into the outbox."""
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
    queue(con, queued, instant)
    return queued


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
        sources=tables["mart.source_status"],
        outlines=build.outlines(con),
        muted=build.muted_regions(con, night),
        place=place.rstrip("/") if place else None,
    )


def send_mails(con: duckdb.DuckDBPyConnection, settings: Settings, smtp: Smtp) -> list[MailOutcome]:
    """Outcomes of all mails that may go, by SMTP or as files; the operator's go last."""

    def hand_mails() -> list[MailOutcome]:
        return hand_over(con, smtp, settings.outbox_folder, now(), settings.hold_then)

    outcomes = hand_mails()
    findings = [ops.Notice(*finding) for finding in build.operator_findings(con)]
    operator_mail = ops.compose_operator_mail(con, findings, settings, now())
    if operator_mail is not None:
        queue(con, [operator_mail], now())
        outcomes += hand_mails()
    return outcomes + waiting_mails(con, now())


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

    runnable_night(night, tonight())

    try:
        return run(night)
    except BusyError:
        raise
    except Exception as error:
        ops.report_failed_run(settings, smtp, error, now())
        raise


def _nightly(night: date, settings: Settings, smtp: Smtp, progress: Progress) -> Report:
    """Pull every source, keep its versions, rebuild the night, judge it, publish, alert."""
    readers = load_recipients(settings.recipients_file)  # a wrong entry stops before the work
    check_encryption(smtp)
    check_sources(settings)
    if settings.published_path.exists() and not settings.warehouse_path.exists():
        raise WarehouseError(
            f"{settings.warehouse_path} is gone, while {settings.published_path} tells of its "
            "nights: 'tocsin repair' builds it anew (or move published/ away to begin anew)"
        )
    remove(settings.data_folder / "recalled")  # the cache of an older Tocsin
    cache = StepCache(settings.data_folder / CACHE_FOLDER)
    what = f"tocsin nightly, the night of {night}"
    with (
        one_run(settings.data_folder, what),
        warehouse(settings.warehouse_path) as con,
        record_run(con, settings.log_folder, night, progress) as recorder,
    ):
        run = recorder.step
        fetched = [
            run(f"fetch {s.name}", fetch_source, s, settings)
            if is_on(s, settings)
            else FetchOutcome(s, [], is_on=False)
            for s in SOURCES
        ]
        outcomes, landed_checks = run(
            "check what arrived", judge_deliveries, fetched, con, settings.landing_folder, cache
        )
        run("keep versions", keep_versions, con, outcomes, settings)
        tables = run("assess the night", assess_night, con, night, cache)
        checks = run("check the night", judge_night, tables, landed_checks, cache)
        run("keep the night", keep_night, con, night, tables, checks)
        run("publish", publish, con, settings.published_path, night, settings.published_copies)
        run("copy as parquet", copy_as_parquet, settings.published_path, settings.parquet_folder)
        run("show the quality", write_quality_page, con, night, tables, checks, settings)
        run("build the page", build_page, settings.published_path, settings.page_folder, night)
        run("write mails", queue_digests, con, tables, night, settings)
        mails = run("send mails", send_mails, con, settings, smtp)
        report = Report(
            flags=tables["mart.flag"],
            drivers=tables["mart.flag_driver"],
            sources=tables["mart.source_status"],
            checks=checks,
            failures={s.source.name: s.failure for s in outcomes if s.failure},
            sources_off=[s.source.title for s in outcomes if not s.is_on],
            readers_count=len(readers),
            remarks=[text for s in fetched for batch in s.batches for text in batch.remarks],
            deliveries=mails,
        )
        recorder.is_degraded = report.is_degraded
    ops.note_finished_run(settings, str(night), now())
    return report
