"""Charts as SVG: Vega-Lite specifications, and how the pictures drawn of them are fitted to a page.

Words stand in a chart as ``@word`` and colours as CSS variables, so that one picture
serves every language, dark screens and print; ``style.css`` holds the colours.
"""

import json
import re
from collections.abc import Callable, Container, Mapping, Sequence
from datetime import date
from functools import cache, partial
from html import unescape
from typing import Any

import numpy as np
import polars as pl
from markupsafe import escape

from config.registry import thresholds
from config.vocabulary import LEVELS, SIGNS, VIOLENCE_TYPES

HISTORY_MONTHS = 120
RECENT_MONTHS = 24
FORECAST_MONTHS = 6
WIDTH = 440
MARGIN = 74
SIGN_SIZES = {"watch": 420, "warning": 620, "alarm": 800}  # square pixels of 900 x 560
# Short: their width is the margin.
ROWS = ("aid", "military", "member", "sanctions", "trade", "coup")
# Deaths are drawn on a log scale from this number in a month on, if it is as many times the median.
LOG_FROM_DEATHS = 50
LOG_FROM_RATIO = 10
LOG_TICKS = (0, 1, 10, 100, 1000, 10_000)
Rows = list[dict[str, Any]]
PLACE_FILL = re.compile(r'fill="(\w{3}\.[^"]+)"')  # a place's id, where its colour is to stand
VEGA_ADDRESS = "https://vega.github.io/vega-datasets/"  # what a relative link is put under
CONFIG = {
    "background": None,
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {
        "aria": False,
        "labelColor": "currentColor",
        "labelFontSize": 12,
        "labelLimit": 0,  # measuring texts is most of the work
        "labelOverlap": False,
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "title": None,
    },
    "title": {
        "anchor": "start",
        "frame": "group",
        "color": "currentColor",
        "fontSize": 13,
        "limit": 0,
    },
}


def region_spec(data: Mapping[str, Rows], newest: date) -> str:
    """A region on one time axis: events, deaths, measures, presence, levels.

    Where there is no measure or presence figure, its panel is left out; deaths are on a log
    scale where ``needs_log_scale``.

    Args:
        data: ``months`` (start, end, type, low, high: the bar of a type, tip), ``deaths``
            (start, end, value, tip), ``fan`` (start, end, q10, q90, mean), ``may_come``
            (start, end, low, high, tip), ``measures`` (start, end, row, tip), ``presence`` (start,
            value, tip), ``levels`` (start, end, level, tip).
        newest: First day of the newest month with figures.
    """
    panels = [name for name in ("measures", "presence") if data[name]]
    deaths = "deaths_log" if needs_log_scale([row["value"] for row in data["deaths"]]) else "deaths"
    return _region_spec(newest, ("events", deaths, *panels, "levels"))


def needs_log_scale(deaths: Sequence[int]) -> bool:
    """Whether the deadliest month hides the others on a linear scale.

    Args:
        deaths: Of the months with any.

    Example:
        >>> needs_log_scale([3, 5, 60]), needs_log_scale([40, 50, 60]), needs_log_scale([1, 1, 12])
        (True, False, False)
    """
    top = max(deaths, default=0)
    return top >= max(LOG_FROM_DEATHS, LOG_FROM_RATIO * float(np.median(deaths or [0])))


def chart_begin(newest: date) -> date:
    """First day of the years drawn, where ``newest`` is that of the newest month with figures.

    Example:
        >>> chart_begin(date(2021, 5, 1))
        datetime.date(2011, 6, 1)
    """
    return _shifted(newest, 1 - HISTORY_MONTHS)


def map_svg(svg: str) -> str:
    """The picture drawn of ``map_spec`` in whole pixels, its links out of the way of keys.

    What is moved to its place (a sign) is small and stays as it is.

    Example:
        >>> map_svg('<a href="x"><path d="M1.5,2.25L3.1,4L3.4,4L5,6Z"/></a>')
        '<a tabindex="-1" href="x"><path d="M1,2L3,4L5,6Z"/></a>'
        >>> map_svg('<path transform="translate(9,9)" d="M0,-7.5L7.5,7.5Z"/>')
        '<path transform="translate(9,9)" d="M0,-7.5L7.5,7.5Z"/>'
    """

    def rounded(path: re.Match[str]) -> str:
        if "transform=" in path[0]:
            return path[0]
        whole_pixels = re.sub(r"(?<=[\d,ML])(\d+)\.\d+", r"\1", path[0])
        return re.sub(r"(L\d+,\d+)\1+", r"\1", whole_pixels)

    return re.sub(r"<path[^>]*>", rounded, svg).replace("<a ", '<a tabindex="-1" ')


