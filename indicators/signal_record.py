"""What followed the states of signals, and how many are raised together, on past nights."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from config.registry import signal_rules
from config.vocabulary import SIGNAL_STATES
from indicators.risk.scores import moving_block_bootstrap

STATE, TOGETHER = "signal", "signals_raised"  # targets of the scorecard
RAISED = SIGNAL_STATES[1:3]
MANY = 10  # from which counts are taken together
Rows = list[tuple[object, ...]]


def signal_record(
    boards: Sequence[pl.DataFrame], escalated: npt.NDArray[np.bool_], region_ids: Sequence[str]
) -> Rows:
    """Region-months by the state of each signal, and how many of them escalated.

    Args:
        boards: Signals of each night (place_level, place_id, signal, state), the oldest first.
        escalated: Nights x regions.
        region_ids: In the order of ``escalated``.

    Returns:
        Rows of ``scorecard.tidy_frame``: target, signal (or how many are raised), horizon,
        state (of the latter: count), measure, value, 90% interval by block bootstrap over
        nights: ``region_months``, ``escalated``, ``countries`` and ``share``, which a state that
        never was has none of.

    Example:
        >>> board = pl.DataFrame({"place_level": "region", "place_id": ["A", "B"],
        ...                       "signal": "coup", "state": ["grave", "quiet"]})
        >>> rows = signal_record([board], np.array([[True, False]]), ["A", "B"])
        >>> [row[4:6] for row in rows if row[1] == "coup" and row[3] == "grave"]
        [('region_months', 1.0), ('escalated', 1.0), ('countries', 1.0), ('share', 1.0)]
    """
    states = pl.concat(
        board.filter(place_level="region").select("place_id", "signal", "state", night=pl.lit(k))
        for k, board in enumerate(boards)
    )
    nights, places = np.indices(escalated.shape).reshape(2, -1)
    outcomes = pl.DataFrame(
        {
            "night": nights.astype(np.int32),
            "place_id": np.array(region_ids)[places],
            "has_escalated": escalated.ravel(),
        }
    )
    cases = states.join(outcomes, on=["night", "place_id"])
    together = cases.group_by("night", "place_id", "has_escalated").agg(
        raised=pl.col("state").is_in(RAISED).sum()
    )
    resamples = moving_block_bootstrap(len(boards))
    rows: Rows = []
    for signal in signal_rules()["signals"]:
        for state in SIGNAL_STATES:
            of_state = cases.filter(signal=signal, state=state)
            rows += _counted((STATE, signal, 3, state), of_state, resamples, len(boards))
    for number in range(MANY + 1):
        is_as_many = pl.col("raised") == number if number < MANY else pl.col("raised") >= MANY
        name = f"{number}" if number < MANY else f"{MANY} or more"
        key = (TOGETHER, name, 3, "count")
        rows += _counted(key, together.filter(is_as_many), resamples, len(boards))
    return rows


def _counted(
    key: tuple[object, ...], cases: pl.DataFrame, resamples: npt.NDArray[np.float64], nights: int
) -> Rows:
    """Region-months, how many escalated, and their share with its interval."""
    rows: Rows = [
        (*key, "region_months", float(cases.height), None, None),
        (*key, "escalated", float(cases["has_escalated"].sum()), None, None),
        (*key, "countries", float(cases["place_id"].str.head(3).n_unique()), None, None),
    ]
    if cases.is_empty():
        return rows
    of_night = cases["night"].to_numpy()
    number = np.bincount(of_night, minlength=nights)[resamples].sum(axis=1)
    hits = np.bincount(of_night, cases["has_escalated"], nights)[resamples].sum(axis=1)
    low, high = np.quantile(hits[number > 0] / number[number > 0], [0.05, 0.95])
    share = float(cases["has_escalated"].mean())  # type: ignore[arg-type]
    return [*rows, (*key, "share", share, float(low), float(high))]
