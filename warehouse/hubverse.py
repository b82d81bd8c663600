"""The forecasts of the published file as a hub of the hubverse: model output and target data.

Formats: docs.hubverse.io, schemas v6.0.0. A round is a night; a horizon is counted in days, since
windows are of thirty (target_end_date = origin_date + horizon).
"""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from config.areas import area
from config.files import put_in_place, remove
from config.vocabulary import MODELS, POOL, QUANTILES
from warehouse.connect import WarehouseError, open_published
from warehouse.query import run_sql

TEAM = "tocsin"
BLOCK_DAYS = 30
TARGETS = {
    "events": "Events of organised violence in thirty days",
    "deaths": "Deaths in organised violence in thirty days",
}
SCHEMAS = "https://raw.githubusercontent.com/hubverse-org/schemas/main/v6.0.0/{}-schema.json"
TIME_ZONE = "Africa/Abidjan"  # UTC all year, as nights are; the schema knows no zone called UTC
METHODS = {
    MODELS[0]: "Self-exciting counts: negative binomial, its mean linear in past events here and "
    "around",
    MODELS[1]: "Conflictology: the counts of the past twelve windows, each as likely as the others",
    POOL: "Weighted pool of the self-exciting model and conflictology",
}
CONFIG = "hub-config"
TASK_IDS = ("origin_date", "target", "horizon", "location", "target_end_date")


