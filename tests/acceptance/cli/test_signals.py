"""`jembatan signals contributions` and `revocations`: what members said of signals, as the regulator reads it."""

from sqlalchemy import text

from ledger.members.reading import find_member_by_slug
from ledger.storage.database import Database
from ledger.storage.roles import Role
from ledger.viewer import OPERATOR, Viewer, ViewerKind
from tests.support.operator import Operator
from tests.support.signal_journeys import contribute, contribute_drafts, withdraw

NUMBER = "+6281200000001"


def contribute_as(operator: Operator, slug: str) -> None:
    """One contribution that stands, about a link, and one about a number that is withdrawn."""

    async def work(database: Database) -> None:
        async with database.reading(OPERATOR, as_of=operator.now) as tx:
            member = await find_member_by_slug(tx, slug)
        assert member is not None
        viewer = Viewer(kind=ViewerKind.CARRIER, member_id=member.id)
        (made,) = await contribute(database, viewer, operator.now, NUMBER)
        await withdraw(database, viewer, operator.now, made.contribution.id)
        await contribute_drafts(database, viewer, operator.now, {"link": "https://hadiah.example", "reference": "L"})

    operator.in_ledger(work)


class TestContributions:
    def test_are_listed_by_member_state_and_kind(self, admitted: Operator) -> None:
        contribute_as(admitted, "telkomsel")
        listed = admitted.run("signals", "contributions", "--json").json["contributions"]
        assert [(each["kind"], each["state"], each["url"] or each["e164"]) for each in listed] == [
            ("LINK", "STANDING", "https://hadiah.example/"), ("NUMBER", "WITHDRAWN", NUMBER),
        ]  # fmt: skip
        for option, value, wanted in (("--state", "withdrawn", 1), ("--kind", "link", 1), ("--member", "polri", 0)):
            found = admitted.run("signals", "contributions", option, value, "--json").json["contributions"]
            assert len(found) == wanted, option
        assert "https://hadiah.example/" in admitted.run("signals", "contributions", "--member", "telkomsel").out
        assert admitted.run("signals", "contributions", "--member", "nobody", status=1).code == "NAME_UNKNOWN"


_NUMBER = """
INSERT INTO phone_numbers (e164, is_domestic, holder_status, first_seen_at)
VALUES ('+6281200000001', true, 'HOLDER_UNKNOWN', now())
"""
_SIGNAL = """
INSERT INTO fraud_signals (id, e164, epoch, category, risk, state, score, first_seen_on, last_seen_on, valid_until,
  revoked_reason, raised_at, changed_at, ended_at)
VALUES (gen_random_uuid(), '+6281200000001', 1, 'FRAUD', 'HIGH', 'REVOKED', 100, '2026-01-01', '2026-01-01', now(),
  'COURT', now(), now(), now())
"""
_NOTICES = """
INSERT INTO signal_revocation_notices (id, signal_id, member_id, reason, revoked_at, confirmed_at)
SELECT gen_random_uuid(), f.id, m.id, 'COURT', now(), CASE WHEN m.slug = 'a-messenger' THEN now() END
FROM fraud_signals f, members m WHERE m.kind = 'OTT_PROVIDER'
"""


def revoke_unseen(operator: Operator) -> None:
    """A revoked signal that two providers were told of, one of which confirmed it."""

    async def work(database: Database) -> None:
        async with database.system(Role.TRANSITION, as_of=operator.now) as tx:
            for statement in (_NUMBER, _SIGNAL, _NOTICES):
                await tx.execute(text(statement))

    for slug in ("a-messenger", "another-messenger"):
        operator.run("member", "add", slug, "--kind", "ott_provider", "--name", slug)
    operator.in_ledger(work)


class TestRevocations:
    def test_are_listed_by_who_has_confirmed_them(self, admitted: Operator) -> None:
        revoke_unseen(admitted)
        listed = admitted.run("signals", "revocations", "--json").json["notices"]
        assert sorted(bool(each["confirmedAt"]) for each in listed) == [False, True]
        (waiting,) = admitted.run("signals", "revocations", "--unconfirmed", "--json").json["notices"]
        (of_one,) = admitted.run("signals", "revocations", "--member", "another-messenger", "--json").json["notices"]
        assert of_one == waiting
        assert (waiting["reason"], waiting["confirmedAt"]) == ("COURT", None)
        shown = admitted.run("signals", "revocations", "--unconfirmed").out
        assert "another-messenger" in shown
        assert " a-messenger" not in shown

    def test_are_empty_where_nobody_was_told_of_any(self, admitted: Operator) -> None:
        assert admitted.run("signals", "revocations", "--unconfirmed", "--json").json == {"notices": []}
        assert admitted.run("signals", "revocations", "--member", "nobody", status=1).code == "NAME_UNKNOWN"