def fill_regions(svg: str, colours: Mapping[str, str], hatched: Container[str] = ()) -> str:
    """The map with regions filled in their colours, names of ``style.css``.

    Args:
        svg: The map.
        colours: Colour of each region.
        hatched: Regions drawn hatched on it, by the patterns of ``hatches`` in ``words.j2``.

    Example:
        >>> fill_regions('<path fill="MLI.gao"/><path fill="none"/>', {"MLI.gao": "c1"})
        '<path fill="var(--c1)"/><path fill="none"/>'
        >>> fill_regions('<path fill="MLI.gao"/>', {"MLI.gao": "i-calm"}, {"MLI.gao"})
        '<path fill="url(#hatch-i-calm)"/>'
    """

    def filled(match: re.Match[str]) -> str:
        colour = colours[match[1]]
        return f'fill="url(#hatch-{colour})"' if match[1] in hatched else f'fill="var(--{colour})"'

    return PLACE_FILL.sub(filled, svg)


def map_with_places(svg: str) -> str:
    """The map with each place's id beside its fill, for a script to colour it.

    Example:
        >>> map_with_places('<path fill="MLI.gao"/><path fill="none"/>')
        '<path data-place="MLI.gao" fill="MLI.gao"/><path fill="none"/>'
    """
    return PLACE_FILL.sub(r'data-place="\1" fill="\1"', svg)


def map_without_signs(svg: str) -> str:
    """The map without the signs of levels on it.

    Example:
        >>> map_without_signs('<path d="M0Z"/><path transform="translate(9,9)" d="M0Z"/>')
        '<path d="M0Z"/>'
    """
    return re.sub(r"<path[^>]*transform=[^>]*/>", "", svg)


def split_outlines(svg: str) -> tuple[str, str]:
    """The outlines of a map, to stand once in a page, and the map that refers to them.

    Example:
        >>> split_outlines('<path d="M0,0h9Z" fill="x"><title>Gao</title></path>')
        ('<path id="o0" d="M0,0h9Z"/>', '<use href="#o0" fill="x"><title>Gao</title></use>')
    """
    outlines: list[str] = []

    def reference(match: re.Match[str]) -> str:
        outlines.append(f'<path id="o{len(outlines)}" d="{match[2]}"/>')
        use = f'<use href="#o{len(outlines) - 1}"{match[1]}{match[3]}'
        return f"{use}/>" if match[4] is None else f"{use}>{match[4]}</use>"

    path = r'<path([^>]*?) d="([^"]*)"([^>/]*)(?:/>|>(.*?)</path>)'
    svg = re.sub(path, reference, svg)
    return "".join(outlines), svg


def translated_svg(svg: str, words: Mapping[str, str], name_of: Callable[[str], str] = str) -> str:
    """The picture with its ``@word`` texts, and who is named in tool tips, as a reader says it.

    Example:
        >>> svg = "<text>@coup</text><path><title>World Bank: 2021-06-04</title></path>"
        >>> translated_svg(svg, {"coup": "Coup"}, lambda name: "Banque mondiale")
        '<text>Coup</text><path><title>Banque mondiale: 2021-06-04</title></path>'
    """
    svg = re.sub(r">@(\w+)<", lambda match: f">{escape(words[match[1]])}<", svg)
    return re.sub(
        r"(?<=<title>)[^<:]+(?=: )", lambda match: str(escape(name_of(unescape(match[0])))), svg
    )


def page_svg(svg: str) -> str:
    """The picture without what a page can spare; its descriptions become tool tips.

    Example:
        >>> page_svg('<svg role="img" width="9" height="9"><path aria-label="5" d="M0"/></svg>')
        '<svg><path d="M0"><title>5</title></path></svg>'
    """
    svg = svg.replace(VEGA_ADDRESS, "").replace(' transform="translate(0,0)"', "")
    svg = re.sub(r' (aria-roledescription|role|class|font-family)="[^"]*"', "", svg)
    svg = re.sub(r'(<svg[^>]*?) width="\d+" height="\d+"', r"\1", svg, count=1)
    return re.sub(
        r'<(path|circle) aria-label="([^"]*)"([^>]*)/>', r"<\1\3><title>\2</title></\1>", svg
    )


