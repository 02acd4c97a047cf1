"""Narrowing: either side alone makes the terms of a participation stricter at once; nobody alone makes them wider.

What isn't named stays. A participation that both signed remains one that both signed: what is left is part of what they
signed. Source: docs/adr/0148.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger.errors import InvalidInputError, StateConflictError
from ledger.feed.events import append_events
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import MemberId
from ledger.participations.keys import Fill
from ledger.participations.periods import lock_participation, replace_participation, show
from ledger.participations.states import ParticipationState
from ledger.participations.table import Participation
from ledger.participations.taking_part import begin_change
from ledger.participations.terms import Terms, check_terms
from ledger.participations.vocabulary import Disclosure, Party, PermittedUse
from ledger.permissions import require_officer_or_operator, require_provider
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.viewer import ViewerKind
from ledger.vocabulary import Category


class NotNarrowerError(InvalidInputError):
    """This is not narrower than the present terms."""

    code = "TERMS_NOT_NARROWER"
    hint = "Wider terms need the signatures of both sides."


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """What becomes narrower; None leaves it as it is."""

    categories: Sequence[Category] | None = None
    permitted_uses: Sequence[PermittedUse] | None = None
    disclosure: Disclosure | None = None
    retention_days: int | None = None
    ends_at: datetime | None = None


async def narrow_participation(
    tx: Transaction, participation_id: str, narrowing: Narrowing, *, fill: Fill
) -> Participation:
    """Narrow a participation from now on, as either side: it ends and the returned one takes its place.

    Errors: ForbiddenError, OfficerRequiredError, UnknownError, StateConflictError for one that has ended,
    NotNarrowerError, CategoriesMissingError, ParticipationTermError, RetentionInvalidError.
    """
    party, owner = _find_party(tx)
    async with tx.role(Role.TRANSITION):
        await begin_change(tx)
        before = await lock_participation(tx, participation_id, owner=owner)
        if before.state is ParticipationState.ENDED:
            raise StateConflictError("The participation has ended.", field="participationId")
        agreed = check_terms(_apply(before, narrowing, tx.as_of), as_of=tx.as_of)
        _require_narrower(before, agreed)
        signed: dict[str, Any] = {
            name: getattr(before, name) for name in ("agreed_on", "proposal_id", "terms_id", "terms_hash")
        }
        after, events = await replace_participation(
            tx, before, agreed, fill=fill, kind=EventKind.PARTICIPATION_NARROWED, narrowed_by=party, **signed
        )
        await append_events(tx, events)
    return show(tx, after)


def _find_party(tx: Transaction) -> tuple[Party, MemberId | None]:
    if tx.viewer.kind is ViewerKind.OTT_PROVIDER:
        return Party.PROVIDER, require_provider(tx.viewer)
    require_officer_or_operator(tx.viewer)
    return Party.REGULATOR, None


def _apply(before: Participation, narrowing: Narrowing, as_of: datetime) -> Terms:
    def pick(name: str) -> Any:
        given = getattr(narrowing, name)
        return getattr(before, name) if given is None else given

    return Terms(
        terms_reference=before.terms_reference,
        categories=pick("categories"),
        purpose=before.purpose,
        controller_roles=before.controller_roles,
        disclosure=pick("disclosure"),
        permitted_uses=pick("permitted_uses"),
        retention_days=pick("retention_days"),
        transfer_basis=before.transfer_basis,
        transfer_ground=before.transfer_ground,
        breach_contact=before.breach_contact,
        starts_at=max(before.starts_at, as_of),
        ends_at=pick("ends_at"),
    )


def _require_narrower(before: Participation, after: Terms) -> None:
    """Errors: NotNarrowerError if anything is wider, or nothing narrower."""
    if not set(after.categories) <= set(before.categories):
        raise NotNarrowerError(field="categories")
    # Terms on paper may have named no uses and no retention, so that any are narrower.
    if before.permitted_uses and not (after.permitted_uses and set(after.permitted_uses) <= set(before.permitted_uses)):
        raise NotNarrowerError(field="permittedUses")
    if before.disclosure is Disclosure.HASHED and after.disclosure is not Disclosure.HASHED:
        raise NotNarrowerError(field="disclosure")
    if before.retention_days is not None and (after.retention_days or 0) > before.retention_days:
        raise NotNarrowerError(field="retentionDays")
    if before.ends_at is not None and (after.ends_at is None or after.ends_at > before.ends_at):
        raise NotNarrowerError(field="endsAt")
    same = ("categories", "permitted_uses", "disclosure", "retention_days", "ends_at")
    if all(getattr(after, name) == getattr(before, name) for name in same):
        raise NotNarrowerError("Nothing would become narrower.")
