"""Filing complaints, and what their source may do to them afterwards."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.complaints.complainants import ComplainantDraft
from ledger.complaints.drafts import ComplaintDraft
from ledger.complaints.evidence import EvidenceDraft
from ledger.complaints.filing import FiledComplaint
from ledger.complaints.supplements import Supplement
from ledger.complaints.vocabulary import Medium, Remedy
from ledger.errors import Problem as LedgerProblem
from ledger.vocabulary import Category
from resolvers import complaints as resolve
from schema.authority import COMPLAINTS_FILE
from schema.complaints.results import ComplaintIdsInput, ComplaintsPayload
from schema.complaints.types import Complaint
from schema.fields import field
from schema.info import Info
from schema.models import given
from schema.pages import few
from schema.problems import Problem, count_problems
from schema.scalars import Base64, Rupiah


@fed.input(description="Who complained, as the source took it down. It is sealed and never leaves the regulator.")
class ComplainantInput:
    name: str = strawberry.field(description="Full name.")
    identity_number: str | None = strawberry.field(description="Number of the identity card.", default=UNSET)
    phone: str | None = strawberry.field(description="The complainant's own telephone number.", default=UNSET)
    email: str | None = strawberry.field(description="E-mail address.", default=UNSET)
    address: str | None = strawberry.field(description="Postal address.", default=UNSET)


@fed.input(description="One piece of evidence: a screenshot, a recording, a document.")
class EvidenceInput:
    media_type: str = strawberry.field(description="Its media type, for example image/png.")
    content: Base64 = strawberry.field(description="Its bytes.")
    file_name: str | None = strawberry.field(description="The file's name.", default=UNSET)
    captured_at: datetime | None = strawberry.field(description="When it was captured.", default=UNSET)

    def draft(self) -> EvidenceDraft:
        return EvidenceDraft(**given(self))


@fed.input(description="A complaint to be filed, of a number or an account or both.")
class ComplaintInput:
    medium: Medium = strawberry.field(description="How the offender reached the complainant.")
    category: Category = strawberry.field(description="What is complained of.")
    remedy: Remedy | None = strawberry.field(
        description="What the complainant asks for; a block of the number when it is not given.", default=UNSET
    )
    source_reference: str | None = strawberry.field(
        description="Your own id of it. Filed again under the same one, it is the first complaint.", default=UNSET
    )
    number: str | None = strawberry.field(description="The number as it was written down.", default=UNSET)
    region: str | None = strawberry.field(
        description="The region that it is read in, ISO 3166; ID when it is not given.", default=UNSET
    )
    account_platform: str | None = strawberry.field(description="The account's service.", default=UNSET)
    account_handle: str | None = strawberry.field(description="The account's handle.", default=UNSET)
    account_url: str | None = strawberry.field(description="The account's address.", default=UNSET)
    incident_at: datetime | None = strawberry.field(description="When it happened.", default=UNSET)
    chronology: str | None = strawberry.field(
        description="What happened, in the complainant's words. It is sealed.", default=UNSET
    )
    loss: Rupiah | None = strawberry.field(description="What the complainant lost.", default=UNSET)
    complainant: ComplainantInput | None = strawberry.field(
        description="Who complained; the regulator's own complaints need it, others may leave it out.", default=UNSET
    )
    evidence: list[EvidenceInput] | None = strawberry.field(description="What proves it.", default=UNSET)
    occurrence: int | None = strawberry.field(
        description="Tells identical complaints without a sourceReference apart: the first is 1.", default=UNSET
    )

    def draft(self) -> ComplaintDraft:
        values = given(self, without=("loss", "complainant", "evidence"))
        return ComplaintDraft(
            **values,
            loss_rupiah=self.loss if self.loss is not UNSET else None,
            complainant=ComplainantDraft(**given(self.complainant)) if self.complainant else None,
            evidence=tuple(piece.draft() for piece in self.evidence or ()),
        )


@fed.input(description="Complaints to be filed, at most 1,000.")
class FileComplaintsInput:
    complaints: list[ComplaintInput] = strawberry.field(description="The complaints, at most 1,000.")


@fed.type(description="What became of one filed complaint: the complaint or a problem.")
class FiledComplaintResult:
    complaint: Complaint | None = strawberry.field(description="The complaint, when it was taken.")
    was_known: bool = strawberry.field(description="Whether it had been filed before and is that first one.")
    problem: Problem | None = strawberry.field(description="Why it was refused.")

    @classmethod
    def of(cls, result: FiledComplaint | LedgerProblem) -> "FiledComplaintResult":
        if isinstance(result, LedgerProblem):
            return cls(complaint=None, was_known=False, problem=Problem.of(result))
        return cls(complaint=Complaint.of(result.complaint), was_known=result.was_known, problem=None)


@fed.type(description="What fileComplaints answers.")
class FileComplaintsPayload:
    results: list[FiledComplaintResult] = strawberry.field(
        description="One for each complaint, in the order given.", directives=[few(100)]
    )
    problem_count: int = strawberry.field(description="How many were refused.")


@fed.input(description="What a source adds to a complaint of which an officer asked more.")
class SupplementInput:
    complaint_id: strawberry.ID = strawberry.field(description="The complaint.")
    chronology: str | None = strawberry.field(description="What happened, told anew.", default=UNSET)
    evidence: list[EvidenceInput] | None = strawberry.field(description="Further evidence.", default=UNSET)

    def draft(self) -> Supplement:
        pieces = tuple(piece.draft() for piece in self.evidence or ())
        return Supplement(**given(self, without=("evidence",)), evidence=pieces)


@fed.input(description="Answers to officers' questions, at most 1,000.")
class SupplyComplaintInformationInput:
    supplements: list[SupplementInput] = strawberry.field(description="One for each complaint, at most 1,000.")


@fed.input(description="Complaints to be taken back, at most 1,000.")
class WithdrawComplaintsInput(ComplaintIdsInput):
    pass


@fed.type(description="What withdrawComplaints answers.")
class WithdrawComplaintsPayload(ComplaintsPayload):
    pass


@fed.type(description="What supplyComplaintInformation answers.")
class SupplyComplaintInformationPayload(ComplaintsPayload):
    pass


@fed.type
class ComplaintFilingMutations:
    @field(
        "File complaints, item by item: one that can't be taken sinks no other. Safe to repeat.", needs=COMPLAINTS_FILE
    )
    async def file_complaints(
        self,
        info: Info,
        input: Annotated[FileComplaintsInput, strawberry.argument(description="What to file.")],  # noqa: A002
    ) -> FileComplaintsPayload | None:
        results = await resolve.file_complaints(info.context, [item.draft() for item in input.complaints])
        return FileComplaintsPayload(
            results=[FiledComplaintResult.of(result) for result in results], problem_count=count_problems(results)
        )

    @field("Take back complaints that you filed, as long as no officer has verified them.", needs=COMPLAINTS_FILE)
    async def withdraw_complaints(
        self,
        info: Info,
        input: Annotated[WithdrawComplaintsInput, strawberry.argument(description="Which ones.")],  # noqa: A002
    ) -> WithdrawComplaintsPayload | None:
        return WithdrawComplaintsPayload.of(await resolve.withdraw_complaints(info.context, input.complaint_ids))

    @field("Answer what an officer asked about complaints that you filed.", needs=COMPLAINTS_FILE)
    async def supply_complaint_information(
        self,
        info: Info,
        input: Annotated[  # noqa: A002
            SupplyComplaintInformationInput, strawberry.argument(description="The answers.")
        ],
    ) -> SupplyComplaintInformationPayload | None:
        drafts = [item.draft() for item in input.supplements]
        return SupplyComplaintInformationPayload.of(await resolve.supply_information(info.context, drafts))
