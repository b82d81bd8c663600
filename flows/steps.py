"""Bodies of the night's steps, from fetching a source to the page about quality."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from alerts import life
from alerts.wording.lines import with_line_sentences
from alerts.wording.signals import with_sentences
from config.lines import Line
from config.months import month_after, months_between, newest_complete_month
from config.registry import Source, SourceError, drawn_boundaries
from config.settings import Settings, credentials
from config.texts import mask_quoted
from config.vocabulary import FIRST_DAY
from expectations.across import derived_tables
from expectations.page import quality_page
from expectations.suites import SUITES
from flows.lines import line_tables
from flows.nights import LEAST_MONTHS, NightError, earliest_night
from flows.process import unusable_proxy
from flows.step_cache import NO_CACHE, StepCache
from indicators import compute_indicators
from indicators.risk import explain
from indicators.risk.delay import Completeness, completeness
from indicators.risk.intensity import with_intensity
from indicators.signals import board, raised_counts
from warehouse.core import CORE_TABLES, build_core
from warehouse.history import QUARANTINED_SCHEMA, catch_up, losses, transaction
from warehouse.landing import Batch, QuarantinedRow, accept, deliveries, overrides, receive
from warehouse.marts import check_counts, previous_night, read_previous_night, write_marts
from warehouse.publish import publish_page
from warehouse.quarantine import released_batches
from warehouse.query import table_frame
from warehouse.situation import late_first_event
from warehouse.source_status import auxiliary_sources, forget_attempt, source_status, write_attempt
from warehouse.sources import BOUNDARY_SOURCE, COUP_SOURCE, EVENT_SOURCE
from warehouse.sources.powell_thyne_coups import version_day
from warehouse.vintages import complete_until, deliveries_known, reporting_triangle

LEAST_SERIES_MONTHS = 84  # strip and past of the board of signals
MOST_REGION_MONTHS = 450_000  # a series holds of all regions together
NIGHTS_SHOWN = 30  # of the data's quality


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


def is_on(source: Source, settings: Settings) -> bool:
    """Whether a source is asked: it is embedded, or the operator says where from."""
    return bool(settings.sources.get(source.name) or source.embedded)


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
        received_batches = receive(
            source, place, settings.landing_folder, credentials(source.credentials)
        )
        for batch in received_batches:
            if batch.is_new:
                _ = batch.rows  # bytes that cannot be read fail here, by name
            batches.append(batch)
    except SourceError as error:
        return FetchOutcome(source, batches, _masked_if_secret(source, str(error)))
    except Exception as error:  # a publisher may send anything; the others go on
        text = f"{source.name}: cannot be read ({type(error).__name__}: {error})"
        return FetchOutcome(source, batches, f"{text}; its last good figures stay in use")
    return FetchOutcome(source, batches, is_on=is_on(source, settings))


def with_released_rows(
    outcomes: list[FetchOutcome], con: duckdb.DuckDBPyConnection, folder: Path
) -> list[FetchOutcome]:
    """Outcomes with the rows that a person released of increments, which are sent once, first."""
    with_rows = []
    for outcome in outcomes:
        released_rows: list[Batch] = []
        failure = outcome.failure
        if outcome.is_on:
            try:
                released_rows = released_batches(con, outcome.source, folder, outcome.batches)
            except SourceError as error:
                failure = failure or _masked_if_secret(outcome.source, str(error))
        with_rows.append(
            replace(outcome, batches=[*released_rows, *outcome.batches], failure=failure)
        )
    return with_rows


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
        accepted_batches: list[Batch] = []
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
                if batch.released_from:
                    continue  # what came tonight is judged for itself
                break
            accepted_batches.append(verdict)
        passing.append(replace(outcome, batches=accepted_batches, failure=failure))
    if not results:  # every source failed
        from expectations.judge import judge

        return passing, judge({})
    return passing, pl.concat(results.values())


def judge_loss(con: duckdb.DuckDBPyConnection, batch: Batch) -> tuple[pl.DataFrame, str | None]:
    """Result of the check against what is in force, and why the delivery is refused.

    Where nothing is, a delivery is held against the embedded release.
    """
    from expectations.past import no_country_missing, no_great_loss

    losses_found = losses(con, batch.source, batch)
    if losses_found.is_empty():
        result = no_country_missing(batch)
        return result, None if result["is_success"][0] else (
            f"{batch.source.name}: {batch.fetched.url} was refused: it holds "
            f"{result['observed'][0]} for the same days, so it is a part given as the whole, and "
            "they would look quiet; give a release of all countries"
        )
    result = no_great_loss(batch, losses_found)
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
    verdict_on_file = cache.get(step, inputs)
    if verdict_on_file is not None:
        rows = verdict_on_file["rows"].iter_rows(named=True)
        return replace(
            batch, quarantined=tuple(QuarantinedRow(**row) for row in rows)
        ), verdict_on_file["results"]
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
            write_attempt(con, outcome.source.name, outcome.failure)
        else:
            forget_attempt(con, outcome.source.name)
    return versions


@dataclass(frozen=True)
class NightVintage:
    """What was known on a night: frames, no connection, so that any process can work on them.

    Attributes:
        night: The night.
        core: Core tables by name, as known on it.
        sources: One row a source: how old, how complete.
        known_until: Last day wholly known of the event source.
        shares: Share of final events on file by age, where deliveries say; else None.
        auxiliary: Event sources beside it: up to when known, and why forecasts cannot rest on one.
        deliveries: Of the event source, known by the night.
    """

    night: date
    core: dict[str, pl.DataFrame]
    sources: pl.DataFrame
    known_until: date
    shares: Completeness | None
    auxiliary: pl.DataFrame
    deliveries: pl.DataFrame

    @property
    def newest(self) -> date:
        """The newest month wholly known, by its first day."""
        return newest_complete_month(self.known_until)

    @property
    def is_stale(self) -> bool:
        """Whether events are older than their source's lag allows."""
        return bool(self.sources.filter(source=EVENT_SOURCE.name)["is_stale"].item())


