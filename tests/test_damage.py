"""Files of the product's own, damaged in every way: read as far as can be, made anew, said."""

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from alerts import operator
from config.files import put_in_place, write_atomically
from config.registry import SourceError
from config.settings import Settings, Smtp
from flows.cli import known_failure
from flows.log import LOGGER, logging_to
from flows.prefect_server import set_aside_unreadable
from flows.step_cache import StepCache
from page.mark import is_built, leave_mark
from warehouse.client import Client, Reply
from warehouse.connect import holder, one_run, warehouse
from warehouse.export import copy_as_parquet
from warehouse.history import catch_up
from warehouse.landing import (
    QuarantineOverride,
    accept,
    add_override,
    deliveries,
    overrides,
    receive,
)
from warehouse.publish import publish
from warehouse.sources import mali_census
from warehouse.verify import content

NOW = datetime(2021, 6, 25, 22)
FRAMES = {"a": pl.DataFrame({"x": [1.5, None]})}
NOTES = pl.DataFrame({"note": ["a", "b"]})
CENSUS = mali_census.SOURCE


def flipped(path: Path, part: float) -> None:
    content = bytearray(path.read_bytes())
    content[min(int(len(content) * part), len(content) - 1)] ^= 1
    path.write_bytes(content)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "something").touch()


DAMAGES: dict[str, Callable[[Path], object]] = {
    **{f"flip at {part}": lambda path, part=part: flipped(path, part)
       for part in (0, 0.05, 0.3, 0.6, 0.95, 1)},
    "half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "empty": lambda path: os.truncate(path, 0),
    "folder": a_folder,
    **{text: lambda path, text=text: path.write_text(text)
       for text in ("5", "null", "[]", "[1]", '"x"', "{}", '{"a": 1}', '{"tocsin.duckdb": []}')},
    "no text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "not ours": lambda path: path.chmod(0),  # but to root
}  # fmt: skip


class Own:
    """A file of the product's own: how it is made and what reads it.

    ``make`` brings the data folder to its healthy state again, whatever is there; ``read`` is
    what a run does with it; ``path`` says where it lies.
    """

    damages = tuple(DAMAGES)
    is_silent = ()  # damages that look like something it may well hold

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = Settings(data_folder=folder, operator="op@example.org")


class CachedStep(Own):
    path = "cache/step.zip"

    def make(self) -> None:
        StepCache(self.folder / "cache").put("step", ("seen",), FRAMES)

    def read(self) -> Any:
        cached = StepCache(self.folder / "cache").get("step", ("seen",))
        assert cached is None or cached["a"].equals(FRAMES["a"])
        return cached is not None


class Note(Own):
    path = "regions.told"
    is_silent = ("5", "[]")

    def make(self) -> None:
        self.read()

    def read(self) -> Any:
        done = operator.mail_operator_once(self.settings, Smtp(), "regions", "key", "s", "t", NOW)
        return done is None or done.status


class LastRun(Own):
    path = "last_run.json"
    is_silent = ("folder", "5", "[]", "no text")  # told as its result

    def make(self) -> None:
        operator.note_finished_run(self.settings, "2021-06-25", NOW)

    def read(self) -> Any:
        return operator.overdue_reason(self.settings, 30, NOW) is None


class Validators(Own):
    path = "validators.json"

    def make(self) -> None:
        self.read()

    def read(self) -> Any:
        client = Client("s", self.folder)
        headers = {"etag": "1"}
        client.get = lambda *_, **__: Reply(200, b"bytes", headers, "x")  # type: ignore[method-assign,assignment]
        return client.download("http://example.org/a")


class Part(Own):
    path = f"parts/{hashlib.sha256(b'key').hexdigest()}"

    def make(self) -> None:
        self.read()

    def read(self) -> Any:
        return Client("s", self.folder).cached_part("key", lambda: b"what was fetched")


class Pardons(Own):
    path = f"{CENSUS.name}/pardons.json"
    is_silent = ("[]",)

    def make(self) -> None:
        override = QuarantineOverride(row_key="k", rule="r", value="v", who="a", why="b", at=NOW)
        add_override(CENSUS.name, override, self.folder)

    def read(self) -> Any:
        return len(overrides(CENSUS.name, self.folder)) > 0


class Landed(Own):
    path = ""
    damages = ("flip at 0", "flip at 0.3", "half", "empty", "folder", "no text")

    def make(self) -> None:
        (batch,) = receive(CENSUS, None, self.folder)
        accept(batch, self.folder)
        self.path = f"{CENSUS.name}/{batch.sha256}.zst"

    def read(self) -> Any:
        (batch,) = receive(CENSUS, None, self.folder)
        return batch.rows.height


