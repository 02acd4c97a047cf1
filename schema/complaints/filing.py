"""Filing complaints, and what their source may do with them afterwards."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.complaints.complainant_drafts import ComplainantDraft
from ledger.complaints.drafts import ComplaintDraft
from ledger.complaints.evidence_drafts import EvidenceDraft
from ledger.complaints.filing import FiledComplaint, file_complaints
from ledger.complaints.supplements import Supplement, supply_information, withdraw_complaints
from ledger.complaints.vocabulary import Medium, Remedy
from ledger.errors import Problem as LedgerProblem
from ledger.vocabulary import Category
from schema.authority import COMPLAINTS_FILE
from schema.complaints.results import ComplaintIdsInput, ComplaintsPayload
from schema.complaints.types import Complaint
from schema.fields import field
from schema.info import Info
from schema.models import given
from schema.pages import few
from schema.problems import Problem, count_problems
from schema.scalars import Base64, Rupiah


@fed.input(
    description="Who complained, as recorded by the source. It is stored encrypted and never leaves the regulator."
)
class ComplainantInput:
    name: str = strawberry.field(description="Full name.")
    identity_number: str | None = strawberry.field(
        description="The number of the complainant's identity card.", default=UNSET
    )
    phone: str | None = strawberry.field(description="The complainant's own telephone number.", default=UNSET)
    email: str | None = strawberry.field(description="E-mail address.", default=UNSET)
    address: str | None = strawberry.field(description="Postal address.", default=UNSET)


@fed.input(
    description="One piece of evidence: a screenshot, a recording, a document. It takes either its bytes and their "
    "media type, or the ID of an upload of yours, which becomes this piece."
)
class EvidenceInput:
    media_type: str | None = strawberry.field(description="Its media type, for example image/png.", default=UNSET)
    content: Base64 | None = strawberry.field(description="Its bytes, if they are few.", default=UNSET)
    upload_id: strawberry.ID | None = strawberry.field(
        description="The ID of a finished upload; docs/clients.md has how to upload.", default=UNSET
    )
    file_name: str | None = strawberry.field(description="The file's name.", default=UNSET)
    captured_at: datetime | None = strawberry.field(description="When it was captured.", default=UNSET)

    def draft(self) -> EvidenceDraft:
        return EvidenceDraft(**given(self))


@fed.input(description="A complaint to be filed, about a number, an account or both.")
class ComplaintInput:
    medium: Medium = strawberry.field(description="How the offender reached the complainant.")
    category: Category = strawberry.field(description="What the complaint is about.")
    remedy: Remedy | None = strawberry.field(
        description="What the complainant asks for; NUMBER_BLOCK by default.", default=UNSET
    )
    source_reference: str | None = strawberry.field(
        description="Your own ID for it. Filing it again under the same ID returns the first complaint.", default=UNSET
    )
    number: str | None = strawberry.field(description="The number as written.", default=UNSET)
    region: str | None = strawberry.field(
        description="The region whose dialling rules apply to it, as an ISO 3166 code; ID by default.", default=UNSET
    )
    account_platform: str | None = strawberry.field(description="The service that the account is on.", default=UNSET)
    account_handle: str | None = strawberry.field(description="The account's handle.", default=UNSET)
    account_url: str | None = strawberry.field(description="The account's URL.", default=UNSET)
    incident_at: datetime | None = strawberry.field(description="When it happened.", default=UNSET)
    chronology: str | None = strawberry.field(
        description="What happened, in the complainant's words. It is stored encrypted.", default=UNSET
    )
    loss: Rupiah | None = strawberry.field(description="How much the complainant lost.", default=UNSET)
    complainant: ComplainantInput | None = strawberry.field(
        description="Who complained; required for the regulator's own complaints, optional for all others.",
        default=UNSET,
    )
    evidence: list[EvidenceInput] | None = strawberry.field(description="The evidence.", default=UNSET)
    occurrence: int | None = strawberry.field(
        description="Distinguishes identical complaints that have no sourceReference; the first is 1.", default=UNSET
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


@fed.type(description="The result for one filed complaint: the complaint or a problem.")
class FiledComplaintResult:
    complaint: Complaint | None = strawberry.field(description="The complaint, if it was accepted.")
    was_known: bool = strawberry.field(description="Whether it had already been filed; if so, this is the first one.")
    problem: Problem | None = strawberry.field(description="Why it was refused.")

    @classmethod
    def of(cls, result: FiledComplaint | LedgerProblem) -> "FiledComplaintResult":
        if isinstance(result, LedgerProblem):
            return cls(complaint=None, was_known=False, problem=Problem.of(result))
        return cls(complaint=Complaint.of(result.complaint), was_known=result.was_known, problem=None)


@fed.type(description="The result of fileComplaints.")
class FileComplaintsPayload:
    results: list[FiledComplaintResult] = strawberry.field(
        description="One for each complaint, in the order given.", directives=[few(100)]
    )
    problem_count: int = strawberry.field(description="How many were refused.")


@fed.input(description="What a source adds to a complaint on which an officer asked for more information.")
class SupplementInput:
    complaint_id: strawberry.ID = strawberry.field(description="The complaint.")
    chronology: str | None = strawberry.field(
        description="A further account of what happened; it is added to the first.", default=UNSET
    )
    evidence: list[EvidenceInput] | None = strawberry.field(description="Further evidence.", default=UNSET)

    def draft(self) -> Supplement:
        pieces = tuple(piece.draft() for piece in self.evidence or ())
        return Supplement(**given(self, without=("evidence",)), evidence=pieces)


@fed.input(description="Answers to officers' questions, at most 1,000.")
class SupplyComplaintInformationInput:
    supplements: list[SupplementInput] = strawberry.field(description="One for each complaint, at most 1,000.")


@fed.input(description="Complaints to be withdrawn, at most 1,000.")
class WithdrawComplaintsInput(ComplaintIdsInput):
    pass


@fed.type(description="The result of withdrawComplaints.")
class WithdrawComplaintsPayload(ComplaintsPayload):
    pass


@fed.type(description="The result of supplyComplaintInformation.")
class SupplyComplaintInformationPayload(ComplaintsPayload):
    pass


@fed.type
class ComplaintFilingMutations:
    @field(
        "File complaints, item by item: a refused one does not affect the others. Safe to repeat.",
        needs=COMPLAINTS_FILE,
    )
    async def file_complaints(
        self,
        info: Info,
        input: Annotated[FileComplaintsInput, strawberry.argument(description="The complaints to file.")],  # noqa: A002
    ) -> FileComplaintsPayload | None:
        results = await info.context.write(file_complaints, [item.draft() for item in input.complaints])
        return FileComplaintsPayload(
            results=[FiledComplaintResult.of(result) for result in results], problem_count=count_problems(results)
        )

    @field("Withdraw complaints that you filed, as long as no officer has verified them.", needs=COMPLAINTS_FILE)
    async def withdraw_complaints(
        self,
        info: Info,
        input: Annotated[WithdrawComplaintsInput, strawberry.argument(description="Which ones.")],  # noqa: A002
    ) -> WithdrawComplaintsPayload | None:
        return WithdrawComplaintsPayload.of(await info.context.write(withdraw_complaints, input.complaint_ids))

    @field("Answer an officer's questions about complaints that you filed.", needs=COMPLAINTS_FILE)
    async def supply_complaint_information(
        self,
        info: Info,
        input: Annotated[  # noqa: A002
            SupplyComplaintInformationInput, strawberry.argument(description="The answers.")
        ],
    ) -> SupplyComplaintInformationPayload | None:
        drafts = [item.draft() for item in input.supplements]
        return SupplyComplaintInformationPayload.of(await info.context.write(supply_information, drafts))
