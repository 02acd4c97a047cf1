"""What a response may state, and what it moves: from a referral and a time to a verdict, without any I/O.

Lateness is no concern of these rules: a response after a lapse counts as one before it.
Source: domain.md, Referral (moves by the provider) and Acknowledgement.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ledger.copies import replace
from ledger.errors import InvalidInputError, StateConflictError, TimeInvalidError
from ledger.identifiers import ReferralResponseId, new_id
from ledger.policies import OrderPolicy
from ledger.referrals.states import REFERRAL_MOVES, ReferralMove, ReferralState
from ledger.referrals.table import Referral
from ledger.referrals.vocabulary import DeclineReason, ReferralAction, ReferralGround, ResponseKind, ResponseMark
from ledger.texts import check_optional_text, check_reference

REFERENCE_LENGTH_MAX = 128
NOTE_LENGTH_MAX = 2_000


class ResponseInvalidError(InvalidInputError):
    """The response lacks a value that its kind requires, or has one that it does not take."""

    code = "REFERRAL_RESPONSE_INVALID"
    hint = "ACTIONED takes an action and its ground, DECLINED may have a reason; no other kind takes any of these."


class ResponseTimeError(TimeInvalidError):
    """The effective time is before the referral was offered, or in the future."""

    code = "REFERRAL_RESPONSE_TIME_INVALID"
    hint = "Send the time at which it took effect by your clock, in UTC, and keep that clock accurate."


class ResponseReferenceError(InvalidInputError):
    """A response needs the provider's own reference."""

    code = "REFERRAL_REFERENCE_MISSING"
    hint = "Send your ticket number; a retry with the same one returns the first recording."


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseDraft:
    """What a provider sends: which referral, by id or number, and what it says. effective_at is now if None."""

    kind: ResponseKind
    reference: str
    referral_id: str | None = None
    referral_no: str | None = None
    action: ReferralAction | None = None
    ground: ReferralGround | None = None
    reason: DeclineReason | None = None
    effective_at: datetime | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A validated draft, with the id that it is recorded under if it is new."""

    id: ReferralResponseId = field(default_factory=lambda: ReferralResponseId(new_id()))
    kind: ResponseKind
    reference: str
    action: ReferralAction | None
    ground: ReferralGround | None
    reason: DeclineReason | None
    note: str | None
    effective_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The effect of a response: the referral after it, or the mark that says why it moved nothing."""

    after: Referral
    mark: ResponseMark | None = None


_MOVES: Mapping[ResponseKind, ReferralMove] = {
    ResponseKind.RECEIVED: ReferralMove.RECEIVE,
    ResponseKind.ACTIONED: ReferralMove.ACT,
    ResponseKind.DECLINED: ReferralMove.DECLINE,
    ResponseKind.NO_ACCOUNT: ReferralMove.FIND_NO_ACCOUNT,
    ResponseKind.REVERSED: ReferralMove.REVERSE,
}
_TARGETS: Mapping[ResponseKind, ReferralState] = {kind: ReferralState(kind) for kind in ResponseKind}


def check_response(draft: ResponseDraft, referral: Referral, *, as_of: datetime, policy: OrderPolicy) -> Said:
    """Validate a draft. Errors: one of this module's, or those of check_text."""
    reference = check_reference(draft.reference, field="reference", length_max=REFERENCE_LENGTH_MAX)
    if not reference:
        raise ResponseReferenceError(field="reference")
    is_action = draft.kind is ResponseKind.ACTIONED
    for name in ("action", "ground"):
        if (getattr(draft, name) is not None) != is_action:
            raise ResponseInvalidError(field=name)
    if draft.reason is not None and draft.kind is not ResponseKind.DECLINED:
        raise ResponseInvalidError(field="reason")
    return Said(
        kind=draft.kind,
        reference=reference,
        action=draft.action,
        ground=draft.ground,
        reason=draft.reason,
        note=check_optional_text(draft.note, field="note", length_max=NOTE_LENGTH_MAX, lines=True),
        effective_at=_check_effective_at(draft, referral, as_of=as_of, policy=policy),
    )


def _check_effective_at(draft: ResponseDraft, referral: Referral, *, as_of: datetime, policy: OrderPolicy) -> datetime:
    if draft.effective_at is None:
        return as_of
    if draft.effective_at.tzinfo is None:
        raise ResponseTimeError("A time needs a UTC offset.", field="effectiveAt")
    skew = timedelta(seconds=policy.acknowledgement_skew_seconds)
    if draft.effective_at > as_of + skew:
        raise ResponseTimeError("The effective time is in the future.", field="effectiveAt")
    # A provider may have acted on its own before it was asked.
    if draft.kind is not ResponseKind.ACTIONED and draft.effective_at < referral.offered_at - skew:
        raise ResponseTimeError("The effective time is before the referral was offered.", field="effectiveAt")
    return draft.effective_at


def judge_response(said: Said, referral: Referral, *, as_of: datetime) -> Verdict:
    """Judge what a response does to the referral. Errors: StateConflictError if the referral's state rules it out."""
    if referral.state is ReferralState.WITHDRAWN:
        return Verdict(after=referral, mark=ResponseMark.REFERRAL_WITHDRAWN)
    state = REFERRAL_MOVES.get((referral.state, _MOVES[said.kind]))
    if state is None:
        # A receipt after the answer, or the same said twice, is valid but changes nothing.
        if said.kind is ResponseKind.RECEIVED or _TARGETS[said.kind] is referral.state:
            return Verdict(after=referral, mark=ResponseMark.STATE_UNMOVED)
        raise StateConflictError(
            f"A referral that is {referral.state} can't be answered with {said.kind}.", field="kind"
        )
    return Verdict(after=_move(said, referral, state, as_of=as_of))


def _move(said: Said, referral: Referral, state: ReferralState, *, as_of: datetime) -> Referral:
    moved = replace(referral, state=state, standing_response_id=said.id, changed_at=max(referral.changed_at, as_of))
    if said.kind is ResponseKind.RECEIVED:
        return replace(moved, received_at=as_of)
    if said.kind is ResponseKind.REVERSED:
        return replace(moved, ended_at=as_of)
    return replace(
        moved,
        answered_at=as_of,
        effective_at=said.effective_at,
        action=said.action,
        ground=said.ground,
        decline_reason=said.reason,
        ended_at=None if state is ReferralState.ACTIONED else as_of,
    )
