"""What the pictures of a night show: frames of the published file made ready for charts."""

import json
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import date, timedelta

import polars as pl

from config.areas import area
from config.vocabulary import HATCHED_FROM, MEASURES, VIOLENCE_TYPES
from page.charts import (
    RECENT_MONTHS,
    ROWS,
    Rows,
    chart_begin,
    conic_projection,
    forecast_spec,
    map_spec,
    region_spec,
)
from page.renderer import Renderer
from warehouse.situation import Situation

# What is mapped, and bounds from which a class begins; None: no figure.
CLASS_BOUNDS: dict[str, tuple[float | None, ...]] = {
    "p_escalation": (0.0, 0.03, 0.07, 0.14, 0.24, 0.33),
    "events": (0, 1, 3, 10, 30, 100),
    "deaths": (0, 1, 10, 50, 200, 500),
    "presence": (None, 0.0, 0.2, 0.4, 0.6, 0.8),
}
NIGHTS_APART = 7  # days between nights from which a level is not drawn from one to the next
SHARES = ("p_escalation", "presence")
TYPE_COUNTS = {
    "state_based": "state_based_events_count",
    "non_state": "communal_events_count",
    "one_sided": "one_sided_events_count",
}
CHART_ROWS = dict(zip(MEASURES, ROWS[:-1], strict=True))


def deadliest_regions(year: pl.DataFrame, most: int) -> pl.DataFrame:
    """Regions with the most deaths in the past twelve months; none without a death.

    Example:
        >>> year = pl.DataFrame({"region_id": ["a", "b"], "deaths": [3, 0], "events": [1, 2]})
        >>> deadliest_regions(year, 10)["region_id"].to_list()
        ['a']
    """
    dead = year.filter(pl.col("deaths") > 0)
    return dead.sort("deaths", "events", "region_id", descending=[True, True, False]).head(most)


def past_year_sums(situation: Situation) -> pl.DataFrame:
    """Events, deaths, newest presence and its day of every region: what maps and lists show."""
    newest = situation.flags["data_month"][0]
    months = situation.series.filter(
        (pl.col("month_start") > pl.lit(newest).dt.offset_by("-12mo"))
        & (pl.col("month_start") <= newest)
    )
    value = pl.col("value")
    sums = months.group_by("region_id").agg(  # no pivot: a year may be without any event
        events=value.filter(pl.col("indicator") == "events_count").sum().cast(pl.Int64),
        deaths=value.filter(pl.col("indicator") == "deaths_best_count").sum().cast(pl.Int64),
    )
    days = situation.presence.group_by("region_id", "presence_share").agg(
        presence_date=pl.col("observed_date").max()
    )
    presence = (
        situation.drivers.filter(driver="administrator_presence")
        .select("region_id", presence="value")
        .join(
            days, left_on=["region_id", "presence"], right_on=["region_id", "presence_share"],
            how="left", maintain_order="left",
        )
    )  # fmt: skip
    return (
        situation.flags.select("region_id", "level", "intensity", "p_escalation")
        .join(sums, on="region_id", how="left", maintain_order="left")
        .join(presence, on="region_id", how="left", maintain_order="left")
    )


def region_map(situation: Situation, flagged: pl.DataFrame, renderer: Renderer) -> Future[str]:
    """A map of all regions, to be filled, with a sign for each level."""
    return _map(
        situation.regions,
        situation.countries,
        situation.around,
        _signs(situation, flagged),
        json.dumps(area().projection),
        renderer,
    )


def country_map(
    situation: Situation, flagged: pl.DataFrame, country_code: str, renderer: Renderer
) -> Future[str]:
    """A map of a country's regions, to be filled, with a sign for each level."""
    regions = situation.regions.filter(country_code=country_code)
    return _map(
        regions,
        situation.countries.clear(),  # their detail is that of the whole area
        situation.around.clear(),
        _signs(situation, flagged.filter(country_code=country_code)),
        conic_projection(
            regions["centroid_longitude"].to_list(), regions["centroid_latitude"].to_list()
        ),
        renderer,
    )


def map_of_countries(
    situation: Situation, flagged: pl.DataFrame, renderer: Renderer
) -> Future[str]:
    """A map of the countries, to be filled, with the sign of each one's gravest level."""
    shapes = situation.countries.select(
        pl.format("{}.country", "country_code").alias("region_id"),
        region_name="country_code",
        url="country_code",
        geojson="geojson",
    )
    gravest = flagged.unique("country_code", keep="first", maintain_order=True)
    return _map(
        shapes,
        situation.countries.clear(),  # the shapes are they
        situation.around,
        _signs(situation, gravest),
        json.dumps(area().projection),
        renderer,
        0.3,
    )