def conic_projection(longitudes: Sequence[float], latitudes: Sequence[float]) -> str:
    """An equal-area conic projection of Vega-Lite around places (degrees), as JSON.

    Its middle is the mean of the longitudes on the circle, so that a country on both sides of
    180 degrees hangs together; its parallels lie a sixth within the outermost latitudes.

    Example:
        >>> conic_projection([178, -178], [-18, -16])
        '{"type": "conicEqualArea", "rotate": [-180.0, 0], "parallels": [-17.7, -16.3]}'
    """
    angles = np.radians(longitudes)
    middle = np.degrees(np.arctan2(np.sin(angles).mean(), np.cos(angles).mean()))
    low, high = min(latitudes), max(latitudes)
    inset = (high - low) / 6
    return json.dumps(
        {
            "type": "conicEqualArea",
            "rotate": [round(-float(middle), 1), 0],
            "parallels": [round(low + inset, 1), round(high - inset, 1)],
        }
    )


def _json(spec: Mapping[str, Any]) -> str:
    return json.dumps({"config": CONFIG, "padding": 4, **spec})


def _shifted(month: date, months: int) -> date:
    shifted: date = pl.select(pl.lit(month).dt.offset_by(f"{months}mo")).item()
    return shifted


def _time(
    first: date | str, last: date | str, *, labels: bool, every: Mapping[str, Any], form: str
) -> dict[str, Any]:
    """A time axis in UTC; marks on it have a start and an end."""
    return {
        "field": "start",
        "type": "temporal",
        "scale": {"type": "utc", "domain": [f"{first}", f"{last}"]},
        "axis": {
            "labels": labels,
            "ticks": labels,
            "domain": labels,  # elsewhere the grid's line of nought is there
            "tickCount": every,
            "format": form,
            "labelBound": False,
            "labelPadding": 5,
            "labelFlush": False,  # a label drawn inwards runs into the next on a phone
        },
    }


def _count(field: str, ticks: int = 3) -> dict[str, Any]:
    """A vertical axis of counts, whole numbers only."""
    whole = "datum.value % 1 ? '' : format(datum.value, 'd')"
    axis = {"tickCount": ticks, "labelExpr": whole, "minExtent": MARGIN, "maxExtent": MARGIN}
    scale = {"domain": {"unionWith": [0, 1]}}  # so that next to nothing looks so
    return {"field": field, "type": "quantitative", "axis": axis, "scale": scale}


def _coloured(field: str, names: tuple[str, ...]) -> dict[str, Any]:
    colours = [f"var(--{name.replace('_', '-')})" for name in names]
    scale = {"domain": list(names), "range": colours}
    return {"field": field, "type": "nominal", "scale": scale, "legend": None}


def _by_level(value_of: Mapping[str, Any]) -> dict[str, Any]:
    scale = {"domain": list(value_of), "range": list(value_of.values())}
    return {"field": "level", "type": "nominal", "scale": scale, "legend": None}


YEARS = {"interval": "year", "step": 2}
ZERO = {"y2": {"datum": 0}}
DOT = {"filled": True, "opacity": 1, "clip": True}
TIP = {"description": {"field": "tip", "type": "nominal"}}
END = {"x2": {"field": "end"}}


@cache
def _region_spec(newest: date, panels: tuple[str, ...]) -> str:
    """The panels that have something to show, one above the other; the last has the labels."""
    begins = chart_begin(newest)
    ends = _shifted(newest, FORECAST_MONTHS + 1)
    parts: dict[str, Callable[..., dict[str, Any]]] = {
        "events": _events_panel,
        "deaths": _deaths_panel,
        "deaths_log": partial(_deaths_panel, is_log=True),
        "measures": _measures_panel,
        "presence": _presence_panel,
        "levels": _levels_panel,
    }
    vconcat = [
        {
            "width": WIDTH,
            "title": f"@{name}",
            **parts[name](_time(begins, ends, labels=name == "levels", every=YEARS, form="%Y")),
        }
        for name in panels
    ]
    # Types and levels have colours of their own, whatever panel comes first.
    resolve = {"scale": {"color": "independent"}}
    return _json({"spacing": 10, "vconcat": vconcat, "resolve": resolve})


def _events_panel(x: dict[str, Any]) -> dict[str, Any]:
    fan = {
        "data": {"name": "fan"},
        "mark": {"type": "bar", "color": "var(--fan)", "opacity": 0.35, "aria": False},
        "encoding": {"x": x, **END, "y": _count("q10"), "y2": {"field": "q90"}},
    }
    bars = {
        "data": {"name": "months"},
        "mark": "bar",
        "encoding": {
            "x": x,
            **END,
            "y": _count("low"),
            "y2": {"field": "high"},
            "color": _coloured("type", VIOLENCE_TYPES),
            **TIP,
        },
    }
    return {"height": 110, "layer": [fan, bars, _may_come(x)]}


