"""Sentences of the board of signals, in both languages, for the published table, page and mails."""

from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from alerts.wording.environment import environment

LANGUAGES = ("en", "fr")


@cache
def signal_words(language: str) -> Any:
    """Names, signs and macros of ``signals.j2`` in a language, as plain text."""
    folder = Path(__file__).parent / "templates"
    words = environment(folder, language, is_mail=True, is_html=False)
    return words.get_template("signals.j2").module


def with_sentences(signals: pl.DataFrame) -> pl.DataFrame:
    """The board with ``sentence_en`` and ``sentence_fr`` in place of its ``facts``.

    Args:
        signals: Rows of ``indicators.signals.board``.
    """
    rows = signals.to_dicts()
    return signals.drop("facts").with_columns(
        pl.Series(
            f"sentence_{language}",
            [str(signal_words(language).sentence(row)) for row in rows],
            pl.String,
        )
        for language in LANGUAGES
    )
