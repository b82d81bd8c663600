"""Context of flags that is not in the model (docs/models.md), and their reason in words."""

from datetime import date

import polars as pl

from config.months import month_numbers
from config.registry import coverage
from config.vocabulary import MEASURES
from indicators.risk.delay import Completeness, nowcast_counts


def with_month(flags: pl.DataFrame, counts: pl.DataFrame, month: date) -> pl.DataFrame:
    """Flags with ``data_month`` and its ``events_count`` and ``deaths_best_count``.

    Args:
        flags: One row a region.
        counts: ``place_id``, ``month_start``, ``value`` (events) and ``deaths``.
        month: Newest month wholly known.
    """
    newest = counts.filter(month_start=month).select(
        region_id="place_id",
        data_month="month_start",
        events_count=pl.col("value").cast(pl.Int64),
        deaths_best_count=pl.col("deaths").cast(pl.Int64),
    )
    return flags.join(newest, on="region_id", how="left", maintain_order="left", validate="1:1")


def event_sources(name: str, others: pl.DataFrame) -> str:
    """Event sources that forecasts rest on, that of the events first.

    Args:
        name: Of the source of the events.
        others: ``source`` and ``why_not``; null: forecasts rest on it.

    Example:
        >>> others = pl.DataFrame({"source": ["fast", "slow"], "why_not": [None, "stale"]})
        >>> event_sources("ucdp_ged", others)
        'ucdp_ged; fast'
    """
    return "; ".join([name, *others.filter(pl.col("why_not").is_null())["source"]])


def context(
    flags: pl.DataFrame,
    series: pl.DataFrame,
    suspensions: pl.DataFrame,
    coups: pl.DataFrame,
    completeness: Completeness | None,
) -> pl.DataFrame:
    """Context of every region: presence, suspensions, coup, emergence, deaths, completeness.

    A figure that is not known is a row with a null value and says so in ``detail``.

    Args:
        flags: One row a region.
        series: Tidy indicators.
        suspensions: Core suspensions as known on the night.
        coups: Core coups as known on the night.
        completeness: How complete the newest month is; None: not known.
    """
    region = flags.select("region_id", "country_code", "as_of_date", "data_month")
    parts = (
        ("administrator_presence", "share 0-1", _presence(region, series)),
        ("aid_suspensions_open", "measures", _suspensions(region, suspensions)),
        ("days_since_coup", "days", _coups(region, coups)),
        ("emergence", "0 or 1", _emergence(region, series)),
        ("deaths_past12", "deaths", _deaths(region, series)),
        ("reporting_completeness", "share", _completeness(region, completeness)),
    )
    return pl.concat(
        part.select(
            "region_id",
            driver=pl.lit(name),
            value=pl.col("value").cast(pl.Float64),
            baseline=pl.lit(None, dtype=pl.Float64),
            contribution_events=pl.lit(None, dtype=pl.Float64),
            contribution_log=pl.lit(None, dtype=pl.Float64),
            unit=pl.lit(unit),
            detail=pl.col("detail"),
        )
        for name, unit, part in parts
    )