def _may_come(x: dict[str, Any]) -> dict[str, Any]:
    """What may still come upon the bars of the newest months, hatched."""
    return {
        "data": {"name": "may_come"},
        "mark": {"type": "bar", "color": "url(#hatch)"},
        "encoding": {"x": x, **END, "y": _count("low"), "y2": {"field": "high"}, **TIP},
    }


def _deaths_panel(x: dict[str, Any], *, is_log: bool = False) -> dict[str, Any]:
    y = _count("value")
    if is_log:  # of one more than the number, so that none has a place on it
        y["scale"] |= {"type": "symlog"}
        y["axis"] |= {"values": LOG_TICKS, "tickCount": len(LOG_TICKS)}
    return {
        "height": 80,
        "data": {"name": "deaths"},
        "mark": {"type": "bar", "color": "var(--deaths)"},
        "encoding": {"x": x, **END, "y": y, **ZERO, **TIP},
    }


def _measures_panel(x: dict[str, Any]) -> dict[str, Any]:
    axis = {
        "labelExpr": "'@' + datum.label",
        "minExtent": MARGIN,
        "maxExtent": MARGIN,
        "ticks": False,
        "domain": False,
    }
    row = {"field": "row", "type": "nominal", "scale": {"domain": list(ROWS)}, "axis": axis}
    spells = {
        "transform": [{"filter": "datum.row != 'coup'"}],
        "mark": {"type": "bar", "color": "var(--measure)", "height": 9, "clip": True},
        "encoding": {"x": x, **END, "y": row, **TIP},
    }
    coup = {"type": "point", "shape": "diamond", "size": 90, "color": "var(--coup)"}
    coups = {
        "transform": [{"filter": "datum.row == 'coup'"}],
        "mark": {**coup, **DOT},
        "encoding": {"x": x, "y": row, **TIP},
    }
    return {"height": 105, "data": {"name": "measures"}, "layer": [spells, coups]}


def _presence_panel(x: dict[str, Any]) -> dict[str, Any]:
    axis = {"values": [0, 0.5, 1], "format": ".0%", "minExtent": MARGIN, "maxExtent": MARGIN}
    share = {"field": "value", "type": "quantitative", "scale": {"domain": [0, 1]}, "axis": axis}
    return {
        "height": 60,
        "data": {"name": "presence"},
        "mark": {"type": "point", "size": 45, "color": "var(--presence)", **DOT},
        "encoding": {"x": x, "y": share, **TIP},
    }


def _levels_panel(x: dict[str, Any]) -> dict[str, Any]:
    return {
        "height": 16,
        "data": {"name": "levels"},
        "mark": {"type": "bar", "height": 16, "clip": True, "strokeWidth": 2},
        "encoding": {
            "x": x,
            **END,
            "color": _coloured("level", LEVELS),
            "stroke": _coloured("level", LEVELS),
            **TIP,
        },
    }


def forecast_spec(data: Mapping[str, Rows], newest: date) -> str:
    """The last two years by month and the forecast fan of the next six; below, past nights.

    Each column below is the last night run in a month: what it expected of the ninety days after
    it, the count from which they are an escalation, what came, and the chance it gave, between
    the bounds of the levels. Where no night was run before, only the months are drawn.

    Args:
        data: ``bars`` (start, end, value, tip), ``may_come`` (start, end, low, high, tip),
            ``fan`` (start, end, q05, q10, q25, q50, q75, q90, q95, mean, tip), ``ends`` (start,
            word: where the figures end, and the night), ``past`` (start, end, middle, low, high,
            mean, threshold, level, chance, tip, chance_tip, came: null where not wholly known,
            came_tip).
        newest: First day of the newest month with figures.
    """
    return _forecast_spec(newest, len(data["past"]) > 1)


