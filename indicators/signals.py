"""Signals side by side: of each place the newest figure, what is normal there, and its state.

The rule of each stands in ``config/signals.toml``; nothing is weighed or added up.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from config.months import month_after
from config.registry import coverage, signal_rules, thresholds
from config.vocabulary import ACTS_UNIT, AREA, SIGNAL_DIRECTIONS, SIGNAL_STATES

QUIET, RAISED, GRAVE, NOT_KNOWN = SIGNAL_STATES
WORSENING, EASING, STEADY = SIGNAL_DIRECTIONS
PLACE = ["place_level", "place_id"]
SERIES = ["signal", *PLACE]
FACT = pl.Struct(
    {
        "country_code": pl.String,
        "name": pl.String,
        "kind": pl.String,
        "day": pl.Date,
        "precision": pl.String,
        "is_placed": pl.Boolean,  # false: of a region of the country that is not named
        "is_easing": pl.Boolean,  # of the other direction: an agreement made, a force begun
    }
)
FIGURES = {  # of a signal at a place and day, whatever its rule
    "value": pl.Float64, "normal_value": pl.Float64, "normal_high_value": pl.Float64,
    "year_value": pl.Float64, "state": pl.String, "direction": pl.String, "since_date": pl.Date,
    "figure_date": pl.Date, "signal_known_until_date": pl.Date, "facts": pl.List(FACT),
}  # fmt: skip
SERIES_RULES = ("count", "spread")  # that rest on a monthly series
# Of all kinds of administrators; a figure of one cadre only stands in where there is none.
OVERALL = ("civil_administrators", "state_authorities", "state_representatives", "state_agents")


def board(
    core: Mapping[str, pl.DataFrame],
    series: pl.DataFrame,
    night: date,
    data_month: date,
    coups_until: date,
    is_stale: bool,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The board of a night, and the spells of states in the months before it.

    Args:
        core: Core tables by name, as known on the night: region, presence, suspension, coup,
            register_entry.
        series: Tidy indicators of regions and countries, up to ``data_month``.
        night: The night.
        data_month: Newest month that the event source wholly covers.
        coups_until: Last day that the list of coups covers.
        is_stale: Whether events are older than their source's lag allows: tonight's state of
            what rests on them is then not known.

    Returns:
        One row a place and signal (place_level, place_id, country_code, signal, unit, source and
        ``FIGURES``), of neighbours' violence regions alone; and one a place, signal
        and run of months of the strip in one state, as known on the night (month_start,
        months_count), that of the night being the last. Months that a signal has no figure of are
        in no run.
    """
    rules = signal_rules()["signals"]
    places = _places(core["region"])
    months = _past_months(data_month, night)
    days = [*(_month_end(month) for month in months), night]
    counts = _monthly(series, data_month)
    count_rules = {name: rule for name, rule in rules.items() if rule["rule"] == "count"}
    by_rule = [
        _counts(_with_area(counts.filter(pl.col("signal").is_in(list(count_rules)))), count_rules)
    ]
    for signal, rule in rules.items():
        if rule["rule"] == "spread":
            of_regions = counts.filter(signal=signal, place_level="region")
            by_rule.append(_spread(of_regions, places, rule))
        elif rule["rule"] == "presence":
            figures = _presence(core["presence"], places, days, rule)
            by_rule.append(figures.with_columns(signal=pl.lit(signal)))
    of_acts = {name: rule for name, rule in rules.items() if rule["rule"] == "acts"}
    by_rule.append(_acts(core, places, days, night, coups_until, of_acts))
    newest = pl.concat(
        [
            rows.filter(pl.col("day") == pl.col("day").max()).select(*SERIES, *FIGURES)
            for rows in by_rule
        ]
    )
    if is_stale:
        rests_on_events = pl.col("signal").is_in(
            [name for name, rule in rules.items() if rule["rule"] in SERIES_RULES]
        )
        newest = newest.with_columns(
            pl.when(rests_on_events).then(pl.lit(NOT_KNOWN)).otherwise("state").alias("state"),
            *(pl.when(~rests_on_events).then(c).alias(c) for c in ("direction", "since_date")),
        )
    ends = [*(_month_end(month) for month in months[1 - _setting("strip_months") :]), night]
    monthly = pl.concat(
        [rows.filter(pl.col("day").is_in(ends)).select(*SERIES, "day", "state") for rows in by_rule]
    )
    return _with_places(newest, places, night), _spells(monthly)


