"""How often an escalation followed each level in the back-test."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from config.registry import thresholds
from config.vocabulary import LEVELS


@dataclass(frozen=True)
class LevelTrackRecord:
    """Region-months of a back-test by the level they had, and how many of them escalated.

    Attributes:
        origins_from: First month counted.
        origins_until: Last month counted.
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
        """Months counted."""
        years = self.origins_until.year - self.origins_from.year
        return 12 * years + self.origins_until.month - self.origins_from.month + 1

    @property
    def regions(self) -> int:
        """Regions counted in each month."""
        return sum(counts["region_months"] for counts in self.levels.values()) // self.months

    @property
    def escalated(self) -> int:
        """Region-months that escalated, with a level and without."""
        return sum(counts["escalated"] for counts in self.levels.values())

    @property
    def flagged(self) -> int:
        """Region-months that had a level."""
        return self.months * self.regions - self.levels["none"]["region_months"]

    @property
    def hits(self) -> int:
        """Region-months that had a level and escalated."""
        return self.escalated - self.levels["none"]["escalated"]


def level_track_record(scorecard: pl.DataFrame) -> LevelTrackRecord | None:
    """The track record of the last back-test run here, else of the one Tocsin comes with.

    None: none was run here, and that one was run under other thresholds than those in force.

    Args:
        scorecard: Rows of target ``level``: part, measure, value, origins_from,
            origins_until, known_until; may be empty.

    Example:
        >>> record = level_track_record(pl.DataFrame(schema={"part": pl.String}))
        >>> assert record
        >>> record.levels["alarm"], record.months, record.regions, record.known_until
        ({'region_months': 37, 'escalated': 15}, 53, 104, None)
        >>> record.flagged, record.hits, record.escalated
        (549, 114, 160)
    """
    if scorecard.is_empty():
        followed = thresholds().get("followed")
        if followed is None:
            return None
        levels = {level: followed[level] for level in LEVELS[::-1]}
        return LevelTrackRecord(followed["origins_from"], followed["origins_until"], None, levels)
    values = scorecard.select("part", "measure", pl.col("value").cast(pl.Int64))
    levels = {
        level: dict(values.filter(part=level).select("measure", "value").iter_rows())
        for level in LEVELS[::-1]
    }
    origins_from, origins_until, known_until = scorecard.select(
        "origins_from", "origins_until", "known_until"
    ).row(0)
    return LevelTrackRecord(origins_from, origins_until, known_until, levels)
