"""The nightly run: pull, keep, rebuild, assess, judge, publish, show, alert."""

import signal
from datetime import date
from importlib import import_module

from prefect import flow

from alerts import operator as ops
from alerts.channels import check_channels
from alerts.delivery import check_encryption
from config.files import remove
from config.recipients import load_recipients
from config.registry import check_configuration
from config.settings import Settings, Smtp
from flows.lines import lines_of
from flows.mail_steps import queue_digests, send_mails
from flows.nights import runnable_night, tonight
from flows.process import end, end_on_signals
from flows.record import Progress, record_run
from flows.report import Report, with_alert_level
from flows.signed import judge_tonight
from flows.step_cache import CACHE_FOLDER, StepCache
from flows.steps import (
    FetchOutcome,
    add_to_lake,
    assess_night,
    fetch_source,
    is_on,
    judge_deliveries,
    keep_night,
    keep_versions,
    remarks,
    with_released_rows,
    write_quality_page,
)
from flows.terminal import check_sources, now
from page.site import build as build_page
from warehouse.connect import BusyError, WarehouseError, one_run, warehouse
from warehouse.export import copy_as_parquet
from warehouse.marts import news, previous_night
from warehouse.publish import publish
from warehouse.sources import SOURCES


def preload(settings: Settings) -> None:
    """Import what the run will need, while it must wait for a server anyway."""
    libraries = ["pandas"]  # DuckDB looks for it when a value is bound
    if not (settings.data_folder / CACHE_FOLDER).exists():
        libraries += ["expectations.judge", "indicators.risk.assess"]
    for name in libraries:
        import_module(name)


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
    check_configuration()  # a wrong entry stops before the work
    readers = load_recipients(settings.recipients_file)  # and so here
    check_channels(readers, settings.channels)
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
        fetched = with_released_rows(fetched, con, settings.landing_folder)
        outcomes, landed_checks = run(
            "check what arrived", judge_deliveries, fetched, con, settings.landing_folder, cache
        )
        run("keep versions", keep_versions, con, outcomes, settings)
        tables = run("assess the night", assess_night, con, night, cache, lines_of(readers))
        checks = run(
            "check the night", judge_tonight, con, night, tables, landed_checks, settings, cache
        )
        run("keep the night", keep_night, con, night, tables, checks)
        run("publish", publish, con, settings.published_path, night, settings.published_copies)
        run("copy as parquet", copy_as_parquet, settings.published_path, settings.parquet_folder)
        run("show the quality", write_quality_page, con, night, tables, checks, settings)
        run(
            "build the page", build_page, settings.published_path, settings.page_folder, night,
            settings.published_url,
        )  # fmt: skip
        _, refusals = run("write mails", queue_digests, con, tables, night, settings)
        mails = run("send mails", send_mails, con, settings, smtp)
        if settings.lake:  # last: a lake that cannot be reached holds up no mail
            run("publish to the lake", add_to_lake, settings, night)
        report = Report(
            news=news(con, night),
            night_before=previous_night(con, night),
            flags=with_alert_level(tables["mart.flag"], tables["mart.alert"]),
            drivers=tables["mart.flag_driver"],
            sources=tables["mart.source_status"],
            checks=checks,
            failures={s.source.name: s.failure for s in outcomes if s.failure},
            sources_off=[s.source.title for s in outcomes if not s.is_on],
            readers_count=len(readers),
            remarks=remarks(tables, fetched),
            reports_waiting_count=tables["core.report"]["is_waiting"].sum(),
            deliveries=[*refusals, *mails],
        )
        recorder.is_degraded = report.is_degraded
    ops.note_finished_run(settings, str(night), now())
    return report
