"""What becomes of UCDP's events in later releases: which stay, which come late (docs/models.md).

Of country c and month m, by status s (``CODE_STATUS_GROUPS``), from one release to a later one:

    K[c,m,s] ~ Binomial(n[c,m,s], q),  q ~ Beta(kappa_s m_s, kappa_s (1 - m_s))    events that stay
    A[c,m]   ~ Poisson(l sqrt(n[c,m])), l ~ Gamma(a, a / lambda)                   events added
    D'       : E = f D,  Var = sigma^2 D  (Mack 1993)    deaths of what stays; deaths by added event

Countries' months are the units: a country's own pull its q and l away from those of all. Where
more is on file a smaller share comes late: the root fits better than n itself (log likelihood of
January 2026 by 3.4).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import polars as pl
from scipy.special import betaln, gammaln

from config.vocabulary import CODE_STATUS_GROUPS, RELEASE_STAGES
from indicators.arrays import Array

LEAST_UNITS = 3  # countries' months, before anything is said of a link
SHARES = 1 / (1 + np.exp(-np.linspace(-3, 7, 41)))
CONCENTRATIONS = np.geomspace(1, 300, 20)
LATE_RATES = np.geomspace(0.01, 5, 40)
LATE_SHAPES = np.geomspace(0.1, 30, 20)
COUNTED = (
    "events_before_count", "events_kept_count", "events_added_count", "deaths_before_count",
    "deaths_kept_before_count", "deaths_kept_after_count", "deaths_added_count",
    "deaths_after_count",
)  # fmt: skip
KEY = ("link", "period_start", "country_code", "code_status_group")


NONE_SO_FAR = (0, 0)


def link_name(before: str, after: str) -> str:
    """Name of the way from one kind of release to a later one.

    Example:
        >>> link_name("first", "cumulative")
        'first_to_cumulative'
    """
    return f"{before}_to_{after}"


# Where a month stands and the links that begin there, the one that reaches furthest first.
LINKS = {
    before: tuple(link_name(before, after) for after in RELEASE_STAGES[:rank:-1])
    for rank, before in enumerate(RELEASE_STAGES[:-1])
}


def code_status_group(code_status: str = "code_status") -> pl.Expr:
    """UCDP's statuses in ``CODE_STATUS_GROUPS``; a release cut without them counts as clear.

    Example:
        >>> frame = pl.DataFrame({"code_status": ["Clear", "Check dyad", "Check", None]})
        >>> frame.select(code_status_group()).to_series().to_list()
        ['clear', 'check_dyad', 'check_other', 'clear']
    """
    text = pl.col(code_status).fill_null("").str.to_lowercase().str.strip_chars()
    clear, dyad, other = CODE_STATUS_GROUPS
    return (
        pl.when(text == "check dyad")
        .then(pl.lit(dyad))
        .when(text.str.starts_with("check"))
        .then(pl.lit(other))
        .otherwise(pl.lit(clear))
        .alias("code_status_group")
    )


def revision_counts(
    before: pl.DataFrame, after: pl.DataFrame, link: str, period_start: date
) -> pl.DataFrame:
    """Events of a period in an earlier and in a later release, by country and status.

    An event stays if the period has it in both; one that moves out of it is gone from it.

    Args:
        before: Of the period: ``event_id``, ``country_code``, ``code_status``,
            ``deaths_best_count``.
        after: The same of the later release.
        link: ``link_name`` of the two.
        period_start: First day of the period.

    Returns:
        ``KEY`` and ``COUNTED``.
    """
    unit = ("country_code", "code_status_group")
    deaths = pl.col("deaths_best_count").cast(pl.Int64)
    later = after.select("event_id", deaths_after=deaths)
    before_and_later = before.join(later, on="event_id", how="left", validate="1:1")
    is_kept = pl.col("deaths_after").is_not_null()
    stayed = before_and_later.group_by("country_code", code_status_group()).agg(
        events_before_count=pl.len(),
        events_kept_count=is_kept.sum(),
        deaths_before_count=deaths.sum(),
        deaths_kept_before_count=deaths.filter(is_kept).sum(),
        deaths_kept_after_count=pl.col("deaths_after").sum(),
    )
    late_counts = (
        after.join(before, on="event_id", how="anti")
        .group_by("country_code", code_status_group())
        .agg(events_added_count=pl.len(), deaths_added_count=deaths.sum())
    )
    return (
        stayed.join(late_counts, on=unit, how="full", coalesce=True, validate="1:1")
        .select(
            link=pl.lit(link),
            period_start=pl.lit(period_start),
            country_code="country_code",
            code_status_group="code_status_group",
            **{name: pl.col(name).fill_null(0).cast(pl.Int64) for name in COUNTED[:-1]},
        )
        .with_columns(
            deaths_after_count=pl.col("deaths_kept_after_count") + pl.col("deaths_added_count")
        )
        .sort(KEY)
    )


def release_stages(deliveries: pl.DataFrame, first_month: date, last_month: date) -> pl.DataFrame:
    """Which kind of release each month was in with every delivery that holds it.

    A month is ``first`` in the candidates that end with it, ``cumulative`` in those that end later,
    ``yearly`` in the yearly release that ends with its year, ``later`` in those after it.

    Args:
        deliveries: Of UCDP: ``known_at``, ``known_basis``, ``covers_until``, ``part``.
        first_month: First day of the first month asked for.
        last_month: First day of the last.

    Returns:
        ``month_start``, ``release_stage``, ``known_at``, ``known_basis``, by month and time.
    """
    months = pl.date_range(first_month, last_month, "1mo", eager=True).alias("month_start")
    is_yearly = pl.col("part").is_in(["", "yearly"])
    begins = (
        pl.when(is_yearly)
        .then(pl.lit(date.min))
        .when(pl.col("part").str.contains(".0.", literal=True))
        .then(pl.col("covers_until").dt.month_start())
        .otherwise(pl.col("covers_until").dt.truncate("1y"))
    )
    first, cumulative, yearly, later = (pl.lit(stage) for stage in RELEASE_STAGES)
    is_newest_month = pl.col("month_start") == pl.col("covers_until").dt.month_start()
    is_newest_year = pl.col("month_start").dt.year() == pl.col("covers_until").dt.year()
    return (
        months.to_frame()
        .join(deliveries.with_columns(begins=begins, is_yearly=is_yearly), how="cross")
        .filter(
            (pl.col("begins") <= pl.col("month_start"))
            & (pl.col("month_start").dt.month_end() <= pl.col("covers_until"))
        )
        .sort("month_start", "known_at")
        .select(
            "month_start",
            release_stage=pl.when(~pl.col("is_yearly"))
            .then(pl.when(is_newest_month).then(first).otherwise(cumulative))
            .when(is_newest_year)
            .then(yearly)
            .otherwise(later),
            known_at="known_at",
            known_basis="known_basis",
        )
    )


def observed_revisions(versions: pl.DataFrame, stages: pl.DataFrame) -> pl.DataFrame:
    """``revision_counts`` of every month that two kinds of releases were really fetched of.

    Args:
        versions: Versions of events: ``event_id``, ``event_date``, ``country_code``,
            ``code_status``, ``deaths_best_count``, ``known_from``, ``known_to``.
        stages: ``release_stages`` of the months.
    """
    fetched = stages.filter(known_basis="observed")
    parts = [NO_REVISIONS]
    spans = {
        (month, stage): times
        for month, stage, times in fetched.group_by("month_start", "release_stage")
        .agg("known_at")
        .iter_rows()
    }
    months = versions.with_columns(month_start=pl.col("event_date").dt.month_start()).filter(
        pl.col("month_start").is_in([month for month, _ in spans])
    )
    for (month, after), later_times in sorted(spans.items()):
        for before in RELEASE_STAGES[: RELEASE_STAGES.index(after)]:
            earlier = [t for t in spans.get((month, before), []) if t < min(later_times)]
            if earlier:
                parts.append(
                    revision_counts(
                        _in_force(months.filter(month_start=month), max(earlier)),
                        _in_force(months.filter(month_start=month), min(later_times)),
                        link_name(before, after),
                        month,
                    )
                )
    return pl.concat(parts)


NO_REVISIONS = pl.DataFrame(
    schema={
        **dict.fromkeys(KEY, pl.String), "period_start": pl.Date,
        **dict.fromkeys(COUNTED, pl.Int64),
    }
)  # fmt: skip


def _in_force(versions: pl.DataFrame, instant: datetime) -> pl.DataFrame:
    return versions.filter(
        (pl.col("known_from") <= instant)
        & (pl.col("known_to").is_null() | (pl.col("known_to") > instant))
    )


def with_declared(observed: pl.DataFrame, declared_revisions: pl.DataFrame) -> pl.DataFrame:
    """Revisions that were observed, and those declared of other countries or periods.

    Args:
        observed: ``KEY`` and ``COUNTED``.
        declared_revisions: The same with ``releases`` (``config/ucdp_revisions.csv``).

    Returns:
        Both, with ``revision_basis`` and ``releases`` (null: the deliveries of this warehouse).
    """
    unit = ("link", "period_start", "country_code")
    return pl.concat(
        [
            observed.with_columns(
                revision_basis=pl.lit("observed"), releases=pl.lit(None, pl.String)
            ),
            declared_revisions.join(observed, on=unit, how="anti").select(
                *KEY, *COUNTED, revision_basis=pl.lit("declared"), releases="releases"
            ),
        ]
    ).sort(KEY)


@dataclass(frozen=True)
class ShareModel:
    """Posterior of a beta-binomial over a grid of its mean and concentration.

    Attributes:
        mean: m at each point of the grid.
        concentration: kappa there.
        weight: Posterior probability of the point.
    """

    mean: Array
    concentration: Array
    weight: Array

    def draws(self, n: int, k: int, rng: np.random.Generator, size: int) -> Array:
        """Shares of a month to come in a country of which ``k`` of ``n`` stayed so far."""
        point = rng.choice(self.weight.size, size, p=self.weight)
        m, kappa = self.mean[point], self.concentration[point]
        country = rng.beta(kappa * m + k, kappa * (1 - m) + n - k)
        country = np.clip(country, 1e-6, 1 - 1e-6)
        return rng.beta(kappa * country, kappa * (1 - country))

    def country_mean(self, n: int, k: int) -> float:
        """Expected share in a country of which ``k`` of ``n`` stayed so far."""
        kappa = self.concentration
        return float(self.weight @ ((kappa * self.mean + k) / (kappa + n)))


def fit_share(n: Array, k: Array) -> ShareModel:
    """Beta-binomial of units of which ``k`` of ``n`` stayed; flat on logit m and log kappa.

    Example:
        >>> model = fit_share(np.array([50.0, 50, 50]), np.array([45.0, 45, 45]))
        >>> round(model.country_mean(0, 0), 2), round(model.country_mean(50, 30), 2)
        (0.89, 0.78)
    """
    mean, kappa = (grid.ravel() for grid in np.meshgrid(SHARES, CONCENTRATIONS))
    a, b = (kappa * mean)[:, None], (kappa * (1 - mean))[:, None]
    likelihood = (betaln(a + k, b + n - k) - betaln(a, b)).sum(axis=1)
    return ShareModel(mean, kappa, _normalised(likelihood))


@dataclass(frozen=True)
class LateModel:
    """Posterior of a gamma-Poisson over a grid of its rate and shape.

    Attributes:
        rate: lambda, events added for the root of those on file, at each point of the grid.
        shape: a there.
        weight: Posterior probability of the point.
    """

    rate: Array
    shape: Array
    weight: Array

    def draws(
        self, exposure: float, late_count: float, rng: np.random.Generator, size: int
    ) -> Array:
        """L of a month to come where ``late_count`` came to ``exposure`` (roots) so far."""
        point = rng.choice(self.weight.size, size, p=self.weight)
        rate, shape = self.rate[point], self.shape[point]
        country = rng.gamma(shape + late_count) / (shape / rate + exposure)
        return rng.gamma(shape) * np.maximum(country, 1e-9) / shape


def fit_late(exposure: Array, late_count: Array) -> LateModel:
    """Gamma-Poisson: ``late_count`` came to ``exposure``; flat on log lambda and log a.

    Example:
        >>> model = fit_late(np.array([4.0, 4, 4]), np.array([2.0, 2, 2]))
        >>> round(float(model.draws(0, 0, np.random.default_rng(1), 20_000).mean()), 1)
        0.6
    """
    rate, shape = (grid.ravel() for grid in np.meshgrid(LATE_RATES, LATE_SHAPES))
    a, mean = shape[:, None], rate[:, None] * exposure
    likelihood = (
        gammaln(a + late_count) - gammaln(a) + a * np.log(a / (a + mean))
        + late_count * np.log(mean / (a + mean))
    ).sum(axis=1)  # fmt: skip
    return LateModel(rate, shape, _normalised(likelihood))


def _normalised(log_likelihood: Array) -> Array:
    weight = np.exp(log_likelihood - log_likelihood.max())
    return np.asarray(weight / weight.sum())


@dataclass(frozen=True)
class Factor:
    """Mack's development factor: E = ``mean`` x before, Var = ``variance`` x before."""

    mean: float
    variance: float

    def draws(self, before: Array, rng: np.random.Generator) -> Array:
        """What becomes of ``before``, gamma with that mean and variance; of nothing, nothing."""
        if self.variance <= 0 or self.mean <= 0:
            return self.mean * before
        shape = before * self.mean**2 / self.variance
        return np.asarray(rng.gamma(shape) * self.variance / self.mean)