def _signs(situation: Situation, flagged: pl.DataFrame) -> pl.DataFrame:
    """Where the signs of levels stand, the gravest last, so that it is on top."""
    return (
        flagged.reverse()
        .join(situation.regions, on="region_id", maintain_order="left")
        .select("level", longitude="centroid_longitude", latitude="centroid_latitude")
    )


def _map(
    regions: pl.DataFrame,
    countries: pl.DataFrame,
    around: pl.DataFrame,
    signs: pl.DataFrame,
    projection: str,
    renderer: Renderer,
    sign_scale: float = 1,
) -> Future[str]:
    shapes = [
        {
            "type": "Feature",
            "geometry": json.loads(region["geojson"]),
            "region_id": region["region_id"],
            "name": region["region_name"],
            "url": f"{region.get('url', region['region_id'])}.html",
        }
        for region in regions.iter_rows(named=True)
    ]
    lines = {
        name: [
            {"type": "Feature", "geometry": json.loads(text)}
            for text in frame["geojson"].drop_nulls()
        ]
        for name, frame in (("outlines", countries), ("around", around))
    }
    data = {"shapes": shapes, **lines, "signs": signs.to_dicts()}
    return renderer.draw(map_spec(projection, sign_scale), data)


def map_classes(year: pl.DataFrame, name: str) -> dict[str, str]:
    """The class of every region in what is mapped, as its colour is called.

    Example:
        >>> year = pl.DataFrame({"region_id": ["a", "b"], "presence": [None, 0.2]})
        >>> map_classes(year, "presence")
        {'a': 'c0', 'b': 'c2'}
    """
    is_reached = [(pl.col(name) >= bound).cast(pl.Int8) for bound in CLASS_BOUNDS[name][1:]]
    return dict(
        year.select("region_id", pl.format("c{}", pl.sum_horizontal(is_reached))).iter_rows()
    )


def region_pictures(
    situation: Situation, by_month: pl.DataFrame, past: pl.DataFrame, renderer: Renderer
) -> dict[str, dict[str, Future[str]]]:
    """``history_chart`` and ``forecast_chart`` of every region with an event in the years shown.

    Args:
        situation: Of the night.
        by_month: region_id, month_start, and a column a series.
        past: ``past_forecasts``.
        renderer: Draws them, in the order of the regions.
    """
    newest = situation.flags["data_month"][0]
    month = pl.col("month_start")
    span = {"start": month, "end": month.dt.offset_by("1mo")}
    begins = chart_begin(newest)
    months_with_events = by_month.filter(
        month.is_between(begins, newest) & (pl.col("events_count") > 0)
    ).select("region_id", "events_count", "deaths_best_count", **span, **TYPE_COUNTS)
    data = {
        "months": _stacked(months_with_events),
        "deaths": _bars(months_with_events, "deaths_best_count"),
        "bars": _bars(months_with_events, "events_count").filter(
            pl.col("start") > pl.lit(newest).dt.offset_by(f"-{RECENT_MONTHS}mo")
        ),
        "may_come": _may_come(situation.nowcast),
        "fan": _fan(situation.forecasts),
        "past": _past(past),
        "presence": situation.presence.filter(pl.col("observed_date") >= begins).select(
            "region_id",
            start="observed_date",
            value="presence_share",
            tip=pl.format("{}: {}%", _month("observed_date"), _percent("presence_share")),
        ),
        "levels": level_runs(situation.levels, situation.nights).select(
            "region_id",
            "start",
            "end",
            level="alert_level",
            tip=pl.format("{}: {}%", "start", _percent("changed_p_escalation")),
        ),
    }
    parts = {name: _grouped(frame, "region_id") for name, frame in data.items()}
    of_country = _grouped(_measures(situation).filter(pl.col("end") >= begins), "country_code")
    country = dict(situation.flags.select("region_id", "country_code").iter_rows())
    ends = _ends(situation)
    pictures = {}
    for place in months_with_events["region_id"].unique().sort():
        rows = {name: part.get(place, []) for name, part in parts.items()}
        rows["measures"] = of_country.get(country[place], [])
        rows["ends"] = ends
        pictures[place] = {
            "history_chart": renderer.draw(region_spec(rows, newest), rows),
            "forecast_chart": renderer.draw(forecast_spec(rows, newest), rows),
        }
    return pictures