def _spells(monthly: pl.DataFrame) -> pl.DataFrame:
    """Runs of months in one state: first month and number of months.

    Example:
        >>> ends = [date(2021, 3, 31), date(2021, 4, 30), date(2021, 5, 31)]
        >>> place = {"signal": "coup", "place_level": "country", "place_id": "MLI"}
        >>> runs = pl.DataFrame({**place, "day": ends, "state": ["quiet", "quiet", "grave"]})
        >>> _spells(runs).select("month_start", "months_count", "state").rows()
        [(datetime.date(2021, 3, 1), 2, 'quiet'), (datetime.date(2021, 5, 1), 1, 'grave')]
    """
    return (
        monthly.sort("day")
        .with_columns(run=pl.col("state").rle_id().over(SERIES))
        .group_by(*SERIES, "state", "run")
        .agg(
            month_start=pl.col("day").min().dt.month_start(),
            months_count=pl.len().cast(pl.Int64),
        )
        .select(*PLACE, "signal", "month_start", "months_count", "state")
        .sort(*PLACE, "signal", "month_start")
    )


def raised_counts(signals: pl.DataFrame) -> pl.DataFrame:
    """How many signals of each place are raised, grave, quiet and not known.

    Example:
        >>> rows = {"place_level": "region", "place_id": "A", "state": ["grave", "quiet", "grave"]}
        >>> raised_counts(pl.DataFrame(rows)).row(0)
        ('region', 'A', 2, 2, 1, 0)
    """
    state = pl.col("state")
    return (
        signals.group_by(PLACE)
        .agg(
            raised_count=state.is_in([RAISED, GRAVE]).sum().cast(pl.Int64),
            grave_count=(state == GRAVE).sum().cast(pl.Int64),
            quiet_count=(state == QUIET).sum().cast(pl.Int64),
            not_known_count=(state == NOT_KNOWN).sum().cast(pl.Int64),
        )
        .sort(PLACE)
    )


def series_of_signals() -> frozenset[str]:
    """Indicators that the board rests on."""
    rules = signal_rules()["signals"].values()
    return frozenset(rule["series"] for rule in rules if rule["rule"] in SERIES_RULES)


def _setting(name: str) -> Any:
    return signal_rules()["board"][name]


def _places(regions: pl.DataFrame) -> pl.DataFrame:
    """Every place of the board with its country (null: the whole area)."""
    countries = regions["country_code"].unique().sort()
    return pl.concat(
        [
            regions.select(
                place_level=pl.lit("region"), place_id="region_id", country_code="country_code"
            ),
            countries.to_frame().select(
                place_level=pl.lit("country"), place_id="country_code", country_code="country_code"
            ),
            pl.DataFrame(
                {"place_level": [AREA], "place_id": [AREA], "country_code": [None]},
                schema_overrides={"country_code": pl.String},
            ),
        ]
    )


def _past_months(data_month: date, night: date) -> list[date]:
    """Months of the own past, the last that has ended included."""
    last = max(data_month, month_after(night, -1))
    number = _setting("past_months")
    return [month_after(last, k - number + 1) for k in range(number)]


def _month_end(month: date) -> date:
    return month_after(month, 1) - timedelta(days=1)


def _monthly(series: pl.DataFrame, data_month: date) -> pl.DataFrame:
    """Months that the board looks back on of each signal that rests on a series."""
    rules = signal_rules()["signals"]
    names = pl.DataFrame(
        [(name, rule["series"]) for name, rule in rules.items() if rule["rule"] in SERIES_RULES],
        schema={"signal": pl.String, "indicator": pl.String},
        orient="row",
    )
    first = month_after(data_month, -2 * _setting("past_months") - 24)
    return (
        series.filter(
            pl.col("indicator").is_in(names["indicator"].unique().to_list())
            & (pl.col("month_start") > first)
        )
        .join(names, on="indicator")
        .select(*SERIES, "month_start", "value")
        .sort("month_start")
    )


