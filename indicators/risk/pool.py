"""The pool of a window after the night, and its calibrated chance of escalation (docs/models.md).

    F(k) = v F_NB(k; mu, alpha mu^-p) + (1 - v) #{windows with sum <= k} / (13 - w)
    logit p' = logit p + b

v: share of the self-exciting model; b: shift of the calibration.
"""

from dataclasses import dataclass

import numpy as np

from config.registry import thresholds
from indicators.arrays import Array
from indicators.risk import models
from indicators.risk.levels import escalation_threshold
from indicators.risk.mixtures import CountMixture
from indicators.risk.models import PastWindows, SelfExciting, Tuning
from indicators.risk.panel import Panel

MANY_DEATHS = 25  # in thirty days: the line VIEWS draws


def tuning(target: str = "events") -> Tuning:
    """The models' numbers from ``config/thresholds.toml``, for events or deaths."""
    common, own = thresholds()["models"], thresholds()["models"][target]
    return Tuning(
        history_blocks=int(common["history_blocks"]),
        history_half_life=common["history_half_life"],
        past_year_share=common["past_year_share"],
        dispersion_power=own["dispersion_power"],
        dispersion_blocks=int(common["dispersion_blocks"]),
        log_score_share=common["log_score_share"],
        weight=own["weight"],
        is_rescaled=own["is_rescaled"],
    )


@dataclass(frozen=True)
class Window:
    """The pool of one window after the night, and what it was learnt from.

    Attributes:
        first: First thirty-day block after the night.
        last: Last block.
        model: None: it could not be fitted.
        pool: Of the night, one a place.
        panel: What it was fitted on.
        tuning: The models' numbers.
    """

    first: int
    last: int
    model: SelfExciting | None
    pool: CountMixture
    panel: Panel
    tuning: Tuning

    @property
    def past_windows(self) -> PastWindows:
        """Forecasts of past nights by the same model, with the counts observed.

        Made anew each time: the past of all windows at once would be most of a night's memory.
        """
        return models.past_windows(self.panel, self.model, self.first, self.last, self.tuning)

    def pool_with(self, features: Array, counts: Array) -> CountMixture:
        """The pool of the same model for other features and counts."""
        draws = models.conflictology(counts, self.last - self.first + 1)
        return models.pool_of(self.model, features, draws, self.tuning.weight)


def forecast_window(panel: Panel, first: int, last: int, tuned: Tuning) -> Window:
    """The pool of the events in blocks ``first`` to ``last`` after the night.

    Args:
        panel: As of the night.
        first: First block of the window.
        last: Last block.
        tuned: The models' numbers.
    """
    try:
        model = models.fit_self_exciting(panel, first, last, tuned)
    except models.FIT_ERRORS:  # of no place; the other model stands in for it, and it is said
        model = None
    draws = models.conflictology(panel.counts, last - first + 1)
    pool = models.pool_of(model, panel.features[-1], draws, tuned.weight)
    return Window(first, last, model, pool, panel, tuned)


@dataclass(frozen=True)
class EscalationForecast:
    """The chance that the coming ninety days escalate, and what it rests on.

    Attributes:
        window: Its pool.
        threshold: Places: events that count as escalation.
        shift: b of the calibration, logit scale.
        probability: Places, calibrated.
    """

    window: Window
    threshold: Array
    shift: float
    probability: Array

    def probability_with(self, features: Array, counts: Array, threshold: Array) -> Array:
        """The calibrated chance for other features, counts and bar, by the same model."""
        pool = self.window.pool_with(features, counts)
        return models.calibrated_probability(pool.exceedance_probability(threshold), self.shift)


def forecast_escalation(panel: Panel) -> EscalationForecast:
    """The calibrated chance of escalation of every place, all learnt from the panel.

        p_escalation = P(S >= max(least, ratio blocks m)) under the pool, calibrated

    S: events of the window; m: the past year's, per thirty days.
    """
    rule = thresholds()["escalation"]
    window = forecast_window(panel, 1, int(rule["blocks"]), tuning())
    past = window.past_windows
    shift = past.logit_shift(escalation_threshold(past.past_year, rule))
    threshold = escalation_threshold(panel.features[-1, :, 0], rule)
    probability = window.pool.exceedance_probability(threshold)
    return EscalationForecast(
        window, threshold, shift, models.calibrated_probability(probability, shift)
    )


def first_event_probability(escalation: EscalationForecast) -> Array:
    """Chance of any event in the window, of places quiet for a year; NaN: of others.

    As the pool says it: a shift learnt on quiet places made it worse (docs/models.md).
    """
    is_quiet = escalation.window.panel.features[-1, :, 0] == 0
    return np.where(is_quiet, escalation.window.pool.exceedance_probability(1), np.nan)
