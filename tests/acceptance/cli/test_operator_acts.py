"""What operators do on the command line is in the log, with the name of their account and, beside it, the reason."""

import hashlib
import itertools
import os
import pwd
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.access_records.recording import ShownBy, record_accesses
from ledger.access_records.sealing import seal_access_records
from ledger.accesses import Accesses, AccessKind
from ledger.members.table import members
from ledger.operator_acts.recording import list_operator_acts
from ledger.pages import PageRequest
from ledger.storage.database import Database
from ledger.storage.roles import Role
from ledger.viewer import Viewer, ViewerKind
from tests.support.operator import WHY, Operator

NOW = datetime.now(UTC)
ACCOUNT = pwd.getpwuid(os.getuid()).pw_name
SECRET = "Ani has lost her phone"


async def read_events(database: Database) -> list[dict[str, Any]]:
    async with database.system(Role.REGULATOR, as_of=NOW) as tx:
        found = await tx.execute(
            text("SELECT subject, subject_id, payload FROM events WHERE kind = 'OPERATOR_ACTED' ORDER BY id")
        )
        return [{"subject": row.subject, "subject_id": row.subject_id, **row.payload} for row in found]


async def read_acts(database: Database) -> list[Any]:
    async with database.system(Role.REGULATOR, as_of=NOW) as tx:
        regulator = (await tx.execute(members.select().where(members.c.kind == "REGULATOR"))).one()
        officer = (await tx.execute(text("SELECT id, office_id FROM officers LIMIT 1"))).one()
    viewer = Viewer(
        kind=ViewerKind.REGULATOR,
        member_id=regulator.id,
        client_id="console",
        officer_id=officer.id,
        office_id=officer.office_id,
    )
    async with database.reading(viewer, as_of=NOW) as tx:
        return list((await list_operator_acts(tx, PageRequest(first=500))).items)


