"""A digest of code: what was made by the same code from the same input need not be made again."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent
ENDINGS = (".py", ".toml", ".csv", ".sql", ".j2", ".css", ".html", ".po")


@cache
def code_sha256(packages: tuple[str, ...], libraries: tuple[str, ...]) -> bytes:
    """Digest of all that is declared and programmed in packages, and of libraries' versions.

    Registers kept by hand and recipients are input and do not count.

    Example:
        >>> code_sha256(("config",), ("polars",)) == code_sha256(("config",), ("duckdb",))
        False
    """
    digest = hashlib.sha256(" ".join(f"{name} {version(name)}" for name in libraries).encode())
    for package in packages:
        for path in sorted((ROOT / package).rglob("*")):
            is_input = "registers" in path.parts or path.match("recipients*.toml")
            if path.suffix in ENDINGS and not is_input:
                digest.update(f"|{path.relative_to(ROOT)}|".encode() + path.read_bytes())
    return digest.digest()