def _with_area(by_place: pl.DataFrame) -> pl.DataFrame:
    """Series of regions and countries, and the sum of the countries as the area's."""
    area = (
        by_place.filter(place_level="country")
        .group_by("signal", "month_start")
        .agg(pl.col("value").sum())
        .select("signal", place_level=pl.lit(AREA), place_id=pl.lit(AREA),
                month_start="month_start", value="value")
    )  # fmt: skip
    return pl.concat([by_place, area]).sort("month_start")


def _counts(series: pl.DataFrame, rules: Mapping[str, Mapping[str, Any]]) -> pl.DataFrame:
    """States of monthly counts against the place's own past, and against a bound on the year.

    Args:
        series: ``signal``, ``place_level``, ``place_id``, ``month_start``, ``value``, by month.
        rules: By signal.
    """
    value, before = pl.col("value"), pl.col("value").shift(1)
    past, least = _setting("past_months"), _setting("least_past_months")
    high = before.rolling_quantile(
        _setting("raised_quantile"), "higher", window_size=past, min_samples=least
    )
    bound = {
        name: pl.col("signal").replace_strict(
            {signal: float(rule.get(name, "inf")) for signal, rule in rules.items()}
        )
        for name in ("raised_least", "grave_least", "raised_year", "grave_year")
    }
    figures = series.with_columns(
        normal_value=before.rolling_mean(past, min_samples=least).over(SERIES),
        normal_high_value=high.over(SERIES),
        largest=before.rolling_max(past, min_samples=least).over(SERIES),
        year_value=value.rolling_sum(12, min_samples=12).over(SERIES),
    )
    year = pl.col("year_value")
    is_raised = (value > pl.col("normal_high_value")) & (value >= bound["raised_least"])
    is_grave = (value > pl.col("largest")) & (value >= bound["grave_least"])
    state = (
        pl.when(is_grave | (year >= bound["grave_year"]))
        .then(pl.lit(GRAVE))
        .when(is_raised | (year >= bound["raised_year"]))
        .then(pl.lit(RAISED))
        .when(value.is_null() | pl.col("normal_high_value").is_null())
        .then(pl.lit(NOT_KNOWN))
        .otherwise(pl.lit(QUIET))
    )
    return _by_month(figures.with_columns(state=state, facts=pl.lit([], pl.List(FACT))))


def _by_month(figures: pl.DataFrame) -> pl.DataFrame:
    """Figures by month with their direction, and since when the state holds."""
    months = _setting("direction_months")
    recent = pl.col("value").rolling_sum(months)
    before, ratio = recent.shift(months), _setting("direction_ratio")
    is_known = pl.col("state") != NOT_KNOWN
    run = pl.col("state").rle_id().over(SERIES)
    evaluated = figures.with_columns(
        change=(recent - before).over(SERIES),
        is_by_ratio=(
            pl.max_horizontal(recent, before) >= pl.min_horizontal(recent, before) * ratio
        ).over(SERIES),
        day=pl.col("month_start").dt.month_end(),
    ).filter(pl.col("month_start") > pl.col("month_start").max().dt.offset_by(
        f"-{_setting('past_months')}mo"))  # fmt: skip
    return evaluated.with_columns(
        direction=pl.when(is_known & pl.col("change").is_not_null()).then(
            pl.when(pl.col("is_by_ratio") & (pl.col("change") >= 1))
            .then(pl.lit(WORSENING))
            .when(pl.col("is_by_ratio") & (pl.col("change") <= -1))
            .then(pl.lit(EASING))
            .otherwise(pl.lit(STEADY))
        ),
        since_date=pl.when(is_known).then(pl.col("month_start").first().over(*SERIES, run)),
        figure_date="day",
        signal_known_until_date="day",
    )


