"""Scores of alarms: precision, recall, lead time; and simple rules to compare with."""

from dataclasses import dataclass

import numpy as np

from indicators.arrays import Array, Mask

LOOK_BACK = 6  # months before an escalation in which a flag counts as its warning


@dataclass(frozen=True)
class AlarmScore:
    """Scores of a rule's flags.

    Attributes:
        flagged: Region-months flagged.
        precision: Share of flags followed by escalation.
        recall: Share of region-months before an escalation that were flagged.
        false_per_region_year: Flags not followed, per region and year.
        onsets: Escalations that began (the month before was not one).
        onsets_warned: Share of them flagged before the month in which they were reached.
        lead_months: Median months from the first flag of an unbroken run to that month.
    """

    flagged: int
    precision: float
    recall: float
    false_per_region_year: float
    onsets: int
    onsets_warned: float
    lead_months: float


def flag_top_share(score: Array, share: float) -> Mask:
    """Flags on the highest scores: as near to this share of region-months as ties allow.

    Example:
        >>> flag_top_share(np.array([[0.9, 0.1], [0.5, 0.2]]), 0.25).tolist()
        [[True, False], [False, False]]
    """
    descending = np.sort(score.ravel())[::-1]
    bound = descending[max(round(share * score.size) - 1, 0)]
    above, at_least = score > bound, score >= bound
    is_nearer = abs(above.mean() - share) < abs(at_least.mean() - share) and above.any()
    return np.asarray(above if is_nearer else at_least)


def alarm_score(flags: Mask, escalated: Mask, blocks_to_threshold: Array) -> AlarmScore:
    """Scores of a rule's flags against escalations.

    Args:
        flags: Origins x regions, consecutive months.
        escalated: Origins x regions, whether the window after the origin escalated.
        blocks_to_threshold: Origins x regions, months after the origin in which it was reached
            (1 to the window's length); read where ``escalated``.
    """
    onset = escalated.copy()
    onset[1:] &= ~escalated[:-1]
    leads = []
    for origin, region in zip(*np.nonzero(onset), strict=True):
        month = origin + int(
            blocks_to_threshold[origin, region]
        )  # origin number of the month reached
        run = 0
        while run < LOOK_BACK and month - 1 - run >= 0:
            index = month - 1 - run
            if index >= len(flags) or not flags[index, region]:
                break
            run += 1
        leads.append(run)
    lead = np.asarray(leads, dtype=np.float64)
    hits = flags & escalated
    years = len(flags) / 12
    return AlarmScore(
        flagged=int(flags.sum()),
        precision=float(hits.sum() / max(flags.sum(), 1)),
        recall=float(hits.sum() / max(escalated.sum(), 1)),
        false_per_region_year=float((flags & ~escalated).sum() / flags.shape[1] / years),
        onsets=lead.size,
        onsets_warned=float((lead > 0).mean()) if lead.size else float("nan"),
        lead_months=float(np.median(lead[lead > 0])) if (lead > 0).any() else float("nan"),
    )


def hdx_signals(deaths: Array, months: int) -> Mask:
    """OCHA HDX Signals' rule by the month: at least 100 deaths and the most in ``months``.

    Args:
        deaths: Months x places; the last rows are judged, the first ``months`` never flag.
        months: 12 for its level 1, 36 for level 2.
    """
    flags = np.zeros(deaths.shape, dtype=bool)
    for row in range(months, len(deaths)):
        flags[row] = (deaths[row] >= 100) & (deaths[row] > deaths[row - months + 1 : row].max(0))
    return flags
