"""A night to come, a night too early and a day that is none are refused in one line."""

import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config.settings import Settings, Smtp
from flows import cli
from flows.nightly import nightly
from flows.nights import (
    NightError,
    earliest_night,
    not_in_future,
    parse_day,
    runnable_night,
    tonight,
)
from flows.steps import assess_night
from warehouse.marts import newest_night

TODAY = date(2026, 11, 25)
TOMORROW = str(datetime.now(UTC).date() + timedelta(days=1))
DAYS = {  # every option that takes a day
    ("nightly", "--as-of"): (),
    ("page", "--as-of"): (),
    ("revisions", "--since"): (),
    ("revisions", "--until"): ("--since", "2021-06-25"),
    ("backfill", "--from"): ("--to", "2021-06-25"),
    ("backfill", "--to"): ("--from", "2021-06-25"),
}
MUTE = ("alerts", "mute", "MLI.sikasso", "--who", "A", "--why", "B", "--until")


@pytest.fixture
def refused(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("TOCSIN_DATA_FOLDER", str(tmp_path / "data"))

    def says(*arguments: str) -> str:
        error = CliRunner().invoke(cli.app, arguments).exception
        assert isinstance(error, NightError), error
        assert error.exit_code == 2
        assert not (tmp_path / "data").exists()
        return str(error)

    return says


@pytest.mark.parametrize(("command", "others"), DAYS.items())
def test_a_day_to_come_is_refused_by_every_command(refused, command, others) -> None:
    name, option = command
    message = refused(name, *others, option, TOMORROW)
    assert message.startswith(f"{TOMORROW} is still to come: tonight is ")


@pytest.mark.parametrize("command", [*DAYS, MUTE])
@pytest.mark.parametrize("text", ["25/06/2021", "2021-02-30", "2021-06", "yesterday", ""])
def test_a_day_that_is_none_is_refused_with_an_example(refused, command, text: str) -> None:
    message = refused(*command, text)
    assert message == f"{text!r} is no day; write year-month-day, such as 2021-06-25"


def test_a_night_too_early_is_refused_with_the_earliest(refused) -> None:
    says = "the earliest night is 1990-01-20"
    assert says in refused("nightly", "--as-of", "1989-01-05")
    assert says in refused("backfill", "--from", "1989-01-05", "--to", "2021-06-25")
    assert "exchange them" in refused("backfill", "--from", "2021-06-25", "--to", "2021-06-24")


def test_the_earliest_night_has_a_year_of_whole_months(warehouse_con) -> None:
    assert earliest_night() == date(1990, 1, 20)  # December 1989 is known since then
    assert assess_night(warehouse_con, earliest_night())["mart.flag"].height == 104
    with pytest.raises(NightError, match=r"whole up to 1989-11 only.*earliest night is 1990-01-20"):
        assess_night(warehouse_con, date(1990, 1, 19))


def test_tonight_is_the_day_in_utc_wherever_the_desk_is(monkeypatch) -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):  # 14 hours before, 11 behind
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert tonight() == datetime.now(UTC).date()
    monkeypatch.delenv("TZ")
    time.tzset()


def test_a_night_is_possible_up_to_today() -> None:
    assert runnable_night(TODAY, TODAY) == TODAY
    assert parse_day(" 2021-06-25 ") == date(2021, 6, 25)
    with pytest.raises(NightError, match=r"2026-11-26 is still to come: tonight is 2026-11-25"):
        not_in_future(TODAY + timedelta(days=1), TODAY)


def test_the_flow_refuses_it_too(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path / "data", operator="op@example.org")
    with pytest.raises(NightError, match="is still to come"):
        nightly(date.fromisoformat(TOMORROW), settings, Smtp(), print)
    assert not settings.data_folder.exists()


def test_a_night_to_come_is_not_the_newest(working) -> None:
    working.begin()
    try:
        working.execute("insert into ops.night values ('2027-11-25')")
        assert newest_night(working, TODAY) == date(2021, 6, 25)
        assert newest_night(working, date(2027, 11, 25)) == date(2027, 11, 25)
    finally:
        working.rollback()
