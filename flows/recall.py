"""What a step found, kept with what it saw: the same is not worked out again.

A convenience, never a truth: the folder may be deleted at any time, and the next run
finds the same figures the long way.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import polars as pl

from config.code import ROOT, code_sha256
from config.files import read_or_set_aside, write_atomically

READ = ("config", "expectations", "indicators", "warehouse")  # what findings follow from
LIBRARIES = ("duckdb", "great-expectations", "numpy", "polars", "scipy", "statsmodels")


class Recall:
    """One finding a step: frames by name, in force while the step sees what it saw then.

    Args:
        folder: Where findings are kept; None: nothing is.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    def find(self, step: str, seen: Iterable[str | pl.DataFrame]) -> dict[str, pl.DataFrame] | None:
        """What the step found when it last saw just this, with this code; None: not known."""
        if self.folder is None:
            return None
        digest = _digest(seen)
        return read_or_set_aside(
            self._path(step),
            lambda content: _unpacked(content, digest),
            "it is worked out again",
        )

    def keep(
        self, step: str, seen: Iterable[str | pl.DataFrame], found: Mapping[str, pl.DataFrame]
    ) -> None:
        """Keep what a step found, in place of what it found before."""
        if self.folder is None:
            return
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as kept:
            for name, frame in found.items():
                written = io.BytesIO()
                frame.write_ipc(written, compression="zstd")
                kept.writestr(name, written.getvalue())
            kept.comment = _digest(seen)
        with suppress(OSError):  # no run fails of a convenience
            write_atomically(self._path(step), packed.getvalue())

    def _path(self, step: str) -> Path:
        return (self.folder or ROOT) / f"{step}.zip"


def _unpacked(content: bytes, digest: bytes) -> dict[str, pl.DataFrame] | None:
    """Frames of a finding; None: it is of something else that was seen.

    Raises:
        Exception: The bytes were changed, in whatever way a zip or a frame tells of it.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as kept:
        if kept.comment != digest:
            return None
        return {name: pl.read_ipc(kept.read(name)) for name in kept.namelist()}


def _digest(seen: Iterable[str | pl.DataFrame]) -> bytes:
    told = hashlib.sha256(code_sha256(READ, LIBRARIES))
    for thing in seen:
        if isinstance(thing, pl.DataFrame):
            told.update(f"|{thing.height}|{thing.schema}".encode())
            told.update(thing.hash_rows().to_numpy().tobytes())
        else:
            told.update(f"|{thing}".encode())
    return told.hexdigest().encode()
