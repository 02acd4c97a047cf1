"""`jembatan signals contributions` and `revocations`: what members said of signals, as the regulator reads it."""

from ledger.members.reading import find_member_by_slug
from ledger.storage.database import Database
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


class TestRevocations:
    def test_are_empty_where_nobody_was_told_of_any(self, admitted: Operator) -> None:
        assert admitted.run("signals", "revocations", "--unconfirmed", "--json").json == {"notices": []}
        assert admitted.run("signals", "revocations", "--member", "nobody", status=1).code == "NAME_UNKNOWN"
