"""Reading contributions: the regulator sees all of them, a member its own, in whatever state they are, nobody else any.

A provider that left still sees what it contributed, and can withdraw it.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from sqlalchemy import ColumnElement, false, or_, true

from ledger.counting import Count
from ledger.filters import among, equals, leading, where
from ledger.identifiers import parse_id
from ledger.lists import RecordList
from ledger.pages import Listing, Page, PageRequest
from ledger.relations import ToMany, ToOne, note_of
from ledger.signals.contribution_table import Contribution, signal_contributions
from ledger.signals.contributions import CONTRIBUTORS
from ledger.signals.states import ContributionState
from ledger.signals.vocabulary import ContributionKind
from ledger.storage.database import Transaction
from ledger.storage.markers import Columns
from ledger.storage.roles import Role
from ledger.viewer import Viewer, ViewerKind

READERS = frozenset({ViewerKind.REGULATOR, *CONTRIBUTORS})
_REGULATOR = frozenset({ViewerKind.REGULATOR})
_OF_CONTRIBUTORS = (Role.AGENCY, Role.CARRIER, Role.PROVIDER)
_OF_ONE_ACCOUNT_MAX = 1_000


def visible_contributions(viewer: Viewer, c: Columns = signal_contributions.c) -> ColumnElement[bool]:
    """Which contributions a reader may see; row-level security enforces this a second time."""
    return true() if viewer.is_regulator else c.member_id == viewer.member_id


def _has_reference(_record: type[Any], reference: str) -> ColumnElement[bool]:
    return signal_contributions.c.reference == reference


def _is_contributors(_record: type[Any], member_id: str) -> ColumnElement[bool]:
    known = parse_id(member_id)
    # Not an equation: of any one member, a kept plan would suppose an average number of rows (docs/adr/0136).
    return false() if known is None else signal_contributions.c.member_id.between(known, known)


def _is_of_chain(_record: type[Any], first_id: str) -> ColumnElement[bool]:
    known, c = parse_id(first_id), signal_contributions.c
    return false() if known is None else or_(c.id == known, c.first_id == known)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributionFilter:
    """Which contributions to return. An empty tuple or None does not filter.

    number is E.164. chain_of is the first of a chain, which is found with all that replaced it in turn. contributor_id
    is for the regulator, and reference for contributors: a filter that the viewer may not use finds nothing.
    """

    states: Annotated[tuple[ContributionState, ...], among("state", is_literal=True)] = ()
    kinds: Annotated[tuple[ContributionKind, ...], among("kind", is_literal=True)] = ()
    number: Annotated[str | None, leading(equals("e164"))] = None
    reference: Annotated[str | None, leading(where(_has_reference, *_OF_CONTRIBUTORS))] = None
    contributor_id: Annotated[str | None, where(_is_contributors, Role.REGULATOR)] = None
    chain_of: Annotated[str | None, leading(where(_is_of_chain))] = None


CONTRIBUTIONS = RecordList(
    Contribution,
    {None: Listing("signal_contributions", Contribution, ("-id",))},
    ContributionFilter,
    visible=visible_contributions,
    kinds=READERS,
    owners=dict.fromkeys(CONTRIBUTORS, "member_id"),
)

load_contributions = ToOne(Contribution, kinds=READERS, visible=visible_contributions, note=note_of(Contribution))
"""Contributions by id, without those that the viewer may not see."""

load_replacing_contributions = ToOne(
    Contribution, by="replaces_id", kinds=READERS, visible=visible_contributions, note=note_of(Contribution)
)
"""What replaced contributions, by the id of what was replaced."""

load_contributions_by_account = ToMany(
    Contribution,
    by="account_hash",
    kinds=_REGULATOR,
    note=note_of(Contribution),
    rows_max=_OF_ONE_ACCOUNT_MAX,
)
"""What members contributed about accounts, by their hash, oldest first; for the regulator."""


async def list_contributions(
    tx: Transaction, page: PageRequest, wanted: ContributionFilter | None = None
) -> Page[Contribution]:
    """Return a page of the contributions that the viewer may see, newest first. Errors: as RecordList.fetch."""
    return await CONTRIBUTIONS.fetch(tx, page, wanted)


async def count_contributions(tx: Transaction, wanted: ContributionFilter | None = None) -> Count:
    """Count the contributions that match the filter and that the viewer may see. Errors: ForbiddenError."""
    return await CONTRIBUTIONS.count(tx, wanted)