@cache
def _forecast_spec(newest: date, has_past: bool) -> str:
    axes = {
        has_labels: _time(
            _shifted(newest, 1 - RECENT_MONTHS),
            _shifted(newest, FORECAST_MONTHS + 1),
            labels=has_labels,
            every={"interval": "month", "step": 6},
            form="%m/%Y",
        )
        for has_labels in (False, True)
    }
    months = {"height": 150, "title": "@forecast", "layer": _forecast_layers(axes[not has_past])}
    if not has_past:
        return _json({"width": WIDTH, **months})
    panels = [
        months,
        {"height": 100, "title": "@past", "layer": _past_layers(axes[False])},
        {"height": 70, "title": "@chances", "layer": _chance_layers(axes[True])},
    ]
    return _json({"spacing": 10, "vconcat": [{"width": WIDTH, **panel} for panel in panels]})


def _forecast_layers(x: dict[str, Any]) -> list[dict[str, Any]]:
    def band(low: str, high: str, opacity: float) -> dict[str, Any]:
        return {
            "data": {"name": "fan"},
            "mark": {"type": "bar", "color": "var(--fan)", "opacity": opacity},
            "encoding": {"x": x, **END, "y": _count(low), "y2": {"field": high}, **TIP},
        }

    return [
        {
            "data": {"name": "bars"},
            "mark": {"type": "bar", "color": "var(--events)"},
            "encoding": {"x": x, **END, "y": _count("value", 4), **ZERO, **TIP},
        },
        _may_come(x),
        band("q05", "q95", 0.2),
        band("q10", "q90", 0.3),
        band("q25", "q75", 0.5),
        {"data": {"name": "fan"}, **_level_line(x, "mean")},
        *_ends(x),
    ]


def _level_line(x: dict[str, Any], field: str, **mark: Any) -> dict[str, Any]:
    """A line at a height, from the start of a span to its end."""
    line = {"type": "rule", "color": "currentColor", "strokeWidth": 2, "aria": False, **mark}
    return {"mark": line, "encoding": {"x": x, **END, "y": _count(field)}}


def _ends(x: dict[str, Any]) -> list[dict[str, Any]]:
    """Where the figures end (dashed), and the night, each with its word above it."""

    def by_word(figures_end: str, this_night: str) -> dict[str, str]:
        return {"expr": f"datum.word == 'figures_end' ? {figures_end} : {this_night}"}

    mark = {"color": "currentColor", "aria": False}
    return [
        {
            "data": {"name": "ends"},
            "mark": {**mark, "type": "rule", "strokeDash": by_word("[4, 3]", "[1, 0]")},
            "encoding": {"x": x},
        },
        {
            "data": {"name": "ends"},
            "mark": {
                **mark,
                "type": "text",
                "text": {"expr": "'@' + datum.word"},
                "align": by_word("'right'", "'left'"),
                "dx": by_word("-3", "3"),
                "baseline": "bottom",
                "fontSize": 12,
            },
            "encoding": {"x": x, "y": {"value": 0}},
        },
    ]


def _past_layers(x: dict[str, Any]) -> list[dict[str, Any]]:
    """What each night expected of the ninety days after it, and what came."""
    middle = {**x, "field": "middle"}
    return [
        {
            "data": {"name": "past"},
            "mark": {"type": "bar", "color": "var(--fan)", "opacity": 0.35, "clip": True},
            "encoding": {"x": x, **END, "y": _count("low"), "y2": {"field": "high"}, **TIP},
        },
        {"data": {"name": "past"}, **_level_line(x, "mean", clip=True)},
        {
            "data": {"name": "past"},
            **_level_line(x, "threshold", clip=True, strokeDash=[3, 2], color="var(--coup)"),
        },
        {
            "data": {"name": "past"},
            "transform": [{"filter": "isValid(datum.came)"}],
            "mark": {"type": "point", "size": 40, "color": "var(--events)", **DOT},
            "encoding": {
                "x": middle,
                "y": _count("came"),
                "description": {"field": "came_tip", "type": "nominal"},
            },
        },
    ]


def _chance_layers(x: dict[str, Any]) -> list[dict[str, Any]]:
    """The chance each night gave, in the colour of the level told, and the levels' bounds."""
    bounds = thresholds()["levels"]
    share = {
        "field": "chance",
        "type": "quantitative",
        "scale": {"domain": {"unionWith": [0, bounds[LEVELS[-1]] * 1.2]}},
        "axis": {
            "values": [0, *bounds.values()],
            "tickCount": len(bounds) + 1,  # of fewer Vega leaves values out
            "format": ".0%",
            "minExtent": MARGIN,
            "maxExtent": MARGIN,
        },
    }
    return [
        {
            "data": {"name": "past"},
            "mark": {"type": "bar", "clip": True, "stroke": "var(--soft)", "strokeWidth": 0.5},
            "encoding": {
                "x": x,
                **END,
                "y": share,
                **ZERO,
                "color": _coloured("level", LEVELS),
                "description": {"field": "chance_tip", "type": "nominal"},
            },
        },
        *(
            {
                "data": {"values": [{}]},
                "mark": {"type": "rule", "color": f"var(--{level})", "strokeDash": [5, 4],
                         "strokeWidth": 1.5, "aria": False},
                "encoding": {"y": {"datum": bounds[level]}},
            }
            for level in LEVELS[1:]
        ),
    ]  # fmt: skip


