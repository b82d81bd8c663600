"""The nowcast on real releases: how often its intervals hold, and whether weights help a forecast.

    PYTHONPATH=tests:. python tests/benchmarks/nowcast.py GEDEvent_v26_0_1.csv \\
        GEDEvent_v26_01_26_03.csv data/warehouse.duckdb

January 2026 by country from its first release against the cumulative one: *own* with all that
``config/ucdp_revisions.csv`` says, the country's own January included; *others* without it, as for
a country that was never followed. Then February and March of each admin-1 unit (by UCDP's name)
from January: as first released, each event weighted by its chance to stay, and as it became. Last
silence: of the regions that GED 21.1 had no event of in a month of 2020, in how many 24.1 has one
(precise places), against the chance said without what became of that month; and one event in five
taken out of its region at random, as if it had been known to the country only.
"""

import sys
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import poisson

from config.registry import ucdp_revisions
from indicators.risk.nowcast import draw_month, month_events, nowcast
from indicators.risk.revisions import (
    NO_REVISIONS,
    code_status_group,
    event_weights,
    fit_link,
    with_declared,
)
from ucdp_revisions import of_period, release
from warehouse.connect import warehouse
from warehouse.core import build_core
from warehouse.query import table_frame

JANUARY = date(2026, 1, 1)
LINK = "first_to_cumulative"
NAMED = ("MLI", "BFA", "NER", "NGA", "SDN", "UKR", "COL", "ETH", "COD", "SOM", "ISR", "MEX", "CMR")
BINS = (0.0, 0.01, 0.05, 0.2)
SHOWN = pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=180, float_precision=3)


def interval_row(first: pl.DataFrame, later: pl.DataFrame, code: str, kind: str) -> dict:
    """A country's January: on file, expected, bounds, what it became."""
    revisions = with_declared(NO_REVISIONS, ucdp_revisions())
    if kind == "others":
        revisions = revisions.filter(pl.col("country_code") != code)
    model = fit_link(revisions, LINK)
    ours = first.filter(country_code=code).with_columns(region_id=pl.lit(None, pl.String))
    on_file = month_events(ours, JANUARY, [code], {code: 0})
    drawn = draw_month(
        on_file, model, np.zeros(1, int), [code], None, 0, np.random.default_rng(1), 4000
    )
    row = {"country": code, "from": kind, "events": ours.height}
    row["flagged"] = ours.filter(code_status_group() != "clear").height
    became = later.filter(country_code=code)
    outcome = {"events": became.height, "deaths": became["deaths_best_count"].sum()}
    row["deaths"] = ours["deaths_best_count"].sum()
    for target, draws in (("events", drawn.events[0]), ("deaths", drawn.deaths[0])):
        q05, q10, q90, q95 = np.quantile(draws, [0.05, 0.1, 0.9, 0.95], method="inverted_cdf")
        row |= {
            f"{target}_mean": draws.mean(),
            f"{target}_80": f"{q10:.0f}-{q90:.0f}",
            f"{target}_became": outcome[target],
            f"{target}_in_80": bool(np.round(q10) <= outcome[target] <= np.round(q90)),
            f"{target}_in_90": bool(np.round(q05) <= outcome[target] <= np.round(q95)),
        }
    return row


def deviance(mean: np.ndarray, count: np.ndarray) -> float:
    """Poisson deviance a unit."""
    return float(
        2 * (poisson.logpmf(count, np.maximum(count, 1e-12)) - poisson.logpmf(count, mean)).mean()
    )


def weights_help(first: pl.DataFrame, later: pl.DataFrame) -> pl.DataFrame:
    """Deviance of February and March by unit, forecast from January in three forms.

    mu = a + b x, fitted on all countries but the unit's own.
    """
    unit = ("country_code", "adm_1")
    january = of_period(later, JANUARY, "1mo")
    model_of = {
        code: fit_link(
            with_declared(NO_REVISIONS, ucdp_revisions()).filter(pl.col("country_code") != code),
            LINK,
        )
        for code in first["country_code"].unique().sort()
    }
    weighted = pl.concat(
        part.with_columns(weight=event_weights(part, model_of[part["country_code"][0]]))
        for part in first.partition_by("country_code", maintain_order=True)
    )
    forms = {
        "as first released": first.group_by(unit).agg(x=pl.len().cast(pl.Float64)),
        "weighted": weighted.group_by(unit).agg(x=pl.col("weight").sum()),
        "Clear alone": first.filter(code_status_group() == "clear")
        .group_by(unit).agg(x=pl.len().cast(pl.Float64)),
        "as it became": january.group_by(unit).agg(x=pl.len().cast(pl.Float64)),
    }  # fmt: skip
    units = later.select(unit).unique().sort(unit)
    rows = []
    for month in (2, 3):
        came = of_period(later, date(2026, month, 1), "1mo").group_by(unit).agg(y=pl.len())
        for form, x in forms.items():
            table = (
                units.join(x, on=unit, how="left", nulls_equal=True)
                .join(came, on=unit, how="left", nulls_equal=True)
                .with_columns(pl.col("x", "y").fill_null(0))
                .sort(unit)
            )
            x_y = table.select("x", "y").to_numpy().astype(float)
            country = table["country_code"].to_numpy()
            mean = np.empty(len(x_y))
            for code in np.unique(country):
                other = country != code
                design = np.column_stack([np.ones(other.sum()), x_y[other, 0]])
                b = np.array([1.0, 0.5])
                for _ in range(30):
                    w = 1 / np.maximum(design @ b, 0.02)
                    b = np.maximum(
                        np.linalg.solve((design.T * w) @ design, (design.T * w) @ x_y[other, 1]),
                        1e-3,
                    )
                mean[~other] = b[0] + b[1] * x_y[~other, 0]
            rows.append(
                {
                    "month": month,
                    "form": form,
                    "units": len(x_y),
                    "deviance": deviance(mean, x_y[:, 1]),
                    "mean absolute error": float(np.abs(mean - x_y[:, 1]).mean()),
                }
            )
    return pl.DataFrame(rows)


