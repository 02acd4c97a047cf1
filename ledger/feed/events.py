"""Events: what happened, who did it, and who may receive it, written in the same transaction as the change.

An event must never contain complainant data, a chronology or an officer's note: PAYLOAD_KEYS lists everything that one
may contain. No viewer may change or delete an event. What the event is about is committed to by contents.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger.feed.contents import render_insertion
from ledger.feed.vocabulary import EventKind, Subject
from ledger.forwarding.vocabulary import ForwardingResult
from ledger.identifiers import BrandId, MemberId
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import dump_rows
from ledger.viewer import Viewer

RECORD_SUBJECT_ID = "entries"
"""The subject of the log's records of what was erased and archived."""

_ORDER = frozenset({"orderNo", "version"})
_REFERRAL = frozenset({"referralNo"})
_OVERRIDE = frozenset({"proposalId", "contentHash", "holderBefore", "holderAfter", "brandAfter", "orderId"})
_REASSIGNMENT = frozenset({"reportId", "epoch", "startsAt"})
_SIGNAL = frozenset({"category", "risk"})
_SIGNED = frozenset({"contentHash", "termsHash"})
_PROPOSAL = _ORDER | {"proposal"}
_SAID = _ORDER | {"acknowledgementId", "acknowledgement", "reason", "late", "mark"}

PAYLOAD_KEYS: Mapping[EventKind, frozenset[str]] = {
    EventKind.COMPLAINT_FILED: frozenset({"category", "medium"}),
    EventKind.COMPLAINT_DECIDED: frozenset({"decision", "reason"}),
    EventKind.COMPLAINT_RESOLVED: frozenset({"outcome"}),
    EventKind.COMPLAINANT_REVEALED: frozenset({"revealId", "purposeHash"}),
    EventKind.COMPLAINT_NOTED: frozenset({"noteId"}),
    EventKind.COMPLAINT_CLAIMED: frozenset({"officerId", "endsAt"}),
    EventKind.COMPLAINT_UNCLAIMED: frozenset({"officerId"}),
    EventKind.COMPLAINT_ASSIGNED: frozenset({"officerId"}),
    EventKind.EXTRACT_MADE: frozenset({"sha256", "originalSha256"}),
    EventKind.EXTRACT_RELEASED: frozenset({"releaseId", "sha256"}),
    EventKind.EXTRACT_WITHDRAWN: frozenset({"releaseId", "sha256"}),
    EventKind.ORDER_DRAFTED: _ORDER,
    EventKind.ORDER_RETURNED: _ORDER,
    EventKind.ORDER_DISCARDED: _ORDER,
    EventKind.ORDER_ISSUED: _ORDER | {"dueAt", "emergency"},
    EventKind.ORDER_COMPLAINT_JOINED: _ORDER,
    EventKind.ORDER_ACKNOWLEDGED: _SAID | {"corrects"},
    EventKind.ORDER_WITHDRAWN: _ORDER | {"reason"},
    EventKind.ORDER_CLOSED: _ORDER | {"reason"},
    EventKind.ORDER_LIFT_ISSUED: _ORDER | {"basis", "dueAt", "emergency"},
    EventKind.ORDER_CONFIRMED: _ORDER,
    EventKind.ORDER_PROPOSED: _PROPOSAL,
    EventKind.ORDER_PROPOSAL_RETURNED: _PROPOSAL,
    EventKind.ORDER_PROPOSAL_DISCARDED: _PROPOSAL,
    EventKind.ORDER_ENDED: _ORDER | {"reason"},
    EventKind.ORDER_DUE_EXTENDED: _ORDER | {"dueAt", "formerDueAt", "outageIds"},
    EventKind.EXTENSION_REQUESTED: _SAID,
    EventKind.EXTENSION_DECIDED: _ORDER | {"extension", "dueAt"},
    EventKind.REFERRAL_OFFERED: _REFERRAL,
    EventKind.REFERRAL_COMPLAINT_JOINED: _REFERRAL,
    EventKind.REFERRAL_ANSWERED: _REFERRAL | {"responseId", "response", "action", "ground", "reason", "mark"},
    EventKind.REFERRAL_LAPSED: _REFERRAL,
    EventKind.REFERRAL_WITHDRAWN: _REFERRAL | {"reason"},
    EventKind.FORWARDING_PROPOSED: frozenset(ForwardingResult),
    EventKind.FORWARDING_APPROVED: frozenset({"approvedCount"}),
    EventKind.FORWARDING_DISCARDED: frozenset({"approvedCount"}),
    EventKind.MEMBER_ADMITTED: frozenset({"slug", "kind"}),
    EventKind.MEMBER_CHANGED: frozenset({"brand", "office", "platforms"}),
    EventKind.OFFICER_CHANGED: frozenset({"change", "officeId"}),
    EventKind.NUMBERING_LOADED: frozenset({"written", "numbersMoved"}),
    EventKind.NUMBER_OVERRIDE_PROPOSED: _OVERRIDE,
    EventKind.NUMBER_OVERRIDE_APPROVED: _OVERRIDE,
    EventKind.NUMBER_OVERRIDE_DISCARDED: _OVERRIDE,
    EventKind.REASSIGNMENT_REPORTED: _REASSIGNMENT,
    EventKind.REASSIGNMENT_REFUSED: _REASSIGNMENT,
    EventKind.NUMBER_REASSIGNED: _REASSIGNMENT,
    EventKind.KEYS_ROTATED: frozenset({"added", "retired"}),
    EventKind.PARTICIPATION_STARTED: frozenset({"disclosure"}),
    EventKind.PARTICIPATION_CHANGED: frozenset({"disclosure", "reason", "previousId", "signalKeyId"}),
    EventKind.PARTICIPATION_ENDED: frozenset({"disclosure", "reason"}),
    EventKind.PARTICIPATION_NARROWED: frozenset({"disclosure", "reason", "previousId", "party"}),
    EventKind.PARTICIPATION_DELETION_AWAITED: frozenset({"disclosure", "reason", "expectedBy"}),
    EventKind.PARTICIPATION_DELETION_CONFIRMED: frozenset({"disclosure", "reason", "deletedAt"}),
    EventKind.TERMS_PUBLISHED: frozenset({"version", "termsHash"}),
    EventKind.TERMS_PROPOSED: _SIGNED | {"party"},
    EventKind.TERMS_ACCEPTED: _SIGNED,
    EventKind.TERMS_COUNTERSIGNED: _SIGNED | {"participationId"},
    EventKind.TERMS_REFUSED: _SIGNED | {"party"},
    EventKind.TERMS_WITHDRAWN: _SIGNED | {"party"},
    EventKind.SIGNAL_CONTRIBUTED: frozenset({"category", "about"}),
    EventKind.SIGNAL_CONTRIBUTION_WITHDRAWN: frozenset({"category", "reason"}),
    EventKind.SIGNAL_CONTRIBUTION_REPLACED: frozenset({"category", "replacedById"}),
    EventKind.SIGNAL_RAISED: _SIGNAL,
    EventKind.SIGNAL_CHANGED: _SIGNAL | {"riskBefore"},
    EventKind.SIGNAL_CORROBORATED: _SIGNAL,
    EventKind.SIGNAL_UNCORROBORATED: _SIGNAL,
    EventKind.SIGNAL_EXPIRED: _SIGNAL,
    EventKind.SIGNAL_REVOKED: _SIGNAL | {"reason"},
    EventKind.ACCESSES_SEALED: frozenset({"since", "until", "count", "hash"}),
    EventKind.ACCESSES_ERASED: frozenset({"until", "count"}),
    EventKind.LOGIN_ANSWERED: frozenset({"outcome"}),
    EventKind.LOGIN_ENDED: frozenset({"outcome"}),
    EventKind.CREDENTIAL_CHANGED: frozenset({"outcome"}),
    EventKind.CONSENT_DECIDED: frozenset({"outcome"}),
    EventKind.OPERATOR_ACTED: frozenset({"act", "actId", "operator", "behalfOf", "reasonHash"}),
    EventKind.ENTRIES_ERASED: frozenset({"ranges", "count"}),
    EventKind.ENTRIES_ARCHIVED: frozenset({"first", "last", "sha256"}),
    EventKind.LOG_RESTORED: frozenset({"restorationId", "restoredTo"}),
    EventKind.WITNESS_CHANGED: frozenset({"witnessId", "change"}),
    EventKind.OUTAGE_RECORDED: frozenset({"startsAt", "endsAt", "cause"}),
}
"""The keys that the payload of each kind of event may have; a kind that is not listed has an empty payload.

Each value is an id, a number, a time, a hash or a member of a closed list, never free text: the log is permanent, and
everyone who may receive an event reads all of it. Add a key only if all of them may see it.
"""