@cache
def line_spec(bound: float, first: str, last: str) -> str:
    """A reader's line on past nights: its chance, its bound (dashed), and when the number came.

    Its data: ``nights`` (start, end, value, tip), ``mails`` (start, value, tip), ``reached``
    (start, end, tip: nights whose window reached the number, a bar below nought).

    Args:
        bound: Chance from which on the line is passed.
        first: First day shown.
        last: Last day.
    """
    x = _time(first, last, labels=True, every={"interval": "year", "step": 1}, form="%Y")
    share = {
        "field": "value",
        "type": "quantitative",
        "scale": {"domain": [-0.08, 1]},
        "axis": {"values": [0, bound, 1], "format": ".0%", "minExtent": 40, "maxExtent": 40},
    }
    rule = {"mark": {"type": "rule", "color": "currentColor", "strokeDash": [5, 4], "aria": False}}
    return _json(
        {
            "width": WIDTH,
            "height": 90,
            "layer": [
                {
                    "data": {"name": "reached"},
                    "mark": {"type": "bar", "color": "var(--one-sided)", "clip": True},
                    "encoding": {"x": x, **END, "y": {"datum": -0.08}, "y2": {"datum": 0}, **TIP},
                },
                {
                    "data": {"name": "nights"},
                    "mark": {"type": "bar", "color": "var(--fan)", "opacity": 0.6, "clip": True},
                    "encoding": {"x": x, **END, "y": share, **ZERO, **TIP},
                },
                {**rule, "data": {"values": [{}]}, "encoding": {"y": {"datum": bound}}},
                {
                    "data": {"name": "mails"},
                    "mark": {"type": "point", **DOT, "shape": "triangle-down", "size": 70,
                             "color": "currentColor"},
                    "encoding": {"x": x, "y": share, **TIP},
                },
            ],
        }
    )  # fmt: skip


@cache
def map_spec(projection: str, sign_scale: float = 1) -> str:
    """Places on a map, to be filled by ``fill_regions``.

    Its data: ``shapes`` (GeoJSON features with ``region_id``, ``name`` and ``url``), ``outlines``
    (GeoJSON features of the countries), ``around`` (of coasts and borders outside them), ``signs``
    (``longitude``, ``latitude``, ``level``). Each level has a form of its own, so that its colour
    is not needed.

    Args:
        projection: Of Vega-Lite, as JSON.
        sign_scale: Size of the signs, times that on the map of one country.
    """
    sizes = {level: size * sign_scale for level, size in SIGN_SIZES.items()}
    return _json(
        {
            "width": 900,
            "height": 560,
            "projection": json.loads(projection),
            "layer": [
                {
                    "data": {"name": "around"},
                    "mark": {"type": "geoshape", "filled": False, "stroke": "var(--soft)",
                             "strokeWidth": 0.7, "aria": False},
                },
                {
                    "data": {"name": "shapes"},
                    "mark": {"type": "geoshape", "stroke": "var(--paper)", "strokeWidth": 1},
                    "encoding": {
                        "color": {"field": "region_id", "type": "nominal", "scale": None},
                        "href": {"field": "url", "type": "nominal"},
                        "description": {"field": "name", "type": "nominal"},
                    },
                },
                {
                    "data": {"name": "outlines"},
                    "mark": {"type": "geoshape", "filled": False, "stroke": "var(--soft)",
                             "strokeWidth": 1.5, "aria": False},
                },
                {
                    "data": {"name": "signs"},
                    "mark": {"type": "point", "aria": False, "filled": True, "opacity": 1,
                             "stroke": "var(--paper)", "strokeWidth": 2},
                    "encoding": {
                        "longitude": {"field": "longitude", "type": "quantitative"},
                        "latitude": {"field": "latitude", "type": "quantitative"},
                        "fill": _coloured("level", LEVELS[1:]),
                        "shape": _by_level(SIGNS),
                        "size": _by_level(sizes),
                    },
                },
            ],
        }
    )  # fmt: skip
