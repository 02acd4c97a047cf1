"""CHANGELOG.md tells what docs/changes tells, and keeps what was released."""

import importlib.util
from types import ModuleType

from tests.support.places import ROOT


def load_renderer() -> ModuleType:
    specification = importlib.util.spec_from_file_location("render", ROOT / "docs" / "changes" / "render.py")
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


RENDERER = load_renderer()


class TestChangelog:
    def test_is_what_its_files_make(self) -> None:
        known = RENDERER.CHANGELOG.read_text(encoding="utf-8")
        assert RENDERER.render(known) == known, "make changelog"

    def test_keeps_earlier_versions_and_the_day_of_a_release(self) -> None:
        earlier = "## 0.0.9 (2026-01-02)\n\n### Old\n\nAs it was.\n"
        first = RENDERER.render(earlier)
        released = RENDERER.render(first, "2026-12-01")
        assert first.endswith(f"\n{earlier}")
        assert released == RENDERER.render(released)
        assert f"## {RENDERER.read_version()} (2026-12-01)\n" in released
        assert released.endswith(f"\n{earlier}")

    def test_gives_every_subject_a_title_of_its_own(self) -> None:
        titles = [path.read_text(encoding="utf-8").partition("\n")[0] for path in (ROOT / "docs/changes").glob("*.md")]
        assert all(title.startswith("# ") for title in titles)
        assert len(set(titles)) == len(titles)
