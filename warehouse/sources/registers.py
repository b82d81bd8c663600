"""Registers kept by hand: a wrong or contradictory row is refused by line, field and cure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import polars as pl

from config.registry import SourceError

SHOWN = 5  # wrong rows told at once


@dataclass(frozen=True)
class Rule:
    """What may not stand in ``field``: ``is_wrong`` is true there (null: cannot be told)."""

    field: str
    is_wrong: pl.Expr
    cure: str


def unless_listed(field: str, known: Collection[str], where: str) -> Rule:
    """Each of the ``;``-separated parts of the field is one of ``known``."""
    part = pl.element().str.strip_chars()
    unknown = ~pl.col(field).str.split(";").list.eval(part.is_in(list(known))).list.all()
    return Rule(field, unknown, f"write it as in {where}, or add it there")


def out_of_order(first: str, second: str, cure: str) -> Rule:
    """``second`` is not before, or less than, ``first``."""
    return Rule(second, pl.col(second) < pl.col(first), cure)


def twice(key: Sequence[str]) -> Rule:
    """No two rows say something about the same thing."""
    others = ", ".join(key)
    return Rule(
        key[0], pl.struct(key).is_duplicated(), f"two rows share {others}: keep the right one"
    )


def no_address(field: str) -> Rule:
    """A reference that can be opened."""
    return Rule(
        field,
        ~pl.col(field).str.contains(r"^https?://\S+$"),
        "give the address of the text, http(s)://...",
    )


def checked(
    rows: pl.DataFrame, rules: Sequence[Rule], url: str, nearest: Collection[str] = ()
) -> pl.DataFrame:
    """The rows, if none breaks a rule.

    Args:
        rows: The register as parsed, in the order of its lines.
        rules: What may not stand where.
        url: The file, for the message.
        nearest: Known names, of which the most similar are offered for an unknown one.

    Raises:
        SourceError: One line for each wrong row (the first five): file, line, field,
            value, cure.
    """
    told = []
    for rule in rules:
        for row in rows.select(rule.is_wrong.fill_null(False).arg_true()).to_series():
            value = rows[rule.field][row]
            offer = (
                get_close_matches(str(value), list(nearest), n=2) if "as in" in rule.cure else ()
            )
            meant = f" (nearest: {', '.join(offer)})" if offer else ""
            told.append((row + 2, f"field {rule.field}: {value!s}; {rule.cure}{meant}"))
    if not told:
        return rows
    told.sort()
    lines = [f"{url}: line {line}, {text}" for line, text in told[:SHOWN]]
    if len(told) > SHOWN:
        lines.append(f"{url}: {len(told) - SHOWN} more wrong rows")
    raise SourceError("\n".join(lines))
