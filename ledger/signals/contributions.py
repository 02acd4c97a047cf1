"""Contributions: what carriers, agencies and providers observed. They corroborate signals and have no other effect.

A contribution is not a verified complaint: it raises no signal and changes no risk, validity or order. It counts for
an active signal of the same number, epoch and category, by distinct members. Only the contributor and the regulator
know who contributed, so the event that others receive has no actor, and a number that was only contributed appears in
no list. Source: domain.md, Signals; docs/adr/0060.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

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
from ledger.numbers.forms import parse_number
from ledger.numbers.reading import lock_numbers
from ledger.participations.taking_part import hold_participations, require_participation
from ledger.permissions import require_batch
from ledger.policies import INCIDENT_SKEW
from ledger.signals.disclosure import SignalNews, draft_events
from ledger.signals.table import Contribution, FraudSignal, signal_contributions
from ledger.storage.database import Transaction
from ledger.storage.records import hide, render_columns
from ledger.storage.roles import Role
from ledger.storage.rows import dump_rows, fetch_records, select_records, write_records
from ledger.texts import check_reference
from ledger.viewer import OPERATOR, ViewerKind
from ledger.vocabulary import Category

REFERENCE_LENGTH_MAX = 128
CONTRIBUTORS = frozenset({ViewerKind.AGENCY, ViewerKind.CARRIER, ViewerKind.OTT_PROVIDER})


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
class ContributionDraft:
    """What a member observed: a number as written, a category, the time with its UTC offset, and a reference."""

    number: str
    category: Category
    reference: str
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedContribution:
    """The contribution that a draft became. was_known is true if it had been recorded before."""

    contribution: Contribution
    was_known: bool


# The epoch at the observation; the current one if that time is unknown, the first if it precedes all known epochs.
_APPEND = text("""
INSERT INTO signal_contributions
  (id, member_id, reference, e164, epoch, category, observed_at, client_id, recorded_at)
SELECT r.id, r.member_id, r.reference, r.e164,
       CASE WHEN n.epoch IS NULL THEN 1 WHEN r.observed_at IS NULL THEN n.epoch
            ELSE coalesce((SELECT max(e.epoch) FROM number_epochs e
                           WHERE e.e164 = r.e164 AND e.starts_at <= r.observed_at), 1) END,
       r.category, r.observed_at, r.client_id, r.recorded_at
FROM json_populate_recordset(NULL::signal_contributions, CAST(:rows AS json)) AS r
LEFT JOIN phone_numbers n ON n.e164 = r.e164
ORDER BY r.reference
ON CONFLICT ON CONSTRAINT uq_signal_contributions_member_id_reference DO NOTHING
RETURNING id
""")

_LOCK_SIGNALS = text("""
SELECT f.id FROM fraud_signals f
JOIN signal_contributions x ON x.e164 = f.e164 AND x.epoch = f.epoch AND x.category = f.category
WHERE f.state = 'ACTIVE' AND x.id = ANY(CAST(:ids AS uuid[]))
ORDER BY f.id FOR NO KEY UPDATE OF f
""")

# A separate statement after the lock, so that it sees what another contributor wrote while this one waited.
_CORROBORATE = text(f"""
UPDATE fraud_signals SET corroboration_count = v.members, changed_at = :as_of
FROM (
  SELECT s.id, count(DISTINCT x.member_id) AS members
  FROM fraud_signals s
  JOIN signal_contributions x ON x.e164 = s.e164 AND x.epoch = s.epoch AND x.category = s.category
  WHERE s.id = ANY(CAST(:ids AS uuid[])) GROUP BY s.id
) v
WHERE fraud_signals.id = v.id AND fraud_signals.corroboration_count <> v.members
RETURNING {render_columns(FraudSignal, Role.TRANSITION)}
""")


async def contribute_signals(
    tx: Transaction, drafts: Sequence[ContributionDraft]
) -> list[RecordedContribution | Problem]:
    """Record what a member observed, item by item. Safe to repeat: the same reference returns the first recording.

    Shapes: 1..1000; results in the order given. Units: observed_at is UTC.
    Errors: ForbiddenError, ParticipationMissingError, NoItemsError, TooManyItemsError, with nothing written; for an
    item NUMBER_INVALID, CONTRIBUTION_REFERENCE_MISSING, OBSERVATION_TIME_INVALID, CONTRIBUTION_CONFLICT.
    """
    member_id = tx.viewer.member_id
    if tx.viewer.kind not in CONTRIBUTORS or member_id is None:
        raise ForbiddenError
    require_batch(drafts)
    await require_participation(tx)
    checked = [_check(tx, member_id, draft) for draft in drafts]
    first: dict[str, Contribution] = {}
    for item in checked:
        if isinstance(item, Contribution):
            first.setdefault(item.reference, item)
    async with tx.role(Role.TRANSITION):
        await _write(tx, list(first.values()))
        c = signal_contributions.c
        of_member = select_records(tx, Contribution).where(c.member_id == member_id, c.reference.in_(list(first)))
        found = await fetch_records(tx, Contribution, of_member)
    known = {item.reference: hide(item, tx.present_role) for item in found}
    return [item if isinstance(item, Problem) else _answer(item, known[item.reference]) for item in checked]


async def _write(tx: Transaction, items: Sequence[Contribution]) -> None:
    """Write the new contributions, and update the signals that they corroborate."""
    if not items:
        return
    # Known numbers are locked just as settling locks them, so that neither misses what the other is writing.
    await lock_numbers(tx, sorted({item.e164 for item in items}))
    await hold_participations(tx)
    appended = await tx.execute(_APPEND, {"rows": dump_rows([asdict(item) for item in items])})
    new = set(appended.scalars())
    if not new:
        return
    tx.note_written(Subject.SIGNAL_CONTRIBUTION, new)
    await append_events(tx, [_told_to_itself(item) for item in items if item.id in new])
    signal_ids = list((await tx.execute(_LOCK_SIGNALS, {"ids": sorted(new)})).scalars())
    if signal_ids:
        changed = await write_records(tx, FraudSignal, _CORROBORATE, {"ids": signal_ids})
        news = [SignalNews(signal=signal, kind=EventKind.SIGNAL_CORROBORATED) for signal in changed]
        # Others receive this event, and an actor other than the system would reveal the contributor to them.
        await append_events(tx, await draft_events(tx, news), actor=OPERATOR)


def _check(tx: Transaction, member_id: MemberId, draft: ContributionDraft) -> Contribution | Problem:
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
            e164=parse_number(draft.number).e164,
            epoch=None,  # determined by the statement that writes it
            category=draft.category,
            observed_at=observed_at,
            client_id=tx.viewer.client_id,
            recorded_at=tx.as_of,
        )
    except LedgerError as error:
        return error.problem()


def _answer(item: Contribution, known: Contribution) -> RecordedContribution | Problem:
    if (known.e164, known.category, known.observed_at) != (item.e164, item.category, item.observed_at):
        return ContributionConflictError(field="reference").problem()
    return RecordedContribution(contribution=known, was_known=known.id != item.id)


def _told_to_itself(item: Contribution) -> EventDraft:
    return EventDraft(
        kind=EventKind.SIGNAL_CONTRIBUTED,
        subject=Subject.SIGNAL_CONTRIBUTION,
        subject_id=item.id,
        audience=[item.member_id],
        payload={"category": item.category},
    )