class TestAct:
    def test_on_every_persons_or_clients_access_names_account_and_subject(self, admitted: Operator) -> None:
        before = len(admitted.in_ledger(read_events))
        ana, _ = admitted.run("officer", "list", "--json").json
        client = admitted.run("client", "add", *WHY, "telkomsel", "--name", "B", "--json").json["clientId"]
        admitted.run("client", "rotate-secret", *WHY, client)
        admitted.run("client", "set-policies", *WHY, client, "--policy", "require_par")
        admitted.run("client", "disable", *WHY, client)
        identity = ("--issuer", "https://login.example.id", "--subject", "4711")
        admitted.run("officer", "set-password", *WHY, "ana", "--password-file", "-", stdin="another long password\n")
        admitted.run("officer", "reset-second-factor", *WHY, "ana")
        admitted.run("officer", "forgive", *WHY, "ana")
        admitted.run("officer", "link-identity", *WHY, "ana", *identity)
        admitted.run("officer", "unlink-identity", *WHY, *identity)
        admitted.run("officer", "disable", *WHY, "ana")
        admitted.run("keys", "rotate-signing")
        admitted.run("keys", "rotate")
        told = admitted.in_ledger(read_events)[before:]
        assert {event["operator"] for event in told} == {ACCOUNT}
        assert [(event["act"], event["subject_id"]) for event in told] == [
            ("CLIENT_ADDED", client),
            ("CLIENT_SECRET_ROTATED", client),
            ("CLIENT_POLICIES_SET", client),
            ("CLIENT_DISABLED", client),
            ("PASSWORD_SET", ana["id"]),
            ("SECOND_FACTOR_RESET", ana["id"]),
            ("LOGIN_FORGIVEN", ana["id"]),
            ("IDENTITY_LINKED", ana["id"]),
            ("IDENTITY_UNLINKED", ana["id"]),
            ("OFFICER_DISABLED", ana["id"]),
            ("SIGNING_KEY_ROTATED", "keyring"),
            ("KEYS_ROTATED", "keyring"),
        ]

    def test_of_the_first_installation_is_told_too(self, admitted: Operator) -> None:
        acts = [event["act"] for event in admitted.in_ledger(read_events)]
        assert {"MEMBER_ADMITTED", "OFFICE_ADDED", "BRAND_ADDED", "OFFICER_ADDED", "NUMBERING_LOADED"} <= {*acts}

    def test_keeps_its_reason_sealed_and_out_of_the_log(self, admitted: Operator) -> None:
        admitted.run("officer", "reset-second-factor", "ana", "--reason", SECRET)
        event = admitted.in_ledger(read_events)[-1]
        newest = admitted.in_ledger(read_acts)[0]
        assert (newest.id, newest.reason, newest.operator) == (event["actId"], SECRET, ACCOUNT)
        assert hashlib.sha256(newest.reason_salt + SECRET.encode()).hexdigest() == event["reasonHash"]
        assert SECRET.encode() not in newest.reason_sealed
        assert SECRET not in orjson.dumps(admitted.in_ledger(read_events)).decode()

    def test_names_who_used_sudo_and_nothing_else_that_the_environment_claims(
        self, admitted: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("USER", "LOGNAME", "USERNAME"):
            monkeypatch.setenv(name, "somebody-else")
        monkeypatch.setenv("SUDO_USER", "ana <script>")
        admitted.run("officer", "forgive", *WHY, "ana")
        event = admitted.in_ledger(read_events)[-1]
        assert (event["operator"], event["behalfOf"]) == (ACCOUNT, "ana__script_")

    def test_that_announces_a_restore_names_the_account_and_not_what_the_environment_claims(
        self, admitted: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("USER", "LOGNAME", "USERNAME", "LNAME"):
            monkeypatch.setenv(name, "somebody-else")
        told = admitted.run("audit", "announce-restore", "--reason", "Disk failure", "--json").json
        assert told["operator"] == ACCOUNT
        assert admitted.in_ledger(read_events)[-1]["operator"] == ACCOUNT

    def test_that_is_refused_leaves_no_event(self, admitted: Operator) -> None:
        before = admitted.in_ledger(read_events)
        admitted.run("officer", "set-password", *WHY, "zoe", "--password-file", "-", stdin="x" * 20, status=1)
        admitted.run("client", "add", *WHY, "polri", "--name", "P", "--scope", "orders:read", status=1)
        assert admitted.in_ledger(read_events) == before


class TestOperatorWithoutAReason:
    COMMANDS = (
        ("officer", "set-password", "ana", "--password-file", "-"),
        ("officer", "reset-second-factor", "ana"),
        ("officer", "disable", "ana"),
        ("officer", "forgive", "ana"),
        ("client", "add", "telkomsel", "--name", "B"),
        ("client", "disable", "0199f0c1-0000-7000-8000-000000000000"),
        ("client", "rotate-secret", "0199f0c1-0000-7000-8000-000000000000"),
        ("participation", "start", "telkomsel", "--terms", "T", "--purpose", "P", "--roles", "R"),
    )

    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    def test_changes_nobodys_access(self, admitted: Operator, command: tuple[str, ...]) -> None:
        before = admitted.run("officer", "list", "--json").json
        ended = admitted.run(*command, stdin="another long password\n", status=2)
        assert "--reason" in ended.err
        assert admitted.run("officer", "list", "--json").json == before

    def test_can_not_pass_off_blanks_as_one(self, admitted: Operator) -> None:
        assert admitted.run("officer", "disable", "ana", "--reason", "  ", status=1).code == "ACT_REASON_MISSING"
        assert admitted.run("officer", "list", "--json").json[0]["disabledAt"] is None


class TestOperatorWhoWouldHideAnAct:
    def test_changes_and_deletes_nothing_under_any_role_of_the_application(self, admitted: Operator) -> None:
        async def attack(database: Database) -> list[tuple[Role, str]]:
            done = []
            changes = ("DELETE FROM operator_acts", "UPDATE operator_acts SET operator = 'nobody'")
            for role, change in itertools.product(Role, changes):
                try:
                    async with database.system(role, as_of=NOW) as tx:
                        await tx.execute(text(change))
                except DBAPIError as error:
                    if "permission denied" not in str(error):
                        raise
                else:
                    done.append((role, change))
            return done

        assert admitted.in_ledger(attack) == []


class TestAccessRecords:
    def test_that_agree_with_the_log_are_good_and_others_are_named(self, admitted: Operator) -> None:
        async def seal(database: Database) -> None:
            async with database.system(Role.JOBS, as_of=NOW) as tx:
                await seal_access_records(tx)

        admitted.in_ledger(seal)
        assert admitted.run("access", "verify", "--json").json == {"verdict": "GOOD"}

        async def add(database: Database) -> None:
            async with database.system(Role.REGULATOR, as_of=NOW) as tx:
                member = (await tx.execute(text("SELECT id FROM members LIMIT 1"))).scalar_one()
            accesses = Accesses()
            accesses.note(AccessKind.CHRONOLOGY, ["a complaint"])
            viewer = Viewer(kind=ViewerKind.REGULATOR, member_id=member)
            async with database.system(Role.TRANSITION, as_of=NOW - timedelta(days=1)) as tx:
                shown_by = ShownBy(request_id="r", document="{ complaints { nodes { chronology } } }")
                await record_accesses(tx, accesses, viewer=viewer, shown_by=shown_by)

        admitted.in_ledger(add)
        assert admitted.run("access", "verify", status=1).code == "ACCESS_RECORDS_ALTERED"
