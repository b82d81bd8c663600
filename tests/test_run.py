"""The script of the two commands: what a part of ``./run tests`` finds, the whole says."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PARTS = ("ruff check .", "ruff format --check .", "mypy", "python -m pytest -k x")


@pytest.mark.parametrize("failing", [None, *PARTS])
def test_a_part_that_fails_fails_the_whole(tmp_path: Path, failing: str | None) -> None:
    shutil.copy(ROOT / "run", tmp_path)
    shutil.copy(ROOT / "requirements.lock", tmp_path)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    shutil.copy(ROOT / "requirements.lock", tmp_path / ".venv" / "installed.lock")
    for name in ("ruff", "mypy", "python"):
        call = f'call="{name}${{*:+ $*}}"; echo "$call"; [ "$call" != "{failing}" ] || exit 5'
        (programs / name).write_text(f"#!/bin/sh\n{call}\n")
        (programs / name).chmod(0o755)
    run = subprocess.run(
        [tmp_path / "run", "tests", "-k", "x"], capture_output=True, text=True, cwd="/"
    )
    assert (run.returncode, run.stderr) == (5 if failing else 0, "")
    calls = run.stdout.splitlines()
    if failing and failing.startswith("ruff"):
        assert calls == list(PARTS[: PARTS.index(failing) + 1])
    else:
        assert sorted(calls) == sorted(PARTS)