def _spread(series: pl.DataFrame, places: pl.DataFrame, rule: Mapping[str, Any]) -> pl.DataFrame:
    """States of regions that were spared and are no more; of wider places, how many there are.

    Of a region the figure is the events of the newest three months, normal those of three
    months while it was spared.

    Args:
        series: ``signal``, ``place_level``, ``place_id``, ``month_start``, ``value`` of regions,
            by month.
        places: Every place with its ``country_code``.
        rule: Of ``config/signals.toml``.
    """
    events, spared, recent = pl.col("value"), rule["spared_months"], _setting("direction_months")
    figures = series.with_columns(
        before=events.rolling_sum(spared).shift(12).over(SERIES),
        year_value=events.rolling_sum(12).over(SERIES),
        newest=events.rolling_sum(recent).over(SERIES),
    )
    is_reached = (pl.col("before") <= rule["spared_most"]) & (pl.col("newest") > 0)
    state = (
        pl.when(pl.col("before").is_null() | pl.col("newest").is_null())
        .then(pl.lit(NOT_KNOWN))
        .when(is_reached & (pl.col("newest") >= rule["grave_least"]))
        .then(pl.lit(GRAVE))
        .when(is_reached)
        .then(pl.lit(RAISED))
        .otherwise(pl.lit(QUIET))
    )
    fact = pl.struct(
        country_code=pl.lit(None, pl.String),
        name=pl.col("before").cast(pl.Int64).cast(pl.String),
        kind=pl.lit("spared"),
        day="month_start",
        precision=pl.lit("month"),
        is_placed=pl.lit(True),
        is_easing=pl.lit(False),
    )
    regions = _by_month(figures.with_columns(state=state)).with_columns(
        value="newest",
        normal_value=pl.col("before") * recent / spared,
        normal_high_value=pl.lit(None, pl.Float64),
        facts=pl.when(pl.col("before") <= rule["spared_most"])
        .then(pl.concat_list(fact))
        .otherwise(pl.lit([], pl.List(FACT))),
    )
    reached_regions = (
        figures.with_columns(state=state)
        .join(places.filter(place_level="region"), on=PLACE)
        .with_columns(place_id="country_code", place_level=pl.lit("country"))
        .group_by(*SERIES, "month_start")
        .agg(value=pl.col("state").is_in([RAISED, GRAVE]).sum().cast(pl.Float64))
    )
    spread_rule = {"spread": {"raised_least": 1, "grave_least": rule["grave_least"]}}
    names = [*SERIES, "day", *FIGURES]
    return pl.concat(
        [regions.select(names), _counts(_with_area(reached_regions), spread_rule).select(names)]
    )


def _presence(
    presence: pl.DataFrame, places: pl.DataFrame, days: Sequence[date], rule: Mapping[str, Any]
) -> pl.DataFrame:
    """States of the newest figure on administrators; of a country and the area the lowest.

    An old figure is shown, its state is not known.
    """
    figures = presence.filter(pl.col("share_bound") != "lower").sort("observed_date")
    cadre = ["region_id", "cadre", "scope"]
    share = pl.col("presence_share")
    figures = figures.with_columns(
        before=share.shift(1).over(cadre),
        normal_value=(
            (share.cum_sum() - share).over("region_id", "cadre")
            / (share.cum_count() - 1).over("region_id", "cadre")
        ).fill_nan(None),  # the first figure has none before it
    )
    at = _days(days)
    newest_figures = (
        figures.join(at, how="cross")
        .filter(pl.col("observed_date") <= pl.col("day"))
        .with_columns(is_overall=pl.col("cadre").is_in(OVERALL))
        .sort(
            "observed_date", "is_part", "is_overall", "group_size_count", "presence_share",
            "observation_id", descending=[True, False, True, False, False, False],
        )
        .unique(["region_id", "day"], keep="first", maintain_order=True)
    )  # fmt: skip
    is_known = (pl.col("day") - pl.col("observed_date")).dt.total_days() <= rule["known_days"]
    regions = newest_figures.with_columns(
        is_known=is_known, place_level=pl.lit("region"), place_id=pl.col("region_id")
    ).join(places.filter(place_level="region"), on=PLACE)
    wider = [
        regions.with_columns(place_level=pl.lit(level), place_id=place)
        .sort(
            "is_known",
            "presence_share",
            "observed_date",
            "region_id",
            descending=[True, False, True, False],
        )
        .unique(["place_id", "day"], keep="first", maintain_order=True)
        .select(regions.columns)
        for level, place in (("country", pl.col("country_code")), (AREA, pl.lit(AREA)))
    ]
    rows = pl.concat([regions, *wider])
    state = (
        pl.when(~pl.col("is_known").fill_null(False))
        .then(pl.lit(NOT_KNOWN))
        .when(share <= rule["grave_at_most"])
        .then(pl.lit(GRAVE))
        .when(share <= rule["raised_at_most"])
        .then(pl.lit(RAISED))
        .otherwise(pl.lit(QUIET))
    )
    fact = pl.struct(
        "country_code", name="scope", kind="cadre", day="observed_date", precision="share_bound",
        is_placed=pl.lit(True), is_easing=pl.lit(False),
    )  # fmt: skip
    return (
        places.select(PLACE)
        .join(at, how="cross")
        .join(rows, on=[*PLACE, "day"], how="left", maintain_order="left")
        .with_columns(
            value=share,
            normal_high_value=pl.lit(None, pl.Float64),
            year_value=pl.lit(None, pl.Float64),
            state=state,
            direction=pl.when(pl.col("is_known")).then(
                pl.when(share < pl.col("before"))
                .then(pl.lit(WORSENING))
                .when(share > pl.col("before"))
                .then(pl.lit(EASING))
                .when(share == pl.col("before"))
                .then(pl.lit(STEADY))
            ),
            since_date=pl.when(pl.col("is_known")).then("observed_date"),
            figure_date="observed_date",
            signal_known_until_date="observed_date",
            facts=pl.when(share.is_not_null())
            .then(pl.concat_list(fact))
            .otherwise(pl.lit([], pl.List(FACT))),
        )
    )


