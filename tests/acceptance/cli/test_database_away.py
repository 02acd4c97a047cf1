"""What an operator reads when the database can't be reached: that it is so, and what went wrong."""

from pathlib import Path

import pytest

from tests.support.faults.processes import find_free_port
from tests.support.operator import Operator


@pytest.fixture(autouse=True)
def impatient(operator: Operator, tmp_path: Path) -> None:
    operator.monkeypatch.setenv("JEMBATAN_DATABASE_WAIT_SECONDS", "0")
    operator.monkeypatch.setenv("HOME", str(tmp_path))


class TestADatabase:
    def test_that_nobody_listens_for_is_unavailable_because_the_connection_was_refused(
        self, operator: Operator
    ) -> None:
        url = f"postgresql://jembatan_app:hunter2@127.0.0.1:{find_free_port()}/jembatan?ssl=disable"
        operator.monkeypatch.setenv("JEMBATAN_DATABASE_URL", url)
        ended = operator.run("member", "list", status=1)
        assert ended.code == "DATABASE_UNAVAILABLE"
        assert "ConnectionRefusedError" in ended.err
        assert "hunter2" not in ended.err

    def test_whose_certificate_can_not_be_checked_is_unavailable_for_want_of_a_file(self, operator: Operator) -> None:
        url = "postgresql://jembatan_app:hunter2@localhost/jembatan?ssl=verify-full"
        operator.monkeypatch.setenv("JEMBATAN_DATABASE_URL", url)
        ended = operator.run("member", "list", status=1)
        assert ended.code == "DATABASE_UNAVAILABLE"
        assert "root.crt" in ended.err
        assert "hunter2" not in ended.err