class LogEntry(Landed):
    """The log is a truth, no cache: what cannot be read of it is told with its cure."""

    def make(self) -> None:
        shutil.rmtree(self.folder / CENSUS.name, ignore_errors=True)
        super().make()
        (entry,) = deliveries(CENSUS, self.folder)
        self.path = f"{CENSUS.name}/log/{entry.batch_id}.json"

    def read(self) -> Any:
        return len(deliveries(CENSUS, self.folder))


class Lock(Own):
    path = "run.lock"
    is_silent = ("folder", "5", "[]", "no text")

    def make(self) -> None:
        if (self.folder / "run.lock").is_dir():
            shutil.rmtree(self.folder / "run.lock")
        (self.folder / "run.lock").write_text(
            "tocsin nightly, process 1, since 2021-06-25 22:00:00Z"
        )

    def read(self) -> Any:
        holder(self.folder)
        with one_run(self.folder, "tocsin nightly"):
            return True


class Mark(Own):
    path = ".built"
    is_silent = ("folder", "5", "[]", "no text")

    def make(self) -> None:
        if (self.folder / ".built").is_dir():
            shutil.rmtree(self.folder / ".built")
        leave_mark(self.folder, ("seen",))

    def read(self) -> Any:
        return is_built(self.folder, ("seen",))


class Log(Own):
    path = "log/tocsin.jsonl"
    is_silent = ("5", "[]", "no text")  # it is added to

    def make(self) -> None:
        self.read()

    def read(self) -> Any:
        with logging_to(self.folder / "log"):
            LOGGER.info("a line")
        return (self.folder / "log" / "tocsin.jsonl").is_file()


class Database(Own):
    path = "prefect.db"
    is_silent = ("5", "[]", "no text")  # too short to be one: SQLite begins it

    def make(self) -> None:
        with sqlite3.connect(self.folder / "prefect.db") as con:
            con.execute("create table if not exists run as select 1 as a")
        con.close()

    def read(self) -> Any:
        set_aside_unreadable(self.folder / "prefect.db")
        with sqlite3.connect(self.folder / "prefect.db") as con:
            con.execute("select * from sqlite_master").fetchall()
        con.close()
        return True


class Published(Own):
    """``manifest.json`` beside the published file."""

    path = "published/manifest.json"
    damages = ("flip at 0.3", "half", "folder", "5", "[1]", '{"tocsin.duckdb": []}', "no text")

    def make(self) -> None:
        self.read()

    def read(self) -> Any:
        publish(None, self.settings.published_path, NOW.date(), 2)  # type: ignore[arg-type]
        manifest = self.settings.published_path.with_name("manifest.json")
        return sorted(json.loads(manifest.read_text("utf-8")))


class PublishedFile(Published):
    path = "published/tocsin.duckdb"
    damages = ("flip at 0.3", "half", "folder")

    def read(self) -> Any:
        super().read()
        with duckdb.connect(self.settings.published_path, read_only=True) as con:
            return con.execute("from notes").fetchall()


class Copies(Published):
    path = "published/parquet/manifest.json"
    is_silent = ("folder", "5", "[]", "no text")  # all copies are made anew, and that is said

    def read(self) -> Any:
        super().read()
        rows = copy_as_parquet(self.settings.published_path, self.settings.parquet_folder)
        manifest = json.loads((self.settings.parquet_folder / "manifest.json").read_text("utf-8"))
        copy = pl.read_parquet((self.settings.parquet_folder / "notes.parquet").read_bytes())
        return rows, manifest["night"], copy.equals(NOTES)


class Copy(Copies):
    path = "published/parquet/notes.parquet"
    damages = ("flip at 0.3", "half", "folder")


class Working(Own):
    path = "warehouse.duckdb"

    def make(self) -> None:
        path = self.folder / self.path
        if not path.exists():
            shutil.copyfile(Working.whole, path)
        elif path.is_dir():
            shutil.rmtree(path)
            shutil.copyfile(Working.whole, path)

    def read(self) -> Any:
        with warehouse(self.folder / self.path) as con:
            return con.execute("select count(*) from main.migration").fetchone()


CACHES = (CachedStep, Note, LastRun, Validators, Part, Pardons, Landed, Log, Published,
          PublishedFile, Copies, Copy, Mark, Database, Lock)  # fmt: skip


@pytest.fixture
def small_publishing(monkeypatch) -> None:
    """Publishing of a file with one table, read in this process."""

    def write(_: object, part: Path, __: object) -> dict[str, int]:
        with duckdb.connect(part) as con:
            con.register("notes_frame", NOTES)
            con.execute("create table notes as from notes_frame")
            con.execute("create table nights as select date '2021-06-25' as as_of_date")
        return {"notes": 2, "nights": 1}

    monkeypatch.setattr("warehouse.publish._write", write)
    monkeypatch.setattr(
        "warehouse.publish._verify", lambda part: json.loads(json.dumps(content(part)))
    )


