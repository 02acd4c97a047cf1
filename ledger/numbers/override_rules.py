"""What a proposed override may say: its drafts, its canonical text, and the checks against the plan. No I/O.

Source: domain.md, Numbers; docs/adr/0089.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ledger.canonical import render_canonical
from ledger.errors import ConflictError, InvalidInputError, TimeInvalidError, UnknownError
from ledger.identifiers import BrandId, MemberId, parse_id
from ledger.members.table import Brand, Member
from ledger.numbers.plan import Holder
from ledger.numbers.table import OverrideProposal
from ledger.texts import check_text
from ledger.viewer import MemberKind

REASON_LENGTH_MAX = 500


class OverrideChangedError(ConflictError):
    """The hash does not match the proposal's content."""

    code = "OVERRIDE_CHANGED"
    hint = "Read the proposal again and approve its current contentHash."


class OverrideOpenError(ConflictError):
    """Another proposal about this number waits for a decision."""

    code = "OVERRIDE_ALREADY_PROPOSED"
    hint = "Revise that proposal, or have it approved or discarded first."


class OverrideOutdatedError(ConflictError):
    """The numbering plan has named another holder since this was proposed."""

    code = "OVERRIDE_OUTDATED"
    hint = "Revise the proposal, so that it names the present holder, and have it approved again."


class OverrideVoidError(ConflictError):
    """The numbering plan already says so."""

    code = "OVERRIDE_CHANGES_NOTHING"


class OverrideTimeError(TimeInvalidError):
    """An override takes effect now or since a time in the past, later than the number's previous override."""

    code = "OVERRIDE_TIME_INVALID"
    hint = "Leave validFrom out for the time of the approval."


class OverrideReasonError(InvalidInputError):
    """An override requires a reason."""

    code = "OVERRIDE_REASON_MISSING"


class OrderNotReroutableError(ConflictError):
    """The order is about another number, or its carrier has not said that another carrier holds the number."""

    code = "ORDER_NOT_REROUTABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideDraft:
    """A number as written, and the carrier that holds it. order_id: the order whose carrier said so, if one did.

    An override lasts until the next one, so that a draft with valid_until is refused.
    """

    number: str
    holder_id: str
    reason: str
    brand_id: str | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    order_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideRevision:
    """What to change in a proposal. None leaves a field as it is; another holder takes the brand that is given."""

    proposal_id: str
    holder_id: str | None = None
    brand_id: str | None = None
    valid_from: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideApproval:
    """A proposal, by the hash of the content that the approver read."""

    proposal_id: str
    content_hash: str


def render_override(proposal: OverrideProposal) -> str:
    """Return the canonical text of what a proposal says, which an approver approves by its hash."""
    return render_canonical(
        {
            "proposalId": proposal.id,
            "number": proposal.e164,
            "holderBeforeId": proposal.holder_before_id,
            "holderId": proposal.holder_id,
            "brandId": proposal.brand_id,
            "validFrom": proposal.valid_from,
            "orderId": proposal.order_id,
            "reason": proposal.reason,
            "nonce": proposal.nonce,
        }
    )


@dataclass(slots=True)
class PlanFacts:
    """What the proposals of one call are checked against: present holders, latest overrides, and what they name."""

    holders: Mapping[str, Holder] = field(default_factory=dict)
    latest: Mapping[str, datetime] = field(default_factory=dict)
    carriers: Mapping[str, Member] = field(default_factory=dict)
    brands: Mapping[str, Brand] = field(default_factory=dict)
    orders: Mapping[str, str] = field(default_factory=dict)

    def check_holder(self, holder_id: str, brand_id: str | None) -> tuple[MemberId, BrandId | None]:
        """Return the ids in their canonical form. Errors: UnknownError."""
        holder = self.carriers.get(parse_id(holder_id) or "")
        if holder is None or holder.kind is not MemberKind.CARRIER:
            raise UnknownError("There is no such carrier.", field="holderId")
        if brand_id is None:
            return holder.id, None
        brand = self.brands.get(parse_id(brand_id) or "")
        if brand is None or brand.member_id != holder.id:
            raise UnknownError("The carrier has no such brand.", field="brandId")
        return holder.id, brand.id

    def check(self, proposal: OverrideProposal, *, as_of: datetime) -> None:
        """Errors: OverrideTimeError, OverrideVoidError."""
        since = proposal.valid_from or as_of
        if since.tzinfo is None or since > as_of:
            raise OverrideTimeError("The time is in the future, or its UTC offset is missing.", field="validFrom")
        latest = self.latest.get(proposal.e164)
        if latest is not None and since <= latest:
            raise OverrideTimeError("The number has an override since that time or a later one.", field="validFrom")
        present = self.holders[proposal.e164]
        if (present.holder_id, present.brand_id) == (proposal.holder_id, proposal.brand_id):
            raise OverrideVoidError(field="holderId")


def check_reason(reason: str) -> str:
    """Return the reason, cleaned. Errors: OverrideReasonError, or those of check_text."""
    checked = check_text(reason, field="reason", length_max=REASON_LENGTH_MAX, lines=True)
    if not checked:
        raise OverrideReasonError(field="reason")
    return checked