def assess_night(
    con: duckdb.DuckDBPyConnection,
    night: date,
    cache: StepCache = NO_CACHE,
    lines: Sequence[Line] = (),
) -> dict[str, pl.DataFrame]:
    """Core as known on the night, then its marts: indicators, forecasts, flags, alerts, lines."""
    vintage = night_vintage(con, night)
    return night_tables(con, vintage, *night_figures(vintage, cache), cache, lines)


def remarks(tables: dict[str, pl.DataFrame], fetched: list[FetchOutcome]) -> list[str]:
    """What is said of a night beside its figures: on what they rest, what was left out."""
    return [
        *late_history_remarks(tables["core.event"]),
        *event_source_remarks(tables["mart.event_source"]),
        *(text for outcome in fetched for batch in outcome.batches for text in batch.remarks),
    ]


def late_history_remarks(events: pl.DataFrame) -> list[str]:
    """A remark where events on file begin so late that the months before are hardly calm.

    Example:
        >>> from datetime import date
        >>> late_history_remarks(pl.DataFrame({"event_date": [date(2026, 1, 3)]}))[0][:42]
        'The first event on file is of 2026-01-03; '
        >>> late_history_remarks(pl.DataFrame({"event_date": [date(1990, 6, 28)]}))
        []
    """
    first = late_first_event(events)
    if first is None:
        return []
    return [
        f"The first event on file is of {first}; all months before count as calm, so levels and "
        "usual numbers rest on little: give a release that goes back to 1989."
    ]


def event_source_remarks(event_sources: pl.DataFrame) -> list[str]:
    """Whether forecasts rest on each event source beside UCDP, and why not.

    Example:
        >>> row = {"source": "acled_events", "known_until_date": date(2021, 6, 15)}
        >>> row |= {"is_monthly": False}
        >>> gain = {"why_not": None, "crps_gain_share": 0.057, "gain_nights_count": 60}
        >>> event_source_remarks(pl.DataFrame([row | gain]))[0][:55]
        'Forecasts rest on acled_events, too, up to 2021-06-15: '
        >>> event_source_remarks(pl.DataFrame([row | gain | {"why_not": "stale"}]))
        ['Forecasts do not rest on acled_events (known up to 2021-06-15): stale.']
        >>> stale = row | gain | {"why_not": "stale", "is_monthly": True}
        >>> event_source_remarks(pl.DataFrame([stale]))[0][-59:]
        'stale. A month is whole once it is sent with a later month.'
    """
    return [
        f"Forecasts do not rest on {s['source']} (known up to {s['known_until_date']}): "
        f"{s['why_not'].replace('_', ' ')}."
        + " A month is whole once it is sent with a later month."
        * (s["why_not"] == "stale" and s["is_monthly"])
        if s["why_not"]
        else f"Forecasts rest on {s['source']}, too, up to {s['known_until_date']}: on "
        f"{s['gain_nights_count']} past nights it saved {s['crps_gain_share']:.1%} of the CRPS."
        for s in event_sources.iter_rows(named=True)
    ]


