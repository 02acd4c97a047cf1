"""What a call's drafts rest on: looked through once, however many drafts it has."""

from datetime import UTC, datetime
from typing import Any

from ledger.complaints.states import ComplaintState
from ledger.complaints.table import Complaint
from ledger.complaints.vocabulary import Medium, Remedy
from ledger.numbers.table import PhoneNumber
from ledger.numbers.vocabulary import HolderStatus
from ledger.orders.drafting import Grounds, OrderDraft
from ledger.vocabulary import Category

NUMBERS = [f"+62812000000{place:02}" for place in range(20)]
WORDS = {"legal_basis": "PM 5/2021", "summary": "Prize fraud.", "subscriber_notice": "Blocked for fraud."}


class Counted(dict[str, Complaint]):
    """Complaints that count how often somebody goes through all of them."""

    passes = 0

    def values(self) -> Any:
        self.passes += 1
        return super().values()


def a_complaint(number: str, *, epoch: int = 1, state: ComplaintState = ComplaintState.VERIFIED) -> Complaint:
    return Complaint(
        id=f"{number}-{epoch}-{state}",
        source_id="an agency",
        e164=number,
        epoch=epoch,
        medium=Medium.SMS,
        category=Category.FRAUD,
        remedy=Remedy.NUMBER_BLOCK,
        state=state,
        filed_at=datetime(2026, 3, 2, tzinfo=UTC),
    )


class TestGrounds:
    def test_finds_each_numbers_verified_complaints_in_one_pass(self):
        kinds = ({}, {"epoch": 2}, {"state": ComplaintState.REJECTED})
        complaints = Counted(
            (each.id, each) for number in NUMBERS for kind in kinds for each in [a_complaint(number, **kind)]
        )
        numbers = {
            number: PhoneNumber(e164=number, is_domestic=True, holder_status=HolderStatus.HELD, holder_id="a carrier")
            for number in NUMBERS
        }
        grounds = Grounds(superseded={}, complaints=complaints, numbers=numbers, linked={})
        prepared = [grounds.prepare(OrderDraft(number=number, **WORDS)) for number in NUMBERS]
        assert [draft.complaints for draft in prepared] == [[a_complaint(number)] for number in NUMBERS]
        assert complaints.passes == 1
