"""Draws Vega-Lite specifications as SVG, without a network; run by ``page.renderer``."""

import json
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

import vl_convert


@cache
def _vega_spec(spec: str) -> str:
    return json.dumps(vl_convert.vegalite_to_vega(json.loads(spec)))


def svg_of(spec: str, data: Mapping[str, Any]) -> str:
    """A specification with rows for its data sets, drawn as SVG.

    Example:
        >>> svg_of('{"mark": "point", "data": {"name": "a"}}', {"a": [{}]}).startswith("<svg ")
        True
    """
    vega = json.loads(_vega_spec(spec))
    for source in vega["data"]:
        if source["name"] in data:
            source["values"] = data[source["name"]]
    svg: str = vl_convert.vega_to_svg(vega)
    return svg


def main() -> None:
    """Answer each line of the input, a specification with its data, with a line: the SVG.

    The first picture takes half a second, since it loads the library's engine and fonts: one is
    drawn before anything is asked, while the caller reads its file.
    """
    svg_of('{"mark": "text", "encoding": {"text": {"value": "1"}}}', {})
    for line in sys.stdin:
        print(json.dumps(svg_of(*json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