def night_vintage(con: duckdb.DuckDBPyConnection, night: date) -> NightVintage:
    """What was known on a night, the core of the file built for it.

    Raises:
        NightError: Too few months are known for a level.
    """
    build_core(con, night)
    known_until = complete_until(con, EVENT_SOURCE, night)
    newest = newest_complete_month(known_until)
    if months_between(FIRST_DAY, newest) + 1 < LEAST_MONTHS:
        raise NightError(
            f"the night of {night}: events are whole up to {newest:%Y-%m} only, and a level needs "
            f"{LEAST_MONTHS} months from {FIRST_DAY:%Y-%m} on; the earliest night is "
            f"{earliest_night()}, with figures that reach so far"
        )
    core = {name: table_frame(con, f"core.{name}") for name in CORE_TABLES}
    sources = source_status(con, night)
    return NightVintage(
        night=night,
        core=core,
        sources=sources,
        known_until=known_until,
        shares=completeness(reporting_triangle(con, EVENT_SOURCE, night)),
        auxiliary=auxiliary_sources(con, sources, core["auxiliary_count"], night),
        deliveries=deliveries_known(con, EVENT_SOURCE, night),
    )


def night_figures(
    vintage: NightVintage, cache: StepCache = NO_CACHE
) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """Indicator series of a night, and the tables of its assessment: what takes the time."""
    core = vintage.core
    series = night_series(core, vintage.newest, cache)
    columns = ("event_date", "country_code", "region_id", "deaths_best_count")
    outside = core["neighbour_event"].filter(pl.col("known_to").is_null())
    events = pl.concat([core["event"].select(columns), outside.select(columns)])
    around = core["neighbour_region"]
    key = (
        events, core["region"], around, core["auxiliary_count"], vintage.auxiliary,
        str(vintage.known_until), str(vintage.night),
    )  # fmt: skip
    assessment = cache.get("assess", key)
    if assessment is None:
        from indicators.risk.assess import assess  # so that scipy is imported when needed

        tables = assess(
            events, core["region"], vintage.known_until, vintage.night, vintage.is_stale, around,
            core["auxiliary_count"], vintage.auxiliary,
        )  # fmt: skip
        assessment = vars(tables)
        cache.put("assess", key, assessment)
    return series, {**assessment, **nowcast_tables(vintage, series, cache)}


def nowcast_tables(
    vintage: NightVintage, series: pl.DataFrame, cache: StepCache = NO_CACHE
) -> dict[str, pl.DataFrame]:
    """``nowcast`` and ``revisions`` of a night; once for the same events and deliveries."""
    core = vintage.core
    columns = ("event_id", "event_date", "country_code", "region_id", "code_status",
               "deaths_best_count", "known_from", "known_to")  # fmt: skip
    versions = core["event_version"].select(columns)
    night = str(vintage.night) if vintage.is_stale else ""  # of which months nothing came yet
    key = (versions, core["region"], vintage.deliveries, str(vintage.known_until), night)
    tables = cache.get("nowcast", key)
    if tables is None:
        from indicators.risk.nowcast import nowcast_of_night  # scipy, when needed

        counts = _by_region(series, "events_count")
        tables = nowcast_of_night(
            versions, counts, core["region"], vintage.deliveries, vintage.newest,
            vintage.night if vintage.is_stale else None,
        )  # fmt: skip
        cache.put("nowcast", key, tables)
    return tables