class PayloadError(RuntimeError):
    """An event's payload has a key that PAYLOAD_KEYS does not list for its kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDraft:
    """One event to be written.

    audience lists the members that may receive it besides the regulator, which may receive every event. brand_id is
    the brand that it is about: a client restricted to another brand doesn't receive it.
    payload is small, contains no personal data of a complainant, and may be read by the entire audience.
    """

    kind: EventKind
    subject: Subject
    subject_id: str
    state: str | None = None
    audience: Sequence[MemberId] = ()
    brand_id: BrandId | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Errors: PayloadError."""
        if self.kind is EventKind.OTHER or self.subject is Subject.OTHER:
            raise PayloadError("An event has a kind and a subject of its own; OTHER is for reading later versions'.")
        unlisted = self.payload.keys() - PAYLOAD_KEYS.get(self.kind, frozenset())
        if unlisted:
            raise PayloadError(f"{self.kind} may not contain {', '.join(sorted(unlisted))}.")


async def append_events(tx: Transaction, drafts: Sequence[EventDraft], *, actor: Viewer | None = None) -> None:
    """Write events in one statement, in the given order, each with what it commits to: write what they are about first.

    The actor is the transaction's viewer unless another is given. Runs under the TRANSITION role.
    """
    if not drafts:
        return
    who = actor or tx.viewer
    rows = [
        {
            "kind": draft.kind,
            "subject": draft.subject,
            "subject_id": draft.subject_id,
            "audience": draft.audience,
            "payload": draft.payload,
            **({"state": draft.state} if draft.state is not None else {}),
            **({"brand_id": draft.brand_id} if draft.brand_id is not None else {}),
        }
        for draft in drafts
    ]
    alike = {
        "actor_member_id": who.member_id,
        "actor_officer_id": who.officer_id,
        "actor_client_id": who.client_id,
        "recorded_at": tx.as_of,
    }
    async with tx.role(Role.TRANSITION):
        insertion = render_insertion(draft.subject for draft in drafts)
        await tx.execute(insertion, {"rows": dump_rows(rows), **alike})
    for draft in drafts:
        tx.note_recorded(draft.subject, draft.subject_id)