def _presence(region: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """Newest share of posts held, civil administrators' before other cadres', and its age."""
    newest = (
        series.filter(
            pl.col("indicator").str.ends_with("_presence_share") & pl.col("value").is_not_null()
        )
        .sort(
            pl.col("month_start"),
            pl.col("indicator") == "civil_administrators_presence_share",
            "indicator",
        )
        .group_by("place_id", maintain_order=True)
        .last()
    )
    months = month_numbers(pl.col("as_of_date")) - month_numbers(pl.col("month_start"))
    cadre = pl.col("indicator").str.strip_suffix("_presence_share").str.replace_all("_", " ")
    # The age stands before the notes: a share without its date would be taken for today's.
    figure = pl.concat_str(
        pl.format("{}, {}", cadre, pl.col("month_start").dt.strftime("%Y-%m")),
        pl.when(months > 0).then(pl.format(" ({} old)", _counted(months, "month"))),
        ignore_nulls=True,
    )
    figures = region.join(
        newest, left_on="region_id", right_on="place_id", how="left", maintain_order="left"
    )
    return figures.with_columns(
        detail=pl.when(pl.col("value").is_not_null())
        .then(pl.concat_str(figure, pl.col("note"), separator="; ", ignore_nulls=True))
        .otherwise(pl.lit("missing: no figure for this region"))
    )


def _suspensions(region: pl.DataFrame, suspensions: pl.DataFrame) -> pl.DataFrame:
    """Measures open against the region's country, each with its actor and since when."""
    open_measures = (
        suspensions.filter(
            (pl.col("status") == "open") & pl.col("measure_type").is_in(list(MEASURES))
        )
        .sort("opened_date", "actor", descending=[True, False])
        .with_columns(
            words=pl.format(
                "{} ({}, since {})",
                "actor",
                pl.col("measure_type").str.replace_all("_", " "),
                pl.when(pl.col("opened_precision") == "month")
                .then(pl.col("opened_date").dt.strftime("%Y-%m"))
                .otherwise(pl.col("opened_date").dt.strftime("%Y-%m-%d")),
            )
        )
        .group_by("country_code", maintain_order=True)
        .agg(value=pl.len(), detail=pl.col("words").str.join("; "))
    )
    periods = coverage().filter(source="aid_suspensions")
    with_register = region.join(periods, on="country_code").filter(
        pl.col("as_of_date").is_between("kept_from", "kept_until")
    )
    measures = region.join(open_measures, on="country_code", how="left", maintain_order="left")
    is_kept = pl.col("country_code").is_in(with_register["country_code"].unique().to_list())
    none = pl.when(is_kept).then(pl.lit("none on file"))
    return measures.with_columns(
        pl.when(is_kept).then(pl.col("value").fill_null(0)).otherwise("value").alias("value"),
        pl.coalesce(
            "detail", none.otherwise(pl.lit("missing: no register is kept for this time"))
        ).alias("detail"),
    )


def _coups(region: pl.DataFrame, coups: pl.DataFrame) -> pl.DataFrame:
    """Days since the last coup or attempt in the region's country."""
    last = (
        coups.sort("coup_date")
        .group_by("country_code", maintain_order=True)
        .last()
        .select("country_code", "coup_date", "is_successful")
    )
    return region.join(last, on="country_code", how="left", maintain_order="left").with_columns(
        value=(pl.col("as_of_date") - pl.col("coup_date")).dt.total_days(),
        detail=pl.format(
            "{} of {}",
            pl.when("is_successful").then(pl.lit("coup")).otherwise(pl.lit("failed coup")),
            pl.col("coup_date").dt.strftime("%Y-%m-%d"),
        ).fill_null("none on file"),
    )


def _emergence(region: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """Whether the newest month had the first events after a quiet year."""
    newest = series.filter(pl.col("indicator") == "emergence").select(
        region_id="place_id", data_month="month_start", value="value"
    )
    return region.join(
        newest, on=["region_id", "data_month"], how="left", maintain_order="left"
    ).with_columns(
        detail=pl.when(pl.col("value") == 1).then(
            pl.lit("first events after twelve months or more without any")
        )
    )


def _deaths(region: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """Deaths of the past twelve months."""
    year = (
        series.filter(
            (pl.col("indicator") == "deaths_best_count") & (pl.col("place_level") == "region")
        )
        .join(region.select("region_id", "data_month"), left_on="place_id", right_on="region_id")
        .filter(pl.col("month_start") > pl.col("data_month").dt.offset_by("-12mo"))
        .group_by(region_id="place_id")
        .agg(value=pl.col("value").sum())
    )
    return region.join(year, on="region_id", how="left", maintain_order="left").with_columns(
        detail=pl.lit("best estimate, past twelve months")
    )


def _completeness(region: pl.DataFrame, completeness: Completeness | None) -> pl.DataFrame:
    """Share of the newest month's events that is known by now."""
    if completeness is None:
        detail = "nothing is known: no month was followed by dated deliveries for long enough"
    else:
        low, high = completeness.interval
        detail = (
            f"of what is known {completeness.followed_months} months later; 80% interval "
            f"{low:.2f} to {high:.2f}"
        )
    share = None if completeness is None else completeness.share
    return region.with_columns(value=pl.lit(share, dtype=pl.Float64), detail=pl.lit(detail))


def with_correction(flags: pl.DataFrame, completeness: Completeness | None) -> pl.DataFrame:
    """Flags with the newest month's events as they will be known in the end; null: not known."""
    names = ("events_count_corrected", "events_count_corrected_low", "events_count_corrected_high")
    if completeness is None:
        return flags.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in names)
    nowcast = nowcast_counts(flags["events_count"].to_numpy().astype(float), completeness)
    return flags.with_columns(pl.Series(n, c) for n, c in zip(names, nowcast, strict=True))


def with_silence(flags: pl.DataFrame, nowcast: pl.DataFrame) -> pl.DataFrame:
    """Flags with ``p_unreported_event``: where no event is on file, the chance that one happened.

    Of a stale source the whole months since, of which nothing came, count as well.

    Args:
        flags: One row a region with ``data_month``.
        nowcast: Of the night.

    Example:
        >>> month = date(2021, 5, 1)
        >>> flags = pl.DataFrame({"region_id": ["MLI.gao", "MLI.kayes"], "data_month": [month] * 2})
        >>> nowcast = pl.DataFrame(
        ...     {"place_level": "region", "place_id": ["MLI.gao", "MLI.gao", "MLI.kayes"],
        ...      "month_start": [month, date(2021, 6, 1), month],
        ...      "p_unreported_event": [0.2, 0.5, None]}
        ... )
        >>> with_silence(flags, nowcast)["p_unreported_event"].to_list()
        [0.6, None]
    """
    months = nowcast.filter(place_level="region").join(
        flags.select(place_id="region_id", data_month="data_month"), on="place_id"
    )
    since = months.filter(pl.col("month_start") >= pl.col("data_month"))
    is_silent = pl.col("p_unreported_event").sort_by("month_start").first().is_not_null()
    chance = 1 - (1 - pl.col("p_unreported_event").drop_nulls()).product()
    silent = since.group_by(region_id="place_id").agg(
        p_unreported_event=pl.when(is_silent).then(chance)
    )
    return flags.join(silent, on="region_id", how="left", maintain_order="left", validate="1:1")


def with_rank(drivers: pl.DataFrame) -> pl.DataFrame:
    """Drivers with ``driver_rank``, in the order they stand in: the model's, then the context."""
    return drivers.with_columns(
        driver_rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("region_id")
    ).select(
        "region_id", "driver_rank", "driver", "value", "baseline", "contribution_events",
        "contribution_log", "unit", "detail",
    )  # fmt: skip


def _newest_events(events: pl.DataFrame) -> pl.DataFrame:
    """``newest_event`` of each region in words: day, place, deaths and actors."""
    return (
        events.filter(pl.col("region_id").is_not_null())
        .sort("event_date", "deaths_best_count", "event_id")
        .group_by("region_id", maintain_order=True)
        .last()
        .select(
            "region_id",
            newest_event=pl.format(
                "{}, {}, {}, {} against {}",
                pl.col("event_date").dt.strftime("%Y-%m-%d"),
                pl.coalesce("source_admin2_name", "source_admin1_name", pl.lit("place not named")),
                _counted(pl.col("deaths_best_count"), "death"),
                "actor_a",
                "actor_b",
            ),
        )
    )


def with_reason(flags: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Flags with ``newest_event`` and ``reason``: figures, baseline, forecast, in words.

    Args:
        flags: One row a region with its ``intensity``, without ``reason``.
        events: Core events as known on the night.
    """
    flags = flags.join(
        _newest_events(events), on="region_id", how="left", maintain_order="left"
    ).with_columns(pl.col("newest_event").fill_null("no event on file"))
    return flags.with_columns(
        reason=pl.format(
            "{} and {} in {} against {} events a month in the past twelve (newest: {}); "
            "{} and {} in those twelve months ({}); chance of escalation (at least {} events "
            "from {} to {}) {}%, {} {}% a month earlier",
            _counted(pl.col("events_count"), "event"),
            _counted(pl.col("deaths_best_count"), "death"),
            pl.col("data_month").dt.strftime("%Y-%m"),
            pl.col("events_past12_mean").round(2),
            "newest_event",
            _counted(pl.col("events_past12_count"), "event"),
            _counted(pl.col("deaths_past12_count"), "death"),
            pl.col("intensity").replace({"some": "some violence", "very_violent": "very violent"}),
            "escalation_threshold_count",
            pl.col("window_start_date").dt.strftime("%Y-%m-%d"),
            pl.col("window_end_date").dt.strftime("%Y-%m-%d"),
            per_cents(pl.col("p_escalation")),
            change_in_words(),
            per_cents(pl.col("p_escalation_before")),
        ),
    )


def per_cents(share: pl.Expr) -> pl.Expr:
    """A share in whole per cent."""
    return (share * 100).round(0).cast(pl.Int64)


def change_in_words() -> pl.Expr:
    """How the chance moved in a month, as far as it shows in whole per cents.

    Example:
        >>> chances = {"p_escalation": [0.2, 0.186, 0.1], "p_escalation_before": [0.15, 0.19, 0.2]}
        >>> pl.DataFrame(chances).select(change_in_words()).to_series().to_list()
        ['up from', 'unchanged from', 'down from']
    """
    now, before = per_cents(pl.col("p_escalation")), per_cents(pl.col("p_escalation_before"))
    return (
        pl.when(now > before)
        .then(pl.lit("up from"))
        .when(now < before)
        .then(pl.lit("down from"))
        .otherwise(pl.lit("unchanged from"))
    )


def _counted(number: pl.Expr, noun: str) -> pl.Expr:
    """A number with its noun, in the plural unless it is one."""
    word = pl.when(number == 1).then(pl.lit(noun)).otherwise(pl.lit(f"{noun}s"))
    return pl.format("{} {}", number, word)