def night_tables(
    con: duckdb.DuckDBPyConnection,
    vintage: NightVintage,
    series: pl.DataFrame,
    assessment: dict[str, pl.DataFrame],
    cache: StepCache = NO_CACHE,
    lines: Sequence[Line] = (),
) -> dict[str, pl.DataFrame]:
    """Core and marts of a night by name; alerts go on from the night before it on file."""
    core, sources = vintage.core, vintage.sources
    deaths = _by_region(series, "deaths_best_count").rename({"value": "deaths"})
    counts = _by_region(series, "events_count").join(deaths, on=["place_id", "month_start"])
    flags = assessment["flags"].with_columns(is_stale=pl.lit(vintage.is_stale))
    flags = explain.with_month(flags, counts, vintage.newest)
    flags = with_intensity(explain.with_correction(flags, vintage.shares), counts)
    flags = explain.with_reason(flags, core["event"])
    flags = explain.with_silence(flags, assessment["nowcast"])
    boundaries = boundaries_version(sources.filter(source=BOUNDARY_SOURCE.name))
    flags = flags.with_columns(
        boundaries_version=pl.lit(boundaries),
        rests_on=pl.lit(explain.event_sources(EVENT_SOURCE.name, assessment["event_sources"])),
    )
    context = explain.context(flags, series, core["suspension"], core["coup"], vintage.shares)
    marts = {
        "indicator": series,
        "forecast": assessment["forecasts"],
        "country_forecast": assessment["country_forecasts"],
        "flag": flags,
        "flag_driver": explain.with_rank(pl.concat([assessment["drivers"], context])),
        "alert": alerts_of_night(con, vintage, flags, series, assessment["event_sources"]),
        "event_source": assessment["event_sources"],
        "nowcast": assessment["nowcast"],
        "revision": assessment["revisions"],
        "source_status": sources,
        **board_of_night(vintage, series),
        **lines_of_night(con, vintage, lines, cache),
    }
    return {
        **{f"core.{n}": f for n, f in core.items()},
        **{f"mart.{n}": f for n, f in marts.items()},
    }


def boundaries_version(source: pl.DataFrame) -> str | None:
    """Which boundaries a night rests on: the source's, and those that come with the area."""
    curated: str | None = source["source_version"].item() if source.height else None
    versions = drawn_boundaries()["boundary_source"].unique().sort().to_list()
    return "; ".join(filter(None, [curated, *versions])) or None


