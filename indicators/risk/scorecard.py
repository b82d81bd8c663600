"""The scorecard: the back-test's findings as tidy rows and as a page."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from config.registry import LEVELS, thresholds
from indicators.risk import alarms, models, scores
from indicators.risk.assess import level_of
from indicators.risk.backtest import BASELINES, LEARNING_MONTHS, MODELS, Replay, Result
from indicators.risk.panel import Array, Mask

BUDGET = 0.1  # of region-months flagged, in the comparison of rules
REFERENCE = "conflictology"
TOLD = (*MODELS, "combined", *BASELINES)
CASES = ("MLI.sikasso", "MLI.kayes", "MLI.bamako")
CASE_MONTHS = (date(2020, 6, 1), date(2022, 6, 1))
# Events a month in the past year -> how the part is called.
VIOLENCE = {(0.0, 0.0): "no event in the past year", (0.0, 1.0): "up to one event a month",
            (1.0, np.inf): "more than one event a month"}  # fmt: skip


@dataclass(frozen=True)
class Findings:
    """All a scorecard tells.

    Attributes:
        rows: Tidy: target, part, horizon_months, model, measure, value, interval_low,
            interval_high.
        calibration: Forecast and observed share of escalations, by bins of the forecast.
        rules: One row a way of flagging: flagged, precision, recall, ...
        cases: Month by month, for the regions of ``CASES``.
    """

    rows: pl.DataFrame
    calibration: pl.DataFrame
    rules: pl.DataFrame
    cases: pl.DataFrame


def findings(
    events: Result,
    deaths: Result,
    replay: Replay,
    deaths_replay: Replay,
    ids: Sequence[str],
    first_month: date,
) -> Findings:
    """What the two back-tests (events, deaths) say.

    Args:
        events: Back-test of events.
        deaths: Back-test of deaths, on the same origins.
        replay: What the first rests on.
        deaths_replay: What the second rests on.
        ids: Region ids, the columns of every array.
        first_month: What the first row of the counts is about.
    """
    past = np.stack([replay.panel(int(o)).counts[-12:].mean(axis=0) for o in events.origins])
    rows = [
        *_scores("events", events, past > 0, "p_any_event_brier"),
        *_scores("deaths", deaths, past > 0, "p_25_deaths_brier"),
    ]
    for part, mask in _parts(past, ids):
        rows += _skills("events", part, events, mask)
    rows += _escalation(events)
    rows += by_level(events.p_escalation, events.escalated)
    rows += _first_events(events)
    return Findings(
        rows=tidy(rows),
        calibration=_calibration(events),
        rules=_rules(events, replay, deaths_replay, ids),
        cases=_cases(events, replay, ids, month_number(first_month)),
    )


def tidy(rows: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    """Rows of ``Findings.rows`` as a frame."""
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


def _skills(target: str, part: str, result: Result, mask: Mask) -> list[tuple[object, ...]]:
    told: list[tuple[object, ...]] = []
    for horizon, scored in result.by_horizon.items():
        reference = np.where(mask, scored.crps[REFERENCE], 0).sum(axis=1)
        own = np.where(mask, scored.crps["combined"], 0).sum(axis=1)
        if reference.sum() > 0:
            measure = scores.skill(own, reference)
            told.append((target, part, horizon, "combined", "crps_skill", *measure))
    return told


def _scores(target: str, result: Result, active: Mask, brier: str) -> list[tuple[object, ...]]:
    """Scores over all regions; coverage and PIT of those with an event in the past year."""
    told: list[tuple[object, ...]] = []
    for horizon, scored in result.by_horizon.items():
        for name in TOLD:
            key = (target, "all", horizon, name)
            told.append((*key, "crps", float(scored.crps[name].mean()), None, None))
            told.append((*key, "log_score", float(scored.log[name].mean()), None, None))
            told.append((*key, brier, float(scored.brier[name].mean()), None, None))
            if name != REFERENCE:
                pair = (scored.crps[name].sum(axis=1), scored.crps[REFERENCE].sum(axis=1))
                told.append((*key, "crps_skill", *scores.skill(*pair)))
            for share, held in scored.covered.items():
                measure = f"covered_{share:.0%}".replace("%", "")
                told.append((*key, measure, float(held[name][active].mean()), None, None))
        pit = np.histogram(scored.pit["combined"][active], bins=10, range=(0, 1))[0]
        told += [
            (target, "all", horizon, "combined", f"pit_{n}", float(share), None, None)
            for n, share in enumerate(pit / pit.sum())
        ]
    return told


def _escalation(result: Result) -> list[tuple[object, ...]]:
    p, came = result.p_escalation, result.escalated
    base = came.mean()
    drawn = scores.resamples(len(p))[:400]
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
    }
    told: list[tuple[object, ...]] = []
    active = result.threshold > thresholds()["escalation"]["least_events"]
    for part, mask in (
        ("all", np.ones(p.shape, bool)),
        ("usually more than 1.5 events in three months", active),
    ):
        if not came[mask].any() or base == 0:
            continue
        for measure, body in kinds.items():
            again = [body(p[rows][mask[rows]], came[rows][mask[rows]]) for rows in drawn]
            low, high = np.quantile(again, [0.05, 0.95])
            value = body(p[mask], came[mask])
            told.append(("escalation", part, 3, "combined", measure, value, low, high))
    return told


def by_level(p_escalation: Array, escalated: Mask) -> list[tuple[object, ...]]:
    """What a level is worth: region-months that had it, and how many of them escalated.

    Of level none, the latter are the escalations that no level foretold.

    Args:
        p_escalation: Origins x regions.
        escalated: Origins x regions, what came.

    Example:
        >>> rows = by_level(np.array([[0.09, 0.3, 0.0]]), np.array([[False, True, True]]))
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


