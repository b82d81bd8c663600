"""A digest of code: what was made by the same code from the same input need not be made again."""

import hashlib
from fnmatch import fnmatch
from functools import cache
from importlib.metadata import version
from pathlib import Path

from config.areas import area
from config.overlay import INPUTS, own_files

ROOT = Path(__file__).parent.parent
ENDINGS = (".py", ".toml", ".csv", ".sql", ".j2", ".css", ".js", ".html", ".po")


@cache
def code_sha256(packages: tuple[str, ...], libraries: tuple[str, ...]) -> bytes:
    """Digest of all that is declared and programmed in packages, and of libraries' versions.

    What is declared is what is in force: the area, and the user's own files with ours. Registers
    kept by hand and recipients are input and do not count.

    Example:
        >>> code_sha256(("config",), ("polars",)) == code_sha256(("config",), ("duckdb",))
        False
    """
    digest = hashlib.sha256(" ".join(f"{name} {version(name)}" for name in libraries).encode())
    for package in packages:
        for path in sorted((ROOT / package).rglob("*")):
            name = path.relative_to(ROOT / package).as_posix()
            if path.suffix in ENDINGS and not _is_input(name):
                digest.update(f"|{path.relative_to(ROOT)}|".encode() + path.read_bytes())
    if "config" in packages:
        digest.update(f"|area {area()}|".encode())
        for name, path in own_files().items():
            if not _is_input(name):
                digest.update(f"|own {name}|".encode() + path.read_bytes())
    return digest.digest()


def _is_input(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in INPUTS)
