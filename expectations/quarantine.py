"""Which rows of a delivery are believed, and which are quarantined."""

from datetime import timedelta
from pathlib import Path

import polars as pl

from config.registry import Source, thresholds
from config.texts import mask_quoted, printable
from expectations.checks import RESULT_SCHEMA
from expectations.judge import GateError, gate, judge_batch
from expectations.past import previous_delivery_checks
from warehouse.landing import (
    KEY,
    ROW,
    Batch,
    QuarantinedRow,
    QuarantineOverride,
    deliveries,
    overrides,
)
from warehouse.sources.delimited import LINE
from warehouse.sources.registers import line_of
from warehouse.sources.tables import AS_SENT, FAULT, UNREADABLE

FUTURE = "dated more than a month after it was fetched"
ALONE = "dated long after all other rows"
USUAL_YEARS = 10  # from whose gaps it is known how long one may be
SHOWN, MOST_SHOWN = 3, 120  # rows told, and signs of a value
BESIDE = (ROW, KEY, FAULT, AS_SENT, LINE, "rule", "value")  # not the source's own columns
NOT_SHOWN = "not shown: rows of this source may not be passed on (tocsin quarantine)"


def quarantine_rows(batch: Batch, folder: Path) -> tuple[Batch, pl.DataFrame]:
    """The batch with its bad rows in quarantine, and the results of the checks on the rest.

    Raises:
        GateError: A check of the whole table failed, or more rows are bad than
            ``config/thresholds.toml`` allows; nothing of the batch is believed.
    """
    source, parsed_rows = batch.source, batch.parsed_rows
    faults = parsed_rows.filter(pl.col(FAULT).is_not_null()).select(
        ROW, KEY, rule=pl.lit(UNREADABLE), value=pl.col(FAULT), sent=pl.col(AS_SENT)
    )
    readable = parsed_rows.filter(pl.col(FAULT).is_null())
    overrides_on_file = overrides(source.name, folder)
    if source.dated_by:
        latest = batch.fetched.fetched_at.date() + timedelta(days=31)
        late = readable.filter(pl.col(source.dated_by) > latest)
        readable = readable.filter((pl.col(source.dated_by) <= latest).fill_null(True))
        day = pl.col(source.dated_by).cast(pl.String)
        alone = _alone(batch, readable, overrides_on_file)
        readable = readable.join(alone, on=ROW, how="anti", maintain_order="left")
        faults = pl.concat(
            [
                faults,
                _as_quarantined(late, pl.lit(FUTURE), day),
                _as_quarantined(alone, pl.lit(ALONE), day),
            ]
        )
    table = f"landing.{source.name}"
    results, broken = judge_batch(
        table,
        readable.drop(ROW, KEY, FAULT, AS_SENT, LINE),
        _overridden(readable, overrides_on_file),
        previous_delivery_checks(batch, deliveries(source, folder)),
    )
    results = _publishable(source, results)
    rows = readable[broken["row"].to_list()].with_columns(broken.select("rule", "value"))
    quarantined = pl.concat([faults, _as_quarantined(rows, pl.col("rule"), pl.col("value"))]).sort(
        ROW
    )
    if source.is_by_hand and quarantined.height:
        raise GateError(_wrong_lines(batch, quarantined), results)
    lines = parsed_rows.select(ROW, LINE)
    few = _few_enough(
        table,
        _without_values(source, quarantined).join(
            lines, on=ROW, how="left", maintain_order="left", validate="m:1"
        ),
        parsed_rows.height,
    )
    if not few["is_success"][-1]:
        raise GateError(
            f"{quarantined.height:,} of {parsed_rows.height:,} rows are bad, more than "
            f"{thresholds()['quarantine']['most_share']:.0%}: {few['observed'][-1]}; the "
            "delivery is not believed and the last good figures stay in use: look whether the "
            "source changed its format, or download the file again if a spreadsheet changed it",
            pl.concat([results, few]),
        )
    gate(results, "nothing of it is believed and the last good figures stay in use")
    results = pl.concat([results, few])
    return (
        batch.with_quarantined(
            QuarantinedRow(row=row[ROW], row_key=row[KEY], rule=row["rule"], value=row["value"],
                 sent=row["sent"])
            for row in quarantined.iter_rows(named=True)
        ),
        results,
    )  # fmt: skip


