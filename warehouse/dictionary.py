"""The data dictionary as a page: every table, column and macro of the published file."""

from pathlib import Path

from config.registry import Source
from warehouse.connect import open_published
from warehouse.export import RELATIONS

INTRODUCTION = """# Data dictionary

Written by `tocsin dictionary` from the published file, whose comments come from
`config/columns.toml`; do not edit. Instants are UTC. `past_<table>` holds what is no longer
believed (events) or told (the rest); the table macros answer as of an instant:
`from events_as_of('2021-06-20')`, `from flags_as_of('2021-06-25')`,
`from indicator_as_of('events_count', '2021-06-25')`. In an attached file say `use <name>` first.
What night, window, level or vintage mean: [glossary](glossary.md); the equations of `forecasts`,
`flags`, `flag_drivers`: [models](models.md).
"""


def source_page(source: Source) -> str:
    """Markdown: what a reader of a source's figures must know, its flaws first."""
    origins = [f"embedded: {release.version}" for release in source.embedded]
    if source.live:
        origins.append(f'live: `TOCSIN_SOURCES=\'{{"{source.name}": "live"}}\'` ({source.live})')
    elif source.embedded:
        origins.append("or a file of your own in `TOCSIN_SOURCES`")
    passed_on = "may be passed on" if source.is_republishable else "must not be passed on"
    stale = f"stale after {source.max_age_days} days" if source.max_age_days else "never stale"
    rows = {
        "one row": source.unit or "see the dictionary",
        "whom to credit": source.attribution,
        "licence": f"{source.licence}; rows {passed_on}",
        "where from": "; ".join(origins),
        "credentials": ", ".join(f"`{name}`" for name in source.credentials) or "none",
        "renewed": source.cadence,
        "assumed known": source.lag_reason,
        "age": stale,
        "identified by": ", ".join(source.key),
        "columns kept": ", ".join(source.columns),
    }
    lines = [
        f"# {source.title}\n",
        "Written by `tocsin sources pages`; do not edit.\n",
        "## Flaws\n",
    ]
    lines += [f"- {flaw}" for flaw in source.flaws]
    lines += ["\n## Record\n", f"| `{source.name}` | |", "| --- | --- |"]
    lines += [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join(lines) + "\n"


def dictionary(published_path: Path) -> str:
    """Markdown: one section a table, one line a column.

    Raises:
        WarehouseError: Nothing is published yet.
    """
    with open_published(published_path) as con:
        tables = con.execute(f"from {RELATIONS} order by table_name").fetchall()
        columns = con.execute(
            "select table_name, column_name, data_type, comment from duckdb_columns() "
            "where not internal order by table_name, column_index"
        ).fetchall()
        macros = con.execute(
            "select function_name, list_aggregate(parameters, 'string_agg', ', '), comment "
            "from duckdb_functions() where function_type in ('macro', 'table_macro') "
            "and not internal order by function_name"
        ).fetchall()
    page = [INTRODUCTION, "## Macros\n", "| macro | answers |", "| --- | --- |"]
    page += [f"| `{name}({parameters})` | {comment} |" for name, parameters, comment in macros]
    for table, comment in tables:
        if table.startswith("past_") and table != "past_events":
            continue  # the columns of its table, and night_to
        page += [f"\n## {table}\n", f"One row: {comment}.\n", "| column | type | meaning |"]
        page += ["| --- | --- | --- |"]
        page += [
            f"| `{name}` | {kind.lower()} | {meaning} |"
            for of_table, name, kind, meaning in columns
            if of_table == table
        ]
    return "\n".join(page) + "\n"
