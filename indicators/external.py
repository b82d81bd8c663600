"""What live sources count themselves: ACLED by way of HDX or of an account, FTS."""

from functools import partial

import polars as pl

from config.registry import Indicator
from indicators.violence import PLACE_MONTH


def external_series(external: pl.DataFrame, series: str) -> pl.DataFrame:
    """A series as its source counts it; months it does not cover have no row.

    Args:
        external: ``series``, ``place_id``, ``month_start``, ``value``, of months that had
            ended when they were fetched.
        series: Which one.
    """
    return external.filter(pl.col("series") == series).select(*PLACE_MONTH, "value")


def _indicator(name: str, source: str, unit: str, summary: str, level: str = "region") -> Indicator:
    return Indicator(
        name=name,
        version=1,
        compute=partial(external_series, series=name),
        place_level=level,
        unit=unit,
        rises_mean="worse" if level == "region" else "better",
        reads=("external",),
        sources=(source,),
        summary=summary,
    )


EXTERNAL = (
    _indicator(
        "acled_political_violence_events",
        "hapi_conflict",
        "events / month",
        "Political violence as ACLED counts it, by way of HDX HAPI.",
    ),
    _indicator(
        "acled_political_violence_fatalities",
        "hapi_conflict",
        "deaths / month",
        "Deaths of political violence as ACLED counts them, by way of HDX HAPI.",
    ),
    _indicator(
        "acled_civilian_targeting_events",
        "hapi_conflict",
        "events / month",
        "Events that target civilians, a part of political violence (ACLED, HDX HAPI).",
    ),
    _indicator(
        "acled_demonstration_events",
        "hapi_conflict",
        "events / month",
        "Demonstrations as ACLED counts them, by way of HDX HAPI.",
    ),
    _indicator(
        "acled_events",
        "acled_events",
        "events / month",
        "Battles, explosions and violence against civilians, from an ACLED account.",
    ),
    _indicator(
        "acled_fatalities",
        "acled_events",
        "deaths / month",
        "Deaths of these events, from an ACLED account.",
    ),
    _indicator(
        "fts_new_funding_usd",
        "fts_flows",
        "US dollars / month",
        "New humanitarian money committed or paid to the country alone (OCHA FTS).",
        level="country",
    ),
)
