"""A night told in a backfill is the night a run of its own would have told."""

import contextlib
import pickle
import shutil
from datetime import date

import duckdb

from config.settings import Settings
from conftest import SHARED_SINCE
from flows.backfill import backfill, nights_between
from flows.steps import assess_night, judge_night, keep_night
from warehouse.connect import warehouse

NIGHTS = [date(2021, 6, 5), date(2021, 6, 15), date(2021, 6, 25)]
MARTS = ("indicator", "forecast", "flag", "flag_driver", "source_status", "check")


def night_digests(con, night: date, series_since: date = date.min) -> dict:
    at = "night_from <= $night and (night_to is null or night_to > $night)"
    since = {"indicator": f"and month_start >= date '{series_since}'"}
    return {
        mart: con.execute(
            "select count(*), sum(hash(columns(* exclude (night_from, night_to)))) "
            f"from mart.{mart} where {at} {since.get(mart, '')}",
            {"night": night},
        ).fetchall()
        for mart in MARTS
    }


def test_nights_equal_single_runs_and_a_cut_backfill_goes_on(
    keep, landing, two_nights, tmp_path
) -> None:
    from expectations.judge import judge

    settings = Settings(data_folder=tmp_path / "data")
    shutil.copytree(landing, settings.landing_folder)
    landed = judge({})
    with keep(settings.warehouse_path) as con:  # the night whose run brought the figures
        tables = assess_night(con, NIGHTS[1])
        keep_night(con, NIGHTS[1], tables, judge_night(tables, landed))
        single = night_digests(con, NIGHTS[1])
    progress = []

    class CutError(Exception):
        pass

    def cut(night) -> None:
        progress.append(night)
        raise CutError

    def as_elsewhere(work, units):
        """What workers do: function and units cross to another process and come back."""
        for unit in units:
            far_work, far_unit = pickle.loads(pickle.dumps((work, unit)))
            yield pickle.loads(pickle.dumps(far_work(far_unit)))

    at_workers = settings.model_copy(update={"dask": "local:2"})
    with contextlib.suppress(CutError):
        backfill(at_workers, NIGHTS, False, cut, as_elsewhere)
    assert [(t.night, t.number, t.nights) for t in progress] == [(NIGHTS[0], 1, 2)]
    rest = []
    assert backfill(settings, NIGHTS, False, rest.append) == 1
    assert [(t.night, t.seconds_left) for t in rest] == [(NIGHTS[2], 0.0)]
    assert backfill(settings, NIGHTS, False, rest.append) == 0
    assert not settings.outbox_folder.exists()
    file = shutil.copy(two_nights / "warehouse.duckdb", tmp_path)  # nights one by one
    with warehouse(settings.warehouse_path) as con, duckdb.connect(file) as one_by_one:
        assert night_digests(con, NIGHTS[1]) == single
        for night in (NIGHTS[0], NIGHTS[2]):
            alone = night_digests(one_by_one, night)
            assert night_digests(con, night, SHARED_SINCE) == alone, night
    assert (settings.published_path.parent / f"tocsin-{NIGHTS[2]}.duckdb").exists()


def test_nights_begin_with_the_first_and_end_with_the_last() -> None:
    assert nights_between(date(2021, 6, 1), date(2021, 6, 3), "1d") == [
        date(2021, 6, day) for day in (1, 2, 3)
    ]
    assert nights_between(date(2021, 6, 1), date(2021, 6, 14), "1w") == [
        date(2021, 6, day) for day in (1, 8)
    ]
    assert nights_between(date(2021, 6, 3), date(2021, 6, 1), "1d") == []
