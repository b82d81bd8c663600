"""What docs/security.md claims and no other test holds."""

import io
import os
import zipfile
from pathlib import Path

import polars as pl
import pytest

from config import settings
from config.registry import SourceError
from stand_in import Answer, serving
from stand_in.ucdp import event, table
from warehouse.client import Client
from warehouse.sources.tables import MOST_ROWS
from warehouse.sources.ucdp_ged import SOURCE


def zipped(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize(("before", "after"), [(0o000, 0o027), (0o022, 0o027), (0o077, 0o077)])
def test_files_are_for_the_owner_unless_stricter_is_asked_for(before: int, after: int) -> None:
    umask_before = os.umask(before)
    try:
        settings.load()
        assert os.umask(before) == after
    finally:
        os.umask(umask_before)


def test_a_wrong_setting_is_named_without_secrets(monkeypatch) -> None:
    monkeypatch.setenv("TOCSIN_SMTP_PASSWORD", "sesame-4712")
    monkeypatch.setenv("TOCSIN_SMTP_PORT", "many")
    with pytest.raises(settings.SettingsError, match="port") as excinfo:
        settings.load()
    assert "sesame" not in str(excinfo.value)


def test_a_packed_name_leads_nowhere(tmp_path: Path, monkeypatch) -> None:
    """Nothing is unpacked to disk, so the name of a member is never a path."""
    monkeypatch.chdir(tmp_path)
    content = zipped("../../../evil.csv", table([event(1, "2022-05-03")]))
    assert SOURCE.parse(content, "x.zip").height == 1
    assert list(tmp_path.parent.rglob("evil.csv")) == []


@pytest.mark.parametrize("kind", ["zip", "parquet"])
def test_a_small_file_does_not_become_a_large_table(kind: str) -> None:
    if kind == "zip":
        content = zipped("ged.csv", b"0" * 20_000_000)
    else:
        packed = io.BytesIO()
        pl.DataFrame({"id": pl.repeat(1, MOST_ROWS + 1, eager=True)}).write_parquet(packed)
        content = packed.getvalue()
        assert len(content) < 1_000_000
    with pytest.raises(SourceError, match="more than a table of this kind would"):
        SOURCE.parse(content, f"x.{kind}")


def test_an_answer_cannot_steer_the_terminal(tmp_path: Path) -> None:
    with serving(lambda _: Answer(b"\x1b]0;owned\x07 go away", 403)) as server:
        client = Client("ucdp_ged", tmp_path, sleep=lambda _: None)
        with pytest.raises(SourceError, match=r"\\x1b\]0;owned\\x07 go away"):
            client.get(server.url)
