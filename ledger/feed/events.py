"""Events: what happened, who did it, and who may get it, written with the change itself.

An event never holds complainant data, a chronology or an officer's note: PAYLOAD_KEYS lists all that one may say.
Nobody may change or delete one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger.feed.table import Event
from ledger.feed.vocabulary import EventKind, Subject
from ledger.forwarding.vocabulary import ForwardingResult
from ledger.identifiers import BrandId, MemberId
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import insert_records
from ledger.viewer import Viewer

_ORDER = frozenset({"orderNo", "version"})
_SIGNAL = frozenset({"category", "risk"})
_SAID = _ORDER | {"acknowledgementId", "acknowledgement", "reason", "late", "mark"}

PAYLOAD_KEYS: Mapping[EventKind, frozenset[str]] = {
    EventKind.COMPLAINT_FILED: frozenset({"category", "medium"}),
    EventKind.COMPLAINT_DECIDED: frozenset({"decision", "reason"}),
    EventKind.COMPLAINT_RESOLVED: frozenset({"outcome"}),
    EventKind.COMPLAINANT_REVEALED: frozenset({"revealId", "purposeHash"}),
    EventKind.ORDER_DRAFTED: _ORDER,
    EventKind.ORDER_RETURNED: _ORDER,
    EventKind.ORDER_DISCARDED: _ORDER,
    EventKind.ORDER_ISSUED: _ORDER | {"dueAt"},
    EventKind.ORDER_COMPLAINT_JOINED: _ORDER,
    EventKind.ORDER_ACKNOWLEDGED: _SAID,
    EventKind.ORDER_WITHDRAWN: _ORDER,
    EventKind.ORDER_CLOSED: _ORDER,
    EventKind.ORDER_LIFT_ISSUED: _ORDER | {"basis", "dueAt"},
    EventKind.ORDER_ENDED: _ORDER | {"reason"},
    EventKind.EXTENSION_REQUESTED: _SAID,
    EventKind.EXTENSION_DECIDED: _ORDER | {"extension", "dueAt"},
    EventKind.FORWARDING_PROPOSED: frozenset(ForwardingResult),
    EventKind.FORWARDING_APPROVED: frozenset({"approvedCount"}),
    EventKind.FORWARDING_DISCARDED: frozenset({"approvedCount"}),
    EventKind.MEMBER_ADMITTED: frozenset({"slug", "kind"}),
    EventKind.MEMBER_CHANGED: frozenset({"brand", "office"}),
    EventKind.OFFICER_CHANGED: frozenset({"change", "officeId"}),
    EventKind.NUMBERING_LOADED: frozenset({"written", "numbersMoved"}),
    EventKind.NUMBER_REASSIGNED: frozenset({"epoch", "startsAt"}),
    EventKind.KEYS_ROTATED: frozenset({"added", "retired"}),
    EventKind.PARTICIPATION_STARTED: frozenset({"disclosure"}),
    EventKind.PARTICIPATION_CHANGED: frozenset({"disclosure", "previousId", "signalKeyId"}),
    EventKind.PARTICIPATION_ENDED: frozenset({"disclosure", "reason"}),
    EventKind.SIGNAL_CONTRIBUTED: frozenset({"category"}),
    EventKind.SIGNAL_RAISED: _SIGNAL,
    EventKind.SIGNAL_CHANGED: _SIGNAL | {"riskBefore"},
    EventKind.SIGNAL_CORROBORATED: _SIGNAL,
    EventKind.SIGNAL_EXPIRED: _SIGNAL,
    EventKind.SIGNAL_REVOKED: _SIGNAL | {"reason"},
    EventKind.ENTRIES_ERASED: frozenset({"ranges", "count"}),
    EventKind.ENTRIES_ARCHIVED: frozenset({"first", "last", "sha256"}),
}
"""All that an event of a kind may say; a kind that is not here says nothing.

Each is an id, a number, a time, a hash or a word of a closed list, never a text that somebody typed: the log is for
ever, and whoever may get the event reads it whole. A key that is added here is a decision about all of them.
"""


class PayloadError(RuntimeError):
    """An event would say what PAYLOAD_KEYS does not list for its kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDraft:
    """One event to be written.

    audience names the members other than the regulator who may get it; the regulator may get every one. brand_id is
    the brand that it is about: a client that is narrowed to another brand doesn't get it.
    payload is small, has no personal data of a complainant, and is what each of the audience may read.
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
        unlisted = self.payload.keys() - PAYLOAD_KEYS.get(self.kind, frozenset())
        if unlisted:
            raise PayloadError(f"{self.kind} may not say {', '.join(sorted(unlisted))}.")


async def append_events(tx: Transaction, drafts: Sequence[EventDraft], *, actor: Viewer | None = None) -> None:
    """Write the events of this transaction in one statement, in the given order.

    The actor is the transaction's viewer unless another is given; it runs under the transition role.
    """
    if not drafts:
        return
    who = actor or tx.viewer
    events = [
        Event(
            kind=draft.kind,
            subject=draft.subject,
            subject_id=draft.subject_id,
            state=draft.state,
            actor_member_id=who.member_id,
            actor_officer_id=who.officer_id,
            actor_client_id=who.client_id,
            audience=tuple(draft.audience),
            brand_id=draft.brand_id,
            payload=draft.payload,
            recorded_at=tx.as_of,
        )
        for draft in drafts
    ]
    async with tx.role(Role.TRANSITION):
        await insert_records(tx, events)