def _acts(
    core: Mapping[str, pl.DataFrame],
    places: pl.DataFrame,
    days: Sequence[date],
    night: date,
    coups_until: date,
    rules: Mapping[str, Mapping[str, Any]],
) -> pl.DataFrame:
    """States of acts: measures, coups, votes put off, breaches, emergencies, forces leaving."""
    acts = []
    for signal, rule in rules.items():
        of_register = {
            "aid_suspensions": lambda rule=rule: _measures(core["suspension"], rule),
            "powell_thyne_coups": lambda rule=rule: _coups(core["coup"], rule),
            "governance_register": lambda rule=rule: _entries(core["register_entry"], rule),
        }[rule["register"]]()
        acts.append(of_register.with_columns(signal=pl.lit(signal)))
    at = _days(days)
    grid = pl.concat(
        _covered(core, places, at, coups_until, rule).with_columns(signal=pl.lit(signal))
        for signal, rule in rules.items()
    )
    act_counts, facts = _act_counts(_placed(pl.concat(acts, how="diagonal"), places), at, night)
    rows = grid.join(act_counts, on=[*SERIES, "day"], how="left", maintain_order="left").join(
        facts, on=[*SERIES, "day"], how="left", maintain_order="left"
    )
    in_force = pl.col("in_force").fill_null(0.0)
    state = (
        pl.when(pl.col("grave").fill_null(0) > 0)
        .then(pl.lit(GRAVE))
        .when(in_force > 0)
        .then(pl.lit(RAISED))
        .when(pl.col("elsewhere").fill_null(0) > 0)
        .then(pl.lit(NOT_KNOWN))
        .when(pl.col("is_covered"))
        .then(pl.lit(QUIET))
        .otherwise(pl.lit(NOT_KNOWN))
    )
    rows = rows.with_columns(state=state).with_columns(
        value=pl.when(pl.col("state") != NOT_KNOWN).then(in_force)
    )
    is_month = pl.col("day") != pl.lit(night)
    normal = rows.filter(is_month).group_by(SERIES).agg(
        normal_value=pl.when(pl.col("value").count() >= _setting("least_past_months"))
        .then(pl.col("value").mean())
    )  # fmt: skip
    balance = pl.col("balance").fill_null(0)
    return rows.join(normal, on=SERIES, how="left", maintain_order="left").with_columns(
        normal_high_value=pl.lit(None, pl.Float64),
        year_value=pl.lit(None, pl.Float64),
        direction=pl.when(pl.col("state") != NOT_KNOWN).then(
            pl.when(balance > 0)
            .then(pl.lit(WORSENING))
            .when(balance < 0)
            .then(pl.lit(EASING))
            .otherwise(pl.lit(STEADY))
        ),
        since_date=pl.coalesce("since_grave", "since_raised"),
        figure_date="newest",
        facts=pl.coalesce("facts", pl.lit([], pl.List(FACT))),
    )  # fmt: skip


