"""``tocsin area``: what is watched, and how to make another area."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.terminal import AsJson, Heading, listing, print_json, quantity

area = typer.Typer(help="The area that is watched, and others.", no_args_is_help=True)


@area.callback()
def _area() -> None:
    """The area that is watched, and others."""


@area.command("list")
def list_areas(as_json: AsJson = False) -> None:
    """Every area there is; TOCSIN_AREA chooses one."""
    from config.areas import area as in_force
    from config.areas import areas

    now = in_force().name
    if as_json:
        rows = [
            {
                "area": one.name, "title": one.title_en, "countries": one.countries,
                "is_in_force": one.name == now,
            }
            for one in areas().values()
        ]  # fmt: skip
        print_json(areas=rows)
        return
    listing(
        Console(),
        [Heading(""), Heading("area"), Heading("title"), Heading("countries", right=True)],
        [
            ("*" if one.name == now else "", one.name, one.title_en, str(len(one.countries)))
            for one in areas().values()
        ],
        title=f"Areas; in force: {now}",
    )


@area.command()
def show(as_json: AsJson = False) -> None:
    """The area in force (TOCSIN_AREA): its countries, how many regions each has, and of what."""
    import polars as pl

    from config.areas import area as in_force
    from config.registry import countries, drawn_regions, regions

    one = in_force()
    counts = dict(regions().group_by("country_code").len().iter_rows())
    code = pl.col("country_code")
    watched = countries().with_columns(
        regions_count=code.replace_strict(counts, default=0, return_dtype=pl.Int64),
        has_own_boundaries=code.is_in(drawn_regions()["country_code"].to_list()),
    )
    if as_json:
        print_json(countries=watched)
        return
    own = "boundaries of your own" if one.boundaries else "Natural Earth, about 2013"
    listing(
        Console(),
        [
            Heading("code"), Heading("country"), Heading("regions", right=True),
            Heading("UCDP number", right=True), Heading("boundaries"),
        ],
        [
            (
                row["country_code"], row["country_name"], str(row["regions_count"]),
                str(row["gw_number"]),
                own if row["has_own_boundaries"] else "config/regions.csv",
            )
            for row in watched.iter_rows(named=True)
        ],
        title=f"{one.name} ({one.title_en}): {quantity(watched.height, 'country')}, "
        f"{quantity(regions().height, 'region')}; languages {', '.join(one.languages)}; "
        f"{one.time_zone}",
    )  # fmt: skip


@area.command()
def make(
    name: Annotated[str, typer.Argument(help="Small letters, digits and _.")],
    countries: Annotated[
        str, typer.Option(help="Codes of ISO 3166 alpha-3, separated by commas: NGA,TCD.")
    ] = "",
    neighbours: Annotated[
        bool, typer.Option("--neighbours", help="And the countries that border on them.")
    ] = False,
    title: Annotated[str, typer.Option(help="What readers call it. Default: its name.")] = "",
    languages: Annotated[str, typer.Option(help="Of the page, the first first.")] = "en,fr",
    boundaries: Annotated[
        Path | None,
        typer.Option(help="Regions of your own: a GeoJSON, GeoPackage or Shapefile, any level."),
    ] = None,
    id_column: Annotated[str, typer.Option("--id", help="Its column that identifies one.")] = "",
    name_column: Annotated[str, typer.Option("--name", help="Its column that names one.")] = "",
) -> None:
    """Write an area into areas.toml of TOCSIN_CONFIG_FOLDER."""
    from config.new_area import write_area

    codes = [code.strip().upper() for code in countries.split(",") if code.strip()]
    regions = None
    if boundaries:
        from warehouse.boundaries import read_boundaries

        regions = read_boundaries(boundaries, id_column, name_column)
        codes = codes or regions["country_code"].unique().sort().to_list()
    if neighbours:
        from warehouse.boundaries import bordering

        codes += bordering(codes)
    path, new_area = write_area(
        name, codes, title, [part.strip() for part in languages.split(",")], regions
    )
    console = Console(soft_wrap=True, highlight=False)
    count = quantity(len(new_area.countries), "country")
    console.print(f"{path}: the area {name}, {count}. To watch it:")
    console.print(
        f"export TOCSIN_AREA={name} TOCSIN_DATA_FOLDER=data_{name}\n"
        'export TOCSIN_SOURCES=\'{"ucdp_ged": "live"}\'   '
        "# or a whole release as a file\ntocsin nightly",
        markup=False,
    )
