"""The drawing of docs/architecture.md: ``tests/architecture.py > docs/architecture.svg``.

Steps are those of ``flows/nightly.py`` in their order, each with the packages that its function
uses; arrows between packages are the imports that the files make.
"""

import ast
from functools import cache
from html import escape
from importlib import import_module
from pathlib import Path
from textwrap import wrap
from types import CodeType, FunctionType

from flows import nightly
from indicators import INDICATORS
from warehouse.sources import SOURCES

ROOT = Path(__file__).parent.parent
PACKAGES = ("config", "warehouse", "indicators", "expectations", "alerts", "page", "flows")
ACROSS = {"indicators": 0, "page": 2, "alerts": 2} | dict.fromkeys(
    ("flows", "expectations", "warehouse", "config"), 1
)
WIDTH, COLUMNS, BOX, GAP = 900, 4, (200, 74), 28
STYLE = (
    "text{font-family:sans-serif;font-size:13px;fill:#1a1a1a}.h{font-size:16px;font-weight:bold}"
    ".b{font-weight:bold}.s{font-size:11px;fill:#4d4d4d}.m{font-family:monospace;font-size:10px;"
    "fill:#45207f}rect{fill:#f6f4fa;stroke:#7d5bab}path{fill:none;stroke:#767676;stroke-width:1.5}"
)


def steps() -> dict[str, tuple[str, ...]]:
    """Packages that each step of a night uses, by its name, in the order of the night."""
    source = Path(nightly.__file__).read_text("utf-8")
    calls = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and len(node.args) > 1
        and isinstance(node.args[0], ast.Constant | ast.JoinedStr)
        and isinstance(node.args[1], ast.Name)
        and isinstance(vars(nightly).get(node.args[1].id), FunctionType)
    ]
    packages = {}
    for call in sorted(calls, key=lambda call: call.lineno):
        name, function = call.args[0], call.args[1]
        words = name.value if isinstance(name, ast.Constant) else name.values[0].value + "a source"
        packages[words] = _used_by(vars(nightly)[function.id])
    return packages


def _used_by(function: FunctionType) -> tuple[str, ...]:
    """Packages whose things a function names, through functions of ``flows`` that it calls."""
    names, followed, rest = set(), set(), [function]
    while rest:
        one = rest.pop()
        package = one.__module__.partition(".")[0]
        names.add(package)
        if package != "flows" or one in followed:
            continue
        followed.add(one)
        for word in _names(one.__code__):
            thing = one.__globals__.get(word)
            module = getattr(thing, "__module__", None) or getattr(thing, "__name__", "")
            names |= {module, word}  # the word: a module that the function imports itself
            if isinstance(thing, FunctionType):
                rest.append(thing)
    used = {str(name).partition(".")[0] for name in names if "." in str(name) or name in PACKAGES}
    return tuple(p for p in PACKAGES if p in used - {"config", "flows"})


def _names(code: CodeType) -> set[str]:
    inner = [const for const in code.co_consts if isinstance(const, CodeType)]
    return {*code.co_names}.union(*map(_names, inner))


@cache
def imports() -> dict[str, set[str]]:
    """Packages that the files of each package import, itself apart."""
    tops = {}
    for package in PACKAGES:
        nodes = [
            node
            for path in (ROOT / package).rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
        ]
        names = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
        names |= {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}
        folders = {name.partition(".")[0] for name in names}
        tops[package] = folders & {*PACKAGES} - {package}
    return tops


def needed(package: str) -> set[str]:
    """Imports of a package that none of its other imports makes, too."""
    return {
        other
        for other in imports()[package]
        if not any(other in imports()[between] for between in imports()[package])
    }


def depth(package: str) -> int:
    """How many packages lie below one."""
    return max((1 + depth(other) for other in imports()[package]), default=0)


def contents() -> dict[str, str]:
    """What a step handles, counted in the code."""
    core = len(list((ROOT / "warehouse" / "sql" / "core").glob("*.sql")))
    return {
        "fetch a source": f"{len(SOURCES)} sources, bytes as received",
        "check what arrived": "bad rows quarantined",
        "keep versions": "known_from, known_to",
        "assess the night": f"{core} core tables, {len(INDICATORS)} series, models",
        "publish": "one DuckDB file",
        "build the page": "French and English",
        "write mails": "in the reader's language",
    }


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """A line of text."""
    at = f'x="{x:g}" y="{y:g}" text-anchor="{anchor}"'
    return f'<text class="{kind}" {at}>{escape(words)}</text>'


def arrow(path: str) -> str:
    """A line with a head."""
    return f'<path marker-end="url(#a)" d="{path}"/>'


def drawing() -> str:
    """The SVG itself."""
    width, height = BOX
    parts = [text(20, 28, "A night, step by step (flows/nightly.py)", "h")]
    says = contents()
    for number, (name, packages) in enumerate(steps().items()):
        row, column = divmod(number, COLUMNS)
        x, y = 20 + column * (width + GAP - 8), 44 + row * (height + GAP)
        parts.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6"/>')
        parts.append(text(x + 10, y + 22, f"{number + 1}. {name}", "b"))
        parts.append(text(x + 10, y + 42, says.get(name, ""), "s"))
        parts.append(text(x + 10, y + 61, " ".join(f"{p}/" for p in packages), "m"))
        if column + 1 < COLUMNS and number + 1 < len(steps()):
            parts.append(arrow(f"M{x + width},{y + height / 2}h{GAP - 11}"))
    rows = -(-len(steps()) // COLUMNS)
    top = 44 + rows * (height + GAP) + 24
    parts.append(text(20, top, "Packages: an arrow goes from one to what it imports", "h"))
    layers = max(map(depth, PACKAGES))
    places = {
        package: (WIDTH / 3 * (ACROSS[package] + 0.5), top + 20 + (layers - depth(package)) * 84)
        for package in PACKAGES
    }
    for package in PACKAGES:
        for other in sorted(needed(package)):
            (x, y), (to_x, to_y) = places[package], places[other]
            parts.append(arrow(f"M{x:g},{y + 60:g}L{to_x:g},{to_y - 3:g}"))
    for package, (x, y) in places.items():
        parts.append(f'<rect x="{x - 140:g}" y="{y}" width="280" height="60" rx="6"/>')
        parts.append(text(x, y + 18, f"{package}/", "b", "middle"))
        about = (import_module(package).__doc__ or "").partition("\n")[0]
        for number, line in enumerate(wrap(about, 52)[:2]):
            parts.append(text(x, y + 34 + 14 * number, line, "s", "middle"))
    whole = top + 20 + (layers + 1) * 84
    head = '<marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" ' \
        'orient="auto"><path d="M0,0L8,4L0,8"/></marker>'  # fmt: skip
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {whole}" role="img">\n'
        f"<title>Steps of a night and packages of Tocsin</title>\n<style>{STYLE}</style>\n"
        f'<defs>{head}</defs>\n<rect width="100%" height="100%" style="fill:#fff;stroke:none"/>\n'
        f"{body}\n</svg>\n"
    )


if __name__ == "__main__":
    print(drawing(), end="")
