"""Results of steps, kept by what they were worked out from.

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

CACHE_FOLDER = "cache"  # in the data folder
PACKAGES = ("config", "expectations", "indicators", "warehouse")  # what results follow from
LIBRARIES = (
    "duckdb", "duckdb-extension-spatial", "great-expectations", "numpy", "polars", "pyarrow",
    "scipy", "scoringrules",
)  # fmt: skip


class StepCache:
    """One result a step, frames by name, keyed by a digest of its inputs and of the code.

    Args:
        folder: Where results are kept; None: nothing is.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    def get(
        self, step: str, inputs: Iterable[str | pl.DataFrame]
    ) -> dict[str, pl.DataFrame] | None:
        """The step's last result, if it came of just these inputs and this code; else None."""
        if self.folder is None:
            return None
        digest = _digest(inputs)
        return read_or_set_aside(
            self._path(step),
            lambda content: _unpacked(content, digest),
            "it is worked out again",
        )

    def put(
        self,
        step: str,
        inputs: Iterable[str | pl.DataFrame],
        result: Mapping[str, pl.DataFrame],
    ) -> None:
        """Keep a result in place of the step's last one."""
        if self.folder is None:
            return
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, frame in result.items():
                buffer = io.BytesIO()
                frame.write_ipc(buffer, compression="zstd")
                archive.writestr(name, buffer.getvalue())
            archive.comment = _digest(inputs)
        with suppress(OSError):  # no run fails of a convenience
            write_atomically(self._path(step), packed.getvalue())

    def _path(self, step: str) -> Path:
        return (self.folder or ROOT) / f"{step}.zip"


NO_CACHE = StepCache()


def _unpacked(content: bytes, digest: bytes) -> dict[str, pl.DataFrame] | None:
    """Frames of a result; None: it came of other inputs.

    Raises:
        Exception: The bytes were changed, in whatever way a zip or a frame tells of it.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if archive.comment != digest:
            return None
        return {name: pl.read_ipc(archive.read(name)) for name in archive.namelist()}


def _digest(inputs: Iterable[str | pl.DataFrame]) -> bytes:
    digest = hashlib.sha256(code_sha256(PACKAGES, LIBRARIES))
    for value in inputs:
        if isinstance(value, pl.DataFrame):
            digest.update(f"|{value.height}|{value.schema}".encode())
            digest.update(value.hash_rows().to_numpy().tobytes())
        else:
            digest.update(f"|{value}".encode())
    return digest.hexdigest().encode()
