"""Officers' decisions on complaints, and the only way to see who complained."""

from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.complaints.complainant_drafts import ComplainantDraft
from ledger.complaints.complainants import reveal_complainant
from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints, record_complainant_informed
from ledger.complaints.states import ComplaintState
from ledger.complaints.vocabulary import RejectionReason
from ledger.forwarding.taking_back import TakeBack, take_back_complaints
from schema.authority import COMPLAINANTS_REVEAL, COMPLAINTS_DECIDE
from schema.complaints.results import ComplaintIdsInput, ComplaintsPayload
from schema.fields import field
from schema.info import Info
from schema.models import Shown, given
from schema.texts import CHECKED


@fed.input(description="One decision about one complaint.")
class ComplaintDecisionInput:
    complaint_id: strawberry.ID = strawberry.field(description="The complaint.")
    decision: Decision = strawberry.field(description="The decision.")
    reason: RejectionReason | None = strawberry.field(description="Why it is rejected.", default=UNSET)
    note: str | None = strawberry.field(
        description="With ASK_INFO, the question that the source reads; otherwise a note that only the regulator sees.",
        default=UNSET,
    )
    duplicate_of: strawberry.ID | None = strawberry.field(
        description="The complaint that it duplicates.", default=UNSET
    )
    expected_state: ComplaintState | None = strawberry.field(
        description=(
            "Decide only if the complaint is still in this state; otherwise the item is refused with "
            "INCOMPATIBLE_STATE."
        ),
        default=UNSET,
    )


@fed.input(description="Decisions, at most 1,000.")
class DecideComplaintsInput:
    decisions: list[ComplaintDecisionInput] = strawberry.field(description="One for each complaint, at most 1,000.")


@fed.input(description="One complaint whose verification is taken back.")
class TakeBackInput:
    complaint_id: strawberry.ID = strawberry.field(description="The complaint.")
    note: str = strawberry.field(description="Why; only the regulator sees it.")


@fed.input(description="Complaints whose verification is taken back, at most 1,000.")
class TakeBackComplaintsInput:
    complaints: list[TakeBackInput] = strawberry.field(description="The complaints, at most 1,000.")


@fed.input(description="Complaints whose complainant was informed of the outcome, at most 1,000.")
class RecordComplainantsInformedInput(ComplaintIdsInput):
    pass


@fed.input(description="Whose data to show, and for what purpose.")
class RevealComplainantInput:
    complaint_id: strawberry.ID = strawberry.field(description="The complaint.")
    purpose: str = strawberry.field(description="What the data is needed for; recorded together with your name.")


@fed.type(description="The result of decideComplaints.")
class DecideComplaintsPayload(ComplaintsPayload):
    pass


@fed.type(description="The result of takeBackComplaints.")
class TakeBackComplaintsPayload(ComplaintsPayload):
    pass


@fed.type(description="The result of recordComplainantsInformed.")
class RecordComplainantsInformedPayload(ComplaintsPayload):
    pass


@fed.type(description="Who complained. Only revealComplainant returns it.", requires_scopes=COMPLAINANTS_REVEAL)
class Complainant(Shown[ComplainantDraft]):
    name: str = strawberry.field(description="Full name.")
    identity_number: str | None = strawberry.field(description="The number of the complainant's identity card.")
    phone: str | None = strawberry.field(description="The complainant's own telephone number.")
    email: str | None = strawberry.field(description="E-mail address.")
    address: str | None = strawberry.field(description="Postal address.")


@fed.type(description="The result of revealComplainant.")
class RevealComplainantPayload:
    complainant: Complainant | None = strawberry.field(description="Who complained.")


@fed.type
class ComplaintDecidingMutations:
    @field(
        "Decide complaints, item by item. Only officers can do this; if two decide at once, one "
        "prevails and the other is refused.",
        needs=COMPLAINTS_DECIDE,
    )
    async def decide_complaints(
        self,
        info: Info,
        input: Annotated[DecideComplaintsInput, strawberry.argument(description="The decisions.")],  # noqa: A002
    ) -> DecideComplaintsPayload | None:
        decisions = [ComplaintDecision(**given(item)) for item in input.decisions]
        return DecideComplaintsPayload.of(await info.context.write(decide_complaints, decisions))

    @field(
        "Take back the verification of complaints, as long as no block order about them stands issued; they await an "
        "officer again, and their numbers' risk and signals follow. A draft about one of them is discarded, and the "
        "other complaints behind it wait for the next forwarding run.",
        needs=COMPLAINTS_DECIDE,
    )
    async def take_back_complaints(
        self,
        info: Info,
        input: Annotated[TakeBackComplaintsInput, strawberry.argument(description="The complaints, and why.")],  # noqa: A002
    ) -> TakeBackComplaintsPayload | None:
        items = [TakeBack(complaint_id=item.complaint_id, note=item.note) for item in input.complaints]
        return TakeBackComplaintsPayload.of(await info.context.write(take_back_complaints, items))

    @field(
        "Record that complainants were informed of the outcome. Repeating it keeps the first date.",
        needs=COMPLAINTS_DECIDE,
    )
    async def record_complainants_informed(
        self,
        info: Info,
        input: Annotated[  # noqa: A002
            RecordComplainantsInformedInput, strawberry.argument(description="The complaints concerned.")
        ],
    ) -> RecordComplainantsInformedPayload | None:
        results = await info.context.write(record_complainant_informed, input.complaint_ids)
        return RecordComplainantsInformedPayload.of(results)

    @field(
        "See who complained. Every use is recorded with its purpose.", needs=COMPLAINANTS_REVEAL, extensions=[CHECKED]
    )
    async def reveal_complainant(
        self,
        info: Info,
        input: Annotated[RevealComplainantInput, strawberry.argument(description="The complaint, and the purpose.")],  # noqa: A002
    ) -> RevealComplainantPayload | None:
        found = await info.context.write(reveal_complainant, input.complaint_id, purpose=input.purpose)
        return RevealComplainantPayload(complainant=Complainant.of(found))
