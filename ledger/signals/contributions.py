"""Contributions: what carriers, agencies and providers observed. They corroborate signals and have no other effect.

A contribution is not a verified complaint: it raises no signal and changes no risk, validity or order. Only the
contributor and the regulator know who contributed, so the event that others receive has no actor, and a number or an
account that was only contributed appears in no list. Source: domain.md, Signals; docs/adr/0060, 0160, 0163.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from ledger.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    LedgerError,
    Problem,
    TimeInvalidError,
)
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import ContributionId, MemberId, new_id
from ledger.numbers.reading import lock_numbers
from ledger.participations.taking_part import hold_participations, require_participation
from ledger.permissions import require_batch
from ledger.policies import INCIDENT_SKEW
from ledger.signals.contribution_table import Contribution, signal_contributions
from ledger.signals.corroborating import recount_corroboration
from ledger.signals.targets import ContributionDraft, read_target
from ledger.storage.columns import is_any
from ledger.storage.database import Transaction
from ledger.storage.records import hide
from ledger.storage.roles import Role
from ledger.storage.rows import dump_rows, fetch_records, select_records, written_rows
from ledger.texts import check_reference
from ledger.viewer import Viewer, ViewerKind

REFERENCE_LENGTH_MAX = 128
CONTRIBUTORS = frozenset({ViewerKind.AGENCY, ViewerKind.CARRIER, ViewerKind.OTT_PROVIDER})
_SAID = (
    "kind",
    "e164",
    "account_hash",
    "url",
    "category",
    "observed_at",
    "replaces_id",
)
"""What two contributions under one reference must agree in to be the same one, sent again."""


class ContributionConflictError(ConflictError):
    """This reference was already used for a different contribution."""

    code = "CONTRIBUTION_CONFLICT"
    hint = "Use a new reference for each contribution; a retry repeats the first one unchanged."


class ContributionReferenceMissingError(InvalidInputError):
    """A contribution needs the member's own reference."""

    code = "CONTRIBUTION_REFERENCE_MISSING"
    hint = "Send your case number; a retry with the same one returns the first recording."


class ObservationTimeError(TimeInvalidError):
    """The time of the observation is in the future, or its UTC offset is missing."""

    code = "OBSERVATION_TIME_INVALID"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedContribution:
    """The contribution that a draft became. was_known is true if it had been recorded before."""

    contribution: Contribution
    was_known: bool


# The epoch at the observation; the current one if that time is unknown, the first if it precedes all known epochs.
_EPOCH = """
CASE WHEN r.e164 IS NULL THEN NULL WHEN n.epoch IS NULL THEN 1 WHEN r.observed_at IS NULL THEN n.epoch
     ELSE coalesce((SELECT max(e.epoch) FROM number_epochs e
                    WHERE e.e164 = r.e164 AND e.starts_at <= r.observed_at), 1) END
"""
_COLUMNS = (
    "id, member_id, reference, kind, e164, platform, platform_name, account_kind, handle, account_hash, url, category, "
    "observed_at, client_id, recorded_at, state, replaces_id, first_id"
)
_APPEND = text(f"""
INSERT INTO signal_contributions ({_COLUMNS}, epoch)
SELECT {", ".join(f"r.{name}" for name in _COLUMNS.split(", "))}, {_EPOCH}
FROM json_populate_recordset(NULL::signal_contributions, CAST(:rows AS json)) AS r
LEFT JOIN phone_numbers n ON n.e164 = r.e164
ORDER BY r.reference
ON CONFLICT ON CONSTRAINT uq_signal_contributions_member_id_reference DO NOTHING
RETURNING id
""")


