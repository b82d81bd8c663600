"""Pictures of a mail: Vega-Lite specifications, made PNG without a network."""

import json
from collections.abc import Collection, Mapping, Sequence
from io import BytesIO
from typing import Any

import vl_convert
from PIL import Image

from config.vocabulary import SIGNS

# How violent a place is fills it, darker for more; a level is a sign of its own form on top, so
# that neither needs colours to be told apart. Mid-grey holds on light and dark grounds.
FILLS = {"calm": "#e8e8ec", "some": "#c9bddf", "violent": "#7d5bab", "very_violent": "#45207f"}
COLOURS = {"none": "#dddddd", "watch": "#f2c230", "warning": "#d96b00", "alarm": "#8f0f0f"}
SIGN_SIZES = {"watch": 55, "warning": 100, "alarm": 125}  # square points
GREY = "#767676"
HATCHED = "hatched-"
GROUNDS = FILLS | {f"{HATCHED}{name}": f"url(#{name})" for name in FILLS}
LINES = {"calm": "#555555", "some": "#1b1b1b", "violent": "#ffffff", "very_violent": "#ffffff"}
PATTERNS = "".join(
    f'<pattern id="{name}" width="5" height="5" patternUnits="userSpaceOnUse" '
    f'patternTransform="rotate(45)"><rect width="5" height="5" fill="{fill}"/>'
    f'<rect width="2" height="5" fill="{LINES[name]}" fill-opacity="0.6"/></pattern>'
    for name, fill in FILLS.items()
)
SCALE = 1.5  # pixels a point: sharp enough on a phone, small on a slow line
SHADES = 48  # seven colours and what smooths their edges


def level_map(
    outlines: Mapping[str, str],
    levels: Mapping[str, str],
    intensities: Mapping[str, str],
    unsure: Collection[str] = (),
) -> bytes:
    """Regions filled by how violent they are, with the sign of their level, as PNG.

    Args:
        outlines: GeoJSON geometry by region; those shown.
        levels: Level by region; without one: none.
        intensities: How violent each region is (``config.registry.INTENSITIES``).
        unsure: Regions whose silence may well not be quiet; they are hatched.
    """
    features = [
        {
            "type": "Feature",
            "properties": {
                "level": levels.get(region, "none"),
                "ground": f"{HATCHED * (region in unsure)}{intensities[region]}",
            },
            "geometry": json.loads(outline),
        }
        for region, outline in outlines.items()
    ]  # fmt: skip
    at = {axis: f"geoCentroid(null, datum)[{i}]" for i, axis in enumerate(("east", "north"))}
    signs = list(SIGNS)
    return _png(
        {
            "width": 320,
            "height": 210,
            "data": {"values": features},
            "projection": {"type": "mercator"},
            "layer": [
                {
                    "mark": {"type": "geoshape", "stroke": GREY, "strokeWidth": 0.5},
                    "encoding": {"color": _by_property("ground", GROUNDS)},
                },
                {
                    "transform": [
                        {"filter": "datum.properties.level != 'none'"},
                        *({"calculate": text, "as": axis} for axis, text in at.items()),
                    ],
                    "mark": {"type": "point", "filled": True, "opacity": 1,
                             "stroke": "#ffffff", "strokeWidth": 1},
                    "encoding": {
                        "longitude": {"field": "east", "type": "quantitative"},
                        "latitude": {"field": "north", "type": "quantitative"},
                        "fill": _by_property("level", {name: COLOURS[name] for name in signs}),
                        "shape": _by_property("level", SIGNS),
                        "size": _by_property("level", SIGN_SIZES),
                    },
                },
            ],
        }
    )  # fmt: skip


def _by_property(name: str, value_of: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "field": f"properties.{name}",
        "type": "nominal",
        "scale": {"domain": list(value_of), "range": list(value_of.values())},
        "legend": None,
    }


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
    svg = vl_convert.vegalite_to_svg(whole).replace(">", f"><defs>{PATTERNS}</defs>", 1)
    full = Image.open(BytesIO(vl_convert.svg_to_png(svg, scale=SCALE)))
    small = BytesIO()
    full.quantize(SHADES, Image.Quantize.FASTOCTREE).save(small, "png", optimize=True)
    return small.getvalue()
