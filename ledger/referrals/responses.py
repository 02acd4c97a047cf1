"""Responses: what a provider says about the referrals offered to it. Append-only: a reversal is one more.

Repeating a response returns the first recording. One about a withdrawn referral is recorded with a mark and moves
nothing; one after the courtesy date moves the referral like any other. Another provider's referral looks exactly like
one that does not exist.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import and_, func, or_, select, text

from ledger.errors import ConflictError, ForbiddenError, LedgerError, Problem, UnknownError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import MemberId, parse_id
from ledger.moves import Moved, move_records
from ledger.participations.taking_part import require_participation
from ledger.permissions import require_batch
from ledger.referrals.moves import referral_event, referral_rules
from ledger.referrals.reading import parse_referral_no, visible_referrals
from ledger.referrals.response_rules import (
    REFERENCE_LENGTH_MAX,
    ResponseDraft,
    Said,
    Verdict,
    check_response,
    judge_response,
)
from ledger.referrals.table import Referral, ReferralResponse, referral_responses, referrals
from ledger.storage.columns import is_any
from ledger.storage.database import Transaction
from ledger.storage.records import render_columns
from ledger.storage.roles import Role
from ledger.storage.rows import dump_rows, fetch_records, insert_records
from ledger.texts import check_reference
from ledger.viewer import ViewerKind


class ResponseConflictError(ConflictError):
    """This reference was already used for a different response to the referral."""

    code = "REFERRAL_RESPONSE_CONFLICT"
    hint = "Use a new reference for a new response."


class ResponsesExhaustedError(ConflictError):
    """This referral has reached the maximum number of responses."""

    code = "TOO_MANY_REFERRAL_RESPONSES"
    hint = "Contact the regulator's help desk; one of your systems may be retrying with a new reference each time."


RESPONSES_MAX = 200
"""For one referral, so that an answer that lists them stays bounded."""

_FIND = text(f"""
SELECT {render_columns(ReferralResponse, Role.TRANSITION)}
FROM json_to_recordset(CAST(:keys AS json)) AS k(referral_id uuid, kind text, reference text)
JOIN referral_responses ON referral_responses.referral_id = k.referral_id
  AND referral_responses.kind = k.kind AND referral_responses.reference = k.reference
WHERE referral_responses.provider_id = CAST(:provider_id AS uuid)
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredReferral:
    """The response that a draft became, and its referral afterwards. was_known: it had been recorded before."""

    response: ReferralResponse
    referral: Referral
    was_known: bool


async def respond_to_referrals(tx: Transaction, drafts: Sequence[ResponseDraft]) -> list[AnsweredReferral | Problem]:
    """Record what the provider says about its referrals, item by item; later items see what earlier ones changed.

    Shapes: 1..1000; results in the order given. Units: effective_at is UTC by the provider's clock.
    Errors: ForbiddenError for any party but a provider, ParticipationMissingError, TooManyItemsError; for an item
    NOT_FOUND (also another provider's referral), REFERRAL_RESPONSE_INVALID, REFERRAL_RESPONSE_TIME_INVALID,
    REFERRAL_RESPONSE_CONFLICT, INCOMPATIBLE_STATE.
    Source: domain.md, Referral and Acknowledgement; docs/adr/0153.
    """
    provider_id = tx.viewer.member_id
    if tx.viewer.kind is not ViewerKind.OTT_PROVIDER or provider_id is None:
        raise ForbiddenError
    require_batch(drafts)
    await require_participation(tx)
    targets = await _resolve_referrals(tx, drafts)
    batch = _Batch(tx, provider_id, drafts)

    async def prepare(_present: Mapping[str, Referral]) -> None:
        await batch.find_recorded(targets)

    rules = referral_rules(
        tx,
        batch.take,
        unknown=lambda place: UnknownError(
            "There is no such referral.", field="referralId" if drafts[place].referral_id else "referralNo"
        ),
        prepare=prepare,
        keep=batch.write,
    )
    found = await move_records(tx, Referral, [targets.get(place) for place in range(len(drafts))], rules)
    return [
        referral
        if isinstance(referral, Problem)
        else AnsweredReferral(response=batch.said[place], referral=referral, was_known=place in batch.known_places)
        for place, referral in enumerate(found)
    ]


