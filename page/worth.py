"""What a level is worth: how often an escalation followed it in the back-test."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from config.registry import thresholds
from config.vocabulary import LEVELS


@dataclass(frozen=True)
class Worth:
    """Region-months of a back-test by the level they had, and how many of them escalated.

    Attributes:
        origins_from: First month told of.
        origins_until: Last month told of.
        known_until: Night up to which outcomes were known; None: the back-test that Tocsin
            comes with, for none was run here.
        levels: By level, the gravest first: region_months and escalated.
    """

    origins_from: date
    origins_until: date
    known_until: date | None
    levels: Mapping[str, Mapping[str, int]]

    @property
    def months(self) -> int:
        """Months told of."""
        years = self.origins_until.year - self.origins_from.year
        return 12 * years + self.origins_until.month - self.origins_from.month + 1

    @property
    def regions(self) -> int:
        """Regions told of in each month."""
        return sum(had["region_months"] for had in self.levels.values()) // self.months

    @property
    def escalated(self) -> int:
        """Region-months that escalated, with a level and without."""
        return sum(had["escalated"] for had in self.levels.values())

    @property
    def flagged(self) -> int:
        """Region-months that had a level."""
        return self.months * self.regions - self.levels["none"]["region_months"]

    @property
    def foretold(self) -> int:
        """Region-months that had a level and escalated."""
        return self.escalated - self.levels["none"]["escalated"]


def worth(scorecard: pl.DataFrame) -> Worth:
    """What the last back-test run here says of the levels, else the one Tocsin comes with.

    Args:
        scorecard: Rows of target ``level``: part, measure, value, origins_from,
            origins_until, known_until; may be empty.

    Example:
        >>> told = worth(pl.DataFrame(schema={"part": pl.String}))
        >>> told.levels["alarm"], told.months, told.regions, told.known_until
        ({'region_months': 37, 'escalated': 15}, 53, 104, None)
        >>> told.flagged, told.foretold, told.escalated
        (549, 114, 160)
    """
    if scorecard.is_empty():
        followed = thresholds()["followed"]
        levels = {level: followed[level] for level in LEVELS[::-1]}
        return Worth(followed["origins_from"], followed["origins_until"], None, levels)
    counted = scorecard.select("part", "measure", pl.col("value").cast(pl.Int64))
    levels = {
        level: dict(counted.filter(part=level).select("measure", "value").iter_rows())
        for level in LEVELS[::-1]
    }
    origins_from, origins_until, known_until = scorecard.select(
        "origins_from", "origins_until", "known_until"
    ).row(0)
    return Worth(origins_from, origins_until, known_until, levels)
