"""Events of the newest months as later releases will have them, and whether silence is quiet.

    N[r] = sum_i B(q_i) + Poisson(l R[r] / sqrt(max(R, 1)))
    R[r] ~ Gamma(beta mu[r] + y[r], beta + 1)

of the y events on file event i stays with the chance q of its country and status; l sqrt(R) more
come late in a country of R = sum_r R[r] events (``revisions``), where more is to be expected more
of them. mu: what a region's past and its neighbours let expect of a month. Of a region without an
event on file

    P(something happened) = 1 - E[exp(-l R[r] / sqrt(max(R, 1)))] (1 - mu[r] / sum_s mu[s])^U

U: the country's events of the month that no region holds. docs/models.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.sparse import csr_array
from scipy.special import gammaln

from config.months import month_after, month_numbers
from config.registry import thresholds, ucdp_revisions
from config.vocabulary import (
    CODE_STATUS_GROUPS,
    NOT_RELEASED,
    NOWCAST_QUANTILES,
    QUANTILES,
    RELEASE_STAGES,
)
from indicators.arrays import Array, Days, Mask
from indicators.geography import neighbour_weights
from indicators.risk.models import fit_nonnegative_quasi_poisson
from indicators.risk.revisions import (
    NONE_SO_FAR,
    LinkModel,
    code_status_group,
    furthest_link,
    observed_revisions,
    release_stages,
    with_declared,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

MONTHS = 3  # the newest whole ones; and as many of which nothing came, at most
REVISION_MONTHS = 36  # that are looked back on
YEARLY = RELEASE_STAGES[2]
DRAWS = 1000
CHUNK = 2_000_000  # numbers drawn at once
FIT_MONTHS = 60
DISPERSION_MONTHS = 24
LEAST_HISTORY = 24  # months since the first event on file, before a rate is said
STRENGTHS = np.geomspace(0.05, 50, 25)


@dataclass(frozen=True)
class Rates:
    """What regions' past and neighbours let expect of a month: R ~ Gamma(beta mu, beta).

    Attributes:
        mean: mu, months x regions, the newest month last.
        strength: beta, months of observation that it is worth.
    """

    mean: Array
    strength: float


def expected_rates(counts: Array, weights: csr_array, months: int = MONTHS) -> Rates | None:
    """Events to be expected of each region in each of the newest months.

        mu[r,m] = b . (mean of the 12 months before, of the 3 before, sum_s w[r,s] y[s,m], 1)

    b >= 0 by a quasi-Poisson fit, beta by maximum likelihood of y ~ NB(beta mu, beta / (beta + 1)).

    Args:
        counts: Months x regions: events on file, from the first event on.
        weights: Of neighbours, regions x regions.
        months: How many of the newest months are asked for.

    Returns:
        None: too few months are on file.
    """
    total = len(counts)
    if total < LEAST_HISTORY or not counts.any():
        return None
    cumulative = np.concatenate([np.zeros((1, counts.shape[1])), counts.cumsum(axis=0)])
    rows = np.arange(max(12, total - FIT_MONTHS), total)
    features = np.stack(
        [
            (cumulative[rows] - cumulative[rows - 12]) / 12,
            (cumulative[rows] - cumulative[rows - 3]) / 3,
            (weights @ counts[rows].T).T,
            np.ones((rows.size, counts.shape[1])),
        ],
        axis=2,
    )
    slopes = fit_nonnegative_quasi_poisson(features, counts[rows], np.ones(rows.size))
    mean = np.maximum(features @ slopes, 1e-6)
    recent = slice(-DISPERSION_MONTHS, None)
    y, mu = counts[rows][recent].ravel(), mean[recent].ravel()
    likelihood = [
        (gammaln(beta * mu + y) - gammaln(beta * mu)).sum()
        + beta * np.log(beta / (beta + 1)) * mu.sum() - np.log(beta + 1) * y.sum()
        for beta in STRENGTHS
    ]  # fmt: skip
    return Rates(mean[-months:], float(STRENGTHS[np.argmax(likelihood)]))


@dataclass(frozen=True)
class MonthEvents:
    """Events on file of one month; places are the regions, then the countries' unplaced events.

    Attributes:
        place: Place of each event.
        country: Country of each.
        status: Number of its status in ``CODE_STATUS_GROUPS``.
        deaths: Its deaths.
    """

    place: Days
    country: Days
    status: Days
    deaths: Array


@dataclass(frozen=True)
class MonthNowcast:
    """Draws of a month as the later release will have it.

    Attributes:
        events: Places x draws.
        deaths: Places x draws.
        p_unreported: Regions: chance that something happened where nothing is on file.
    """

    events: Array
    deaths: Array
    p_unreported: Array


def draw_month(
    on_file: MonthEvents,
    model: LinkModel,
    country_of_place: Days,
    countries: "Sequence[str]",
    rates: Rates | None,
    month: int,
    rng: np.random.Generator,
    size: int = DRAWS,
) -> MonthNowcast:
    """Draws of what a month will be.

    Args:
        on_file: Its events.
        model: Of the link from the release that the month is in.
        country_of_place: Country number of each place, regions first.
        countries: Codes by number.
        rates: Of the regions; None: what is on file stands for it.
        month: Row of ``rates``.
        rng: Random numbers.
        size: Draws.
    """
    places, regions = country_of_place.size, country_of_place.size - len(countries)
    stay = np.stack(
        [
            [
                model.stay[status].draws(*model.stayed.get((code, status), NONE_SO_FAR), rng, size)
                for status in CODE_STATUS_GROUPS
            ]
            for code in countries
        ]
    )
    late = np.stack(
        [model.late.draws(*model.late_units.get(code, (0.0, 0.0)), rng, size) for code in countries]
    )
    count = on_file.place.size
    is_kept = rng.random((count, size)) < stay[on_file.country, on_file.status]
    where = (on_file.place, np.arange(count))
    event_of_place = csr_array((np.ones(count), where), shape=(places, count))
    of_deaths = csr_array((on_file.deaths, where), shape=(places, count))
    y = np.bincount(on_file.place, minlength=places).astype(np.float64)
    rate = np.repeat(y[:, None], size, axis=1)
    share = np.zeros(regions)
    if rates is not None:
        mu, beta = rates.mean[month], rates.strength
        rate[:regions] = rng.gamma((beta * mu + y[:regions])[:, None], size=(regions, size)) / (
            beta + 1
        )
        total = np.bincount(country_of_place[:regions], weights=mu, minlength=len(countries))
        share = mu / total[country_of_place[:regions]]
    whole = np.maximum(to_country(country_of_place) @ rate, 1)
    expected_late = (late / np.sqrt(whole))[country_of_place] * rate
    late_events = rng.poisson(expected_late).astype(np.float64)
    deaths = model.kept_deaths.draws(of_deaths @ is_kept, rng)
    deaths = deaths + model.added_deaths.draws(late_events, rng)
    unplaced = y[regions:][country_of_place[:regions]]
    p_quiet = np.exp(-expected_late[:regions]).mean(axis=1) * (1 - share) ** unplaced
    return MonthNowcast(event_of_place @ is_kept + late_events, deaths, 1 - p_quiet)


def nowcast_of_night(
    versions: pl.DataFrame,
    counts: pl.DataFrame,
    regions: pl.DataFrame,
    deliveries: pl.DataFrame,
    newest: date,
    stale_night: date | None,
) -> dict[str, pl.DataFrame]:
    """``nowcast`` and ``revisions`` of a night.

    Args:
        versions: Versions of events known by the night (``revisions.observed_revisions``), with
            ``region_id``.
        counts: As ``nowcast``.
        regions: As ``nowcast``.
        deliveries: Of the event source, known by the night.
        newest: First day of the newest month wholly known.
        stale_night: The night, where the source is stale: whole months since ``newest`` then
            count as not released; None: it is not.
    """
    stages = release_stages(deliveries, month_after(newest, -REVISION_MONTHS), newest)
    revisions = with_declared(observed_revisions(versions, stages), ucdp_revisions())
    # A month that no dated release holds comes from a bulk file, which is a yearly one.
    stage_of_month = dict(stages.select("month_start", "release_stage").iter_rows())
    months_shown = [month_after(newest, ago) for ago in range(1 - MONTHS, 1)]
    months = {month: stage_of_month.get(month, YEARLY) for month in months_shown}
    if stale_night is not None:
        silent = [month_after(newest, number) for number in range(1, MONTHS + 1)]
        whole = [month for month in silent if month_after(month, 1) <= stale_night]
        months |= dict.fromkeys(whole, NOT_RELEASED)
    events = versions.filter(pl.col("known_to").is_null())
    return {"nowcast": nowcast(events, counts, regions, months, revisions), "revisions": revisions}


def to_country(country_of_place: Days) -> csr_array:
    """Countries x places: what sums places to their countries.

    Example:
        >>> to_country(np.array([0, 0, 1, 0, 1])) @ np.array([1, 2, 3, 4, 5])
        array([7., 8.])
    """
    places = country_of_place.size
    where = (country_of_place, np.arange(places))
    return csr_array((np.ones(places), where), shape=(int(country_of_place.max()) + 1, places))


def nowcast(
    events: pl.DataFrame,
    counts: pl.DataFrame,
    regions: pl.DataFrame,
    stages: Mapping[date, str],
    revisions: pl.DataFrame,
) -> pl.DataFrame:
    """The newest months as they will be known, by region and country; null: that is not known.

    Args:
        events: As known on the night: ``event_date``, ``country_code``, ``region_id``,
            ``code_status``, ``deaths_best_count``.
        counts: ``place_id``, ``month_start``, ``value``: events of every region and month, up to
            the newest that is whole.
        regions: Core regions with centroids.
        stages: Kind of release of each month (``RELEASE_STAGES`` or ``NOT_RELEASED``), the months
            asked for, of which those not released are the last.
        revisions: What became of events in other months (``revisions.with_declared``).

    Returns:
        One row a place and month; columns as in the dictionary.
    """
    regions = regions.sort("region_id")
    ids = regions["region_id"].to_list()
    countries = regions["country_code"].unique().sort().to_list()
    names = [*ids, *countries]
    number = dict(zip(countries, range(len(countries)), strict=True))
    country_of_place = np.array([number[c] for c in [*regions["country_code"], *countries]])
    rates = _rates(counts, regions, sum(stage != NOT_RELEASED for stage in stages.values()))
    models = {stage: furthest_link(revisions, stage) for stage in sorted(set(stages.values()))}
    parts, newest_counts = [], np.zeros(len(ids))
    for row, (month, stage) in enumerate(sorted(stages.items())):
        if stage == NOT_RELEASED:
            parts.append(_not_released(month, ids, rates, newest_counts))
            continue
        of_month = month_events(events, month, names, number)
        model, rng = models[stage], np.random.default_rng(month.toordinal())
        raw = _raw(of_month, country_of_place, len(ids))
        newest_counts = raw["events_count"][: len(ids)]
        columns = {"month_start": pl.lit(month), "release_stage": pl.lit(stage)}
        frame = pl.DataFrame({"place_id": names, **raw}).with_columns(
            **columns, place_level=pl.Series(["region"] * len(ids) + ["country"] * len(countries))
        )
        if model is None:
            parts.append(frame)
            continue
        size = max(100, min(DRAWS, CHUNK // max(of_month.place.size, len(names), 1)))
        draws = draw_month(of_month, model, country_of_place, countries, rates, row, rng, size)
        is_silent = np.concatenate(
            [raw["events_count"][: len(ids)] == 0, np.zeros(len(countries), bool)]
        )
        parts.append(
            frame.with_columns(
                **_summary("events", draws.events, country_of_place, len(ids)),
                **_summary("deaths", draws.deaths, country_of_place, len(ids)),
                p_unreported_event=_of_silent(draws.p_unreported, is_silent, rates is not None),
                followed_to=pl.lit(model.followed_to),
                nowcast_basis=pl.lit(model.basis),
                vintages_count=pl.lit(sum(model.units.values()), pl.Int64),
                own_vintages_count=pl.Series(
                    [model.units.get(countries[c], 0) for c in country_of_place], dtype=pl.Int64
                ),
            )
        )
    return pl.concat([NO_NOWCAST, *parts], how="diagonal").select(NO_NOWCAST.columns)


def _not_released(
    month: date, ids: list[str], rates: Rates | None, newest_counts: Array
) -> pl.DataFrame:
    """Rows of a month of which nothing came: the chance that there was something, nothing counted.

        P(something happened) = 1 - ((beta + 1) / (beta + 2))^(beta mu[r] + y[r])

    y: events of the newest month on file, after which R ~ Gamma(beta mu + y, beta + 1).
    """
    frame = pl.DataFrame({"place_id": ids}).with_columns(
        place_level=pl.lit("region"), month_start=pl.lit(month), release_stage=pl.lit(NOT_RELEASED)
    )
    if rates is None:
        return frame
    beta = rates.strength
    chance = 1 - ((beta + 1) / (beta + 2)) ** (beta * rates.mean[-1] + newest_counts)
    return frame.with_columns(p_unreported_event=pl.Series(chance))


SUMMARY = tuple(
    f"nowcast_{target}_{name}"
    for target in ("events", "deaths")
    for name in ("mean", *NOWCAST_QUANTILES)
)
NO_NOWCAST = pl.DataFrame(
    schema={
        "place_level": pl.String, "place_id": pl.String, "month_start": pl.Date,
        "release_stage": pl.String, "events_count": pl.Int64, "flagged_events_count": pl.Int64,
        "deaths_best_count": pl.Int64, **dict.fromkeys(SUMMARY, pl.Float64),
        "p_unreported_event": pl.Float64, "followed_to": pl.String, "nowcast_basis": pl.String,
        "vintages_count": pl.Int64, "own_vintages_count": pl.Int64,
    }
)  # fmt: skip


def _rates(counts: pl.DataFrame, regions: pl.DataFrame, months: int) -> Rates | None:
    """``expected_rates`` from the first month with an event on; regions in their order."""
    ids = regions["region_id"].to_list()
    begins = counts.filter(pl.col("value") > 0)["month_start"].min()
    if begins is None:
        return None
    cells = counts.filter(pl.col("month_start") >= begins).select(
        month=month_numbers(pl.col("month_start")) - month_numbers(pl.lit(begins)),
        region=pl.col("place_id").replace_strict(
            ids, range(len(ids)), default=None, return_dtype=pl.Int64
        ),
        value=pl.col("value").fill_null(0).cast(pl.Float64),
    )
    cells = cells.drop_nulls("region")
    by_month = np.zeros((int(cells.select(pl.col("month").max()).item()) + 1, len(ids)))
    by_month[cells["month"].to_numpy(), cells["region"].to_numpy()] = cells["value"].to_numpy()
    weights = neighbour_weights(
        regions["centroid_longitude"].to_numpy(),
        regions["centroid_latitude"].to_numpy(),
        thresholds()["spread"]["half_distance_km"],
    )
    return expected_rates(by_month, weights, months)


def month_events(
    events: pl.DataFrame, month: date, places: list[str], countries: dict[str, int]
) -> MonthEvents:
    """Events of a month by number of place, country and status.

    Args:
        events: As ``nowcast``.
        month: Its first day.
        places: Regions, then countries, in the order they are numbered in.
        countries: Number of each country.
    """
    statuses = {name: rank for rank, name in enumerate(CODE_STATUS_GROUPS)}
    rows = events.filter(pl.col("event_date").dt.month_start() == month).select(
        place=pl.coalesce("region_id", "country_code").replace_strict(
            {name: rank for rank, name in enumerate(places)}, default=None, return_dtype=pl.Int64
        ),
        country=pl.col("country_code").replace_strict(
            countries, default=None, return_dtype=pl.Int64
        ),
        status=code_status_group().replace_strict(statuses, return_dtype=pl.Int64),
        deaths=pl.col("deaths_best_count").cast(pl.Float64),
    )
    rows = rows.drop_nulls(["place", "country"])  # of a country without a region there is no row
    return MonthEvents(
        rows["place"].to_numpy(),
        rows["country"].to_numpy(),
        rows["status"].to_numpy(),
        rows["deaths"].to_numpy(),
    )


def _raw(on_file: MonthEvents, country_of_place: Days, regions: int) -> dict[str, Array]:
    """Events, flagged events and deaths on file of each region, then of each country."""
    places = country_of_place.size

    def by_place(weight: Array) -> Array:
        of_place = np.bincount(on_file.place, weights=weight, minlength=places)
        of_country = np.bincount(on_file.country, weights=weight, minlength=places - regions)
        return np.asarray(np.concatenate([of_place[:regions], of_country]).astype(np.int64))

    return {
        "events_count": by_place(np.ones(on_file.place.size)),
        "flagged_events_count": by_place((on_file.status > 0).astype(np.float64)),
        "deaths_best_count": by_place(on_file.deaths),
    }


def _summary(
    target: str, draws: Array, country_of_place: Days, regions: int
) -> dict[str, pl.Series]:
    """Mean and quantiles of the regions and of whole countries, by column."""
    whole = np.concatenate([draws[:regions], to_country(country_of_place) @ draws])
    quantiles = np.quantile(
        whole, [QUANTILES[name] for name in NOWCAST_QUANTILES], axis=1, method="inverted_cdf"
    )
    return {
        f"nowcast_{target}_mean": pl.Series(whole.mean(axis=1)),
        **{
            f"nowcast_{target}_{name}": pl.Series(np.round(row))
            for name, row in zip(NOWCAST_QUANTILES, quantiles, strict=True)
        },
    }


def _of_silent(p_unreported: Array, is_silent: Mask, is_known: bool) -> pl.Series:
    """Chances of the regions without an event on file; null elsewhere or where not known."""
    chances = np.full(is_silent.size, np.nan)
    if is_known:
        chances[: p_unreported.size] = p_unreported
    return pl.Series(np.where(is_silent, chances, np.nan)).fill_nan(None)
