"""Files of the product's own: whole or not at all, on whatever disk, set aside if damaged.

Every file that Tocsin writes for itself goes through here, so that what disks cannot do
(hard links, exchanging folders, syncing them) is dealt with in one place.
"""

import ctypes
import errno
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
LOGGER = logging.getLogger("tocsin")
# What a file system answers that has no such operation for what it was asked of.
UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EACCES,
               errno.EPERM, errno.EBADF}  # fmt: skip


def write_atomically(path: Path, content: bytes | str, durable: bool = False) -> None:
    """Write a file that is found as it was before or as it is to be, never half.

    Args:
        path: The file; its folder is made if need be.
        content: Bytes, or text that is written in UTF-8.
        durable: Whether it must have reached the disk on return.

    Raises:
        OSError: It cannot be written; what was there is untouched, no draft is left.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "new" / "note.txt"
        >>> write_atomically(path, "été")
        >>> path.read_text("utf-8"), [p.name for p in path.parent.iterdir()]
        ('été', ['note.txt'])
    """
    with draft_for(path, durable) as draft:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def draft_for(path: Path, durable: bool = False) -> Iterator[Path]:
    """Yields where to write ``path``; put in place in one step, removed if that fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    try:
        yield draft
        if durable:
            sync(draft)
        os.replace(draft, path)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    if durable:
        sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, have reached the disk."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in UNSUPPORTED:  # folders of a share, files of some
            raise


def link_or_copy(source: Path | str, target: Path | str) -> None:
    """A second name of a file; a copy where the disk has none or it is another disk.

    Raises:
        OSError: It cannot be copied either.
    """
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        shutil.copyfile(source, target)
        sync(Path(target))


def put_in_place(part: Path, folder: Path) -> None:
    """Put a folder in the place of another, so that a reader finds the old one or the new one.

    ``part`` lies beside ``folder`` and holds the old one, or nothing, afterwards. Where the
    file system cannot exchange folders there is an instant without one; a folder that is a
    disk of its own, or a link to another one, gets the files one by one.

    Raises:
        OSError: It cannot be done; the old folder is left.
    """
    if folder.is_symlink():
        _fill(part, folder)
        return
    if folder.is_file():
        set_aside(folder, "is no folder")
    if not folder.exists():
        part.rename(folder)
        return
    exchange = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    here, both = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    if exchange and not exchange(here, os.fsencode(part), here, os.fsencode(folder), both):
        return
    old = part.with_name(f"{part.name}.old")
    shutil.rmtree(old, ignore_errors=True)  # of a run that was killed
    try:
        folder.rename(old)
    except OSError:  # it is a disk of its own
        _fill(part, folder)
        return
    try:
        part.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    old.rename(part)


def _fill(part: Path, folder: Path) -> None:
    """Bring a folder that cannot be renamed to the files of another, each in one step."""
    new = {path.relative_to(part) for path in part.rglob("*") if path.is_file()}
    for name in sorted(new):
        with draft_for(folder / name) as draft:
            shutil.copyfile(part / name, draft)
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder before it
        if path.is_dir() and not path.is_symlink():
            with suppress(OSError):
                path.rmdir()  # if it is empty
        elif path.relative_to(folder) not in new:
            path.unlink()


def remove(path: Path) -> None:
    """Take away a draft that a killed run left, be it a file or a folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def set_aside(path: Path, why: str) -> Path | None:
    """Move away what must not be read as ``<name>.aside-<instant>``, and say so in a line.

    Args:
        path: A file or a folder.
        why: What is wrong with it and what follows, for the operator.

    Returns:
        Where it lies now; None: it could not be moved.
    """
    aside = path.with_name(f"{path.name}.aside-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return None  # another process did
    except OSError as error:
        LOGGER.warning("%s %s; it cannot be moved away (%s): delete it", path, why, error.strerror)
        return None
    LOGGER.warning("%s %s; it was set aside as %s", path, why, aside.name)
    return aside


def read_or_set_aside(path: Path, parse: Callable[[bytes], T], why: str) -> T | None:
    """What a file of the product's own says; one that cannot be read is set aside.

    Args:
        path: A file that can be made anew: a cache, a manifest, a note of what was done.
        parse: Its content to what it says; whatever it raises means damage, since a flipped
            bit makes parsers fail in any way.
        why: What follows from its loss.

    Returns:
        None: there is none, or none that can be read.

    Example:
        >>> read_or_set_aside(Path("/nowhere"), bytes.decode, "it is made anew") is None
        True
    """
    try:
        return parse(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except Exception as error:
        cause = error.strerror if isinstance(error, OSError) else str(error)
        what = " ".join(f"{type(error).__name__}: {cause}".split())[:100]
        set_aside(path, f"cannot be read ({what}); {why}")
        return None
