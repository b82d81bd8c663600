"""Licences of what a run installs: ``python tests/licences.py > docs/licences.md``.

Read from the metadata of the installed packages that Tocsin needs, and that those need, at run
time; what only its tests and its documentation need is left out.
"""

import re
import tomllib
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
WHAT_FOR = {
    "apprise": "texts by SMS gateways, chats and webhooks",
    "babel": "English and French",
    "css-inline": "styles of mails",
    "duckdb": "working and published file",
    "duckdb-extension-spatial": "regions of points, outlines",
    "duckdb-extensions": "installs the former without a network",
    "great-expectations": "checks",
    "httpx": "live sources",
    "jinja2": "page and mails",
    "markupsafe": "names in pictures",
    "numpy": "models",
    "pandas": "what Great Expectations reads",
    "pillow": "pictures in mails",
    "polars": "frames",
    "prefect": "runs, schedule, their record",
    "pyarrow": "landed bytes, frames from DuckDB",
    "pydantic": "records of deliveries",
    "pydantic-settings": "settings",
    "python-json-logger": "log of the runs",
    "rich": "tables in the terminal",
    "scipy": "fits, distributions, nearest regions",
    "scoringrules": "scores of the back-test",
    "statsmodels": "models",
    "tenacity": "tries of live sources",
    "typer": "command line",
    "vl-convert-python": "charts of the page",
    "xlsxwriter": "export to spreadsheets",
}
PERMISSIVE = re.compile(
    r"(MIT|BSD|Apache|ISC|0BSD|CC0|PSF|Python|CNRI|Zlib|HPND)", re.I
)  # of every part of a licence
FLAGGED = {
    "certifi": "MPL-2.0: used as published; a changed file of it would have to be passed on",
    "orjson": "the same, for one part",
    "pathspec": "the same",
    "text-unidecode": "taken under the Artistic License, as it lets one choose",
    "tqdm": "MPL-2.0 for one part, used as published",
}
HEADER = """# Licences

What `tocsin` installs to run, as the packages themselves say
(`python tests/licences.py > docs/licences.md`; a test fails when this page is not what is
installed from `requirements.lock` on Python 3.11.3 or a later 3.11; 3.11.2, Debian 12's, needs
`async-timeout` too, under Apache-2.0). Tocsin itself is under Apache-2.0; of the data see
[sources and licences](data.md).

No package forces its licence on Tocsin, and none is changed. Those that ask for more than a
notice, or hold what does:

"""
WHEELS = """
Some wheels hold libraries of their own that their metadata does not name: `numpy` and `scipy`
OpenBLAS and the runtime of GNU Fortran (GPL with the runtime exception),
`duckdb-extension-spatial` GDAL, PROJ and GEOS (LGPL-2.1), `vl-convert-python` a JavaScript engine
and fonts. Tocsin downloads them as published and passes none of them on. Who passes on a built
container passes all of it on: keep the licence files that lie in `.venv`, and for GEOS say where
its source is.

"""


def runtime() -> list[Distribution]:
    """Everything that Tocsin needs at run time on this Python, by name, without itself."""
    distributions: dict[str, Distribution] = {}
    visited: set[tuple[str, frozenset[str]]] = set()
    wanted = [("tocsin", frozenset[str]())]
    while wanted:
        name, extras = wanted.pop()
        if (name, extras) in visited:
            continue
        visited.add((name, extras))
        distributions[name] = distribution(name)
        for line in distributions[name].requires or []:
            need = Requirement(line)
            marker = need.marker
            if marker is None or any(marker.evaluate({"extra": e}) for e in extras or {""}):
                wanted.append((plain(need.name), frozenset(need.extras)))
    del distributions["tocsin"]
    return [distributions[name] for name in sorted(distributions)]


def plain(name: str) -> str:
    """The name as the lock file spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(package: Distribution) -> str:
    """What a package says: its expression, else its short text, else its classifiers."""
    field = package.metadata.get("License-Expression") or package.metadata.get("License") or ""
    classified = [
        c.rpartition(" :: ")[2].replace(" License", "")
        for c in package.metadata.get_all("Classifier") or []
        if c.startswith("License :: OSI")
    ]
    is_short = 0 < len(field) < 60 and "\n" not in field and field != "Dual License"
    return field if is_short else " or ".join(classified) or "unknown"


def is_permissive(licence: str) -> bool:
    """Whether every part asks for no more than a notice."""
    parts = re.split(r" (?:and|or) ", licence.strip("()"), flags=re.I)
    return all(PERMISSIVE.search(part) and "GPL" not in part for part in parts)


def direct() -> set[str]:
    """Names of the direct dependencies."""
    content = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    return {plain(Requirement(line).name) for line in content}


def page() -> str:
    """The page, in Markdown."""
    flagged = [f"- `{name}`: {follows}\n" for name, follows in FLAGGED.items()]
    packages = runtime()
    rows = [
        f"| {name} | {p.version} | {licence(p)} | {WHAT_FOR.get(name, '')} |\n"
        for p in packages
        for name in [plain(p.metadata["Name"])]
    ]
    table = f"{len(rows)} packages; what for, where Tocsin asks for one itself.\n\n"
    head = "| package | version | licence | what for |\n| --- | --- | --- | --- |\n"
    return "".join([HEADER, *flagged, WHEELS, table, head, *rows])


if __name__ == "__main__":
    print(page(), end="")
