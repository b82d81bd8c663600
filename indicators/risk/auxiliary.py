"""Event sources beside the one that is forecast: which of them forecasts rest on, and why.

Whatever its clock, a source enters the self-exciting mean only where past nights with the same
gaps show that it helps (docs/models.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from config.registry import thresholds
from indicators.risk import models, scores
from indicators.risk.models import Tuning
from indicators.risk.panel import FEATURES, Panel
from indicators.risk.pool import tuning
from indicators.risk.vintages import EventSource, NightInputs

GAIN_SCHEMA = {
    "source": pl.String,
    "why_not": pl.String,
    "crps_gain_share": pl.Float64,
    "crps_gain_low_share": pl.Float64,
    "crps_gain_high_share": pl.Float64,
    "gain_nights_count": pl.Int64,
}


@dataclass(frozen=True)
class Gain:
    """Share of the self-exciting model's CRPS that a source saved on past nights.

    Attributes:
        gain: 1 - CRPS with it / CRPS without it.
        low: Lower end of its 90% interval (blocks of six nights).
        high: Upper end.
        nights: How many nights were scored.
    """

    gain: float
    low: float
    high: float
    nights: int


def hold_out_gain(plain: Panel, extended: Panel, first: int, last: int, tuned: Tuning) -> Gain:
    """Gain of the extended panel on the newest past nights, by models fitted before them.

    Both models are fitted once, on what was over by the first of these nights; each then
    forecasts all of them from what either source had covered by then.

    Args:
        plain: Panel without the source.
        extended: The same night's with it; it may reach less far back.
        first: First thirty-day block of the window.
        last: Last block.
        tuned: The models' numbers.

    Raises:
        numpy.linalg.LinAlgError, RuntimeError: A model cannot be fitted (``models.FIT_ERRORS``).
    """
    nights_known = len(extended.targets(first, last))
    nights = min(tuned.dispersion_blocks, nights_known // 2)
    ago = len(extended.features) - nights_known + nights - 1
    crps = []
    for panel in (extended, plain):
        model = models.fit_self_exciting(panel.as_of(ago), first, last, tuned)
        observed = panel.targets(first, last)[-nights:]
        features = panel.features[: len(panel.features) - ago + nights - 1][-nights:]
        draws = np.zeros((observed.size, 1))
        rows = features.reshape(-1, len(panel.names))
        forecast = models.pool_of(model, rows, draws, weight=1.0)
        of_rows = scores.crps(forecast, observed.ravel())
        crps.append(np.where(forecast.weight > 0, of_rows, 0).reshape(observed.shape).sum(axis=1))
    return Gain(*scores.skill(*crps), nights)


def with_sources_that_help(
    inputs: NightInputs, sources: Sequence[EventSource]
) -> tuple[NightInputs, pl.DataFrame]:
    """Inputs that rest on the sources that help, and what is said of each.

    A source helps where the 90% interval of its gain in the CRPS of events of the window of
    escalation lies above zero (``hold_out_gain``); its deaths then enter the forecast of deaths.

    Args:
        inputs: Of the night, of the source that is forecast alone.
        sources: Event sources that are on, fresh and not refused.

    Returns:
        The inputs, and one row a source: its gain over so many nights, and why forecasts do not
        rest on it (``vocabulary.NOT_RESTED_ON``; null: they do).
    """
    rule = thresholds()["auxiliary"]
    blocks = int(thresholds()["escalation"]["blocks"])
    plain = inputs.panel(inputs.events) if sources else None
    sources_used: list[EventSource] = []
    rows = []
    for source in sources:
        extended = replace(inputs, auxiliary=(source,)).panel(inputs.events)
        gain: Gain | None = None
        why_not: str | None = "too_short"
        if plain is not None and _is_long_enough(extended, int(rule["least_blocks"])):
            try:
                gain = hold_out_gain(plain, extended, 1, blocks, tuning())
                why_not = None if gain.low > 0 else "no_gain"
            except models.FIT_ERRORS:
                why_not = "not_fitted"
        if why_not is None:
            sources_used.append(source)
        figures = (None, None, None, None) if gain is None else vars(gain).values()
        rows.append((source.name, why_not, *figures))
    table = pl.DataFrame(rows, schema=GAIN_SCHEMA, orient="row")
    return replace(inputs, auxiliary=tuple(sources_used)), table


def _is_long_enough(extended: Panel, least_blocks: int) -> bool:
    """Whether a panel with a source has so many past nights, and any series of it."""
    return len(extended.names) > len(FEATURES) and len(extended.features) >= least_blocks
