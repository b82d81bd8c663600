"""Which file of configuration is in force: the user's own, outside the checkout, or ours."""

import os
import tomllib
from difflib import get_close_matches
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from config.errors import TocsinError

HERE = Path(__file__).parent
VARIABLE = "TOCSIN_CONFIG_FOLDER"
# Of these a file of the user's own is laid over ours, key by key; ours stays below it.
LAID_OVER = (
    "actors.csv", "areas.toml", "countries.csv", "names_fr.csv", "partners.csv",
    "population_units.csv", "thresholds.toml",
)  # fmt: skip
# Of these it takes the place of ours, whole.
IN_PLACE = (
    "actor_rules.csv", "boundaries/*.parquet", "pcodes.csv", "recipients.toml", "regions.csv",
    "registers/*.csv", "scopes.csv",
)  # fmt: skip
# Input of a night, not code: no digest of code has them. What registers cover is declared.
INPUTS = (
    "recipients.toml", "registers/admin_presence.csv", "registers/aid_suspensions.csv",
    "registers/governance_register.csv", "registers/reports_read.csv",
)  # fmt: skip
READ = (".csv", ".parquet", ".toml")  # other files there, a note or a copy, are the user's business


class ConfigurationError(TocsinError):
    """A file of configuration cannot be used; the message names file, line and cure."""


def in_force(name: str) -> Path:
    """The file that counts: the user's own where there is one, else ours.

    Args:
        name: Path below ``config``.

    Raises:
        ConfigurationError: As ``own_files``.
    """
    return own_files().get(name, HERE / name)


def layers(name: str) -> tuple[Path, ...]:
    """The files that a table is made of, the last above the others.

    Args:
        name: Path below ``config``.

    Raises:
        ConfigurationError: As ``own_files``.
    """
    ours, file = HERE / name, in_force(name)
    return (ours, file) if name in LAID_OVER and file != ours else (file,)


def set_in_environment(variable: str) -> str | None:
    """What a variable is set to, its name in any letters, as settings are read; None: nothing."""
    values = (value for name, value in os.environ.items() if name.upper() == variable and value)
    return next(values, None)


def read_toml(path: Path, example: str) -> dict[str, Any]:
    """What a TOML file says.

    Args:
        path: The file.
        example: The file of ours that shows how it is written, below ``config``.

    Raises:
        ConfigurationError: It cannot be read or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{path}: byte {error.start} is no UTF-8; save the file as UTF-8"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; let Tocsin read it") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(
            f"{path}: {error}; write it as TOML, see config/{example}"
        ) from None


def own_folder() -> Path | None:
    """The folder of the user's own files; None: none is set.

    Raises:
        ConfigurationError: There is no such folder.
    """
    set_to = set_in_environment(VARIABLE)
    if set_to is None:
        return None
    folder = Path(set_to)
    if not folder.is_dir():
        raise ConfigurationError(f"{VARIABLE}={folder}: is no folder; make it, or unset {VARIABLE}")
    return folder


def own_files() -> dict[str, Path]:
    """The user's own files, by their path below ``config``; empty: no folder is set.

    Raises:
        ConfigurationError: The folder is none, or one of its files would never be read.
    """
    folder = own_folder()
    if folder is None:
        return {}
    files = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in READ and not path.name.startswith(".") and path.is_file()
    }
    for name, path in files.items():
        if not any(fnmatch(name, pattern) for pattern in LAID_OVER + IN_PLACE) or (
            name.startswith("registers/") and not (HERE / name).is_file()
        ):
            raise ConfigurationError(f"{path}: no such file is read{_nearest(name)}")
    return files


def _nearest(name: str) -> str:
    registers = [path.relative_to(HERE).as_posix() for path in sorted(HERE.glob("registers/*.csv"))]
    known_names = sorted([*registers, *(n for n in LAID_OVER + IN_PLACE if "*" not in n)])
    meant = [n for n in known_names if Path(n).name == Path(name).name] or get_close_matches(
        name, known_names
    )
    if meant:
        return f"; call it {' or '.join(meant)} below {VARIABLE}"
    return f"; known are {', '.join(known_names)}; move away what is not meant to be read"
