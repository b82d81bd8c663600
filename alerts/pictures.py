"""Pictures of a mail: Vega-Lite specifications, made PNG without a network."""

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import vl_convert
from PIL import Image

# Darker means graver, so colour is not needed to tell them apart; mid-grey holds on both grounds.
COLOURS = {"none": "#dddddd", "watch": "#f2c230", "warning": "#d96b00", "alarm": "#8f0f0f"}
GREY = "#767676"
SCALE = 1.5  # pixels a point: sharp enough on a phone, small on a slow line
SHADES = 48  # four colours and what smooths their edges


def level_map(outlines: Mapping[str, str], levels: Mapping[str, str]) -> bytes:
    """Regions coloured by level, as PNG.

    Args:
        outlines: GeoJSON geometry by region; those shown.
        levels: Level by region; without one: none.
    """
    features = [
        {
            "type": "Feature",
            "properties": {"level": levels.get(region, "none")},
            "geometry": json.loads(outline),
        }
        for region, outline in outlines.items()
    ]
    return _png(
        {
            "width": 320,
            "height": 210,
            "data": {"values": features},
            "projection": {"type": "mercator"},
            "mark": {"type": "geoshape", "stroke": GREY, "strokeWidth": 0.5},
            "encoding": {
                "color": {
                    "field": "properties.level",
                    "type": "nominal",
                    "scale": {"domain": list(COLOURS), "range": list(COLOURS.values())},
                    "legend": None,
                }
            },
        }
    )


def sparkline(counts: Sequence[float | None], level: str) -> bytes:
    """Counts by month as small bars, the newest in the colour of the level, as PNG.

    Args:
        counts: The oldest first; null: not known, no bar.
        level: Level of the region.
    """
    values = [{"month": n, "events": count} for n, count in enumerate(counts)]
    return _png(
        {
            "width": 240,
            "height": 36,
            "data": {"values": values},
            "mark": {"type": "bar", "width": 7},
            "encoding": {
                "x": {"field": "month", "type": "quantitative", "axis": None},
                "y": {"field": "events", "type": "quantitative", "axis": None},
                "color": {
                    "condition": {
                        "test": f"datum.month == {len(values) - 1}",
                        "value": GREY if level == "none" else COLOURS[level],
                    },
                    "value": GREY,
                },
            },
        }
    )


def _png(spec: dict[str, Any]) -> bytes:
    whole = {**spec, "background": None, "padding": 2, "config": {"view": {"stroke": None}}}
    full = Image.open(BytesIO(vl_convert.vegalite_to_png(whole, scale=SCALE)))
    small = BytesIO()
    full.quantize(SHADES, Image.Quantize.FASTOCTREE).save(small, "png", optimize=True)
    return small.getvalue()
