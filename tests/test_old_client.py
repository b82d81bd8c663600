"""An analyst's older DuckDB, in an environment of its own, opens the published file."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OLD = "1.1.3"
CLIENT = """
import duckdb, json, sys
con = duckdb.connect(sys.argv[1], read_only=True)
questions = json.load(sys.stdin)
print(json.dumps([duckdb.__version__, [len(con.execute(q).fetchall()) for q in questions]]))
"""


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="DuckDB 1.1 has no wheel for it")
def test_duckdb_1_1_answers_readme_and_cookbook(published: Path, tmp_path: Path) -> None:
    # The base interpreter's pip: the tests' own environment has none.
    pip = [sys._base_executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run(
        [*pip, "--disable-pip-version-check", "--target", str(tmp_path), f"duckdb=={OLD}"],
        check=True,
        capture_output=True,
    )
    pages = (ROOT / "README.md", ROOT / "docs" / "cookbook.md")
    text = "".join(page.read_text("utf-8") for page in pages)
    questions = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    client = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{CLIENT}",
         str(published)],
        input=json.dumps(questions), capture_output=True, text=True, check=True,
    )  # fmt: skip
    version, answers = json.loads(client.stdout)
    assert version == OLD
    assert len(answers) == 1 + 34
    assert all(answers)
