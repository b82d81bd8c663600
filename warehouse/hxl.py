"""The levels of the newest night as a table with HXL hashtags, ready for HDX, and what it needs."""

import json
from pathlib import Path

import polars as pl

from config.areas import area
from config.files import write_atomically
from warehouse.connect import WarehouseError, open_published
from warehouse.export import escape_formulas
from warehouse.query import run_sql

# HXL 1.1 (hxlstandard.org): core hashtags, and attributes where they say more.
HASHTAGS = {
    "country_code": "#country+code+v_iso3",
    "country_name": "#country+name",
    "region_pcode": "#adm1+code+v_pcode",
    "pcode_scheme": "#meta+pcode+scheme",
    "pcode_vintage": "#meta+pcode+year",
    "region_id": "#adm1+code+v_tocsin",
    "region_name": "#adm1+name",
    "as_of_date": "#date+reported",
    "known_until_date": "#date+end+known",
    "window_start_date": "#date+start+forecast",
    "window_end_date": "#date+end+forecast",
    "alert_level": "#severity+level+told",
    "level": "#severity+level+night",
    "p_escalation": "#indicator+chance+escalation+num",
    "escalation_threshold_count": "#indicator+threshold+events+num",
    "events_next3_mean": "#indicator+events+forecast+mean+num",
    "events_next3_q10": "#indicator+events+forecast+q10+num",
    "events_next3_q90": "#indicator+events+forecast+q90+num",
    "deaths_next3_mean": "#affected+killed+forecast+mean+num",
    "deaths_next3_q10": "#affected+killed+forecast+q10+num",
    "deaths_next3_q90": "#affected+killed+forecast+q90+num",
    "events_past12_count": "#indicator+events+past12+num",
    "deaths_past12_count": "#affected+killed+past12+num",
    "intensity": "#severity+violence+past12",
    "population_count": "#population+num",
    "population_year": "#meta+population+year",
    "is_stale": "#status+stale",
}
TABLE, METADATA = "tocsin_levels.csv", "dataset.json"
CAVEATS = (
    "A level is the chance that a region's violence at least doubles within ninety days, not "
    "how violent it is: the deadliest regions often have none, and none is no all-clear. Figures "
    "end on known_until_date, are provisional and will be revised; an empty cell is not known, "
    "never zero. P-codes carry scheme and vintage, since some were reused."
)


def export_hxl(published_path: Path, folder: Path) -> list[Path]:
    """Write ``tocsin_levels.csv``, a row a region, and ``dataset.json``, what HDX asks about it.

    Texts that a spreadsheet would run get an apostrophe, as in other tables.

    Args:
        published_path: The published file.
        folder: Where to write; made if need be.

    Raises:
        WarehouseError: There is no file, or the folder cannot be written.
    """
    with open_published(published_path) as con:
        levels = run_sql(con, "export/hxl").pl()
        sources = con.execute(
            "select title, licence, attribution, is_republishable from sources order by source"
        ).fetchall()
    if tuple(levels.columns) != tuple(HASHTAGS):
        raise ValueError("export/hxl.sql and the hashtags are of different columns")
    cells = escape_formulas(levels).with_columns(pl.all().cast(pl.String).fill_null(""))
    tagged = pl.concat([pl.DataFrame(HASHTAGS), cells])
    path = folder / TABLE
    night = levels["as_of_date"][0]
    codes = levels["country_code"].unique().sort()
    dataset = {
        "name": f"tocsin-levels-{area().name.replace('_', '-')}",
        "title": f"Early warning of political violence by region: {area().title('en')}",
        "notes": "Level of warning, chance of escalation and expected events and deaths of the "
        "coming ninety days, by first-level region.",
        "dataset_source": "; ".join(title for title, *_ in sources),
        "dataset_date": f"[{night}T00:00:00 TO {night}T23:59:59]",
        "data_update_frequency": "1",
        "methodology": "Other",
        "methodology_other": "docs/models.md of Tocsin",
        "caveats": CAVEATS,
        "license_id": "other",
        "license_other": " ".join(
            f"{title}: {licence}{'' if may else ', rows not passed on'} ({attribution})."
            for title, licence, attribution, may in sources
        ),
        "groups": [{"name": code.lower()} for code in codes],
        "tags": [{"name": name} for name in ("conflict-violence", "forecasting", "hxl")],
        "resources": [
            {"name": TABLE, "format": "CSV", "description": "One row a region; the second row "
             "holds HXL hashtags."}
        ],
    }  # fmt: skip
    try:
        write_atomically(path, tagged.write_csv())
        text = json.dumps(dataset, indent=2, ensure_ascii=False) + "\n"
        write_atomically(folder / METADATA, text)
    except OSError as error:
        raise WarehouseError(
            f"cannot write to {folder} ({error.strerror}); make room or make it writable"
        ) from None
    return [path, folder / METADATA]
