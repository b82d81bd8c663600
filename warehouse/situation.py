"""A night of the published file, read-only, for those who show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl

from config.registry import WORLD, thresholds
from config.vocabulary import INTENSITIES, LATE_FIRST_EVENT, LEVELS
from warehouse.connect import WarehouseError, load_spatial, open_published
from warehouse.query import run_sql
from warehouse.vintages import night_end


@dataclass(frozen=True)
class Situation:
    """A night of the published file: frames with the columns of its tables.

    Attributes:
        night: The night.
        is_newest: Whether no later night is in the file.
        night_before: The last night run before; None: there is none.
        flags: Every region; ``level`` is what readers were told, ``level_of_month`` what the
            month alone says, ``changed_night`` since when it is told.
        drivers: Drivers and context of every region.
        forecasts: The pool's forecasts.
        country_forecasts: Sums of whole countries in the thirty days after the night.
        nowcast: Regions' newest months as on file and as expected in a later release.
        series: Chosen indicators of the regions: indicator, region_id, month_start, value;
            zeros only of the last two years.
        nights: Nights in the file up to this one, the oldest first.
        night_states: What chosen nights (``shown_nights``), this one among them, said of each
            region: as_of_date, region_id, country_code, level, intensity, p_escalation,
            escalation_threshold_count, window_start_date, window_end_date, events_next3_mean,
            events_next3_q10, events_next3_q90 (of that window; null: run by an older Tocsin),
            p_unreported_event, data_month, events_past12_count, deaths_past12_count, is_stale.
        night_events: What came onto file, changed and left it between two of these nights, at the
            later: as_of_date, country_code, region_id (null: in none), events_added_count,
            deaths_added_count, events_changed_count, events_withdrawn_count.
        levels: The life of alerts: region_id, night_from, night_to (null: still told),
            alert_status, alert_level, cause, changed_p_escalation.
        events: Events placed in a region, newest first.
        unplaced: Events known to a country only, newest first.
        regions: Names, residents, centroids, polygons (``geojson``).
        countries: country_code and outline (``geojson``).
        around: Coasts and borders outside the area, within the frame of its map (``geojson``; null:
            there is no land).
        presence: Figures on administrators at their posts, newest first.
        suspensions: Spells of suspended cooperation and sanctions, newest first.
        coups: Newest first.
        entries: Milestones and agreements, newest first.
        sources: Freshness, licence, attribution.
        event_sources: Event sources beside UCDP, and whether forecasts rest on them.
        checks: What was judged and how.
        news: What is new since the night before; of the newest night alone.
        ledger: Levels given and raised, and escalations without one, the newest first, each with
            the figures of its night; what came is as known on the newest night.
        scorecard: What followed the levels in the last back-test; empty before the first.
        signals: The board, with ``state_before``, that of the night before; empty: the night
            was run by a Tocsin without one.
        signal_spells: Runs of months in one state.
        lines: Readers' own lines, those nearest to being passed first.
        line_nights: What each would have said on past nights, and what came.
        signal_counts: How many signals of each place are in which state.
    """

    night: date
    is_newest: bool
    night_before: date | None
    nights: Sequence[date]
    night_states: pl.DataFrame
    night_events: pl.DataFrame
    flags: pl.DataFrame
    drivers: pl.DataFrame
    forecasts: pl.DataFrame
    country_forecasts: pl.DataFrame
    nowcast: pl.DataFrame
    series: pl.DataFrame
    levels: pl.DataFrame
    events: pl.DataFrame
    unplaced: pl.DataFrame
    regions: pl.DataFrame
    countries: pl.DataFrame
    around: pl.DataFrame
    presence: pl.DataFrame
    suspensions: pl.DataFrame
    coups: pl.DataFrame
    entries: pl.DataFrame
    sources: pl.DataFrame
    event_sources: pl.DataFrame
    checks: pl.DataFrame
    news: pl.DataFrame
    ledger: pl.DataFrame
    scorecard: pl.DataFrame
    signals: pl.DataFrame
    signal_spells: pl.DataFrame
    signal_counts: pl.DataFrame
    lines: pl.DataFrame
    line_nights: pl.DataFrame


def late_first_event(events: pl.DataFrame) -> date | None:
    """Day of the first event where it is so late that the months before are hardly calm.

    Example:
        >>> [late_first_event(pl.DataFrame({"event_date": [date(year, 6, 28)]}))
        ...  for year in (1990, 2026)]
        [None, datetime.date(2026, 6, 28)]
    """
    first = events["event_date"].min()
    return first if isinstance(first, date) and first >= LATE_FIRST_EVENT else None


def shown_nights(nights: Sequence[date], night: date) -> list[date]:
    """Nights up to one that are shown beside it: the last 31 days', before that a month's last.

    Args:
        nights: Nights that were run.
        night: The newest shown; of three years before it nights are shown.

    Example:
        >>> days = [date(2021, 4, 2), date(2021, 4, 3), date(2021, 6, 2), date(2021, 6, 12)]
        >>> [day.isoformat() for day in shown_nights([date(2015, 1, 1), *days], date(2021, 6, 13))]
        ['2021-04-03', '2021-06-02', '2021-06-12']
    """
    begin, recent = night.replace(day=1) - timedelta(days=3 * 365), night - timedelta(days=31)
    last = {(n.year, n.month): n for n in sorted(nights) if begin <= n <= night}
    return sorted({*last.values(), *(n for n in nights if recent <= n <= night)})


def situation(published_path: Path, night: date | None, indicators: Sequence[str]) -> Situation:
    """The situation of a night that was run, from the published file.

    Registers are those known on the night. Of a suspension the day it ended tells when
    that became known.

    Args:
        published_path: The published file.
        night: Which; None: the newest.
        indicators: Series of the regions to be read.

    Raises:
        WarehouseError: There is no file, another Tocsin wrote it, or the night was not run.
    """
    with open_published(published_path) as con:
        nights = [n for (n,) in con.execute("from nights order by as_of_date").fetchall()]
        night = night or nights[-1]
        if night not in nights:
            nearest = sorted(nights, key=lambda n: abs((n - night).days))[:5]
            raise WarehouseError(
                f"the night of {night} is not in {published_path} (nearest of {len(nights)}: "
                f"{', '.join(map(str, sorted(nearest)))}); run 'tocsin nightly --as-of {night}' "
                "first"
            )
        try:
            return _read(con, night, nights, indicators)
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise WarehouseError(
                f"{published_path} was written by another Tocsin ({str(error).splitlines()[0]}); "
                "run 'tocsin nightly' first"
            ) from None


def _read(
    con: duckdb.DuckDBPyConnection, night: date, nights: Sequence[date], indicators: Sequence[str]
) -> Situation:
    load_spatial(con)

    def query(select: str) -> pl.DataFrame:
        params = {"night": night, "as_of": night_end(night)}
        return con.execute(
            select, {name: v for name, v in params.items() if f"${name}" in select}
        ).pl()

    night_before = max((n for n in nights if n < night), default=None)
    nights_shown = shown_nights(nights, night)
    return Situation(
        night=night,
        is_newest=night == nights[-1],
        night_before=night_before,
        nights=[n for n in nights if n <= night],
        night_states=run_sql(con, "situation/night_state", nights=nights_shown).pl(),
        night_events=run_sql(con, "situation/night_event", nights=nights_shown).pl(),
        flags=run_sql(con, "situation/flag", night=night).pl(),
        drivers=query("from flag_drivers_as_of($night) order by region_id, driver_rank"),
        forecasts=query(
            "from forecasts_as_of($night) where model = 'combined' "
            "order by region_id, horizon_months"
        ),
        country_forecasts=query(
            "from country_forecasts_as_of($night) where horizon_months = 1 order by country_code"
        ),
        nowcast=query(
            "from nowcast_as_of($night) where place_level = 'region' order by place_id, month_start"
        ),
        series=run_sql(con, "situation/series", night=night, indicators=list(indicators)).pl(),
        levels=run_sql(con, "situation/level", night=night).pl(),
        events=query(
            "from events_as_of($as_of) where region_id is not null "
            "order by event_date desc, deaths_best_count desc, event_id"
        ),
        unplaced=query(
            "from events_as_of($as_of) where region_id is null "
            "order by event_date desc, deaths_best_count desc, event_id"
        ),
        regions=run_sql(con, "situation/region").pl(),
        countries=run_sql(con, "situation/country").pl(),
        around=run_sql(con, "situation/around", world=str(WORLD)).pl(),
        presence=query(
            "from administrator_presence where known_from <= $as_of "
            "order by observed_date desc, group_size_count, cadre, observation_id"
        ),
        suspensions=run_sql(
            con,
            "situation/suspension",
            night=night,
            as_of=night_end(night),
            presumed_open_months=thresholds()["suspensions"]["presumed_open_months"],
        ).pl(),
        coups=query("from coups where known_from <= $as_of order by coup_date desc, coup_id"),
        entries=query(
            "from register_entries where known_from <= $as_of order by entry_date desc, entry_id"
        ),
        sources=query("from sources_as_of($night) order by source"),
        event_sources=query(
            "select e.*, s.title from event_sources_as_of($night) as e "
            "inner join sources_as_of($night) as s using (source) order by source"
        ),
        checks=query("from checks_as_of($night) order by table_name, expectation, column_name"),
        news=query("from news" if night == nights[-1] else "from news limit 0"),
        ledger=run_sql(con, "situation/ledger", night=night).pl(),
        scorecard=query("from scorecard where target = 'level'"),
        signals=run_sql(con, "situation/signal", night=night, night_before=night_before).pl(),
        signal_spells=query(
            "from signal_spells_as_of($night) order by place_id, signal, month_start"
        ),
        signal_counts=query("from signal_counts_as_of($night) order by place_id"),
        lines=query(
            "from lines_as_of($night) "
            "order by is_passed desc, p_reached / chance_bound desc, line_id"
        ),
        line_nights=query("from line_nights_as_of($night) order by line_id, replay_date"),
    )


def gravest_first(flags: pl.DataFrame) -> pl.DataFrame:
    """Regions with a level: the gravest first, of equals the most violent, then by chance.

    Example:
        >>> gravest_first(pl.DataFrame({
        ...     "region_id": ["e", "d", "c", "b", "a"],
        ...     "level": ["watch", "watch", "alarm", "none", "watch"],
        ...     "intensity": ["violent", "calm", "calm", "calm", "calm"],
        ...     "p_escalation": [0.2] * 5,
        ... }))["region_id"].to_list()
        ['c', 'e', 'a', 'd']
    """
    return sorted_by_gravity(flags.filter(pl.col("level") != LEVELS[0]), "level")


def sorted_by_gravity(flags: pl.DataFrame, level: str) -> pl.DataFrame:
    """Flags as ``gravest_first`` orders them, by the level in a column.

    Nights of an older Tocsin say no intensity (null), which counts as the least.
    """
    gravity, violence = (
        pl.col(name)
        .replace_strict({step: i for i, step in enumerate(steps)}, return_dtype=pl.Int8)
        .fill_null(0)
        for name, steps in ((level, LEVELS), ("intensity", INTENSITIES))
    )
    return flags.sort(
        gravity, violence, "p_escalation", "region_id", descending=[True, True, True, False]
    )