def board_of_night(vintage: NightVintage, series: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Marts of the board: signals with their sentences, past states, and how many are raised."""
    signals, spells = board(
        vintage.core, series, vintage.night, vintage.newest,
        coups_until(vintage.sources, vintage.night), vintage.is_stale,
    )  # fmt: skip
    return {
        "signal": with_sentences(signals),
        "signal_spell": spells,
        "signal_count": raised_counts(signals),
    }


def lines_of_night(
    con: duckdb.DuckDBPyConnection,
    vintage: NightVintage,
    lines: Sequence[Line],
    cache: StepCache = NO_CACHE,
) -> dict[str, pl.DataFrame]:
    """Marts of readers' lines: tonight's chance with its price, and past nights' chances."""
    versions = versions_here_and_around(vintage.core)
    tables = line_tables(
        con, vintage.core, versions, vintage.night, vintage.known_until, lines, cache
    )
    return {**tables, "line": with_line_sentences(tables["line"])}


def coups_until(sources: pl.DataFrame, night: date) -> date:
    """Up to which day the list of coups was kept, by its version; else the day of its newest."""
    lists = sources.filter(source=COUP_SOURCE.name).to_dicts()
    until = [version_day(row["source_version"] or "") or row["newest_date"] for row in lists]
    return min(night, until[0] or date.min) if until else date.min


def night_series(
    core: dict[str, pl.DataFrame], newest: date, cache: StepCache = NO_CACHE
) -> pl.DataFrame:
    """Every indicator of every place and month up to ``newest``; once for the same tables."""
    inputs: tuple[str | pl.DataFrame, ...] = (*core.values(), str(newest))
    on_file = cache.get("indicators", inputs)
    if on_file is None:
        first = first_month_of_series(core["region"].height, newest)
        on_file = {"series": compute_indicators(core, first, newest)}
        cache.put("indicators", inputs, on_file)
    return on_file["series"]


def first_month_of_series(regions: int, newest: date) -> date:
    """From which month a night's series are told: all of 1,000 regions, eight years of the world.

    Seven years hold what signals and the detector of unusual months look back on; forecasts rest
    on the events themselves, from the first on.

    Example:
        >>> [str(first_month_of_series(n, date(2026, 3, 1))) for n in (1, 1_000, 4_506)]
        ['1989-01-01', '1989-01-01', '2018-01-01']
    """
    months = max(LEAST_SERIES_MONTHS, MOST_REGION_MONTHS // max(regions, 1))
    return month_after(newest, -min(months - 1, months_between(FIRST_DAY, newest)))


def _by_region(series: pl.DataFrame, indicator: str) -> pl.DataFrame:
    """An indicator of all regions: place_id, month_start, value."""
    rows = series.filter(indicator=indicator, place_level="region")
    return rows.select("place_id", "month_start", "value")


def alerts_of_night(
    con: duckdb.DuckDBPyConnection,
    vintage: NightVintage,
    flags: pl.DataFrame,
    series: pl.DataFrame,
    event_sources: pl.DataFrame,
) -> pl.DataFrame:
    """Alerts of the night, from its levels and the previous night's alerts, flags and figures."""
    night, core = vintage.night, vintage.core
    old_night = previous_night(con, night)
    old_alerts, old_flags, old_series = (
        read_previous_night(con, mart, night) for mart in ("alert", "flag", "indicator")
    )
    if old_night is None or old_alerts is None or old_flags is None or old_series is None:
        return life.advance_alerts(
            flags.with_columns(cause=pl.lit(life.NEWS)), life.NO_ALERTS, night
        )
    levels = None
    if life.is_revised(*(_by_region(s, "events_count") for s in (series, old_series))):
        from indicators.risk.assess import levels_on_previous_vintage  # scipy, when needed

        events = life.events_on_previous_vintage(
            versions_here_and_around(core), old_night, old_flags["data_month"][0]
        )
        levels = levels_on_previous_vintage(
            events, core["region"], vintage.known_until, night, core["neighbour_region"],
            core["auxiliary_count"], event_sources,
        )  # fmt: skip
    causes = life.causes(flags, old_flags, levels)
    return life.advance_alerts(flags.join(causes, on="region_id"), old_alerts, night)


def versions_here_and_around(core: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Versions of the area's events, and of those in the units around it."""
    return pl.concat([core["event_version"], core["neighbour_event"]], how="diagonal")


def judge_night(
    tables: dict[str, pl.DataFrame], landed_checks: pl.DataFrame, cache: StepCache = NO_CACHE
) -> pl.DataFrame:
    """Results of core, marts and all together after ``landed_checks``; critical stops here."""
    frames = tables | derived_tables(tables)
    frames = {n: frames[n] for n in SUITES if n in frames}
    results_on_file = {n: cache.get(f"check {n}", (f,)) for n, f in frames.items()}
    unchecked = {n: f for n, f in frames.items() if results_on_file[n] is None}
    if unchecked:
        from expectations.judge import gate, judge  # Great Expectations takes seconds to import

        results = judge(unchecked)
        gate(results)
        for name, frame in unchecked.items():
            results_on_file[name] = {"results": results.filter(table_name=name)}
            cache.put(f"check {name}", (frame,), {"results": results.filter(table_name=name)})
    return pl.concat(
        [landed_checks, *(result["results"] for result in results_on_file.values() if result)]
    )


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
        return write_marts(con, night, marts)


def write_quality_page(
    con: duckdb.DuckDBPyConnection,
    night: date,
    tables: dict[str, pl.DataFrame],
    checks: pl.DataFrame,
    settings: Settings,
) -> None:
    """Write the page about the data's quality beside the published file."""
    counts = check_counts(con, night, NIGHTS_SHOWN)
    name = settings.published_path.name
    page = quality_page(night, checks, tables["mart.source_status"], counts, name)
    publish_page(settings.quality_path, page)


def add_to_lake(settings: Settings, night: date) -> int:
    """The published file as a snapshot of the lake; rows that changed."""
    from warehouse.lake import publish_to_lake

    if settings.lake is None:
        return 0
    return publish_to_lake(
        settings.published_path, settings.lake.get_secret_value(), settings.lake_data_path, night,
        settings.lake_days,
    )  # fmt: skip