def _first_events(result: Result) -> list[tuple[object, ...]]:
    """Chance of a first event after a quiet year: the pool beside the shrunk rates."""
    quiet = np.isfinite(result.p_first_shrunk)
    if not quiet.any():
        return []
    came, count = np.where(quiet, result.began, 0.0), quiet.sum()
    told: list[tuple[object, ...]] = [
        ("first_event", "quiet for a year", None, "all", "base_rate",
         float(came.sum() / count), None, None),
    ]  # fmt: skip
    missed = {}
    for name, p in (("combined", result.p_first), ("gamma_poisson", result.p_first_shrunk)):
        key = ("first_event", "quiet for a year", None, name)
        held, said = result.began[quiet], p[quiet]
        missed[name] = np.where(quiet, (np.nan_to_num(p) - came) ** 2, 0).sum(axis=1)
        log = -np.log(np.maximum(np.where(held, said, 1 - said), scores.LEAST_PROBABILITY))
        told += [
            (*key, "mean_forecast", float(said.mean()), None, None),
            (*key, "brier", float(missed[name].sum() / count), None, None),
            (*key, "log_score", float(log.mean()), None, None),
            (*key, "auc", scores.auc(said, held), None, None),
            (*key, "average_precision", scores.average_precision(said, held), None, None),
        ]
    gain = scores.skill(missed["gamma_poisson"], missed["combined"])
    return [*told, ("first_event", "quiet for a year", None, "gamma_poisson", "brier_gain", *gain)]


def _calibration(result: Result) -> pl.DataFrame:
    edges = [0, 0.01, 0.02, 0.05, *(thresholds()["levels"].values()), 1.0]
    p, came = result.p_escalation.ravel(), result.escalated.ravel()
    place = np.clip(np.digitize(p, edges) - 1, 0, len(edges) - 2)
    return pl.DataFrame(
        [
            {
                "forecast": f"{edges[k]:.0%} to {edges[k + 1]:.0%}",
                "region_months": int((place == k).sum()),
                "mean_forecast": float(p[place == k].mean()),
                "came": float(came[place == k].mean()),
            }
            for k in range(len(edges) - 1)
            if (place == k).any()
        ]
    )