def _act_counts(
    acts: pl.DataFrame, at: pl.DataFrame, night: date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Acts counted by place, signal and day, and those of the night as facts.

    Args:
        acts: As ``_placed``: an act a row and place.
        at: Days, as ``_days``.
        night: The last of them.

    Returns:
        ``in_force`` (acts in force here), ``elsewhere`` (in force in the country, where is not
        known), ``grave``, ``since_grave``, ``since_raised``, ``newest``, ``balance`` (acts that
        began less those that ended or eased, of the days that give the direction); and ``facts``:
        of the first kind of which there is any, acts in force here, in force elsewhere, easing
        ones made here, the last one here.
    """
    span = pl.duration(days=_setting("direction_days"))
    window = pl.duration(days="raised_days")
    is_begun = pl.col("begun") <= pl.col("day")
    is_in_force = (
        is_begun
        & (pl.col("ended").is_null() | (pl.col("ended") > pl.col("day")))
        & (
            (pl.col("raised_days") == 0)
            | pl.col("has_end")
            | (pl.col("begun") + window >= pl.col("day"))
        )
        & ~pl.col("is_easing")
    )
    is_new = pl.col("begun") + pl.duration(days="grave_days") >= pl.col("day")
    is_grave = is_in_force & is_new & pl.col("can_be_grave")
    begun = is_begun & (pl.col("begun") + span > pl.col("day"))
    has_ended = (pl.col("ended") <= pl.col("day")) & (pl.col("ended") + span > pl.col("day"))
    is_here = is_in_force & pl.col("is_placed")
    begun_acts = acts.join(at, how="cross").filter(is_begun)
    act_counts = begun_acts.group_by(*SERIES, "day").agg(
        in_force=is_here.sum().cast(pl.Float64),
        elsewhere=(is_in_force & ~pl.col("is_placed")).sum(),
        grave=(is_grave & pl.col("is_placed")).sum(),
        since_grave=pl.col("begun").filter(is_grave & pl.col("is_placed")).min(),
        since_raised=pl.col("begun").filter(is_here).min(),
        newest=pl.col("begun").filter(~pl.col("is_easing")).max(),
        balance=(begun & ~pl.col("is_easing")).sum().cast(pl.Int64)
        - (has_ended | (begun & pl.col("is_easing"))).fill_null(False).sum().cast(pl.Int64),
    )
    fact = pl.struct("country_code", "name", "kind", day="begun", precision="precision",
                     is_placed="is_placed", is_easing="is_easing")  # fmt: skip
    is_made = pl.col("is_easing") & pl.col("is_placed") & (pl.col("begun") + window >= night)
    facts = (
        begun_acts.filter(pl.col("day") == night)
        .sort("begun", "name", "kind", "country_code", descending=[True, False, False, False])
        .group_by(*SERIES, "day")
        .agg(
            here=fact.filter(is_here),
            elsewhere_facts=fact.filter(is_in_force),
            made=fact.filter(is_made),
            last=fact.filter(~pl.col("is_easing") & pl.col("is_placed")).head(1),
        )
        .select(*SERIES, "day", facts=_first_with_any("here", "elsewhere_facts", "made", "last"))
    )
    return act_counts, facts


def _first_with_any(*columns: str) -> pl.Expr:
    """The first of several lists that holds anything."""
    first = pl.col(columns[-1])
    for column in columns[-2::-1]:
        first = pl.when(pl.col(column).list.len() > 0).then(column).otherwise(first)
    return first


def _measures(suspensions: pl.DataFrame, rule: Mapping[str, Any]) -> pl.DataFrame:
    """Spells of measures against a country as acts; without a known end to the last word and on."""
    months = int(thresholds()["suspensions"]["presumed_open_months"])
    end = pl.coalesce("closed_date", pl.col("confirmed_date").dt.offset_by(f"{months}mo"))
    return _named(
        suspensions.filter(pl.col("measure_type").is_in(rule["kinds"])).select(
            country_code="country_code",
            region_id=pl.lit(None, pl.String),
            begun=pl.coalesce("opened_date", "confirmed_date"),
            ended=end,
            name="actor",
            kind="measure_type",
            precision=pl.coalesce("opened_precision", pl.lit("day")),
        ),
        rule,
    )


def _coups(coups: pl.DataFrame, rule: Mapping[str, Any]) -> pl.DataFrame:
    """Coups and attempts as acts."""
    return _named(
        coups.select(
            country_code="country_code",
            region_id=pl.lit(None, pl.String),
            begun="coup_date",
            ended=pl.lit(None, pl.Date),
            name=pl.lit(""),
            kind=pl.when("is_successful").then(pl.lit("coup")).otherwise(pl.lit("attempt")),
            precision=pl.lit("day"),
        ),
        rule,
    )


def _entries(entries: pl.DataFrame, rule: Mapping[str, Any]) -> pl.DataFrame:
    """Entries of the governance register as acts, with the day that another one ended them.

    An agreement that was seen to end counts as ended on that day.
    """
    of_register = entries.filter(pl.col("register").is_in(rule["series"].split(";")))
    columns = {
        "country_code": "country_code",
        "region_id": "region_id",
        "begun": "entry_date",
        "ended": "end_date",
        "name": "title",
        "kind": "entry_type",
        "precision": "entry_precision",
        "register": "register",
    }
    acts = of_register.select(**columns)
    if "ended" in rule["kinds"]:
        past = acts.filter(pl.col("ended").is_not_null()).with_columns(
            begun="ended", kind=pl.lit("ended"), precision=pl.lit("day")
        )
        acts = pl.concat([acts, past]).with_columns(ended=pl.lit(None, pl.Date))
    elif rule.get("ended_by"):
        acts = _ended_by(acts, rule["ended_by"])
    else:
        acts = acts.with_columns(ended=pl.lit(None, pl.Date))
    kinds = [*rule["kinds"], *rule.get("eased_by", ())]
    return _named(acts.filter(pl.col("kind").is_in(kinds)), rule)


def _ended_by(acts: pl.DataFrame, kinds: Sequence[str]) -> pl.DataFrame:
    """Acts with the first day of a later entry of these kinds in the country as their end.

    ``has_end``: whether an act says itself until when it holds.
    """
    ends = (
        acts.filter(pl.col("kind").is_in(kinds))
        .select("country_code", "begun", later="begun")
        .sort("begun")
    )
    rows = acts.sort("begun").join_asof(
        ends, on="begun", by="country_code", strategy="forward", allow_exact_matches=False,
        check_sortedness=False,
    )  # fmt: skip
    return rows.with_columns(
        has_end=pl.col("ended").is_not_null(), ended=pl.min_horizontal("ended", "later")
    ).drop("later")


def _named(acts: pl.DataFrame, rule: Mapping[str, Any]) -> pl.DataFrame:
    """Acts, with whether they can be grave and whether they are the other direction."""
    grave = rule["grave_kinds"] or rule["kinds"]
    if "has_end" not in acts.columns:
        acts = acts.with_columns(has_end=pl.lit(False))
    if "register" not in acts.columns:
        acts = acts.with_columns(register=pl.lit(rule["register"]))
    return acts.with_columns(
        can_be_grave=pl.col("kind").is_in(grave),
        is_easing=~pl.col("kind").is_in(rule["kinds"]),
        raised_days=pl.lit(rule["raised_days"]),
        grave_days=pl.lit(rule["grave_days"]),
    )


def _placed(acts: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """Acts at each place they count for.

    All count for their country and the area. Of the country's regions an act counts for
    those it names; one that names none for all. A local agreement that names none stands with
    all, not placed: whether it was of this region is not known.
    """
    is_local = (pl.col("register") == "local_agreement") & pl.col("region_id").is_null()
    own = acts.with_columns(place_id=pl.col("region_id").str.split(";")).explode("place_id")
    regions = places.filter(place_level="region").select("country_code", region="place_id")
    everywhere = (
        acts.filter(pl.col("region_id").is_null())
        .with_columns(is_placed=~is_local)
        .join(regions, on="country_code")
        .with_columns(place_id="region")
        .drop("region")
    )
    return pl.concat(
        [
            own.filter(pl.col("place_id").is_not_null()).with_columns(place_level=pl.lit("region")),
            everywhere.with_columns(place_level=pl.lit("region")),
            acts.with_columns(place_id="country_code", place_level=pl.lit("country")),
            acts.with_columns(place_id=pl.lit(AREA), place_level=pl.lit(AREA)),
        ],
        how="diagonal",
    ).with_columns(pl.col("is_placed").fill_null(True))


def _covered(
    core: Mapping[str, pl.DataFrame],
    places: pl.DataFrame,
    at: pl.DataFrame,
    coups_until: date,
    rule: Mapping[str, Any],
) -> pl.DataFrame:
    """Places and days, whether the register is kept for the whole window, and until when.

    A signal of several registers or measures is covered where all of them are, the area where
    all countries are. Of coups a country is that the list names at all: the embedded one holds
    sixteen.
    """
    codes = places.filter(place_level="country")["place_id"]
    if rule["register"] == "powell_thyne_coups":
        spells = (
            core["coup"]
            .select("country_code")
            .unique()
            .with_columns(
                series=pl.lit(""),
                kept_from=pl.lit(date(1950, 1, 1)),
                kept_until=pl.lit(coups_until),
            )
        )
    else:
        spells = coverage().filter(source=rule["register"])
    parts = rule["series"].split(";") if "series" in rule else rule["kinds"]
    window = pl.duration(days=rule["raised_days"])
    by_part = (
        codes.to_frame("country_code")
        .join(at, how="cross")
        .join(pl.DataFrame({"part": parts}), how="cross")
        .join(spells, on="country_code", how="left")
        .with_columns(
            is_of_part=((pl.col("series") == "") | (pl.col("series") == pl.col("part"))).fill_null(
                False
            )
        )
        .group_by("country_code", "day", "part")
        .agg(
            is_covered=(
                pl.col("is_of_part")
                & (pl.col("kept_from") <= pl.col("day") - window)
                & (pl.col("day") <= pl.col("kept_until"))
            )
            .fill_null(False)
            .any(),
            signal_known_until_date=pl.min_horizontal("kept_until", "day")
            .filter(pl.col("is_of_part") & pl.col("kept_until").is_not_null())
            .max(),
        )
    )
    of_all = (
        pl.col("is_covered").all(),
        pl.when(pl.col("signal_known_until_date").is_not_null().all())
        .then(pl.col("signal_known_until_date").min())
        .alias("signal_known_until_date"),
    )
    by_country = by_part.group_by("country_code", "day").agg(of_all)
    area = by_country.group_by("day").agg(of_all)
    return pl.concat(
        [
            places.filter(pl.col("place_level") != AREA)
            .join(at, how="cross")
            .join(by_country, on=["country_code", "day"], how="left", maintain_order="left"),
            places.filter(pl.col("place_level") == AREA)
            .join(at, how="cross")
            .join(area, on="day", how="left", maintain_order="left"),
        ]
    )


def _days(days: Iterable[date]) -> pl.DataFrame:
    return pl.DataFrame({"day": sorted(set(days))}, schema={"day": pl.Date})


def _with_places(newest: pl.DataFrame, places: pl.DataFrame, night: date) -> pl.DataFrame:
    """Rows of the board in its order, with unit, source and age."""
    rules = signal_rules()["signals"]
    order = {name: number for number, name in enumerate(rules)}
    units = {name: _unit(rule) for name, rule in rules.items()}
    sources = {
        name: rule.get("register", "admin_presence" if rule["rule"] == "presence" else "ucdp_ged")
        for name, rule in rules.items()
    }
    return (
        newest.join(places, on=PLACE, how="left")
        .with_columns(
            unit=pl.col("signal").replace_strict(units),
            source=pl.col("signal").replace_strict(sources),
            signal_known_until_date=pl.when(pl.col("signal_known_until_date") < pl.lit(night)).then(
                "signal_known_until_date"
            ),  # so that a row changes only when what it says does
            order=pl.col("signal").replace_strict(order),
        )
        .sort("place_level", "place_id", "order")
        .select(
            *PLACE, "country_code", "signal", "value", "unit", "normal_value",
            "normal_high_value", "year_value", "state", "direction", "since_date", "figure_date",
            "signal_known_until_date", "source", "facts",
        )
    )  # fmt: skip


def _unit(rule: Mapping[str, Any]) -> str:
    if rule["rule"] == "count":
        return "deaths / month" if "deaths" in rule["series"] else "events / month"
    return {"spread": "events / 3 months", "presence": "share 0-1", "acts": ACTS_UNIT}[rule["rule"]]
