"""Golden queries: a query, its answer on the wire and the SQL that it took, seen together.

Each stands in a folder of its own, in that of its noun: query.graphql (its first line names who asks), result.json and
statements.sql. After a change that is meant, run with UPDATE_GOLDEN=1 and read the difference.
"""

import json
import os
from pathlib import Path

import pytest

from ledger.feed.sequencer import Sequencer
from ledger.orders.vocabulary import AcknowledgementKind
from ledger.signals.targets import AccountDraft
from tests.support.account_journeys import file_accused
from tests.support.desk import Desk
from tests.support.journeys import acknowledge, draft_orders, file_verified, issue_orders
from tests.support.running import running
from tests.support.sequenced import Sequenced
from tests.support.signal_journeys import (
    contribute_drafts,
    put_in_place,
    read_signals,
    revoke,
    take_part,
)
from tests.support.signing_journeys import appoint, publish, sign

BY_ADDRESS = ("WA", None, "https://wa.me/6281200000001?text=Hello")
TELEGRAM = ("Telegram", "@Budi_S")
QUERIES = Path(__file__).parent
FOLDERS = sorted(path.parent for path in QUERIES.glob("*/*/query.graphql"))


@pytest.fixture
async def desk(database, parties, as_of, owner_connection, sequencer_settings) -> Desk:
    """Orders executed, received and corrected to impossible, a draft, all in the feed; two pages that were read."""
    numbers = ["+6281200000001", "+6281200000002", "+6285600000001"]
    orders = await issue_orders(database, parties, as_of, numbers)
    await acknowledge(database, parties.telkomsel, as_of, orders[0], reference="TT-1")
    await acknowledge(database, parties.telkomsel, as_of, orders[1], AcknowledgementKind.RECEIVED, reference="TT-2")
    await acknowledge(database, parties.indosat, as_of, orders[2], AcknowledgementKind.EXECUTED, reference="TT-3")
    await acknowledge(
        database,
        parties.indosat,
        as_of,
        orders[2],
        AcknowledgementKind.IMPOSSIBLE,
        reference="TT-4",
        reason="TECHNICAL",
        note="The batch was sent before the job had run.",
        corrects_reference="TT-3",
    )
    await file_verified(database, parties, as_of, ["+6281200000003"] * 2)
    await draft_orders(database, parties, as_of, ["+6281200000003"])
    sequencer = Sequencer(sequencer_settings)
    async with running(sequencer):
        await Sequenced(database, owner_connection, sequencer).wait()
    await file_accused(database, parties.other_agency, as_of, ("WhatsApp", "0812-0000-0001"), BY_ADDRESS, TELEGRAM)
    await contribute_and_revoke(database, parties, as_of)
    desk = Desk(database, parties, as_of)
    page = "query ($after: String) { blockOrders(first: 1, after: $after) { pageInfo { endCursor } } }"
    first = await desk.ask(parties.officer, page)
    await desk.ask(parties.officer, page, after=first.data["blockOrders"]["pageInfo"]["endCursor"])
    return desk


async def contribute_and_revoke(database, parties, as_of) -> None:
    """What a provider contributed, one of which it replaced; and a signal that it was sent, which is revoked."""
    await take_part(database, parties, as_of)
    account = AccountDraft(platform="Telegram", handle="@Budi_S")
    drafts = ({"number": "+6285600000004", "reference": "C-1"}, {"account": account, "reference": "C-2"})
    made = await contribute_drafts(database, parties.provider, as_of, *drafts)
    link = {"link": "https://hadiah.example/klaim", "reference": "C-3"}
    await put_in_place(database, parties.provider, as_of, made[0].contribution.id, **link)
    sent = await read_signals(database, parties.indosat, as_of)
    await revoke(database, parties, as_of, *sent)


def check_golden(path: Path, text: str) -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, path


class TestGoldenQuery:
    @pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(QUERIES)))
    async def test_is_answered_as_recorded_by_the_statements_recorded(self, desk: Desk, folder: Path):
        query = (folder / "query.graphql").read_text(encoding="utf-8")
        party = query.splitlines()[0].removeprefix("# ").strip()
        if folder.parent.name == "participations":
            signatory = await appoint(desk.database, desk.as_of, desk.parties.provider)
            await publish(desk.database, desk.parties, desk.as_of)
            await sign(desk.database, desk.parties, signatory, desk.as_of)
        answer = await desk.ask(getattr(desk.parties, party), query)
        assert answer.errors == []
        check_golden(folder / "result.json", json.dumps(answer.data, indent=2, ensure_ascii=False) + "\n")
        check_golden(folder / "statements.sql", ";\n\n".join(s.strip() for s in answer.statements) + ";\n")