def fit_factor(before: Array, after: Array) -> Factor:
    """Factor of units that had ``before`` and then ``after`` (Mack 1993).

    Example:
        >>> fit_factor(np.array([10.0, 20.0, 0.0]), np.array([12.0, 18.0, 0.0]))
        Factor(mean=1.0, variance=0.6)
    """
    is_positive = before > 0
    before, after = before[is_positive], after[is_positive]
    if before.size < 2:
        return Factor(float(after.sum() / before.sum()) if before.size else 1.0, 0.0)
    mean = after.sum() / before.sum()
    squares = before * (after / before - mean) ** 2
    return Factor(float(mean), round(float(squares.sum() / (before.size - 1)), 12))


@dataclass(frozen=True)
class LinkModel:
    """What becomes of a month's events from one kind of release to a later one.

    Attributes:
        link: ``link_name``.
        stay: Chance that an event stays, by status.
        stayed: Events before, and how many of them stayed, by country and status.
        late: Events added for the root of those on file.
        late_units: Sums of roots, and of events added, by country.
        kept_deaths: Deaths of the events that stay.
        added_deaths: Deaths by event added.
        units: Countries' months it rests on, by country.
        observed_units: How many of all were observed, not declared.
    """

    link: str
    stay: Mapping[str, ShareModel]
    stayed: Mapping[tuple[str, str], tuple[int, int]]
    late: LateModel
    late_units: Mapping[str, tuple[float, float]]
    kept_deaths: Factor
    added_deaths: Factor
    units: Mapping[str, int]
    observed_units: int

    @property
    def followed_to(self) -> str:
        """The kind of release at its end."""
        return self.link.rpartition("_to_")[2]

    @property
    def basis(self) -> str:
        """observed, declared or both."""
        total = sum(self.units.values())
        return {0: "declared", total: "observed"}.get(self.observed_units, "both")


