"""Nights in a lake: each a snapshot, whole or not at all, whatever holds the catalog."""

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from stand_in.postgresql import binaries, create_database, postgresql
from warehouse import lake
from warehouse.connect import WarehouseError
from warehouse.lake import lake_connection, publish_to_lake
from warehouse.publish import fingerprint
from warehouse.verify import content

FIRST = date(2021, 6, 23)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgresql(tmp_path_factory.mktemp("postgresql")) as connection:
        yield connection


@pytest.fixture(params=["a file", "PostgreSQL"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "a file":
        return f"ducklake:{tmp_path / 'catalog.ducklake'}"
    server: str = request.getfixturevalue("server")
    name = re.sub(r"\W", "_", request.node.name).lower()[-60:]
    create_database(server, name)
    return f"ducklake:postgres:{server.replace('dbname=postgres', f'dbname={name}')}"


def published(folder: Path, night: date, levels: dict[str, str], column: str = "level") -> Path:
    """A published file of one small table, as ``publish`` leaves it."""
    path = folder / f"{night}" / "tocsin.duckdb"
    path.parent.mkdir(parents=True)
    with duckdb.connect(path) as con:
        con.execute(f"create table flags (region_id varchar, {column} varchar, as_of_date date)")
        con.executemany(
            "insert into flags values ($1, $2, $3)",
            [[region, level, FIRST] for region, level in levels.items()],
        )
        con.execute(f"comment on table flags is 'one region of {column}'")
        con.execute(f"comment on column flags.{column} is 'it''s the level'")
        con.execute(f"create view raised as select region_id from flags where {column} <> 'none'")
        con.execute("comment on view raised is 'above none'")
        con.execute("create macro flags_as_of(ts) as table from flags where as_of_date <= ts::date")
    entry = {"as_of_date": str(night), "content": content(path), **fingerprint(path)}
    path.with_name("manifest.json").write_text(json.dumps({path.name: entry}))
    return path


def test_every_night_is_one_snapshot_with_all_that_its_file_says(
    catalog: str, tmp_path: Path
) -> None:
    nights = [
        {"MLI.sikasso": "none", "MLI.mopti": "alarm", "MLI.gao": "watch"},
        {"MLI.sikasso": "warning", "MLI.mopti": "alarm", "MLI.gao": "watch"},
        {"MLI.sikasso": "warning", "MLI.mopti": "alarm"},
    ]
    files = [published(tmp_path, FIRST + timedelta(n), nights[n]) for n in range(3)]
    rows = str(tmp_path / "rows")

    def publish(n: int) -> int:
        return publish_to_lake(files[n], catalog, rows, FIRST + timedelta(n), 30)

    assert [publish(0), publish(1), publish(1), publish(2)] == [3, 2, 0, 1]
    with lake_connection(catalog) as con:
        versions = con.execute(
            "select snapshot_id, commit_message, commit_extra_info->>'as_of_date' "
            "from lake.snapshots() where author = 'tocsin' order by 1"
        ).fetchall()
        assert [row[1:] for row in versions] == [
            (f"night {FIRST + timedelta(n)}", str(FIRST + timedelta(n))) for n in range(3)
        ]
        for (version, *_), levels in zip(versions, nights, strict=True):
            levels_of_lake = con.execute(
                f"select region_id, level from flags at (version => {version})"
            ).fetchall()
            assert dict(levels_of_lake) == levels
        assert con.execute("select count(*) from flags_as_of('2021-06-25')").fetchone() == (2,)
        assert con.execute("select count(*) from raised").fetchone() == (2,)
        comments = con.execute(
            "select comment from duckdb_tables() where database_name = 'lake' union all "
            "select comment from duckdb_views() where database_name = 'lake' and not internal "
            "union all select comment from duckdb_columns() where database_name = 'lake' "
            "and comment is not null"
        ).fetchall()
        assert comments == [("one region of level",), ("above none",), ("it's the level",)]


def test_a_table_whose_columns_changed_is_the_new_one_and_the_old_one_in_the_past(
    catalog: str, tmp_path: Path
) -> None:
    old = published(tmp_path, FIRST, {"MLI.gao": "watch"})
    new = published(tmp_path, FIRST + timedelta(1), {"MLI.gao": "watch"}, "alert_level")
    for file in (old, new):
        publish_to_lake(file, catalog, str(tmp_path / "rows"), FIRST, 30)
    with lake_connection(catalog) as con:
        (first, last) = con.execute(
            "select min(snapshot_id), max(snapshot_id) from lake.snapshots() "
            "where author = 'tocsin'"
        ).fetchone() or (0, 0)
        for version, column in ((first, "level"), (last, "alert_level")):
            described = con.execute(f"from flags at (version => {version})").description
            assert described[1][0] == column


def test_rows_that_are_the_same_in_every_column_are_counted(catalog: str, tmp_path: Path) -> None:
    rows = str(tmp_path / "rows")
    first, second = FIRST, FIRST + timedelta(1)
    publish_to_lake(published(tmp_path, first, {"MLI.gao": "watch"}), catalog, rows, first, 30)
    file = published(tmp_path, second, {"MLI.gao": "watch"})
    with duckdb.connect(file) as con:
        con.execute("insert into flags from flags")
    entry = {"as_of_date": str(second), "content": content(file), **fingerprint(file)}
    file.with_name("manifest.json").write_text(json.dumps({file.name: entry}))
    assert publish_to_lake(file, catalog, rows, second, 30) == 2
    with lake_connection(catalog) as con:
        assert con.execute("select count(*) from flags").fetchone() == (2,)


def test_a_publication_that_fails_leaves_the_last_night(
    catalog: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = str(tmp_path / "rows")
    publish_to_lake(published(tmp_path, FIRST, {"MLI.gao": "watch"}), catalog, rows, FIRST, 30)
    second = FIRST + timedelta(1)
    file = published(tmp_path, second, {"MLI.gao": "none"})
    with monkeypatch.context() as patch:
        patch.setattr(lake, "_rows_and_digest", lambda *_: [0, "0"])
        with pytest.raises(WarehouseError, match=r"flags would hold .* nothing was published"):
            publish_to_lake(file, catalog, rows, second, 30)
    with lake_connection(catalog) as con:
        assert con.execute("select level from flags").fetchall() == [("watch",)]
        assert con.execute("select max(commit_message) from lake.snapshots()").fetchone() == (
            f"night {FIRST}",
        )
    assert publish_to_lake(file, catalog, rows, second, 30) == 2


def test_old_snapshots_expire_and_the_newest_never(catalog: str, tmp_path: Path) -> None:
    rows = str(tmp_path / "rows")
    for n, level in enumerate(("none", "watch", "alarm")):
        night = FIRST + timedelta(n)
        publish_to_lake(published(tmp_path, night, {"MLI.gao": level}), catalog, rows, night, 0)
    with lake_connection(catalog) as con:
        messages = con.execute(
            "select commit_message from lake.snapshots() where author = 'tocsin'"
        ).fetchall()
        assert messages == [("night 2021-06-25",)]
        assert con.execute("select level from flags").fetchall() == [("alarm",)]


def test_a_catalog_that_is_not_there_is_one_line_without_the_password(tmp_path: Path) -> None:
    file = published(tmp_path, FIRST, {"MLI.gao": "watch"})
    catalog = "ducklake:postgres:host=127.0.0.1 port=9 dbname=tocsin password=secret1"
    with pytest.raises(WarehouseError) as caught:
        publish_to_lake(file, catalog, str(tmp_path / "rows"), FIRST, 30)
    said = str(caught.value)
    assert said.startswith("cannot publish to the lake (")
    assert "refused" in said or "onnect" in said
    assert "secret1" not in said
    assert "\n" not in said


def test_without_the_extra_its_name_is_said(tmp_path: Path, monkeypatch) -> None:
    file = published(tmp_path, FIRST, {"MLI.gao": "watch"})
    monkeypatch.setattr(lake, "find_spec", lambda _: None)
    with pytest.raises(WarehouseError, match=r"duckdb-extension-ducklake.*pip install \.\[scale\]"):
        publish_to_lake(file, f"ducklake:{tmp_path / 'c'}", str(tmp_path / "rows"), FIRST, 30)
