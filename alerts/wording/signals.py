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
    rows = signals.drop("place_id", "country_code").to_dicts()  # which no sentence says
    keys = [repr(row) for row in rows]
    distinct = dict(zip(keys, rows, strict=True))  # of a thousand quiet places one sentence
    columns = []
    for language in LANGUAGES:
        sentence = signal_words(language).sentence
        sentences = {key: str(sentence(row)) for key, row in distinct.items()}
        columns.append(
            pl.Series(f"sentence_{language}", [sentences[key] for key in keys], pl.String)
        )
    return signals.drop("facts").with_columns(columns)
