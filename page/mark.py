"""A mark in each site of its inputs and code, so that an equal one is not built again."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from config.code import code_sha256

MARK = ".built"
PACKAGES = ("alerts", "config", "page", "warehouse")  # what a page follows from, beside the file
LIBRARIES = ("babel", "duckdb", "jinja2", "polars", "vl-convert-python")


def is_built(folder: Path, inputs: Iterable[str | Path]) -> bool:
    """Whether the folder is, file by file, what this code built from these inputs.

    Args:
        folder: The site.
        inputs: Facts it rests on, and files, of which the bytes count: the published file is
            read rather than believed to be what its manifest says.
    """
    mark = folder / MARK
    return mark.is_file() and mark.read_bytes() == _mark(folder, inputs).encode()


def leave_mark(folder: Path, inputs: Iterable[str | Path]) -> None:
    """Write the digest of a site, its inputs and its code beside its files."""
    (folder / MARK).write_text(_mark(folder, inputs), "utf-8")


def _mark(folder: Path, inputs: Iterable[str | Path]) -> str:
    digest = hashlib.sha256(code_sha256(PACKAGES, LIBRARIES))
    for thing in inputs:
        digest.update(_bytes_sha256(thing) if isinstance(thing, Path) else f"|{thing}".encode())
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MARK):
        digest.update(f"|{path.relative_to(folder)}|".encode() + _bytes_sha256(path))
    return f"{digest.hexdigest()}\n"


def _bytes_sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
