"""What the schedule runs: tonight's night, and the monthly back-test (``prefect.yaml``)."""

from dataclasses import asdict
from datetime import UTC, date, datetime

from prefect import flow
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from config.settings import load
from flows.nightly import default_night, load_ahead, nightly
from warehouse.runs import Step

TIMEZONE = "Africa/Bamako"
NIGHTLY, MONTHLY = "0 22 * * *", "0 6 2 * *"  # cron, in TIMEZONE


@flow(name="tonight")
def tonight(as_of: date | None = None) -> State[None]:
    """The nightly run, with the seconds of its steps and its checks as artifacts.

    Args:
        as_of: Run as on this night. Default: as ``tocsin nightly``.

    Raises:
        BusyError: Another run is at work.
    """
    settings, smtp = load()
    load_ahead(settings)
    night = as_of or default_night(datetime.now(UTC).date(), settings)
    steps: list[Step] = []
    report = nightly(night, settings, smtp, steps.append)
    flagged = report.flags.filter(report.flags["level"] != "none")
    told = flagged.sort("p_escalation", descending=True).select(
        "level", "region_name", "country_code", "p_escalation", "reason"
    )
    create_table_artifact(
        [asdict(step) for step in steps], key="steps", description=f"The night of {night}, by step"
    )
    create_table_artifact(
        told.to_dicts(), key="flags", description=f"The night of {night}: {told.height} flagged"
    )
    create_table_artifact(
        report.checks.filter(~report.checks["is_success"]).to_dicts(), key="warnings",
        description=f"The night of {night}: checks that failed, of {report.checks.height}",
    )  # fmt: skip
    if report.failures:
        return Completed(name="Degraded", message="; ".join(report.failures.values()))
    return Completed(message=f"the night of {night}: {told.height} regions flagged")


@flow(name="monthly back-test")
def monthly_backtest() -> State[None]:
    """Score the models on past months; the page is written to the data folder."""
    from flows.backtest import score
    from warehouse.connect import existing

    settings, _ = load()
    with existing(settings.warehouse_path) as con:
        told = score(con, None, None)
    path = settings.data_folder / "scorecard.md"
    path.write_text(told.page, "utf-8")
    return Completed(message=f"{path}, {told.seconds:.0f} s")