@pytest.mark.parametrize("own", CACHES)
def test_what_can_be_made_anew_is_whatever_became_of_it(
    own: type[Own], tmp_path: Path, small_publishing, capsys, warnings_shown
) -> None:
    for name in own.damages:
        file: Any = own(tmp_path / name)
        file.folder.mkdir()
        file.make()
        healthy = file.read()
        file.make()
        path = file.folder / file.path
        before = path.read_bytes() if path.is_file() else b""
        DAMAGES[name](path)
        is_changed = not path.is_file() or path.read_bytes() != before
        try:
            file.read()
        except Exception as error:
            assert own is Lock and name == "folder", f"{name}: {error!r}"
            assert known_failure(error)
        said = capsys.readouterr().err
        file.make()
        assert file.read() == healthy, name
        if is_changed and name in {"folder", "5", "[]", "no text"} - {*own.is_silent}:
            assert "set aside as" in said, name
            assert list(path.parent.glob(f"{path.name}.aside-*")), name
        if path.exists() and path.is_file():
            path.chmod(0o600)


def test_the_log_of_deliveries_is_told_with_its_cure(tmp_path: Path) -> None:
    for name, damage in DAMAGES.items():
        file = LogEntry(tmp_path / "landing")
        file.make()
        path = file.folder / file.path
        damage(path)
        try:
            assert file.read() == 1
        except Exception as error:
            message = known_failure(error)
            assert message, f"{name}: {error!r}"
            assert str(path) in message
            assert "'tocsin repair --force'" in message
            assert message.count("\n") == 0


def test_deliveries_that_are_gone_do_not_take_their_history_along(tmp_path: Path) -> None:
    """The landing folder may be a disk that is not there tonight."""
    landing = tmp_path / "landing"
    file = LogEntry(landing)
    file.make()
    with warehouse(tmp_path / "w.duckdb") as con:
        begun = catch_up(con, CENSUS, landing)
        landing.rename(tmp_path / "not mounted")
        with pytest.raises(SourceError, match=r"no longer tells of 1 of 1 deliveries .*--force"):
            catch_up(con, CENSUS, landing)
        known_from = con.execute(f"select count(*) from history.{CENSUS.name}").fetchone()
    assert known_from == (begun,)


def test_a_damaged_working_file_is_told_in_one_line(tmp_path: Path) -> None:
    Working.whole = tmp_path / "whole.duckdb"  # type: ignore[attr-defined]
    with warehouse(Working.whole):  # type: ignore[attr-defined]
        pass
    for name in ("flip at 0", "flip at 0.05", "half", "empty", "folder", "5", "no text"):
        file = Working(tmp_path / name)
        file.folder.mkdir()
        file.make()
        DAMAGES[name](file.folder / file.path)
        with pytest.raises((duckdb.Error, Exception)) as excinfo:
            file.read()
        line = known_failure(excinfo.value)
        assert line, f"{name}: {excinfo.value!r}"
        assert "'tocsin repair' builds it anew" in line, name


@pytest.mark.parametrize("kind", ["exchange", "no exchange", "own disk", "link", "file"])
def test_a_folder_is_put_in_place_on_whatever_disk(tmp_path: Path, monkeypatch, kind: str) -> None:
    folder, part = tmp_path / "page", tmp_path / ".page.part"
    target = folder
    if kind == "link":
        target = tmp_path / "elsewhere"
        target.mkdir()
        folder.symlink_to(target)
    if kind == "file":
        folder.write_text("no folder")
    else:
        (target / "sub").mkdir(parents=True)
        for name in ("old.html", "index.html", "sub/old.html"):
            (target / name).write_text("old")
    (part / "fr").mkdir(parents=True)
    for name in ("index.html", "fr/index.html"):
        (part / name).write_text("new")
    if kind in ("no exchange", "own disk"):
        monkeypatch.setattr("config.files.ctypes.CDLL", lambda *_, **__: object())
    if kind == "own disk":
        rename = Path.rename

        def busy(path: Path, other: Path) -> Path:
            if path == folder:
                raise OSError(16, "Device or resource busy")
            return rename(path, other)

        monkeypatch.setattr("config.files.Path.rename", busy)
    put_in_place(part, folder)
    files = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    assert files == {"index.html", "fr/index.html"}
    assert (folder / "index.html").read_text() == "new"
    assert folder.is_symlink() == (kind == "link")


def test_a_write_that_fails_leaves_the_file_and_no_draft(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "note.txt"
    write_atomically(path, "old", durable=True)

    def unsupported(_: int) -> None:
        raise OSError(22, "Invalid argument")  # of a folder of a share

    monkeypatch.setattr("config.files.os.fsync", unsupported)
    write_atomically(path, "new", durable=True)

    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("config.files.os.fsync", broken)
    with pytest.raises(OSError, match="Input/output"):
        write_atomically(path, "newer", durable=True)
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]
