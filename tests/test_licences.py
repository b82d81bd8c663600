"""The page about licences is what is installed, and nothing that asks for more goes unnoticed."""

import re
import sys

import pytest

import licences


@pytest.mark.skipif(
    not (3, 11, 3) <= sys.version_info < (3, 12), reason="other Pythons need other packages"
)
def test_the_page_is_what_is_installed_from_the_lock() -> None:
    text = (licences.ROOT / "docs" / "licences.md").read_text("utf-8")
    assert text == licences.page(), "run: python tests/licences.py > docs/licences.md"
    lock = (licences.ROOT / "requirements.lock").read_text("utf-8")
    locked = set(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", lock, re.M))
    installed = {licences.plain(p.metadata["Name"]): p.version for p in licences.runtime()}
    assert installed.items() <= locked, "delete .venv and call ./run"


def test_what_asks_for_more_than_a_notice_is_told_with_what_follows() -> None:
    more = {
        licences.plain(p.metadata["Name"])
        for p in licences.runtime()
        if not licences.is_permissive(licences.licence(p))
    }
    assert more == licences.FLAGGED.keys()
    assert licences.direct() == licences.WHAT_FOR.keys()