def _grouped(frame: pl.DataFrame, key: str) -> dict[str, Rows]:
    """Rows by the value of a key, days as text."""
    groups: dict[str, Rows] = {}
    for row in frame.with_columns(pl.selectors.date().cast(pl.String)).iter_rows(named=True):
        groups.setdefault(row.pop(key), []).append(row)
    return groups


def _month(name: str) -> pl.Expr:
    return pl.col(name).dt.strftime("%Y-%m")


def _percent(name: str) -> pl.Expr:
    return (pl.col(name) * 100).round(0).cast(pl.Int64)


def _bars(months: pl.DataFrame, name: str) -> pl.DataFrame:
    """A bar for each month in which there is something."""
    return months.filter(pl.col(name) > 0).select(
        "region_id", "start", "end",
        value=name, tip=pl.format("{}: {}", _month("start"), name),
    )  # fmt: skip


def _stacked(months: pl.DataFrame) -> pl.DataFrame:
    """The bars of the types of events, one upon the other."""
    tops = months.with_columns(
        pl.sum_horizontal(VIOLENCE_TYPES[: i + 1]).alias(f"{name}_top")
        for i, name in enumerate(VIOLENCE_TYPES)
    )
    return pl.concat(
        tops.filter(pl.col(name) > 0).select(
            "region_id", "start", "end",
            type=pl.lit(name),
            low=pl.col(f"{name}_top") - pl.col(name),
            high=f"{name}_top",
            tip=pl.format("{}: {}", _month("start"), name),
        )
        for name in VIOLENCE_TYPES
    )  # fmt: skip


def _fan(forecasts: pl.DataFrame) -> pl.DataFrame:
    """Mean and bands of each window ahead."""
    bounds = ("q05", "q10", "q25", "q75", "q90", "q95")
    return forecasts.select(
        "region_id",
        start="window_start_date",
        end=pl.col("window_end_date").dt.offset_by("1d"),
        mean="events_mean",
        **{bound: f"events_{bound}" for bound in bounds},
        tip=pl.format(
            "{}: {} ({}–{})",
            pl.col("window_start_date").cast(pl.String),
            pl.col("events_mean").round(1),
            pl.col("events_q10").cast(pl.Int64),
            pl.col("events_q90").cast(pl.Int64),
        ),
    )


def past_forecasts(situation: Situation) -> pl.DataFrame:
    """What the last night of each month expected of the ninety days after it, and what came.

    Args:
        situation: Of the night, which is the last of its month so far.

    Returns:
        One row per region and night, in this order, with ``night_states``' columns and
        ``events_window_count``: events in the window as known tonight, null where tonight's
        figures do not reach its end. Nights of a Tocsin that told no window are left out.
    """
    known_until = situation.flags["known_until_date"][0]
    night, first, last = (
        pl.col(name) for name in ("as_of_date", "window_start_date", "window_end_date")
    )
    nights = situation.night_states.filter(
        pl.col("events_next3_mean").is_not_null(),
        night == night.max().over("region_id", night.dt.truncate("1mo")),
    ).sort("region_id", "as_of_date")
    key = ["region_id", "as_of_date"]
    begins = pl.lit(nights["window_start_date"].min(), pl.Date)  # null: there is no such night
    recent = situation.events.filter(pl.col("event_date") >= begins)
    counts = (
        nights.select(*key, first, last)
        .join(recent.select("region_id", "event_date"), on="region_id")
        .filter(pl.col("event_date").is_between(first, last))
        .group_by(key)
        .agg(events_window_count=pl.len())
    )
    count = pl.col("events_window_count").fill_null(0)
    return nights.join(counts, on=key, how="left", maintain_order="left").with_columns(
        events_window_count=pl.when(last <= known_until).then(count)
    )


def _past(nights: pl.DataFrame) -> pl.DataFrame:
    """Past forecasts as columns a month wide."""
    night = pl.col("as_of_date")
    month = night.dt.truncate("1mo")
    low, high, threshold, observed = (
        pl.col(name).cast(pl.Int64)
        for name in (
            "events_next3_q10", "events_next3_q90", "escalation_threshold_count",
            "events_window_count",
        )
    )  # fmt: skip
    return nights.select(
        "region_id",
        "level",
        low=low,
        high=high,
        threshold=threshold,
        came=observed,
        start=month,
        end=month.dt.offset_by("1mo"),
        middle=month.dt.offset_by("15d"),
        mean="events_next3_mean",
        chance="p_escalation",
        tip=pl.format("{}: {} ({}–{})", night, pl.col("events_next3_mean").round(1), low, high),
        came_tip=pl.format(
            "{} – {}: {} (≥ {})", "window_start_date", "window_end_date", observed, threshold
        ),
        chance_tip=pl.format("{}: {}%", night, _percent("p_escalation")),
    )