def _rules(
    result: Result, replay: Replay, deaths_replay: Replay, ids: Sequence[str]
) -> pl.DataFrame:
    origins = [int(o) for o in result.origins]
    panels = [replay.panel(o).counts for o in origins]
    recent = np.stack([counts[-3:].sum(axis=0) for counts in panels])
    usual = np.stack([3 * counts[-12:].mean(axis=0) for counts in panels])
    reached = _reached(result, replay)
    flags: dict[str, Mask] = {"P(escalation)": alarms.at_budget(result.p_escalation, BUDGET)}
    number = flags["P(escalation)"].mean()
    flags["events of the last three months"] = alarms.at_budget(recent, number)
    flags["their rise over the past year"] = alarms.at_budget(recent - usual, number)
    deaths = [deaths_replay.panel(o).counts for o in origins]
    countries = np.array([name[:3] for name in ids])
    for months, label in ((12, "HDX Signals, the most in a year"), (36, "in three years")):
        by_region = [alarms.hdx_signals(d[-months - 1 :], months)[-1] for d in deaths]
        flags[f"{label}, by region"] = np.stack(by_region)
        of_country = [
            np.stack([d[:, countries == c].sum(axis=1) for c in countries], axis=1) for d in deaths
        ]
        by_country = [alarms.hdx_signals(d[-months - 1 :], months)[-1] for d in of_country]
        flags[f"{label}, by country"] = np.stack(by_country)
    for level in ("watch", "warning", "alarm"):
        flags[f"level {level} or above"] = result.p_escalation >= thresholds()["levels"][level]
    return pl.DataFrame(
        [
            {"rule": rule, **vars(alarms.alarm_score(flag, result.escalated, reached))}
            for rule, flag in flags.items()
        ]
    )


def _reached(result: Result, replay: Replay) -> Array:
    """Months after the origin in which the escalation's threshold was reached (else 0)."""
    window = int(thresholds()["escalation"]["months"])
    ahead = np.stack([replay.truth[o + 1 : o + 1 + window] for o in result.origins])
    reached = np.cumsum(ahead, axis=1) >= result.threshold[:, None]
    return np.asarray(np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, 0))


def _cases(result: Result, replay: Replay, ids: Sequence[str], begins: int) -> pl.DataFrame:
    rows = []
    for name in CASES:
        if name not in ids:
            continue
        region = ids.index(name)
        for number, origin in enumerate(int(o) for o in result.origins):
            month = month_start(begins + origin)
            if not CASE_MONTHS[0] <= month <= CASE_MONTHS[1]:
                continue
            p = result.p_escalation[number]
            drivers = result.drivers[number, region]
            rows.append(
                {
                    "region_id": name,
                    "month": month,
                    "events": int(replay.panel(origin).counts[-1, region]),
                    "p_escalation": float(p[region]),
                    "rank": int((p > p[region]).sum()) + 1,
                    "driver": models.DRIVERS[int(drivers.argmax())],
                    "expected_events": float(drivers.sum()),
                    "came": bool(result.escalated[number, region]),
                }
            )
    frame = pl.DataFrame(rows, schema_overrides={"rank": pl.Int64})
    return frame.with_columns(level=level_of(pl.col("p_escalation"))) if rows else frame


def month_number(month: date) -> int:
    """Months since January of the year 0.

    Example:
        >>> month_start(month_number(date(2021, 5, 1)))
        datetime.date(2021, 5, 1)
    """
    return month.year * 12 + month.month - 1