def fit_link(revisions: pl.DataFrame, link: str) -> LinkModel | None:
    """The model of a link; None: fewer than ``LEAST_UNITS`` countries' months were followed.

    Declared sums of several countries or of deaths alone are no units.

    Args:
        revisions: As ``with_declared`` gives them.
        link: ``link_name``.
    """
    rows = revisions.filter(
        (pl.col("link") == link)
        & (pl.col("country_code").str.len_chars() == 3)
        & pl.col("code_status_group").is_in(list(CODE_STATUS_GROUPS))
    )
    unit = rows.group_by("country_code", "period_start", "revision_basis", maintain_order=True).agg(
        pl.col(COUNTED).sum()
    )
    unit = unit.sort("country_code", "period_start")
    if unit.filter(pl.col("events_before_count") > 0).height < LEAST_UNITS:
        return None

    def column(frame: pl.DataFrame, name: str) -> Array:
        return frame[name].cast(pl.Float64).to_numpy()

    stay = {}
    for status in CODE_STATUS_GROUPS:
        of_status = rows.filter(
            (pl.col("code_status_group") == status) & (pl.col("events_before_count") > 0)
        ).sort(KEY)
        stay[status] = fit_share(
            column(of_status, "events_before_count"), column(of_status, "events_kept_count")
        )
    exposed = unit.filter(pl.col("events_before_count") > 0)
    root = pl.col("events_before_count").sqrt()
    by_country = exposed.group_by("country_code").agg(
        root.sum(), pl.col("events_added_count").sum()
    )
    return LinkModel(
        link=link,
        stay=stay,
        stayed={
            (country, status): (n, kept_count)
            for country, status, n, kept_count in rows.group_by("country_code", "code_status_group")
            .agg(pl.col("events_before_count", "events_kept_count").sum())
            .iter_rows()
        },
        late=fit_late(
            np.sqrt(column(exposed, "events_before_count")), column(exposed, "events_added_count")
        ),
        late_units={
            country: (e, float(late_count)) for country, e, late_count in by_country.iter_rows()
        },
        kept_deaths=fit_factor(
            column(unit, "deaths_kept_before_count"), column(unit, "deaths_kept_after_count")
        ),
        added_deaths=fit_factor(
            column(unit, "events_added_count"), column(unit, "deaths_added_count")
        ),
        units=dict(unit["country_code"].value_counts().iter_rows()),
        observed_units=unit.filter(revision_basis="observed").height,
    )


