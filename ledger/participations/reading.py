"""Reading participations, the proposals behind them, and the terms that they name.

The regulator and the operator read everything; a provider its own participations and proposals, and all terms. Officers
of the regulator are never shown to a provider. Row-level security enforces this a second time.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from sqlalchemy import ColumnElement, true

from ledger.filters import among, equals, leading, where, whether
from ledger.lists import RecordList
from ledger.pages import Listing, Page, PageRequest
from ledger.participations.signing_table import ParticipationProposal, PublishedTerms, TermsText
from ledger.participations.states import OPEN_PROPOSAL_STATES, ProposalState
from ledger.participations.table import Participation, awaits_deletion, in_force, participations
from ledger.permissions import REGULATOR_OR_OPERATOR
from ledger.relations import ToMany, ToOne, note_of
from ledger.storage.database import Transaction
from ledger.storage.markers import Columns
from ledger.viewer import Viewer, ViewerKind

READERS = frozenset({*REGULATOR_OR_OPERATOR, ViewerKind.OTT_PROVIDER})
_OWNERS = {ViewerKind.OTT_PROVIDER: "member_id"}


def _is_in_force(_record: type[Any], wanted: bool) -> ColumnElement[bool]:  # noqa: FBT001 - the filter's value
    return whether(in_force(participations.c), wanted)


def _awaits_deletion(_record: type[Any], wanted: bool) -> ColumnElement[bool]:  # noqa: FBT001 - the filter's value
    return whether(awaits_deletion(participations.c), wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipationFilter:
    """Which participations to return. None does not filter."""

    member_id: Annotated[str | None, leading(equals("member_id"))] = None
    is_in_force: Annotated[bool | None, leading(where(_is_in_force), when=bool)] = None
    awaits_deletion: Annotated[bool | None, leading(where(_awaits_deletion), when=bool)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalFilter:
    """Which proposals to return. None or an empty tuple does not filter."""

    member_id: Annotated[str | None, leading(equals("member_id"))] = None
    states: Annotated[
        tuple[ProposalState, ...], leading(among("state", is_literal=True), when=OPEN_PROPOSAL_STATES.issuperset)
    ] = ()


def _visible(viewer: Viewer, c: Columns) -> ColumnElement[bool]:
    """A provider's own rows; row-level security enforces this a second time."""
    return true() if viewer.kind in REGULATOR_OR_OPERATOR else c.member_id == viewer.member_id


PARTICIPATIONS = RecordList(
    Participation,
    {None: Listing("participations", Participation, ("-id",))},
    ParticipationFilter,
    visible=_visible,
    owners=_OWNERS,
    kinds=READERS,
)
PROPOSALS = RecordList(
    ParticipationProposal,
    {None: Listing("participation_proposals", ParticipationProposal, ("-id",))},
    ProposalFilter,
    visible=_visible,
    owners=_OWNERS,
    kinds=READERS,
)
TERMS = RecordList(PublishedTerms, {None: Listing("participation_terms", PublishedTerms, ("-version",))}, kinds=READERS)

load_participations = ToOne(Participation, kinds=READERS, visible=_visible, note=note_of(Participation))
"""Participations by id, without those that the viewer may not see."""

load_proposals = ToOne(ParticipationProposal, kinds=READERS, visible=_visible, note=note_of(ParticipationProposal))
"""Proposals by id, without those that the viewer may not see."""

load_terms = ToOne(PublishedTerms, kinds=READERS)
"""Versions of the terms by id."""

load_texts_of_terms = ToMany(TermsText, by="terms_id", kinds=READERS, order=("place",))
"""The texts of each version, the one that prevails first."""


async def list_participations(
    tx: Transaction, page: PageRequest, wanted: ParticipationFilter | None = None
) -> Page[Participation]:
    """Return participations, newest first: all for the regulator and operator, a provider's own, none for others."""
    if tx.viewer.kind not in READERS:
        return Page((), (), has_next_page=False)
    return await PARTICIPATIONS.fetch(tx, page, wanted)


async def list_proposals(
    tx: Transaction, page: PageRequest, wanted: ProposalFilter | None = None
) -> Page[ParticipationProposal]:
    """Return proposals, newest first. Errors: ForbiddenError."""
    return await PROPOSALS.fetch(tx, page, wanted)


async def list_terms(tx: Transaction, page: PageRequest) -> Page[PublishedTerms]:
    """Return the versions of the terms, newest first. Errors: ForbiddenError."""
    return await TERMS.fetch(tx, page)