def month_start(number: int) -> date:
    """First day of a month by its number."""
    return date(number // 12, number % 12 + 1, 1)


def page(found: Findings, origins: tuple[date, date], known_until: date, seconds: float) -> str:
    """The scorecard as Markdown."""
    skill = found.rows.filter(pl.col("measure") == "crps_skill")
    lines = [
        "# Scorecard of the models\n",
        f"Written by `tocsin backtest`; do not edit. Origins {origins[0]:%Y-%m} to "
        f"{origins[1]:%Y-%m}, each seeing only what was known on the night its month became "
        f"whole; outcomes as known on {known_until}; weights of the pool learnt on the "
        f"{LEARNING_MONTHS} months before and the origins since, on outcomes known by then. "
        f"Skill is 1 - CRPS / CRPS of conflictology (the past twelve months); [90% interval] by "
        f"block bootstrap over origins. {seconds:.0f} s of computing.\n",
    ]
    for target in ("events", "deaths"):
        of_target = skill.filter(target=target, part="all")
        lines += [f"## CRPS skill, {target}\n", *_by_horizon(of_target, "model")]
        measured = found.rows.filter(target=target, part="all", model="combined")
        lines += [
            "",
            f"The pool's other measures, {target} (coverage and PIT: regions with an event in "
            "the past year):\n",
            *_measures(measured),
        ]
    parts = skill.filter((pl.col("target") == "events") & (pl.col("part") != "all"))
    lines += ["", "## Where the pool is better and worse: CRPS skill, events\n"]
    lines += _by_horizon(parts, "part")
    lines += [
        "",
        "## Candidate features\n",
        "Share of the self-exciting model's CRPS that one more feature saves; kept only if the "
        "whole interval is above zero at every horizon.\n",
        *_by_horizon(found.rows.filter(measure="crps_gain"), "part"),
        "",
        "## What followed Mali's coups\n",
        "Events and deaths of the six months after, in times of what the country's own past "
        "foretold [90% interval]; one case each, whatever else happened then.\n",
        "| after | events | deaths |\n| --- | --- | --- |",
    ]
    ratios = found.rows.filter(measure="rate_ratio")
    for part in ratios["part"].unique(maintain_order=True):
        told = [_ratio(row) for row in ratios.filter(part=part).iter_rows(named=True)]
        lines.append(f"| {part} | {' | '.join(told)} |")
    lines += ["", "## Escalation\n", "| among | measure | value |", "| --- | --- | --- |"]
    lines += [
        f"| {r['part']} | {r['measure'].replace('_', ' ')} | {_number(r)} |"
        for r in found.rows.filter(target="escalation").iter_rows(named=True)
    ]
    lines += ["", "Calibration:\n", *_table(found.calibration)]
    lines += [
        "",
        "## First events after a quiet year\n",
        "Chance of at least one event in three months, in regions without any for twelve: the "
        "pool's, and the gamma-Poisson rate that stands beside it as evidence (`p_first_event`). "
        "Levels rest on the pool; `brier gain` is what the shrunk rate would save of its Brier "
        "score.\n",
        "| by | measure | value |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| {r['model']} | {r['measure'].replace('_', ' ')} | {_number(r)} |"
        for r in found.rows.filter(target="first_event").iter_rows(named=True)
    ]
    lines += [
        "",
        "## Alarms\n",
        f"The first three flag the same number of region-months ({BUDGET:.0%}). An onset is an "
        "escalation after a month that was not one; it is warned of if flagged in the month "
        "before it was reached; lead: months in an unbroken run up to then.\n",
        *_table(found.rules),
        "",
        "## Sikasso, Kayes and Bamako, month by month\n",
        "What the night after the month would have said (combined, three months ahead).\n",
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


def _measures(rows: pl.DataFrame) -> list[str]:
    wide = rows.filter(
        ~pl.col("measure").str.starts_with("pit_") & (pl.col("measure") != "crps_skill")
    ).pivot(on="horizon_months", index="measure", values="value")
    pit = rows.filter(pl.col("measure").str.starts_with("pit_"))
    first = pit.filter(horizon_months=pit["horizon_months"].min())["value"].to_list()
    told = ", ".join(f"{share:.2f}" for share in first)
    return [*_table(wide), "", f"PIT in tenths, shortest horizon (even: 0.10 each): {told}.\n"]


def _table(frame: pl.DataFrame) -> list[str]:
    def cell(value: object) -> str:
        return f"{value:.3f}" if isinstance(value, float) else str(value)

    return [
        f"| {' | '.join(name.replace('_', ' ') for name in frame.columns)} |",
        f"|{' --- |' * frame.width}",
        *(f"| {' | '.join(map(cell, row))} |" for row in frame.iter_rows()),
    ]