def export_hub(published_path: Path, folder: Path, contact: str) -> tuple[list[Path], int]:
    """Write a hub: ``hub-config``, ``model-metadata``, ``model-output``, ``target-data``.

    Of every night in the file that told all quantiles: mean and quantiles of events and deaths, by
    region (three models) and country (the pool). Chances are not in it: they are calibrated, and
    their quantiles are not. Target data are the counts as known on the newest night.

    Args:
        published_path: The published file.
        folder: Where the hub is to stand: new, empty or of an earlier export.
        contact: E-mail address of who answers for it.

    Returns:
        The files written, and how many nights are left out, which an older Tocsin told.

    Raises:
        WarehouseError: There is no file, no night can be exported, or the folder cannot be written
            or holds something else.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / CONFIG / "tasks.json").exists():
        raise WarehouseError(f"{folder} holds something else; name a folder of its own (--to)")
    part = folder.with_name(f".{folder.name}.part")
    remove(part)  # of an export that was killed
    try:
        with open_published(published_path) as con:
            nights = [night for (night,) in con.execute("from nights order by all").fetchall()]
            values, left_out = _write_output(con, nights, part / "model-output")
            if not values["origin_date"]:
                raise WarehouseError(
                    f"no night of {published_path} told all quantiles; run 'tocsin nightly' first"
                )
            oracle, series = _observed(con, values["target_end_date"])
        for name, content in _configuration(values, contact).items():
            _write_json(part / CONFIG / name, content)
        for model in (*MODELS, POOL):  # JSON is YAML, and quotes whatever it holds
            path = part / "model-metadata" / f"{TEAM}-{model}.yml"
            _write_json(path, _metadata(model, contact))
        (part / "target-data").mkdir()
        oracle.write_parquet(part / "target-data" / "oracle-output.parquet")
        series.write_parquet(part / "target-data" / "time-series.parquet")
        put_in_place(part, folder)
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise WarehouseError(
            f"{published_path} was written by another Tocsin ({str(error).splitlines()[0]}); run "
            "'tocsin nightly' first"
        ) from None
    except OSError as error:
        raise WarehouseError(
            f"cannot write to {folder} ({error.strerror}); make room or make it writable"
        ) from None
    finally:
        remove(part)
    return sorted(p for p in folder.rglob("*") if p.is_file()), left_out


def _write_output(
    con: duckdb.DuckDBPyConnection, nights: list[date], folder: Path
) -> tuple[dict[str, set[Any]], int]:
    """Write the model output night by night, so that one night at a time is in memory.

    Returns:
        What the task ids take on, by their names, and how many nights told fewer quantiles.
    """
    values: dict[str, set[Any]] = {name: set() for name in TASK_IDS}
    left_out = 0
    for night in nights:
        forecasts = run_sql(con, "export/hub_forecasts", night=night).pl()
        left_out += forecasts.is_empty()
        output = _long(forecasts)
        for name in TASK_IDS:
            values[name] |= set(output[name].unique())
        for model in forecasts["model"].unique().sort():
            path = folder / f"{TEAM}-{model}" / f"{night}-{TEAM}-{model}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            output.filter(model=model).drop("model").write_parquet(path)
    return values, left_out


def _long(forecasts: pl.DataFrame) -> pl.DataFrame:
    """Model output: a row a value, with the columns that hubs read, and the model."""
    parts = []
    for target in TARGETS:
        of_target = {f"{target}_{name}": level for name, level in QUANTILES.items()}
        long = forecasts.unpivot(
            [f"{target}_mean", *of_target],
            index=["origin_date", "model", "location", "horizon_months", "window_end_date"],
            variable_name="column", value_name="value",
        )  # fmt: skip
        parts.append(
            long.select(
                "model",
                "origin_date",
                target=pl.lit(target),
                horizon=(pl.col("horizon_months") * BLOCK_DAYS).cast(pl.Int32),
                location="location",
                target_end_date="window_end_date",
                output_type=pl.when(pl.col("column") == f"{target}_mean")
                .then(pl.lit("mean"))
                .otherwise(pl.lit("quantile")),
                output_type_id=pl.col("column").replace_strict(
                    of_target, default=None, return_dtype=pl.Float64
                ),
                value=pl.col("value").cast(pl.Float64),
            )
        )
    order = ["origin_date", "model", "target", "location", "horizon", "output_type"]
    return pl.concat(parts).sort(*order, "output_type_id", nulls_last=False)


def _observed(
    con: duckdb.DuckDBPyConnection, window_ends: set[date]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Oracle output of the windows that are wholly known, and the series of thirty-day counts.

    The series goes back in blocks from the newest night, to the first event on file.
    """
    (night, known_until, first) = con.execute(
        "select (select max(as_of_date) from nights), (select max(known_until_date) from flags), "
        "(select min(event_date) from events)"
    ).fetchall()[0]
    known_ends = {end for end in window_ends if end <= known_until}
    back = range((night - known_until).days // BLOCK_DAYS, (night - first).days // BLOCK_DAYS + 2)
    grid = {night - timedelta(days=BLOCK_DAYS * number) for number in back}
    ends = sorted(
        end for end in grid | known_ends if first + timedelta(days=BLOCK_DAYS) <= end <= known_until
    )
    counts = run_sql(con, "export/hub_counts", ends=ends).pl()
    series = counts.unpivot(
        list(TARGETS), index=["location", "target_end_date"], variable_name="target",
        value_name="observation",
    ).select(
        "target_end_date", "target", "location", "observation", as_of=pl.lit(night, dtype=pl.Date)
    ).sort("target", "location", "target_end_date")  # fmt: skip
    oracle = series.filter(pl.col("target_end_date").is_in(list(known_ends))).rename(
        {"observation": "oracle_value"}
    )
    return oracle, series


def _configuration(values: dict[str, set[Any]], contact: str) -> dict[str, dict[str, Any]]:
    """The files of ``hub-config`` by name."""
    minimum = {"type": "double", "minimum": 0}
    return {
        "admin.json": {
            "schema_version": SCHEMAS.format("admin"),
            "name": f"Tocsin forecasts: {area().title('en')}",
            "maintainer": "who runs this Tocsin",
            "contact": {"name": "operator", "email": contact},
            "repository": {},  # where it is put is for who puts it there
            "file_format": ["parquet"],
            "timezone": TIME_ZONE,
        },
        "tasks.json": {
            "schema_version": SCHEMAS.format("tasks"),
            "rounds": [
                {
                    "round_id_from_variable": True,
                    "round_id": "origin_date",
                    "model_tasks": [
                        {
                            "task_ids": {
                                name: {"required": None, "optional": sorted(values[name])}
                                for name in TASK_IDS
                            },
                            "output_type": {
                                "mean": {
                                    "output_type_id": {"required": None},
                                    "value": minimum,
                                    "is_required": True,
                                },
                                "quantile": {
                                    "output_type_id": {"required": list(QUANTILES.values())},
                                    "value": minimum,
                                    "is_required": True,
                                },
                            },
                            "target_metadata": [
                                {
                                    "target_id": target,
                                    "target_name": title,
                                    "target_units": target,
                                    "target_keys": {"target": target},
                                    "description": "counted by UCDP, in the thirty days that end "
                                    "on target_end_date; horizon: days from origin_date to it",
                                    "target_type": "discrete",
                                    "is_step_ahead": True,
                                    "time_unit": "day",
                                }
                                for target, title in TARGETS.items()
                            ],
                        }
                    ],
                    "submissions_due": {"relative_to": "origin_date", "start": 0, "end": 1},
                }
            ],
            "output_type_id_datatype": "double",
            "derived_task_ids": ["target_end_date"],
        },
        "target-data.json": {
            "schema_version": SCHEMAS.format("target-data"),
            "observable_unit": ["target_end_date", "target", "location"],
            "date_col": "target_end_date",
            "versioned": True,
            "oracle-output": {"has_output_type_ids": False},
        },
        "model-metadata-schema.json": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Metadata of a model",
            "type": "object",
            "properties": {name: _kind(value) for name, value in _metadata(POOL, contact).items()},
            "required": ["team_abbr", "model_abbr", "model_name", "license"],
        },
    }


def _kind(value: object) -> dict[str, Any]:
    return {"type": "boolean" if isinstance(value, bool) else "string"}


def _metadata(model: str, contact: str) -> dict[str, Any]:
    return {
        "team_name": "Tocsin",
        "team_abbr": TEAM,
        "model_name": model,
        "model_abbr": model,
        "model_contact": contact,
        "license": "CC-BY-4.0",
        "designated_model": model == POOL,
        "data_inputs": "UCDP GED and GED Candidate; other event sources as flags.rests_on says",
        "methods": METHODS[model],
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=2, ensure_ascii=False, default=date.isoformat)
    path.write_text(text + "\n", "utf-8")
