"""Versions against a plain model of them, and the rebuild from landed bytes."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.registry import Fetched, Lag, Release, Source, SourceError
from warehouse.connect import ensure_tables, migrate, warehouse
from warehouse.history import catch_up
from warehouse.landing import accept, deliveries, receive
from warehouse.query import run_sql
from warehouse.sources import SOURCES, mali_census, ucdp_ged

START = datetime(2024, 3, 1)
LAG = Lag(days=10)
COLUMNS = ("id", "coup_date", "best")


def parse(content: bytes, _url: str) -> pl.DataFrame:
    rows = [(i, date.fromisoformat(day), best) for i, day, best in json.loads(content)["rows"]]
    schema = {"id": pl.Int64, "coup_date": pl.Date, "best": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def deleted(content: bytes, _url: str) -> pl.DataFrame:
    return pl.DataFrame({"id": json.loads(content)["deleted"]}, schema={"id": pl.Int64})


def a_source(is_whole: bool) -> Source:
    return Source(
        name="synthetic",
        title="", licence="", attribution="", is_republishable=True, cadence="", flaws=(),
        embedded=(),
        fetch=lambda *_: pytest.fail("fetched"),
        parse=parse,
        columns=COLUMNS,
        key=("id",),
        dated_by="coup_date",
        lag=LAG, lag_reason="", max_age_days=None,
        deleted=None if is_whole else deleted,
    )  # fmt: skip


@dataclass
class Sent:
    """One delivery as a test thinks of it."""

    rows: dict[int, tuple[date, int]]
    at: datetime
    deleted: list[int] = field(default_factory=list)
    published_on: date | None = None

    @property
    def known_at(self) -> datetime:
        return datetime(*self.published_on.timetuple()[:3]) if self.published_on else self.at

    def fetched(self) -> Fetched:
        rows = [(i, str(day), best) for i, (day, best) in self.rows.items()]
        content = json.dumps({"at": str(self.at), "rows": rows, "deleted": self.deleted}).encode()
        return Fetched(content, "synthetic.json", self.at, Release("", self.published_on))


def deliver(con, source: Source, sent: Sent, folder: Path) -> None:
    *_, batch = receive(
        Source(**{**source.__dict__, "fetch": lambda *_: [sent.fetched()]}),
        "https://synthetic.example",
        folder,
    )
    accept(batch, folder)
    catch_up(con, source, folder)


def model(sent: list[Sent], is_whole: bool, at: datetime) -> dict[int, tuple[date, int]]:
    """What was believed at an instant, told row by row."""
    versions: dict[int, list[list]] = {}  # id -> [content, from, to]
    covered: list[date] = []
    for delivery in sent:
        now = delivery.known_at
        opened = {i: v[-1] for i, v in versions.items() if v[-1][2] is None}
        gone = set(opened) if is_whole else set(delivery.deleted)
        for i in gone - delivery.rows.keys():
            if i in opened:
                opened[i][2] = now
        for i, content in delivery.rows.items():
            if i in opened:
                if opened[i][0] == content:
                    continue
                opened[i][2] = now
            since = now
            if i not in versions and not any(content[0] <= day for day in covered):
                since = min(now, datetime(*content[0].timetuple()[:3]) + timedelta(days=LAG.days))
            versions.setdefault(i, []).append([content, since, None])
        covered += [max((day for day, _ in delivery.rows.values()), default=date.min)]
    return {
        i: content
        for i, contents in versions.items()
        for content, since, until in contents
        if since <= at and (until is None or until > at)
    }


def as_of(con: duckdb.DuckDBPyConnection, at: datetime) -> dict[int, tuple[date, int]]:
    rows = con.execute(
        "select id, coup_date, best from history.synthetic "
        "where known_from <= $at and (known_to is null or known_to > $at)",
        {"at": at},
    ).fetchall()
    assert len({row[0] for row in rows}) == len(rows), "two versions of a row at one instant"
    return {i: (day, best) for i, day, best in rows}


def everything(con: duckdb.DuckDBPyConnection) -> list[tuple]:
    versions = con.execute("from history.synthetic order by all").fetchall()
    return versions + con.execute("from ops.batch order by all").fetchall()


@contextmanager
def empty(source: Source) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        migrate(con)
        ensure_tables(con, source)
        yield con


days = st.integers(0, 40).map(lambda n: date(2024, 2, 1) + timedelta(days=n))
tables = st.dictionaries(st.integers(1, 5), st.tuples(days, st.integers(0, 2)), max_size=5)


@given(
    is_whole=st.booleans(),
    sent=st.lists(
        st.tuples(tables, st.lists(st.integers(1, 5), max_size=2), st.integers(0, 1)),
        min_size=1,
        max_size=6,
    ),
    late=st.integers(0, 5),
)
@settings(max_examples=30)
def test_as_of_equals_the_model_and_replay_gives_the_same(is_whole, sent, late) -> None:
    """Snapshots or increments, deletions, the same again, and an older release loaded late."""
    source = a_source(is_whole)
    with tempfile.TemporaryDirectory() as name, empty(source) as con:
        folder = Path(name)
        merged = []
        for number, (rows, gone, repeats) in enumerate(sent):
            one = Sent(rows, START + timedelta(days=3 * number), [] if is_whole else gone)
            if number == late:  # published before everything else, loaded at its turn
                one.published_on = date(2024, 2, 20)
            else:
                for _ in range(repeats):
                    deliver(con, source, one, folder)
            deliver(con, source, one, folder)
            merged = sorted([*merged, one], key=lambda sent: sent.known_at)
        instants = [one.known_at for one in merged]
        instants += [START + timedelta(days=n) for n in (-30, -9, 60)]
        for at in (moment + step for moment in instants for step in (timedelta(), -timedelta(1))):
            assert as_of(con, at) == model(merged, is_whole, at), at
        before = everything(con)
        with empty(source) as anew:
            catch_up(anew, source, folder)
            assert everything(anew) == before
        catch_up(con, source, folder)
        assert everything(con) == before


HEADER = "region_name,population_count\n"


def test_new_changed_withdrawn_and_back(tmp_path: Path) -> None:
    source = mali_census.SOURCE
    path = tmp_path / "census.csv"
    with warehouse(tmp_path / "w.duckdb") as con:
        for rows in (
            "Gao,10\nKidal,5\n",
            "Gao,12\n",  # Gao changed, Kidal withdrawn
            "Gao,12\n",  # the same bytes
            "Gao,12\nKidal,5\nMopti,7\n",  # Kidal is back, Mopti is new
        ):
            path.write_text(HEADER + rows)
            accept([*receive(source, str(path), tmp_path)][-1], tmp_path)
            catch_up(con, source, tmp_path)
        at = [entry.fetched_at for entry in deliveries(source, tmp_path)]
        versions = con.execute(
            "select region_name, population_count, known_from, known_to, known_basis "
            "from history.mali_census_2009 order by 1, 3"
        ).fetchall()
    always = datetime(1900, 1, 1)
    assert versions == [
        ("Gao", 10, always, at[1], "assumed"),
        ("Gao", 12, at[1], None, "observed"),
        ("Kidal", 5, always, at[1], "assumed"),
        ("Kidal", 5, at[2], None, "observed"),
        ("Mopti", 7, at[2], None, "observed"),
    ]


def test_a_history_that_lacks_a_column_is_built_anew(tmp_path: Path) -> None:
    source = mali_census.SOURCE
    with warehouse(tmp_path / "w.duckdb") as con:
        accept([*receive(source, None, tmp_path)][-1], tmp_path)
        catch_up(con, source, tmp_path)
        rows = con.execute("from history.mali_census_2009 order by all").fetchall()
        con.execute("alter table history.mali_census_2009 drop column population_count")
        ensure_tables(con, source)  # what opening the file with a newer Tocsin does
        assert con.execute("select count(*) from history.mali_census_2009").fetchone() == (0,)
        assert catch_up(con, source, tmp_path) == len(rows)
        assert con.execute("from history.mali_census_2009 order by all").fetchall() == rows


def test_the_log_keeps_the_words_of_older_tocsins(tmp_path: Path) -> None:
    source = mali_census.SOURCE
    accept([*receive(source, None, tmp_path)][-1], tmp_path)
    (entry,) = deliveries(source, tmp_path)
    (path,) = (tmp_path / source.name / "log").glob("*.json")
    logged = json.loads(path.read_text())
    assert {"holds": "true", "is_whole": True, "part": "", "held": []}.items() <= logged.items()
    assert (entry.complete_where, entry.is_snapshot) == ("true", True)
    assert len(logged) == len(type(entry).model_fields)


def test_no_placeholder_of_a_statement_remains(tmp_path: Path) -> None:
    with (
        warehouse(tmp_path / "w.duckdb") as con,
        pytest.raises(ValueError, match=r"mart/as_of_night.sql: nothing is said of __mart_table__"),
    ):
        run_sql(con, "mart/as_of_night", {"mart_tables": "mart.flag"}, night=date(2021, 6, 25))


def test_landed_bytes_that_were_changed_are_refused(tmp_path: Path) -> None:
    source = mali_census.SOURCE
    accept([*receive(source, None, tmp_path)][-1], tmp_path)
    (bytes_file,) = (tmp_path / source.name).glob("*.zst")
    good = bytes_file.read_bytes()
    with warehouse(tmp_path / "w.duckdb") as con:
        bytes_file.write_bytes(good[:-8])
        with pytest.raises(SourceError, match=r"mali_census_2009: .*restore the file"):
            catch_up(con, source, tmp_path)
        bytes_file.write_bytes(good)
        catch_up(con, source, tmp_path)
        assert con.execute("select count(*) from history.mali_census_2009").fetchone() == (10,)


def test_two_releases_of_ged_hold_real_revisions(warehouse_con: duckdb.DuckDBPyConnection) -> None:
    """171 events changed and 25 added by 24.1 among those 21.1 could hold; none withdrawn."""
    released = datetime(2024, 6, 30)
    versions = warehouse_con.execute(
        "select id, count(*) as versions, min(known_from) as known_from, bool_or(known_to is null) "
        "as is_held from history.ucdp_ged group by id"
    ).pl()
    assert versions.height == 4022
    assert versions["is_held"].all()
    assert versions["versions"].value_counts().sort("versions").rows() == [(1, 3851), (2, 171)]
    added = versions.filter(versions=1, known_from=released)
    assert added.height == 25
    three = warehouse_con.execute(
        "select id, best, known_from, known_to, source_version from history.ucdp_ged "
        "join ops.batch using (batch_id) where id in (42710, 364482, 374535) order by id, 3"
    ).fetchall()
    old, new = (release.version for release in ucdp_ged.SOURCE.embedded)
    assert three == [
        (42710, 3, datetime(2002, 12, 20), released, old),
        (42710, 40, released, None, new),
        (364482, 24, datetime(2020, 11, 20), released, old),
        (364482, 25, released, None, new),
        (374535, 0, datetime(2021, 1, 20), released, old),
        (374535, 3, released, None, new),
    ]


def test_every_source_is_rebuilt_from_its_log(warehouse_con, keep, tmp_path: Path) -> None:
    with keep(tmp_path / "anew.duckdb") as anew:
        for source in SOURCES:
            versions = f"from history.{source.name} order by all"
            assert anew.execute(versions).fetchall() == warehouse_con.execute(versions).fetchall()


def test_a_left_join_on_what_is_in_force_pairs_no_row_with_all_others() -> None:
    with duckdb.connect() as con:
        migrate(con)
        con.execute("create table spell (id integer, night_from date, night_to date)")
        con.execute(
            "insert into spell values (1, '2021-06-01', '2021-06-05'), (1, '2021-06-05', null)"
        )
        joined = (
            "from (values (1, date '2021-06-04'), (1, date '2021-06-05'), (1, date '2021-05-31'), "
            "(2, date '2021-06-05')) as n(id, night) left join spell as t "
            "on t.id = n.id and in_force(t.night_from, t.night_to, n.night) select night_from"
        )
        first, second = date(2021, 6, 1), date(2021, 6, 5)
        rows = con.execute(f"{joined} order by n.id, n.night").fetchall()
        assert rows == [(None,), (first,), (second,), (None,)]
        plan = con.execute(f"explain {joined}").fetchall()[0][1]
    assert "HASH_JOIN" in plan
    assert "NL_JOIN" not in plan