def _alone(
    batch: Batch, rows: pl.DataFrame, overrides_on_file: list[QuarantineOverride]
) -> pl.DataFrame:
    """The few newest rows, if so long after all others that the source would be stale without.

    A year misspelt in one row would make every month before it count as covered, and calm. Only
    where the newest row says how far a delivery reaches, and longer than any gap of the ten years
    before; a person who releases one of them believes them all.
    """
    source = batch.source
    declared_end = batch.fetched.release.covers_until
    if not source.dated_by or not source.max_age_days or source.is_by_hand or declared_end:
        return rows.clear()
    days = rows.select(day=pl.col(source.dated_by)).drop_nulls().unique().sort("day")
    gaps = days.with_columns(gap=pl.col("day").diff().dt.total_days()).drop_nulls()
    last = gaps.filter(pl.col("gap") > source.max_age_days).tail(1)
    if last.is_empty():
        return rows.clear()
    since, gap = last.row(0)
    usual = gaps.filter(
        pl.col("day").is_between(pl.lit(since).dt.offset_by(f"-{USUAL_YEARS}y"), since, "left")
    )["gap"].max()
    newest = rows.filter(pl.col(source.dated_by) >= since)
    rule = thresholds()["quarantine"]
    released_keys = {row.row_key for row in overrides_on_file if row.rule == ALONE}
    is_alone = (
        (usual is None or gap > usual)
        and newest.height <= min(rule["always_rows"], rule["most_share"] * rows.height)
        and released_keys.isdisjoint(newest[KEY])
    )
    return newest if is_alone else rows.clear()


def _without_values(source: Source, quarantined: pl.DataFrame) -> pl.DataFrame:
    """The rows as they may be published with results: of some sources a value's form alone."""
    if source.is_republishable:
        return quarantined
    is_fault = pl.col("rule") == UNREADABLE
    form = pl.col("value").map_elements(mask_quoted, pl.String)
    return quarantined.with_columns(form).with_columns(
        value=pl.when(is_fault).then("value").otherwise(pl.lit("a value"))
    )


def _wrong_lines(batch: Batch, quarantined: pl.DataFrame) -> str:
    """Of a register kept by hand: its wrong lines, which whoever wrote them can mend."""
    content, url = batch.fetched.content, batch.fetched.url
    lines = [
        f"{url}: line {line_of(content, url, row[ROW])}, {row['value']}; it breaks the check "
        f"'{row['rule'].replace('_', ' ')}': correct it"
        for row in quarantined.head(SHOWN).iter_rows(named=True)
    ]
    if quarantined.height > SHOWN:
        lines.append(f"{url}: {quarantined.height - SHOWN} more wrong rows")
    return "\n".join([*lines, "nothing of it is believed and the last good entries stay in use"])


def _overridden(
    rows: pl.DataFrame, overrides_on_file: list[QuarantineOverride]
) -> set[tuple[int, str, str]]:
    """Position, rule and value of what a person believes."""
    places = (
        dict(rows.with_row_index("place").select(KEY, "place").iter_rows())
        if overrides_on_file
        else {}
    )
    return {(places[p.row_key], p.rule, p.value) for p in overrides_on_file if p.row_key in places}


def _as_quarantined(rows: pl.DataFrame, rule: pl.Expr, value: pl.Expr) -> pl.DataFrame:
    names = [n for n in rows.columns if n not in BESIDE]
    texts = pl.struct(pl.col(n).cast(pl.String, strict=False) for n in names)
    return rows.select(ROW, KEY, rule=rule, value=value, sent=texts.struct.json_encode())


def _publishable(source: Source, results: pl.DataFrame) -> pl.DataFrame:
    """Results without what was seen in rows that may not be passed on; results are published."""
    if source.is_republishable:
        return results
    is_of_rows = pl.col("unexpected_count") > 0
    return results.with_columns(
        observed=pl.when(is_of_rows).then(pl.lit(NOT_SHOWN)).otherwise("observed")
    )


def _few_enough(table: str, quarantined: pl.DataFrame, total: int) -> pl.DataFrame:
    """Result of a check: few enough rows are quarantined."""
    rule = thresholds()["quarantine"]
    most = max(rule["most_share"] * total, rule["always_rows"])
    first = "; ".join(
        f"{'' if row[LINE] is None else f'line {row[LINE]}, '}"
        f"{row['value'][:MOST_SHOWN]} ({row['rule']})"
        for row in quarantined.head(SHOWN).iter_rows(named=True)
    )
    result = (
        table,
        f"FewRowsHeldOut: {rule['most_share']:.0%} of rows at most, or {rule['always_rows']}",
        None,
        "critical",
        quarantined.height <= most,
        quarantined.height,
        printable(first) or None,
        "2026-11: config/thresholds.toml, quarantine.most_share",
    )
    return pl.DataFrame([result], schema=RESULT_SCHEMA, orient="row")
