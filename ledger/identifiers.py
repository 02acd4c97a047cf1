"""Identifiers: UUIDv7 strings, each with its own type so that a type checker catches two that are swapped."""

import re
import uuid
from typing import NewType

import uuid_utils

MemberId = NewType("MemberId", str)
BrandId = NewType("BrandId", str)
OfficeId = NewType("OfficeId", str)
OfficerId = NewType("OfficerId", str)
ClientId = NewType("ClientId", str)
AccountId = NewType("AccountId", str)
MemberPlatformId = NewType("MemberPlatformId", str)
ComplaintId = NewType("ComplaintId", str)
EvidenceId = NewType("EvidenceId", str)
ContentId = NewType("ContentId", str)
ExtractId = NewType("ExtractId", str)
ReleaseId = NewType("ReleaseId", str)
NoteId = NewType("NoteId", str)
RevealId = NewType("RevealId", str)
RangeId = NewType("RangeId", str)
OverrideId = NewType("OverrideId", str)
OverrideProposalId = NewType("OverrideProposalId", str)
ReassignmentReportId = NewType("ReassignmentReportId", str)
OrderId = NewType("OrderId", str)
DirectiveId = NewType("DirectiveId", str)
AcknowledgementId = NewType("AcknowledgementId", str)
ExtensionId = NewType("ExtensionId", str)
ProposalId = NewType("ProposalId", str)
ReferralId = NewType("ReferralId", str)
ReferralResponseId = NewType("ReferralResponseId", str)
ForwardingRunId = NewType("ForwardingRunId", str)
SignalId = NewType("SignalId", str)
SignalKeyId = NewType("SignalKeyId", str)
ContributionId = NewType("ContributionId", str)
RevocationNoticeId = NewType("RevocationNoticeId", str)
ParticipationId = NewType("ParticipationId", str)
TermsId = NewType("TermsId", str)
ParticipationProposalId = NewType("ParticipationProposalId", str)
LegalHoldId = NewType("LegalHoldId", str)
WitnessId = NewType("WitnessId", str)
LogRestorationId = NewType("LogRestorationId", str)
AccessRecordId = NewType("AccessRecordId", str)
AccessSealId = NewType("AccessSealId", str)
OutageId = NewType("OutageId", str)
OperatorActId = NewType("OperatorActId", str)
Position = NewType("Position", int)
"""An entry's place in the feed: 1, 2, 3 and so on, without gaps; 0 is before the first entry."""

ID_TEXT_LENGTH_MAX = 64
_CANONICAL = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def new_id() -> str:
    """A new UUIDv7 in its canonical text form; ids created later sort later."""
    return str(uuid_utils.uuid7())


def parse_id(text: str) -> str | None:
    """The canonical form of an id that a client sent, or None if it is malformed.

    Callers must treat None as an id that names nothing: to a client, a malformed id and one that
    does not exist must look the same.
    """
    if _CANONICAL.fullmatch(text):
        return text
    candidate = text.strip() if len(text) <= ID_TEXT_LENGTH_MAX else ""
    if not candidate:
        return None
    try:
        parsed = uuid.UUID(candidate)
    except ValueError:
        return None
    return str(parsed)
