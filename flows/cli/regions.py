"""``tocsin regions``: the register of regions."""

from typing import Annotated

import typer
from rich.console import Console

from config.texts import printable
from flows.terminal import AsJson, Heading, listing, print_json

regions = typer.Typer(help="The register of regions.", no_args_is_help=True)


@regions.callback()
def _regions() -> None:
    """The register of regions."""


@regions.command()
def match(
    name: Annotated[str, typer.Argument(help="A spelling, or a P-code.")],
    country: Annotated[
        str | None, typer.Option(help="Only this country (ISO 3166 alpha-3).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """How a spelling or a P-code of a region is resolved, or what comes nearest."""
    from warehouse.core import match_region

    candidates = match_region(name, country.upper() if country else None)
    if as_json:
        print_json(regions=candidates)
        return
    if candidates.is_empty():
        Console().print(
            f"{printable(name)!r} is no region{f' of {country.upper()}' if country else ''}, nor "
            "is one nearly called so; look a town up by the region it lies in"
        )
        return
    is_known = 1.0 in candidates["similarity"].to_list()
    rows = []
    for row in candidates.iter_rows(named=True):
        by = row["pcode"] or row["matched_by"]
        rows.append(
            (
                row["region_name"],
                row["region_id"],
                by if row["similarity"] == 1 else f"{by} {row['similarity']:.2f}",
                f"{row['parent_region_id']} (a part)"
                if row["parent_region_id"] else row["region_id"],
                row["valid_from"] or "",
            )
        )  # fmt: skip
    listing(
        Console(),
        [Heading(heading) for heading in ("region", "id", "by", "counts for", "since")],
        rows,
        title=f"{name!r} " + ("means" if is_known else "is not known; nearest:"),
    )
