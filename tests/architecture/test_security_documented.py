"""docs/security.md names tests that exist."""

import re

from tests.support.places import ROOT


class TestSecurityPage:
    def test_names_only_tests_that_exist(self) -> None:
        named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/security.md").read_text()))
        sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
        assert named - set(re.findall(r"def (test_\w+)\(", sources)) == set()
        assert len(named) > 40
