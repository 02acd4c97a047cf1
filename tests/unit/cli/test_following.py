"""How `jembatan follow` is asked, and what it refuses before it sends anything."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


class TestArguments:
    def test_without_a_login_it_is_asked_wrongly(self, jembatan: Run) -> None:
        ended = jembatan("follow", "orders", "--url", "http://127.0.0.1:1")
        assert (ended.status, ended.err.split(": ")[1]) == (2, "LOGIN_MISSING")

    def test_sends_no_secret_in_clear_to_another_machine(self, jembatan: Run) -> None:
        assert jembatan("follow", "orders", "--url", "http://graph.example.id").status == 2

    def test_follows_one_thing(self, jembatan: Run) -> None:
        assert jembatan("follow", "--url", "http://127.0.0.1:1").status == 2

    def test_begins_nowhere_else_when_its_file_holds_no_cursor(
        self, monkeypatch: pytest.MonkeyPatch, jembatan: Run, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("JEMBATAN_CLIENT", "a:b")
        file = tmp_path / "orders.cursor"
        file.write_text("")
        ended = jembatan("follow", "orders", "--url", "http://127.0.0.1:1", "--cursor-file", str(file))
        assert (ended.status, ended.err.split(": ")[1]) == (1, "FILE_UNREADABLE")
        assert not file.read_text()
