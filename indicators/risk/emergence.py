"""First events after quiet: what the experience of all quiet regions says of one."""

from dataclasses import dataclass

import numpy as np
import statsmodels.api as sm
from scipy.stats import nbinom

from indicators.risk.models import BASELINE_MONTHS
from indicators.risk.panel import Array, Mask, Panel, weighted_means, window_sums

HISTORY_MONTHS = 60
HALF_LIFE = 6  # months, of the neighbours' activity
LEAST_BEGUN = 5  # first events among all quiet regions, else nothing is said
FLOOR = 0.003  # events a month around that count as none
ACTIVE_MONTHS = 6
SHAPES = np.geomspace(0.2, 50, 40)  # of the gamma: small: regions differ much


@dataclass(frozen=True)
class FirstEvents:
    """Evidence on regions without an event in the past twelve months.

    Attributes:
        chance: Per region, of at least one event in the coming window; NaN: not quiet.
        nearest_km: To the nearest other region with an event in the past six months; NaN:
            none or not known.
        nearest: That region's number.
    """

    chance: Array
    nearest_km: Array
    nearest: Array


def first_events(panel: Panel, distance: Array, window: int) -> FirstEvents:
    """Gamma-Poisson chance of first events within ``window`` months (Clayton & Kaldor 1987).

    A month's first events in a quiet region are Poisson with mean theta x h: h = exp(a + b
    log(neighbours' weighted events)), one Poisson regression over all quiet region-months
    of the past five years; theta, the region's own readiness, is gamma with mean one. Its
    posterior mean (k + seen) / (k + foretold) shrinks a region with little experience to
    the pool; k has the largest marginal (negative binomial) likelihood.

    Args:
        panel: Counts up to the origin.
        distance: Regions x regions, km.
        window: Months ahead.
    """
    quiet = _quiet(panel.counts)
    near = np.log(weighted_means(panel.counts, HALF_LIFE) @ panel.weights.T + FLOOR)
    is_known = np.isfinite(near)
    rows = slice(-1 - HISTORY_MONTHS, -1)  # months after which one more is known
    at_risk = (quiet & is_known)[rows]
    begun = (panel.counts[1:] > 0)[-HISTORY_MONTHS:] & at_risk
    chance = np.full(panel.counts.shape[1], np.nan)
    if begun.sum() >= LEAST_BEGUN and np.ptp(near[rows][at_risk]) > 0:
        hazard = sm.GLM(
            begun[at_risk].astype(float),
            sm.add_constant(near[rows][at_risk], has_constant="add"),
            family=sm.families.Poisson(),
        ).fit()
        foretold = np.where(at_risk, np.exp(hazard.params[0] + hazard.params[1] * near[rows]), 0)
        rate, seen = np.nansum(foretold, axis=0), begun.sum(axis=0)
        shape = _shape(seen, rate)
        ahead = window * np.exp(hazard.params[0] + hazard.params[1] * near[-1])
        ready = 1 - (1 + ahead / (shape + rate)) ** -(shape + seen)
        chance = np.where(quiet[-1] & is_known[-1], ready, np.nan)
    active = panel.counts[-ACTIVE_MONTHS:].any(axis=0)
    others = np.where(active & ~np.eye(len(distance), dtype=bool), distance, np.inf)
    others = np.where(np.isnan(others), np.inf, others)
    nearest = others.argmin(axis=1)
    km = others[np.arange(len(others)), nearest]
    return FirstEvents(chance, np.where(np.isfinite(km), km, np.nan), nearest)


def _quiet(counts: Array) -> Mask:
    """Whether the twelve months up to each month had no event."""
    quiet = np.zeros(counts.shape, dtype=bool)
    quiet[BASELINE_MONTHS - 1 :] = window_sums(counts, BASELINE_MONTHS) == 0
    return quiet


def _shape(seen: Array, foretold: Array) -> float:
    """The gamma's shape k under which ``seen`` first events are most likely."""
    told = foretold > 0
    shape = SHAPES[:, None]
    likelihood = nbinom.logpmf(seen[told], shape, shape / (shape + foretold[told]))
    return float(SHAPES[np.asarray(likelihood).sum(axis=1).argmax()])