def furthest_link(revisions: pl.DataFrame, release_stage: str) -> LinkModel | None:
    """The model of the link that leads furthest from a kind of release; None: none is known."""
    models = (fit_link(revisions, link) for link in LINKS.get(release_stage, ()))
    return next((model for model in models if model is not None), None)


def event_weights(events: pl.DataFrame, model: LinkModel) -> pl.Series:
    """What each event counts for: the chance that it stays, by its country and status.

    A forecast could take them as sizes of its events; none does (docs/models.md: what was tried).

    Args:
        events: ``country_code``, ``code_status``.
        model: Of the link from the release that the events are in.
    """
    pairs = events.select("country_code", code_status_group())
    chances = [
        {
            "country_code": country,
            "code_status_group": status,
            "weight": model.stay[status].country_mean(
                *model.stayed.get((country, status), NONE_SO_FAR)
            ),
        }
        for country, status in pairs.unique(maintain_order=True).iter_rows()
    ]
    schema = {"country_code": pl.String, "code_status_group": pl.String, "weight": pl.Float64}
    weights = pairs.join(
        pl.DataFrame(chances, schema=schema),
        on=["country_code", "code_status_group"], how="left", maintain_order="left",
        validate="m:1",
    )  # fmt: skip
    return weights["weight"]
