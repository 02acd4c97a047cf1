"""Withdrawing and replacing contributions: their member may, nobody else can, and what it said before stays visible.

A contribution that its member no longer stands by corroborates nothing. Whoever received the signal learns that it is
corroborated by fewer members; the signal itself rests on verified complaints, and stays.
Source: domain.md, Signals; docs/adr/0160.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ledger.copies import replace
from ledger.errors import LedgerError, Problem, StateConflictError, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import MemberId, parse_id
from ledger.moves import Change, Moved, Rules, move_records
from ledger.numbers.reading import lock_numbers
from ledger.participations.taking_part import hold_participations, require_participation
from ledger.permissions import require_batch
from ledger.signals.contribution_table import Contribution, signal_contributions
from ledger.signals.contributions import (
    RecordedContribution,
    answer,
    append_contributions,
    check_contribution,
    find_by_reference,
    list_numbers,
    require_contributor,
)
from ledger.signals.corroborating import recount_corroboration
from ledger.signals.states import ContributionMove, ContributionState, next_contribution_state
from ledger.signals.targets import ContributionDraft
from ledger.signals.vocabulary import ContributionWithdrawalReason
from ledger.storage.columns import is_any
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, lock_records, select_records, update_records


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """One contribution that its member no longer stands by, and why."""

    contribution_id: str
    reason: ContributionWithdrawalReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """One contribution and what takes its place, under a reference of its own."""

    contribution_id: str
    draft: ContributionDraft


async def withdraw_contributions(tx: Transaction, withdrawals: Sequence[Withdrawal]) -> list[Contribution | Problem]:
    """Withdraw the member's own contributions, item by item. Safe to repeat, also for a provider that left.

    Shapes: 1..1000; results in the order given. Errors: ForbiddenError, NoItemsError, TooManyItemsError, with nothing
    written; for an item NOT_FOUND, also for another member's, and INCOMPATIBLE_STATE.
    """
    member_id = require_contributor(tx.viewer)
    require_batch(withdrawals)

    def withdraw(place: int, present: Contribution) -> Moved[Contribution]:
        reason = withdrawals[place].reason
        if present.state is ContributionState.WITHDRAWN:
            if present.withdrawal_reason is not reason:
                raise StateConflictError("It was withdrawn for another reason.", field="reason")
            return Moved(present)
        state = next_contribution_state(present.state, ContributionMove.WITHDRAW)
        after = replace(present, state=state, ended_at=tx.as_of, withdrawal_reason=reason)
        return Moved(after, _event(EventKind.SIGNAL_CONTRIBUTION_WITHDRAWN, after, reason=reason))

    async def follow(changes: Sequence[Change[Contribution]]) -> list[EventDraft]:
        await recount_corroboration(tx, [change.after.id for change in changes])
        return []

    rules = Rules(move=withdraw, unknown=lambda _place: UnknownError(field="id"), follow=follow)
    async with tx.role(Role.TRANSITION):
        own = await _find_own(tx, member_id, [item.contribution_id for item in withdrawals])
        await lock_numbers(tx, list_numbers(own.values()))
        await hold_participations(tx)
    keys = [known if (known := parse_id(item.contribution_id)) in own else None for item in withdrawals]
    return await move_records(tx, Contribution, keys, rules)


async def replace_contributions(
    tx: Transaction, replacements: Sequence[Replacement]
) -> list[RecordedContribution | Problem]:
    """Replace the member's own contributions, item by item. Safe to repeat: the same reference returns the first.

    Shapes: 1..1000; results in the order given, each the contribution that took the place of another. Errors:
    ForbiddenError, ParticipationMissingError, NoItemsError, TooManyItemsError, with nothing written; for an item
    NOT_FOUND, also for another member's, INCOMPATIBLE_STATE, and those of contribute_signals.
    """
    member_id = require_contributor(tx.viewer)
    require_batch(replacements)
    await require_participation(tx)
    checked = [check_contribution(tx, member_id, item.draft) for item in replacements]
    said = [item for item in checked if isinstance(item, Contribution)]
    async with tx.role(Role.TRANSITION):
        own = await _find_own(tx, member_id, [item.contribution_id for item in replacements])
        await lock_numbers(tx, list_numbers([*own.values(), *said]))
        await hold_participations(tx)
        batch = _Batch(
            # Read again after the lock: another call may have ended them meanwhile, or used the references.
            standing=dict(await lock_records(tx, Contribution, list(own))),
            known=await find_by_reference(tx, member_id, [item.reference for item in said]),
            as_of=tx.as_of,
        )
        judged = [
            item if isinstance(item, Problem) else batch.judge(item, parse_id(wanted.contribution_id))
            for item, wanted in zip(checked, replacements, strict=True)
        ]
        await _write(tx, batch)
        known = await find_by_reference(tx, member_id, [item.reference for item in said])
    return [item if isinstance(item, Problem) else answer(tx, item, known[item.reference]) for item in judged]


@dataclass(slots=True)
class _Batch:
    """The contributions that one call may replace, by id, and what is recorded under its references, then and now."""

    standing: dict[str, Contribution]
    known: Mapping[str, Contribution]
    as_of: datetime
    changes: dict[str, tuple[Contribution, Contribution]] = field(default_factory=dict)
    """By the new contribution's reference, what it replaces before and after."""
    fresh: dict[str, Contribution] = field(default_factory=dict)

    def judge(self, item: Contribution, replaced_id: str | None) -> Contribution | Problem:
        """Return what the item becomes, which is written if its reference is new, or why it is refused."""
        present = self.standing.get(replaced_id or "")
        if present is None:
            return UnknownError(field="id").problem()
        item = replace(item, replaces_id=present.id, first_id=present.first_id or present.id)
        if item.reference in self.known or item.reference in self.fresh:
            return item
        try:
            state = next_contribution_state(present.state, ContributionMove.REPLACE)
        except LedgerError as error:
            return error.problem()
        after = replace(present, state=state, ended_at=self.as_of)
        self.changes[item.reference] = (present, after)
        self.standing[present.id] = after
        self.fresh[item.reference] = item
        return item


async def _write(tx: Transaction, batch: _Batch) -> None:
    """Write what is new and what that replaced, tell their member, and count corroboration anew."""
    new = await append_contributions(tx, list(batch.fresh.values()))
    # A reference that another call used meanwhile is not written, and replaces nothing.
    made = [item for item in batch.fresh.values() if item.id in new]
    replaced = await update_records(tx, [batch.changes[item.reference] for item in made])
    kind = EventKind.SIGNAL_CONTRIBUTION_REPLACED
    events = [_event(kind, old, replacedById=item.id) for old, item in zip(replaced, made, strict=True)]
    await append_events(tx, events)
    await recount_corroboration(tx, [*new, *(old.id for old in replaced)])


async def _find_own(tx: Transaction, member_id: MemberId, ids: Sequence[str]) -> dict[str, Contribution]:
    """Those of the contributions that are the member's, unlocked: nobody locks a row of somebody else's."""
    c = signal_contributions.c
    known = sorted({parsed for each in ids if (parsed := parse_id(each))})
    statement = select_records(tx, Contribution).where(is_any(c.id, known), c.member_id == member_id)
    return {item.id: item for item in await fetch_records(tx, Contribution, statement)}


def _event(kind: EventKind, item: Contribution, **more: Any) -> EventDraft:
    return EventDraft(
        kind=kind,
        subject=Subject.SIGNAL_CONTRIBUTION,
        subject_id=item.id,
        state=item.state,
        audience=[item.member_id],
        payload={"category": item.category} | more,
    )