async def contribute_signals(
    tx: Transaction, drafts: Sequence[ContributionDraft]
) -> list[RecordedContribution | Problem]:
    """Record what a member observed, item by item. Safe to repeat: the same reference returns the first recording.

    Shapes: 1..1000; results in the order given. Units: observed_at is UTC.
    Errors: ForbiddenError, ParticipationMissingError, NoItemsError, TooManyItemsError, with nothing written; for an
    item NUMBER_INVALID, CONTRIBUTION_TARGET_INVALID, LINK_INVALID, CONTRIBUTION_REFERENCE_MISSING,
    OBSERVATION_TIME_INVALID, CONTRIBUTION_CONFLICT.
    """
    member_id = require_contributor(tx.viewer)
    require_batch(drafts)
    await require_participation(tx)
    checked = [check_contribution(tx, member_id, draft) for draft in drafts]
    first: dict[str, Contribution] = {}
    for item in checked:
        if isinstance(item, Contribution):
            first.setdefault(item.reference, item)
    async with tx.role(Role.TRANSITION):
        if first:
            # Known numbers are locked just as settling locks them, so that neither misses what the other is writing.
            await lock_numbers(tx, list_numbers(first.values()))
            await hold_participations(tx)
            await recount_corroboration(tx, await append_contributions(tx, list(first.values())))
        known = await find_by_reference(tx, member_id, list(first))
    return [item if isinstance(item, Problem) else answer(tx, item, known[item.reference]) for item in checked]


def require_contributor(viewer: Viewer) -> MemberId:
    """The member for which the viewer contributes. Errors: ForbiddenError."""
    if viewer.kind not in CONTRIBUTORS or viewer.member_id is None:
        raise ForbiddenError
    return viewer.member_id


def check_contribution(tx: Transaction, member_id: MemberId, draft: ContributionDraft) -> Contribution | Problem:
    """Return what a draft becomes; its epoch is determined by the statement that writes it."""
    try:
        reference = check_reference(draft.reference, field="reference", length_max=REFERENCE_LENGTH_MAX)
        if not reference:
            raise ContributionReferenceMissingError(field="reference")
        observed_at = draft.observed_at
        if observed_at is not None and (observed_at.tzinfo is None or observed_at > tx.as_of + INCIDENT_SKEW):
            raise ObservationTimeError(field="observedAt")
        return Contribution(
            id=ContributionId(new_id()),
            member_id=member_id,
            reference=reference,
            category=draft.category,
            observed_at=observed_at,
            client_id=tx.viewer.client_id,
            recorded_at=tx.as_of,
            **read_target(draft),
        )
    except LedgerError as error:
        return error.problem()


def list_numbers(items: Iterable[Contribution]) -> list[str]:
    """The numbers that contributions are about, in order."""
    return sorted({item.e164 for item in items if item.e164 is not None})


async def append_contributions(tx: Transaction, items: Sequence[Contribution]) -> set[ContributionId]:
    """Write those whose reference is new, tell their member, and return their ids. Runs under the transition role."""
    if not items:
        return set()
    appended = await tx.execute(_APPEND, {"rows": dump_rows(written_rows(items))})
    new = {ContributionId(each) for each in appended.scalars()}
    if new:
        tx.note_written(Subject.SIGNAL_CONTRIBUTION, new)
        await append_events(tx, [_told_to_itself(item) for item in items if item.id in new])
    return new


async def find_by_reference(tx: Transaction, member_id: MemberId, references: Sequence[str]) -> dict[str, Contribution]:
    """A member's contributions by its own references. Runs under the transition role."""
    c = signal_contributions.c
    statement = select_records(tx, Contribution).where(c.member_id == member_id, is_any(c.reference, references))
    return {item.reference: item for item in await fetch_records(tx, Contribution, statement)}


def answer(tx: Transaction, item: Contribution, known: Contribution) -> RecordedContribution | Problem:
    """What was recorded under an item's reference, as the viewer may see it, or that it was something else."""
    if any(getattr(known, name) != getattr(item, name) for name in _SAID):
        return ContributionConflictError(field="reference").problem()
    return RecordedContribution(contribution=hide(known, tx.present_role), was_known=known.id != item.id)


def _told_to_itself(item: Contribution) -> EventDraft:
    return EventDraft(
        kind=EventKind.SIGNAL_CONTRIBUTED,
        subject=Subject.SIGNAL_CONTRIBUTION,
        subject_id=item.id,
        state=item.state,
        audience=[item.member_id],
        payload={"category": item.category, "about": item.kind},
    )