def _ends(situation: Situation) -> Rows:
    """The day after the last of the figures, and the night."""
    known_until = situation.flags["known_until_date"][0]
    return [
        {"start": f"{known_until + timedelta(days=1)}", "word": "figures_end"},
        {"start": f"{situation.night}", "word": "this_night"},
    ]


def level_runs(levels: pl.DataFrame, nights: Sequence[date]) -> pl.DataFrame:
    """Levels over nights run one soon after the other: between others nothing was computed.

    Args:
        levels: Rows with ``night_from``, ``night_to`` (null: still told), ``region_id``.
        nights: Nights that were run, the oldest first.

    Returns:
        A row each run of nights of one level, no two of them more than ``NIGHTS_APART`` days
        apart, with ``start`` and ``end`` (the day after its last night).

    Example:
        >>> levels = pl.DataFrame({"region_id": ["a"], "night_from": [date(2021, 6, 1)],
        ...                        "night_to": [date(2023, 1, 21)]})
        >>> nights = [date(2021, 6, 1), date(2021, 6, 3), date(2023, 1, 20), date(2023, 1, 21)]
        >>> for row in level_runs(levels, nights).select("start", "end").iter_rows():
        ...     print(*row)
        2021-06-01 2021-06-04
        2023-01-20 2023-01-21
    """
    night = pl.col("night")
    key = ["region_id", "night_from"]
    level_nights = levels.join_where(
        pl.DataFrame({"night": nights}, {"night": pl.Date}),
        night >= pl.col("night_from"),
        (night < pl.col("night_to")) | pl.col("night_to").is_null(),
    ).sort(*key, "night")
    is_apart = (night.diff().over(key) > timedelta(days=NIGHTS_APART)).fill_null(value=False)
    return (
        level_nights.with_columns(run=is_apart.cum_sum().over(key))
        .group_by(*key, "run", maintain_order=True)
        .agg(
            pl.exclude("night", *key).first(),
            start=night.min(),
            end=night.max().dt.offset_by("1d"),
        )
    )


def _may_come(nowcast: pl.DataFrame) -> pl.DataFrame:
    """From the events on file to what nine in ten later releases would not exceed."""
    unsure = (pl.col("p_unreported_event") >= HATCHED_FROM).fill_null(False)
    return (
        nowcast.with_columns(
            high=pl.max_horizontal("nowcast_events_q90", unsure.cast(pl.Float64)),
            month_end=pl.col("month_start").dt.offset_by("1mo"),
        )
        .filter(pl.col("high") > pl.col("events_count"))
        .select(
            "place_id",
            start="month_start",
            end="month_end",
            low="events_count",
            high=pl.col("high").cast(pl.Int64),
            tip=pl.format(
                "{}: {}–{}", _month("month_start"), "events_count", pl.col("high").cast(pl.Int64)
            ),
        )
        .rename({"place_id": "region_id"})
    )


def _measures(situation: Situation) -> pl.DataFrame:
    """Spells of measures, from their start to the last that is known of them, and coups."""
    spells = situation.suspensions.filter(
        pl.col("opened_date").is_not_null() & pl.col("measure_type").is_in(list(MEASURES))
    ).select(
        "country_code",
        start="opened_date",
        end=pl.when(pl.col("status") == "open")
        .then(pl.lit(situation.night))
        .otherwise(pl.coalesce("closed_date", pl.col("confirmed_date").dt.offset_by("1mo"))),
        row=pl.col("measure_type").replace_strict(CHART_ROWS),
        tip=pl.format(
            "{}: {} – {}",
            "actor",
            "opened_date",
            pl.coalesce(pl.col("closed_date").cast(pl.String), pl.lit("…")),
        ),
    )
    coups = situation.coups.select(
        "country_code",
        start="coup_date",
        end="coup_date",
        row=pl.lit(ROWS[-1]),
        tip=pl.col("coup_date").cast(pl.String),
    )
    return pl.concat([spells, coups])
