"""Readers' own lines for the first page: their words, and a picture of past nights."""

from typing import Any

import polars as pl

from alerts.wording.lines import line_rows
from page.charts import line_spec, page_svg
from page.renderer import Renderer
from warehouse.situation import Situation


def line_facts(situation: Situation, renderer: Renderer) -> list[dict[str, Any]]:
    """Rows of the lines with ``chart``, an SVG of past chances; None: no night was replayed."""
    nights = situation.line_nights.with_columns(
        start=pl.col("replay_date").cast(pl.String),
        end=pl.coalesce(
            pl.col("replay_date").shift(-1).over("line_id"),
            pl.col("replay_date").dt.offset_by("1mo"),
        ).cast(pl.String),
        value="p_reached",
        tip=pl.format(
            "{}: {}%", "replay_date", (pl.col("p_reached") * 100).round(0).cast(pl.Int64)
        ),
    )
    chart_of_line = {}
    for (line_id,), rows in nights.partition_by("line_id", as_dict=True).items():
        line = situation.lines.filter(line_id=line_id)
        if line.is_empty():
            continue
        is_reached = pl.col("reached_date").is_not_null()
        data = {
            "nights": rows.select("start", "end", "value", "tip").to_dicts(),
            "mails": rows.filter("is_mail").select("start", "value", "tip").to_dicts(),
            "reached": rows.filter(is_reached)
            .select("start", "end", tip=pl.format("{}: {}", "replay_date", "observed_count"))
            .to_dicts(),
        }
        spec = line_spec(line["chance_bound"].item(), rows["start"][0], rows["end"][-1])
        chart_of_line[line_id] = renderer.draw(spec, data)
    return [
        {**row, "chart": page_svg(chart_of_line[row["line_id"]].result())
         if row["line_id"] in chart_of_line else None}
        for row in line_rows(situation.lines)
    ]  # fmt: skip
