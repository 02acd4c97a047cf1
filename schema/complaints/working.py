"""How officers divide complaints among them: claims, assignments, notes."""

from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.complaints.claims import Assignment, assign_complaints, claim_complaints, unclaim_complaints
from ledger.complaints.notes import NoteDraft, note_complaints
from schema.authority import COMPLAINTS_DECIDE
from schema.complaints.results import ComplaintIdsInput, ComplaintsPayload
from schema.fields import field
from schema.info import Info
from schema.models import given


@fed.input(description="Complaints to claim, at most 1,000.")
class ClaimComplaintsInput(ComplaintIdsInput):
    pass


@fed.input(description="Complaints to give back, at most 1,000.")
class UnclaimComplaintsInput(ComplaintIdsInput):
    pass


@fed.input(description="To whom one complaint is assigned.")
class AssignmentInput:
    complaint_id: strawberry.ID = strawberry.field(description="The complaint.")
    officer_id: strawberry.ID | None = strawberry.field(
        description="The officer; nobody if it is left out.", default=UNSET
    )


@fed.input(description="Assignments, at most 1,000.")
class AssignComplaintsInput:
    assignments: list[AssignmentInput] = strawberry.field(description="One for each complaint, at most 1,000.")


@fed.input(description="One note on one complaint.")
class ComplaintNoteInput:
    complaint_id: strawberry.ID = strawberry.field(description="The complaint.")
    text: str = strawberry.field(description="The note. Nobody can change it or take it back.")


@fed.input(description="Notes on complaints, at most 1,000.")
class NoteComplaintsInput:
    notes: list[ComplaintNoteInput] = strawberry.field(description="The notes, at most 1,000.")


@fed.type(description="The result of claimComplaints.")
class ClaimComplaintsPayload(ComplaintsPayload):
    pass


@fed.type(description="The result of unclaimComplaints.")
class UnclaimComplaintsPayload(ComplaintsPayload):
    pass


@fed.type(description="The result of assignComplaints.")
class AssignComplaintsPayload(ComplaintsPayload):
    pass


@fed.type(description="The result of noteComplaints.")
class NoteComplaintsPayload(ComplaintsPayload):
    pass


@fed.type
class ComplaintWorkMutations:
    @field(
        "Claim complaints to work on, item by item. A claim ends by itself; until then no other officer can claim or "
        "decide them.",
        needs=COMPLAINTS_DECIDE,
    )
    async def claim_complaints(
        self,
        info: Info,
        input: Annotated[ClaimComplaintsInput, strawberry.argument(description="Which ones.")],  # noqa: A002
    ) -> ClaimComplaintsPayload | None:
        return ClaimComplaintsPayload.of(await info.context.write(claim_complaints, input.complaint_ids))

    @field("Give back complaints that you claimed.", needs=COMPLAINTS_DECIDE)
    async def unclaim_complaints(
        self,
        info: Info,
        input: Annotated[UnclaimComplaintsInput, strawberry.argument(description="Which ones.")],  # noqa: A002
    ) -> UnclaimComplaintsPayload | None:
        return UnclaimComplaintsPayload.of(await info.context.write(unclaim_complaints, input.complaint_ids))

    @field(
        "Assign complaints to officers, or to nobody, item by item. It ends another's claim.", needs=COMPLAINTS_DECIDE
    )
    async def assign_complaints(
        self,
        info: Info,
        input: Annotated[AssignComplaintsInput, strawberry.argument(description="To whom.")],  # noqa: A002
    ) -> AssignComplaintsPayload | None:
        assignments = [Assignment(**given(item)) for item in input.assignments]
        return AssignComplaintsPayload.of(await info.context.write(assign_complaints, assignments))

    @field("Note something on complaints; only the regulator reads it.", needs=COMPLAINTS_DECIDE)
    async def note_complaints(
        self,
        info: Info,
        input: Annotated[NoteComplaintsInput, strawberry.argument(description="The notes.")],  # noqa: A002
    ) -> NoteComplaintsPayload | None:
        notes = [NoteDraft(**given(item)) for item in input.notes]
        return NoteComplaintsPayload.of(await info.context.write(note_complaints, notes))
