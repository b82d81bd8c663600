"""The scorecard: the back-test's findings as tidy rows and as a page."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from config.registry import LEVELS, thresholds
from indicators.arrays import Array, Mask
from indicators.risk import alarms, models, scores
from indicators.risk.backtest import BASELINES, LEARNING_MONTHS, MODELS, BacktestResult
from indicators.risk.levels import level_of
from indicators.risk.panel import BLOCK_DAYS, block_sums
from indicators.risk.pool import MANY_DEATHS
from indicators.risk.vintages import Vintages

BUDGET = 0.1  # of region-months flagged, in the comparison of rules
REFERENCE = "conflictology"
SHOWN_MODELS = (*MODELS, "combined", *BASELINES)
CASES = ("MLI.sikasso", "MLI.kayes", "MLI.bamako")
CASE_NIGHTS = (date(2020, 7, 1), date(2022, 7, 31))
# Events in thirty days of the past year -> how the part is called.
VIOLENCE = {(0.0, 0.0): "no event in the past year", (0.0, 1.0): "up to one event in thirty days",
            (1.0, np.inf): "more than one event in thirty days"}  # fmt: skip
SKILLS = ("crps", "crps_above_10", "ignorance", "interval_score_90", "brier")
BINS = (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
COVERAGE = (0.5, 0.8, 0.95)


@dataclass(frozen=True)
class ScorecardTables:
    """All a scorecard tells.

    Attributes:
        rows: Tidy: target, part, horizon_months, model, measure, value, interval_low,
            interval_high.
        calibration: Chances said and shares that came, by target and bin.
        rules: One row a way of flagging: flagged, precision, recall, ...
        cases: Night by night, for the regions of ``CASES``.
    """

    rows: pl.DataFrame
    calibration: pl.DataFrame
    rules: pl.DataFrame
    cases: pl.DataFrame


def scorecard_tables(
    events: BacktestResult,
    deaths: BacktestResult,
    vintages: Vintages,
    without_gap: BacktestResult | None = None,
) -> ScorecardTables:
    """What the two back-tests (events, deaths) say.

    Args:
        events: Back-test of events.
        deaths: Back-test of deaths, on the same origins.
        vintages: What both rest on.
        without_gap: Events again, windows beginning right after the last day known.
    """
    ids = vintages.regions["region_id"].to_list()
    is_active = events.past_year > 0
    rows = [*_scores("events", events, is_active), *_scores("deaths", deaths, is_active)]
    for part, mask in _parts(events.past_year, ids):
        for target, result in (("events", events), ("deaths", deaths)):
            rows += _skills(target, part, result, mask)
    if without_gap:
        rows += _skills(
            "events", "windows from the last day known", without_gap, np.ones_like(is_active)
        )
    rows += _escalation(events)
    rows += outcomes_by_level(events.p_escalation, events.escalated)
    rows += _first_events(events)
    return ScorecardTables(
        rows=tidy_frame(rows),
        calibration=_calibration(events, deaths),
        rules=_rules(events, vintages, ids),
        cases=_cases(events, ids),
    )


def tidy_frame(rows: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    """Rows of ``ScorecardTables.rows`` as a frame."""
    schema = {
        **dict.fromkeys(("target", "part"), pl.String),
        "horizon_months": pl.Int64,
        **dict.fromkeys(("model", "measure"), pl.String),
        **dict.fromkeys(("value", "interval_low", "interval_high"), pl.Float64),
    }
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def _parts(past: Array, ids: Sequence[str]) -> Iterable[tuple[str, Mask]]:
    countries = np.array([name[:3] for name in ids])
    for country in np.unique(countries):
        yield str(country), np.broadcast_to(countries == country, past.shape)
    for (low, high), name in VIOLENCE.items():
        yield name, (past <= 0) if high == 0 else (past > low) & (past <= high)


def _skills(target: str, part: str, result: BacktestResult, mask: Mask) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for horizon, scored in result.by_horizon.items():
        by_model = scored.by_measure["crps"]
        reference = np.where(mask, by_model[REFERENCE], 0).sum(axis=1)
        own = np.where(mask, by_model["combined"], 0).sum(axis=1)
        if reference.sum() > 0:
            measure = scores.skill(own, reference)
            rows.append((target, part, horizon, "combined", "crps_skill", *measure))
    return rows


def _scores(target: str, result: BacktestResult, is_active: Mask) -> list[tuple[object, ...]]:
    """Scores over all regions; coverage and PIT too of those with an event in the past year."""
    rows: list[tuple[object, ...]] = []
    for horizon, scored in result.by_horizon.items():
        for name in SHOWN_MODELS:
            key = (target, "all", horizon, name)
            for measure, by_model in scored.by_measure.items():
                rows.append((*key, measure, float(by_model[name].mean()), None, None))
                if measure in SKILLS and name != REFERENCE:
                    pair = (by_model[name].sum(axis=1), by_model[REFERENCE].sum(axis=1))
                    rows.append((*key, f"{measure}_skill", *scores.skill(*pair)))
        everywhere = np.ones_like(is_active)
        for part, mask in (("all", everywhere), ("active in the past year", is_active)):
            pit = scored.pit["combined"][mask]
            key = (target, part, horizon, "combined")
            for share in COVERAGE:
                is_covered = np.abs(pit - 0.5) <= share / 2
                measure = f"covered_{100 * share:.0f}"
                rows.append((*key, measure, float(is_covered.mean()), None, None))
            tenths = np.histogram(pit, bins=10, range=(0, 1))[0] / max(pit.size, 1)
            rows += [(*key, f"pit_{n}", float(share), None, None) for n, share in enumerate(tenths)]
    return rows


def _escalation(result: BacktestResult) -> list[tuple[object, ...]]:
    p, came = result.p_escalation, result.escalated
    base = came.mean()
    drawn = scores.moving_block_bootstrap(len(p))[:400]
    kinds: dict[str, Callable[[Array, Mask], float]] = {
        "base_rate": lambda p, came: float(came.mean()),
        "auc": scores.auc,
        "average_precision": scores.average_precision,
        "average_precision_over_base_rate": lambda p, came: (
            scores.average_precision(p, came) / came.mean()
        ),
        "brier": lambda p, came: float(scores.brier(p, came).mean()),
        "brier_skill": lambda p, came: (
            1 - float(scores.brier(p, came).mean()) / float(came.mean() * (1 - came.mean()))
        ),
        "log_loss": lambda p, came: float(scores.log_loss(p, came).mean()),
        "came_over_said": lambda p, came: float(came.sum() / p.sum()),
    }
    rows: list[tuple[object, ...]] = []
    is_high = result.threshold > thresholds()["escalation"]["least_events"]
    for part, mask, said in (
        ("all", np.ones(p.shape, bool), p),
        ("all, before calibration", np.ones(p.shape, bool), result.p_uncalibrated),
        ("usually more than 1.5 events in ninety days", is_high, p),
    ):
        if not came[mask].any() or base == 0:
            continue
        for measure, body in kinds.items():
            again = [body(said[rows_][mask[rows_]], came[rows_][mask[rows_]]) for rows_ in drawn]
            low, high = np.quantile(again, [0.05, 0.95])
            value = body(said[mask], came[mask])
            rows.append(("escalation", part, 3, "combined", measure, value, low, high))
    return rows


def outcomes_by_level(p_escalation: Array, escalated: Mask) -> list[tuple[object, ...]]:
    """What a level is worth: region-months that had it, and how many of them escalated.

    Of level none, the latter are the escalations that no level foretold.

    Args:
        p_escalation: Origins x regions.
        escalated: Origins x regions, what came.

    Example:
        >>> rows = outcomes_by_level(np.array([[0.15, 0.4, 0.0]]), np.array([[False, True, True]]))
        >>> [(row[1], row[4], row[5]) for row in rows if row[5]]  # doctest: +NORMALIZE_WHITESPACE
        [('none', 'region_months', 1.0), ('none', 'escalated', 1.0),
         ('watch', 'region_months', 1.0),
         ('alarm', 'region_months', 1.0), ('alarm', 'escalated', 1.0)]
    """
    told = pl.DataFrame({"p": p_escalation.ravel(), "escalated": escalated.ravel()})
    levels = told.with_columns(level=level_of(pl.col("p")))
    rows: list[tuple[object, ...]] = []
    for level in LEVELS:
        had = levels.filter(level=level)
        key = ("level", level, 3, "combined")
        rows.append((*key, "region_months", float(had.height), None, None))
        rows.append((*key, "escalated", float(had["escalated"].sum()), None, None))
    return rows


def _first_events(result: BacktestResult) -> list[tuple[object, ...]]:
    """Chance of a first event in ninety days after a quiet year."""
    is_quiet = np.isfinite(result.p_first_event)
    if not is_quiet.any():
        return []
    said, came = result.p_first_event[is_quiet], (result.blocks_to_first_event > 0)[is_quiet]
    if not came.any():
        return []
    key = ("first_event", "quiet for a year", 3, "combined")
    return [
        (*key, "base_rate", float(came.mean()), None, None),
        (*key, "mean_forecast", float(said.mean()), None, None),
        (*key, "brier", float(scores.brier(said, came).mean()), None, None),
        (*key, "log_loss", float(scores.log_loss(said, came).mean()), None, None),
        (*key, "auc", scores.auc(said, came), None, None),
        (*key, "average_precision", scores.average_precision(said, came), None, None),
    ]


def _calibration(events: BacktestResult, deaths: BacktestResult) -> pl.DataFrame:
    """Chances said and shares that came, by target and bin of the chance."""
    is_quiet = np.isfinite(events.p_first_event)
    first = min(events.by_horizon)
    any_event, many = events.by_horizon[first], deaths.by_horizon[min(deaths.by_horizon)]
    targets = {
        "escalation": (events.p_escalation, events.escalated),
        "escalation, before calibration": (events.p_uncalibrated, events.escalated),
        "any event in thirty days": (any_event.probability, any_event.observed > 0),
        f"{MANY_DEATHS} deaths in thirty days": (many.probability, many.observed >= MANY_DEATHS),
        "first event in ninety days": (
            events.p_first_event[is_quiet], (events.blocks_to_first_event > 0)[is_quiet]
        ),
    }  # fmt: skip
    rows = []
    for target, (said, came) in targets.items():
        number = np.clip(np.digitize(said, BINS) - 1, 0, len(BINS) - 2)
        for k in np.unique(number):
            within = number == k
            rows.append(
                {
                    "chance_of": target,
                    "said": f"{BINS[k]:.0%} to {BINS[k + 1]:.0%}",
                    "cases": int(within.sum()),
                    "mean_said": float(said[within].mean()),
                    "came": float(came[within].mean()),
                }
            )
    return pl.DataFrame(rows)


def _rules(result: BacktestResult, vintages: Vintages, ids: Sequence[str]) -> pl.DataFrame:
    recent, usual = result.recent, 3 * result.past_year
    flags: dict[str, Mask] = {"P(escalation)": alarms.flag_top_share(result.p_escalation, BUDGET)}
    number = flags["P(escalation)"].mean()
    flags["events of the last ninety days"] = alarms.flag_top_share(recent, number)
    flags["their rise over the past year"] = alarms.flag_top_share(recent - usual, number)
    deaths = []
    for origin in result.origins:
        base = vintages.inputs(origin)
        whole = block_sums(base.deaths, base.regions + int(base.country.max()) + 1,
                           base.known_until, 37)  # fmt: skip
        deaths.append(whole[:, : base.regions])
    countries = np.array([name[:3] for name in ids])
    for months, label in ((12, "HDX Signals, the most in a year"), (36, "in three years")):
        by_region = [alarms.hdx_signals(d[-months - 1 :], months)[-1] for d in deaths]
        flags[f"{label}, by region"] = np.stack(by_region)
        of_country = [
            np.stack([d[:, countries == c].sum(axis=1) for c in countries], axis=1) for d in deaths
        ]
        by_country = [alarms.hdx_signals(d[-months - 1 :], months)[-1] for d in of_country]
        flags[f"{label}, by country"] = np.stack(by_country)
    for level in LEVELS[1:]:
        flags[f"level {level} or above"] = result.p_escalation >= thresholds()["levels"][level]
    return pl.DataFrame(
        [
            {
                "rule": rule,
                **vars(alarms.alarm_score(flag, result.escalated, result.blocks_to_threshold)),
            }
            for rule, flag in flags.items()
        ]
    )


def _cases(result: BacktestResult, ids: Sequence[str]) -> pl.DataFrame:
    rows = []
    for name in CASES:
        if name not in ids:
            continue
        region = ids.index(name)
        for number, origin in enumerate(result.origins):
            if not CASE_NIGHTS[0] <= origin.night <= CASE_NIGHTS[1]:
                continue
            p = result.p_escalation[number]
            drivers = result.drivers[number, region]
            rows.append(
                {
                    "region_id": name,
                    "night": origin.night,
                    "events": int(result.counts[number, region]),
                    "p_escalation": float(p[region]),
                    "rank": int((p > p[region]).sum()) + 1,
                    "driver": models.DRIVERS[int(np.nan_to_num(drivers).argmax())],
                    "expected_events": float(np.nansum(drivers)),
                    "came": bool(result.escalated[number, region]),
                }
            )
    frame = pl.DataFrame(rows, schema_overrides={"rank": pl.Int64})
    return frame.with_columns(level=level_of(pl.col("p_escalation"))) if rows else frame


def scorecard_page(
    found: ScorecardTables, nights: tuple[date, date], known_until: date, seconds: float
) -> str:
    """The scorecard as Markdown."""
    rows = found.rows
    lines = [
        "# Scorecard of the models\n",
        f"Written by `tocsin backtest`; do not edit. Nights {nights[0]} to {nights[1]}, one a "
        "month: the first on which the month before was wholly known. Each sees only what was "
        "known then; "
        f"windows are blocks of {BLOCK_DAYS} days that begin the day after the night; outcomes as "
        f"known on {known_until}. The pool's weight is learnt on the {LEARNING_MONTHS} months "
        "before and the nights since, on outcomes known by then; the chances of escalation use the "
        "weight of `config/thresholds.toml`. Skill is 1 - score / score of conflictology (the past "
        "twelve blocks, each equally likely, scored exactly); [90% interval] by block bootstrap "
        f"over nights. {seconds:.0f} s of computing.\n",
    ]
    for target in ("events", "deaths"):
        of_target = rows.filter(target=target, part="all")
        skill = of_target.filter(measure="crps_skill")
        lines += [f"## CRPS skill, {target}\n", *_by_horizon(skill, "model")]
        pool = of_target.filter(model="combined")
        skills = pool.filter(pl.col("measure").str.ends_with("_skill"))
        lines += [
            "",
            f"The pool's skill by each score, {target}:\n",
            *_by_horizon(skills, "measure"),
        ]
        means = pool.filter(pl.col("measure").is_in([*SKILLS, "bias"]))
        lines += ["", "Its mean scores:\n", *_by_horizon(means, "measure"), ""]
        active = rows.filter(target=target, part="active in the past year")
        for part, frame in (("among regions with an event in the past year", active),
                            ("among all", pool)):  # fmt: skip
            covered = frame.filter(pl.col("measure").str.starts_with("covered_"))
            lines += [f"Share within the central 50, 80 and 95% (randomised PIT), {part}:\n"]
            lines += [*_by_horizon(covered, "measure"), "", *_pit(frame)]
    parts = rows.filter(
        (pl.col("measure") == "crps_skill")
        & ~pl.col("part").is_in(["all", "windows from the last day known"])
    )
    for target in ("events", "deaths"):
        lines += [f"## Where the pool is better and worse: CRPS skill, {target}\n"]
        lines += [*_by_horizon(parts.filter(target=target), "part"), ""]
    without_gap = rows.filter(part="windows from the last day known")
    if without_gap.height:
        lines += [
            "## From the night, or from the last day known\n",
            "The same figures with windows that begin right after the last day known, as calendar "
            "months did: nearer by the twenty days that UCDP's figures are old.\n",
            *_by_horizon(without_gap, "part"),
            "",
        ]
    lines += [
        "## Candidate features\n",
        "Share of the self-exciting model's CRPS that one more feature saves; kept only if the "
        "whole interval is above zero at every horizon. Deaths and one-sided events are as known "
        "on each night; coups, suspensions and presence are those on file today, cut at the "
        "night.\n",
        *_by_horizon(rows.filter(measure="crps_gain"), "part"),
        "",
        "## What followed Mali's coups\n",
        "Events and deaths of the six months after, in times of what the country's own past "
        "foretold [90% interval]; one case each, whatever else happened then.\n",
        "| after | events | deaths |\n| --- | --- | --- |",
    ]
    ratios = rows.filter(measure="rate_ratio")
    for part in ratios["part"].unique(maintain_order=True):
        cells = [_ratio(row) for row in ratios.filter(part=part).iter_rows(named=True)]
        lines.append(f"| {part} | {' | '.join(cells)} |")
    lines += ["", "## Escalation\n", "| among | measure | value |", "| --- | --- | --- |"]
    lines += [
        f"| {r['part']} | {r['measure'].replace('_', ' ')} | {_number(r)} |"
        for r in rows.filter(target="escalation").iter_rows(named=True)
    ]
    lines += ["", "## Calibration\n", *_table(found.calibration)]
    lines += [
        "",
        "## First events after a quiet year\n",
        "Chance of at least one event in ninety days, in regions without any for a year.\n",
        "| by | measure | value |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| {r['model']} | {r['measure'].replace('_', ' ')} | {_number(r)} |"
        for r in rows.filter(target="first_event").iter_rows(named=True)
    ]
    lines += [
        "",
        "## Alarms\n",
        f"The first three flag the same number of region-months ({BUDGET:.0%}). An onset is an "
        "escalation after a night that was not followed by one; it is warned of if flagged on the "
        "night before the block in which it was reached; lead: months in an unbroken run up to "
        "then.\n",
        *_table(found.rules),
        "",
        "## Sikasso, Kayes and Bamako, night by night\n",
        "`events` of the last thirty days known.\n",
        *_table(found.cases),
    ]
    return "\n".join(lines) + "\n"


def _number(row: Mapping[str, float | None]) -> str:
    value, low, high = row["value"], row["interval_low"], row["interval_high"]
    if low is None or high is None:
        return f"{value:.3f}"
    return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"


def _ratio(row: Mapping[str, float]) -> str:
    return f"{row['value']:.2f} [{row['interval_low']:.2f}, {row['interval_high']:.2f}]"


def _by_horizon(rows: pl.DataFrame, by: str) -> list[str]:
    horizons = sorted(rows["horizon_months"].unique())
    lines = [
        f"| {by} | {' | '.join(f'h={horizon}' for horizon in horizons)} |",
        f"| --- {'| --- ' * len(horizons)}|",
    ]
    for name in rows[by].unique(maintain_order=True):
        told = {
            r["horizon_months"]: _number(r)
            for r in rows.filter(pl.col(by) == name).iter_rows(named=True)
        }
        lines.append(f"| {name} | {' | '.join(told.get(h, '-') for h in horizons)} |")
    return lines


def _pit(rows: pl.DataFrame) -> list[str]:
    pit = rows.filter(pl.col("measure").str.starts_with("pit_"))
    lines = []
    for horizon in sorted(pit["horizon_months"].unique()):
        shares = pit.filter(horizon_months=horizon)["value"]
        tenths = ", ".join(f"{share:.2f}" for share in shares)
        lines.append(f"PIT in tenths, h={horizon} (even: 0.10 each): {tenths}.\n")
    return lines


def _table(frame: pl.DataFrame) -> list[str]:
    def cell(value: object) -> str:
        return f"{value:.3f}" if isinstance(value, float) else str(value)

    return [
        f"| {' | '.join(name.replace('_', ' ') for name in frame.columns)} |",
        f"|{' --- |' * frame.width}",
        *(f"| {' | '.join(map(cell, row))} |" for row in frame.iter_rows()),
    ]
