"""Readers' lines on a night: their chances and prices, and what of past nights is kept for them."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from config.errors import TocsinError
from config.lines import Line
from config.months import month_after, months_between
from config.recipients import Recipient
from config.registry import thresholds
from config.vocabulary import FIRST_DAY
from flows.step_cache import NO_CACHE, StepCache
from warehouse.core import regions_near

if TYPE_CHECKING:  # scipy takes a second to import, which a night without lines has no use for
    from indicators.risk.lines import PastMeans, VersionDays
    from indicators.risk.vintages import Origin

LEARNING_MONTHS = 60  # before the first night priced, from whose forecasts its chance is learnt
LEAST_MONTHS = 24  # of events before a night whose forecast is learnt from
WINDOW_DAYS = 30
MOST_KEPT = 400  # nights of a quantity and time whose means are kept
MEANS_SCHEMA: dict[str, Any] = {
    "key": pl.String, "mean": pl.List(pl.Float64), "coefficients": pl.List(pl.Float64),
}  # fmt: skip
LINE_SCHEMA = {
    "line_id": pl.String, "line_name": pl.String, "quantity": pl.String,
    "at_least_count": pl.Int64, "windows_count": pl.Int64, "chance_bound": pl.Float64,
    "line_countries": pl.String, "line_regions": pl.String, "latitude": pl.Float64,
    "longitude": pl.Float64, "within_km": pl.Float64, "known_until_date": pl.Date,
    "window_start_date": pl.Date, "window_end_date": pl.Date, "p_reached": pl.Float64,
    "is_passed": pl.Boolean, "passed_since_date": pl.Date, "expected_count": pl.Float64,
    "dispersion_phi": pl.Float64, "line_shift": pl.Float64, "newest_count": pl.Int64,
    "coarse_events_count": pl.Int64, "priced_from_date": pl.Date, "priced_until_date": pl.Date,
    "priced_nights_count": pl.Int64, "passed_nights_count": pl.Int64, "mails_count": pl.Int64,
    "mails_per_year": pl.Float64,
    "mails_per_year_low": pl.Float64, "mails_per_year_high": pl.Float64, "came_count": pl.Int64,
    "came_share_low": pl.Float64, "came_share_high": pl.Float64, "lead_days_median": pl.Float64,
    "reached_count": pl.Int64, "missed_count": pl.Int64, "reached_nights_count": pl.Int64,
    "return_years": pl.Float64, "return_years_low": pl.Float64, "return_years_high": pl.Float64,
}  # fmt: skip
NIGHT_SCHEMA = {
    "line_id": pl.String, "replay_date": pl.Date, "p_reached": pl.Float64,
    "is_passed": pl.Boolean, "is_mail": pl.Boolean, "observed_count": pl.Int64,
    "reached_date": pl.Date,
}  # fmt: skip


class LineError(TocsinError):
    """A line that no night can tell; the message says what to write."""


def lines_of(readers: Iterable[Recipient]) -> list[Line]:
    """Lines of all readers, one of those that say the same."""
    lines = [line for reader in readers for line in reader.lines]
    return list({line.line_id: line for line in reversed(lines)}.values())[::-1]


def line_tables(
    con: duckdb.DuckDBPyConnection,
    core: dict[str, pl.DataFrame],
    versions: pl.DataFrame,
    night: date,
    known_until: date,
    lines: Sequence[Line],
    cache: StepCache = NO_CACHE,
) -> dict[str, pl.DataFrame]:
    """Marts of the lines: ``line``, tonight's chance and the price, and ``line_night``, past ones.

    Args:
        con: The working file, its core built for the night.
        core: Core tables of the night.
        versions: Versions of events, here and around.
        night: The night.
        known_until: Last day that the event source wholly covers.
        lines: Each said once.
        cache: Keeps forecasts of past nights, which a later night finds again.

    Raises:
        LineError: A circle reaches no region.
    """
    rows: list[dict[str, object]] = []
    replays = [pl.DataFrame(schema=NIGHT_SCHEMA)]
    coarse = {line.line_id: _coarse_events(con, core, line, known_until) for line in lines}
    for quantity, windows in dict.fromkeys((line.quantity, line.windows) for line in lines):
        from indicators.risk.line_price import line_nights, line_row
        from indicators.risk.lines import line_chances, line_series, version_days

        alike = [line for line in lines if (line.quantity, line.windows) == (quantity, windows)]
        versions_known = version_days(versions, core["region"], core["neighbour_region"], quantity)
        past = past_means(versions_known, _origins(night, known_until), quantity, windows, cache)
        first, tonight = thresholds()["lines"]["priced_from"], len(past.origins) - 1
        replayed = [n for n in range(tonight) if past.origins[n].known_until >= first]
        series = [line_series(line, versions_known, past) for line in alike]
        every = line_chances(series, versions_known, past, [*replayed, tonight])
        for line, one, chances in zip(alike, series, every, strict=True):
            nights = line_nights(one, chances, versions_known, past)
            rows.append(
                _said(line, night, known_until)
                | {"coarse_events_count": coarse[line.line_id]}
                | line_row(one, chances, nights, versions_known, past)
            )
            replays.append(nights.select(pl.lit(line.line_id).alias("line_id"), pl.all()))
    return {
        "line": pl.DataFrame(rows, schema=LINE_SCHEMA).sort("line_id"),
        "line_night": pl.concat(replays).sort("line_id", "replay_date"),
    }


def _said(line: Line, night: date, known_until: date) -> dict[str, object]:
    """What the line says, by column."""
    return {
        "line_id": line.line_id,
        "line_name": line.name or None,
        "quantity": line.quantity,
        "at_least_count": line.at_least,
        "windows_count": line.windows,
        "chance_bound": line.chance,
        "line_countries": ";".join(line.countries) or None,
        "line_regions": ";".join(line.regions) or None,
        "latitude": line.latitude,
        "longitude": line.longitude,
        "within_km": line.within_km,
        "known_until_date": known_until,
        "window_start_date": night + timedelta(days=1),
        "window_end_date": night + timedelta(days=WINDOW_DAYS * line.windows),
    }


def _coarse_events(
    con: duckdb.DuckDBPyConnection, core: dict[str, pl.DataFrame], line: Line, known_until: date
) -> int:
    """Events of the past year that may lie in the line's places, placed too coarsely to count.

    Of regions those known to their country only; of a circle also those known no nearer than to
    a region that it reaches.

    Raises:
        LineError: The circle reaches no region.
    """
    year = core["event"].filter(
        pl.col("event_date") > known_until - timedelta(days=365),
        pl.col("event_date") <= known_until,
    )
    is_unplaced = pl.col("region_id").is_null()
    if line.circle is None:
        codes = {region[:3] for region in line.regions} - {*line.countries}
        return year.filter(is_unplaced & pl.col("country_code").is_in(codes)).height
    from indicators.geography import circle_outline
    from indicators.risk.lines import PLACED_TO

    latitude, longitude, km = line.circle
    regions = regions_near(con, latitude, longitude, circle_outline(latitude, longitude, km))
    regions_within = regions.filter("is_within")
    if regions_within.is_empty():
        raise LineError(
            f"the line of {km:g} km around {latitude:g}, {longitude:g} (latitude, longitude) "
            f"reaches no region that is watched; the nearest is {regions['region_name'][0]} "
            f"({regions['region_id'][0]}): correct the point, or widen within_km"
        )
    is_reached = pl.col("region_id").is_in(regions_within["region_id"].implode())
    is_of_country = pl.col("country_code").is_in(regions_within["country_code"].unique().implode())
    is_coarse = pl.col("where_prec") > PLACED_TO
    return year.filter((is_unplaced & is_of_country) | (is_reached & is_coarse)).height


def _origins(night: date, known_until: date) -> "list[Origin]":
    """A night a month, from which lines are learnt and priced, and tonight as the last."""
    from flows.backtest import origin_of
    from indicators.risk.vintages import Origin

    first = min(thresholds()["lines"]["priced_from"], known_until).replace(day=1)
    first = max(month_after(first, -LEARNING_MONTHS), month_after(FIRST_DAY, LEAST_MONTHS))
    months = range(max(months_between(first, known_until.replace(day=1)) + 1, 0))
    monthly = [origin_of(month_after(first, n)) for n in months]
    before = [o for o in monthly if o.night < night and o.known_until <= known_until]
    return [*before, Origin(night, known_until)]


def past_means(
    versions: "VersionDays",
    origins: "Sequence[Origin]",
    quantity: str,
    windows: int,
    cache: StepCache = NO_CACHE,
) -> "PastMeans":
    """Means of all places on past nights; a night of which the same is known is not fitted again.

    Args:
        versions: Of the quantity.
        origins: The nights, the oldest first.
        quantity: events, deaths or deaths_civilians.
        windows: Blocks of thirty days.
        cache: Where they are kept, one result a quantity and time.
    """
    from indicators.risk.lines import PastMeans, ground, origin_mean, weights_of

    step, inputs = f"line {quantity} {windows}", (quantity, str(windows), ground(versions))
    means_on_file = (cache.get(step, inputs) or {}).get("nights", pl.DataFrame(schema=MEANS_SCHEMA))
    by_key = {row["key"]: row for row in means_on_file.iter_rows(named=True)}
    keys = [f"{o.night} {o.known_until} {versions.digest(o)}" for o in origins]
    missing = [number for number, key in enumerate(keys) if key not in by_key]
    if missing:
        weights = weights_of(versions)
        for number in missing:
            mean, coefficients = origin_mean(versions, weights, origins[number], windows, quantity)
            by_key[keys[number]] = {
                "key": keys[number], "mean": mean.tolist(), "coefficients": coefficients.tolist(),
            }  # fmt: skip
        newest = [by_key[key] for key in sorted(by_key)][-MOST_KEPT:]
        cache.put(step, inputs, {"nights": pl.DataFrame(newest, schema=MEANS_SCHEMA)})
    return PastMeans.of_rows(origins, [by_key[key] for key in keys])