def silence(path: str) -> pl.DataFrame:
    """Chances of silent regions in 2020 by bin: said, and how often 24.1 has an event there."""
    with warehouse(Path(path)) as con:
        build_core(con, date(2024, 7, 15))
        versions, regions = (table_frame(con, f"core.{n}") for n in ("event_version", "region"))
    precise = versions.filter(pl.col("where_prec") <= 2)
    before, after = (
        precise.filter(
            (pl.col("known_from") < at)
            & (pl.col("known_to").is_null() | (pl.col("known_to") >= at))
        )
        for at in (datetime(2024, 6, 29), datetime(2024, 7, 14))
    )
    months = pl.date_range(date(2010, 1, 1), date(2020, 12, 1), "1mo", eager=True)
    grid = regions.select(place_id="region_id").join(
        months.alias("month_start").to_frame(), how="cross"
    )

    def counts(events: pl.DataFrame) -> pl.DataFrame:
        by_month = events.group_by(
            place_id="region_id", month_start=pl.col("event_date").dt.month_start()
        ).agg(value=pl.len())
        return grid.join(by_month, on=["place_id", "month_start"], how="left").fill_null(0)

    declared = with_declared(NO_REVISIONS, ucdp_revisions())
    rng = np.random.default_rng(4)
    is_silenced = pl.Series(rng.random(after.height) < 1 / 5)
    trials = {
        "21.1 to 24.1": (before, after),
        "unplaced": (
            after.with_columns(region_id=pl.when(~is_silenced).then("region_id")),
            after,
        ),
    }
    parts = []
    for trial, (known, truth) in trials.items():
        for month in months[-12:]:
            others = declared.filter(
                (pl.col("period_start") != month) | (pl.col("link") != "yearly_to_later")
            )
            if trial == "unplaced":  # nothing is added or lost but the places
                others = others.with_columns(
                    events_kept_count="events_before_count", events_added_count=pl.lit(0, pl.Int64)
                )
            on_file = counts(known).filter(pl.col("month_start") <= month)
            table = nowcast(known, on_file, regions, {month: "yearly"}, others)
            came = (
                counts(truth).filter(month_start=month).select("place_id", came=pl.col("value") > 0)
            )
            parts.append(
                table.drop_nulls("p_unreported_event")
                .select("place_id", chance="p_unreported_event", trial=pl.lit(trial))
                .join(came, on="place_id")
            )
    rows = pl.concat(parts).with_columns(
        bin=pl.lit("from ")
        + pl.max_horizontal(*((pl.col("chance") >= b).cast(float) * b for b in BINS)).cast(str),
        constant=pl.col("came").mean().over("trial"),
    )
    total = rows.group_by("trial").agg(
        bin=pl.lit("all"), silent=pl.len(), said=pl.col("chance").mean(),
        came=pl.col("came").mean(), said_count=pl.col("chance").sum(),
        came_count=pl.col("came").sum(),
        brier=(pl.col("chance") - pl.col("came").cast(float)).pow(2).mean(),
        brier_constant=(pl.col("constant") - pl.col("came").cast(float)).pow(2).mean(),
    )  # fmt: skip
    bins = rows.group_by("trial", "bin").agg(
        silent=pl.len(), said=pl.col("chance").mean(), came=pl.col("came").mean(),
        said_count=pl.col("chance").sum(),
        came_count=pl.col("came").sum(),
    )  # fmt: skip
    return pl.concat([bins, total], how="diagonal").sort("trial", "bin")


def main(first_path: str, later_path: str, warehouse_path: str) -> None:
    """Print the tables."""
    first, later = release(first_path), release(later_path)
    first = of_period(first, JANUARY, "1mo")
    january = of_period(later, JANUARY, "1mo")
    table = pl.DataFrame(
        [
            interval_row(first, january, code, kind)
            for code in first["country_code"].unique().sort()
            for kind in ("own", "others")
        ]
    )
    with SHOWN:
        print(table.filter(pl.col("country").is_in(NAMED)))
        coverages = [name for name in table.columns if "_in_" in name]
        print(table.group_by("from").agg(pl.len(), pl.col(coverages).mean()))
        print(
            table.filter(pl.col("events") >= 5)
            .group_by("from")
            .agg(pl.len(), pl.col(coverages).mean())
        )
        print(weights_help(first, later))
        print(silence(warehouse_path))


if __name__ == "__main__":
    main(*sys.argv[1:])
