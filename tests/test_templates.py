"""Templates are compiled once, and again when they changed or what was kept cannot be read."""

from pathlib import Path
from unittest.mock import patch

import pytest
from jinja2 import Environment, FileSystemLoader

from alerts.wording.environment import CompiledTemplates

COMPILE = Environment.compile


def rendered(templates: Path, cache: Path) -> tuple[str, int]:
    """What a new process would say of a template, and how many it would compile."""
    compiled = CompiledTemplates("text")
    compiled.directory = str(cache)
    loader = FileSystemLoader(templates)
    words = Environment(loader=loader, bytecode_cache=compiled, autoescape=True)
    with patch.object(Environment, "compile", autospec=True, side_effect=COMPILE) as compilations:
        return words.get_template("a.j2").render(), compilations.call_count


def test_a_template_is_compiled_again_only_when_it_changed(tmp_path: Path) -> None:
    (tmp_path / "a.j2").write_text("{{ 1 + 1 }}")
    cache = tmp_path / "cache"
    assert rendered(tmp_path, cache) == ("2", 1)
    assert rendered(tmp_path, cache) == ("2", 0)
    (tmp_path / "a.j2").write_text("{{ 1 + 2 }}")
    assert rendered(tmp_path, cache) == ("3", 1)
    with patch("alerts.wording.environment.code_sha256", return_value=b"of other code"):
        assert rendered(tmp_path, cache) == ("3", 1)


@pytest.mark.parametrize("kept_bytes", [0, 3, 12, 30, 60])
def test_what_is_damaged_is_compiled_again(tmp_path: Path, kept_bytes: int) -> None:
    (tmp_path / "a.j2").write_text("{{ 1 + 1 }}")
    rendered(tmp_path, tmp_path)
    (file,) = tmp_path.glob("*.jinja")
    file.write_bytes(file.read_bytes()[:kept_bytes] + b"\xff" * 20)
    assert rendered(tmp_path, tmp_path) == ("2", 1)
    assert rendered(tmp_path, tmp_path) == ("2", 0)


def test_where_nothing_can_be_kept_each_process_compiles(tmp_path: Path) -> None:
    (tmp_path / "a.j2").write_text("{{ 1 + 1 }}")
    (tmp_path / "file").write_text("no folder")
    assert rendered(tmp_path, tmp_path / "file" / "below") == ("2", 1)
    assert rendered(tmp_path, tmp_path / "file" / "below") == ("2", 1)