@dataclass(slots=True)
class _Batch:
    """The responses of one call: earlier ones, what each draft states, and what to write."""

    tx: Transaction
    provider_id: MemberId
    drafts: Sequence[ResponseDraft]
    recorded: dict[tuple[str, str, str], ReferralResponse] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    said: dict[int, ReferralResponse] = field(default_factory=dict)
    known_places: set[int] = field(default_factory=set)
    appended: list[ReferralResponse] = field(default_factory=list)

    async def find_recorded(self, targets: Mapping[int, str]) -> None:
        """Read what was said before, in two statements; the referrals are locked, so nothing is added meanwhile."""
        keys = [
            {
                "referral_id": referral_id,
                "kind": self.drafts[place].kind,
                "reference": _find_reference(self.drafts[place].reference),
            }
            for place, referral_id in targets.items()
        ]
        asked = {"keys": dump_rows(keys), "provider_id": self.provider_id}
        for each in await fetch_records(self.tx, ReferralResponse, _FIND, asked):
            self._enter(each)
        c = referral_responses.c
        counted = (
            select(c.referral_id, func.count().label("said"))
            .where(is_any(c.referral_id, sorted(set(targets.values()))))
            .group_by(c.referral_id)
        )
        self.counts.update((row.referral_id, row.said) for row in await self.tx.execute(counted))

    def take(self, place: int, referral: Referral) -> Moved[Referral]:
        """Judge one draft against its referral's present state. Errors: a LedgerError."""
        said = check_response(self.drafts[place], referral, as_of=self.tx.as_of, policy=self.tx.policies)
        earlier = self.recorded.get((referral.id, said.kind, said.reference))
        if earlier is not None:
            self._check_same(earlier, said, self.drafts[place])
            self.said[place] = earlier
            self.known_places.add(place)
            return Moved(referral)
        if self.counts[referral.id] >= RESPONSES_MAX:
            raise ResponsesExhaustedError(field="referralId")
        verdict = judge_response(said, referral, as_of=self.tx.as_of)
        response = self.said[place] = self._record(referral, said, verdict)
        self.appended.append(response)
        self.counts[referral.id] += 1
        self._enter(response)
        return Moved(verdict.after, _event(verdict.after, response))

    def _check_same(self, earlier: ReferralResponse, said: Said, draft: ResponseDraft) -> None:
        parts = ("action", "ground", "reason", "note")
        is_same = all(getattr(earlier, name) == getattr(said, name) for name in parts)
        if not is_same or (draft.effective_at is not None and draft.effective_at != earlier.effective_at):
            raise ResponseConflictError(field="reference")

    def _enter(self, response: ReferralResponse) -> None:
        self.recorded[response.referral_id, response.kind, response.reference] = response

    def _record(self, referral: Referral, said: Said, verdict: Verdict) -> ReferralResponse:
        return ReferralResponse(
            id=said.id,
            referral_id=referral.id,
            provider_id=self.provider_id,
            kind=said.kind,
            action=said.action,
            ground=said.ground,
            reason=said.reason,
            reference=said.reference,
            note=said.note,
            effective_at=said.effective_at,
            recorded_at=self.tx.as_of,
            moved_state=verdict.mark is None,
            mark=verdict.mark,
            client_id=self.tx.viewer.client_id,
        )

    async def write(self) -> None:
        """Write the responses under the provider's role, so that row-level security applies."""
        async with self.tx.role(Role.PROVIDER):
            await insert_records(self.tx, self.appended)


def _event(referral: Referral, said: ReferralResponse) -> EventDraft:
    return referral_event(
        referral,
        EventKind.REFERRAL_ANSWERED,
        responseId=said.id,
        response=said.kind,
        action=said.action,
        ground=said.ground,
        reason=said.reason,
        mark=said.mark,
    )


def _find_reference(written: str) -> str | None:
    """Return a reference as it is stored, or None if it is invalid, so that it matches nothing."""
    try:
        return check_reference(written, field="reference", length_max=REFERENCE_LENGTH_MAX)
    except LedgerError:
        return None


async def _resolve_referrals(tx: Transaction, drafts: Sequence[ResponseDraft]) -> dict[int, str]:
    """Return the referral that each draft names, by place, without those that the provider can't see."""
    ids = {place: known for place, draft in enumerate(drafts) if (known := parse_id(draft.referral_id or ""))}
    serials = {
        place: serial
        for place, draft in enumerate(drafts)
        if draft.referral_id is None and (serial := parse_referral_no(draft.referral_no or "")) is not None
    }
    c = referrals.c
    wanted = or_(is_any(c.id, sorted(set(ids.values()))), is_any(c.referral_serial, sorted(set(serials.values()))))
    found = (await tx.execute(select(c.id, c.referral_serial).where(and_(visible_referrals(tx.viewer), wanted)))).all()
    visible = {row.id for row in found}
    by_serial = {row.referral_serial: row.id for row in found}
    targets = {place: referral_id for place, referral_id in ids.items() if referral_id in visible}
    return targets | {place: by_serial[serial] for place, serial in serials.items() if serial in by_serial}
