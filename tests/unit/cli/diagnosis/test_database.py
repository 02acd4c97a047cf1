"""How a server's own account of itself is judged."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli.diagnosis.database import judge_clock, judge_connections, judge_login, judge_server
from cli.diagnosis.findings import State
from ledger.settings import DatabaseSettings
from ledger.storage.standing import Standing

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
WELL = Standing(
    version="17.2",
    major=17,
    is_standby=False,
    is_read_only=False,
    encoding="UTF8",
    clock=NOW,
    connections_max=97,
    connections_used=10,
    login="app",
    is_superuser=False,
    bypasses_policies=False,
    owns_tables=False,
    reads_unbound=False,
)


class TestServer:
    @pytest.mark.parametrize(
        ("change", "state"),
        [
            ({}, State.OK),
            ({"major": 14}, State.OK),
            ({"major": 13}, State.FAILED),
            ({"is_standby": True}, State.FAILED),
            ({"is_read_only": True}, State.FAILED),
            ({"encoding": "SQL_ASCII"}, State.FAILED),
        ],
    )
    def test_is_judged_by_version_state_and_encoding(self, change: dict[str, Any], state: State) -> None:
        assert judge_server(replace(WELL, **change)).state is state


class TestLogin:
    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"is_superuser": True, "owns_tables": True}, "app is a superuser:"),
            ({"bypasses_policies": True}, "app bypasses row-level security:"),
            ({"owns_tables": True, "reads_unbound": True}, "app owns the tables:"),
            ({"reads_unbound": True}, "app reads tables without having been bound to a role:"),
        ],
    )
    def test_that_row_level_security_does_not_hold_fails(self, change: dict[str, Any], said: str) -> None:
        found = judge_login(replace(WELL, **change))
        assert found.state is State.FAILED
        assert found.message.startswith(said)

    def test_that_may_read_nothing_by_itself_is_well(self) -> None:
        assert judge_login(WELL).state is State.OK


class TestConnections:
    @pytest.mark.parametrize(
        ("used", "direct", "state"),
        [(85, None, State.OK), (86, None, State.WARNING), (95, "postgresql://a/b", State.OK)],
    )
    def test_have_room_for_one_process_more(self, used: int, direct: str | None, state: State) -> None:
        settings = DatabaseSettings(database_url="postgresql://pooler/b", database_direct_url=direct)
        assert judge_connections(replace(WELL, connections_used=used), settings).state is state


class TestClock:
    @pytest.mark.parametrize(
        ("theirs", "state"),
        [
            (0.0, State.OK),
            (0.2, State.OK),
            (1.2, State.OK),
            (1.3, State.WARNING),
            (-1.1, State.WARNING),
            (10.3, State.FAILED),
            (-10.1, State.FAILED),
        ],
    )
    def test_is_judged_by_what_the_journey_there_cannot_explain(self, theirs: float, state: State) -> None:
        ended = NOW + timedelta(seconds=0.2)
        assert judge_clock(NOW + timedelta(seconds=theirs), began=NOW, ended=ended).state is state
