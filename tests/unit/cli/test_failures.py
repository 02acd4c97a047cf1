"""How a command ends when it can't go on: one line, a status, no traceback, no secret."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.storage.sealing import Keyring

Run = Callable[..., Any]


class TestExitStatus:
    def test_is_2_for_an_option_that_does_not_exist(self, jembatan: Run) -> None:
        assert jembatan("member", "list", "--colour").status == 2

    def test_is_2_for_a_setting_that_cant_be_taken(self, jembatan: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JEMBATAN_DATABASE_URL", "mysql://user:hunter2@host/db")
        ended = jembatan("member", "list")
        assert ended.status == 2
        assert ended.err.splitlines()[0].startswith("error: SETTING_INVALID: JEMBATAN_DATABASE_URL: ")
        assert "hunter2" not in ended.err

    def test_is_2_for_an_external_database_without_keys(self, jembatan: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JEMBATAN_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
        ended = jembatan("member", "list")
        assert (ended.status, ended.out) == (2, "")
        assert ended.err.startswith("error: KEYS_MISSING: ")
        assert "jembatan keys generate" in ended.err

    def test_is_1_when_the_database_stays_away_and_says_that_it_waits(
        self, jembatan: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        encryption_keys, reference_key = Keyring.generate_text()
        monkeypatch.setenv("JEMBATAN_DATABASE_URL", "postgresql://nobody:hunter2@127.0.0.1:1/nothing")
        monkeypatch.setenv("JEMBATAN_ENCRYPTION_KEYS", encryption_keys)
        monkeypatch.setenv("JEMBATAN_REFERENCE_KEY", reference_key)
        monkeypatch.setenv("JEMBATAN_DATABASE_WAIT_SECONDS", "0.1")
        ended = jembatan("member", "list")
        assert ended.status == 1
        assert "Waiting for it" in ended.err
        assert "error: DATABASE_UNAVAILABLE: " in ended.err
        assert "hunter2" not in ended.err
        assert "Traceback" not in ended.err

    def test_is_1_for_keys_that_are_none(self, jembatan: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JEMBATAN_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
        monkeypatch.setenv("JEMBATAN_ENCRYPTION_KEYS", "k1:c2VjcmV0")
        monkeypatch.setenv("JEMBATAN_REFERENCE_KEY", "c2VjcmV0")
        ended = jembatan("member", "list")
        assert ended.err.startswith("error: ENCRYPTION_KEY_WRONG: ")
        assert "c2VjcmV0" not in ended.err

    def test_is_2_for_an_argument_that_is_no_text(self, jembatan: Run) -> None:
        ended = jembatan("member", "add", "\udcff", "--kind", "carrier", "--name", "x")
        assert (ended.status, ended.err.split(": ")[1]) == (2, "ARGUMENT_INVALID")

    def test_is_2_for_a_password_that_nobody_can_be_asked_for(self, jembatan: Run) -> None:
        ended = jembatan("officer", "add", "ana", "--reason", "new", "--office", "desk", "--name", "Ana")
        assert (ended.status, ended.err.split(": ")[1]) == (2, "PASSWORD_MISSING")


class TestWithoutDatabase:
    def test_prints_the_graph(self, jembatan: Run) -> None:
        ended = jembatan("schema")
        assert ended.status == 0
        assert "type Query" in ended.out
        assert ended.err == ""

    def test_prints_the_roles_for_an_administrator(self, jembatan: Run) -> None:
        ended = jembatan("migrate", "--print-roles", "--database", "graph")
        assert "CREATE DATABASE graph OWNER jembatan_owner" in ended.out

    def test_makes_keys_that_can_be_read(self, jembatan: Run) -> None:
        lines = dict(line.split("=", 1) for line in jembatan("keys", "generate").out.splitlines())
        assert Keyring.from_text(lines["JEMBATAN_ENCRYPTION_KEYS"], lines["JEMBATAN_REFERENCE_KEY"])

    def test_names_a_variable_that_nothing_reads(self, jembatan: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JEMBATAN_PROT", "1")
        assert "JEMBATAN_PROT is not a setting" in jembatan("migrate", "--print-roles").err

    def test_reads_no_file_that_is_not_there(self, jembatan: Run, tmp_path: Path) -> None:
        missing = str(tmp_path / "none.csv")
        ended = jembatan("acknowledgements", "import", missing, "--carrier", "telkomsel")
        assert (ended.status, ended.err.split(": ")[1]) == (1, "FILE_UNREADABLE")

    def test_knows_the_time_zones(self, jembatan: Run, tmp_path: Path) -> None:
        file = tmp_path / "a.csv"
        file.write_text("order_no\n")
        ended = jembatan("acknowledgements", "import", str(file), "--carrier", "t", "--timezone", "Mars/Olympus")
        assert ended.status == 2
