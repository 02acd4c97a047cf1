"""The graph as one schema: every noun's queries and mutations put together. Nothing else is decided here."""

import strawberry.federation as fed
from strawberry.schema.config import StrawberryConfig

from schema.acknowledging import AcknowledgingMutations
from schema.block_request_events import BlockRequestSubscriptions
from schema.complaint_deciding import ComplaintDecidingMutations
from schema.complaint_events import ComplaintSubscriptions
from schema.complaint_filing import ComplaintFilingMutations
from schema.complaints import ComplaintQueries
from schema.entities import GraphSchema
from schema.events import EventQueries
from schema.feed import FeedQueries, FeedSubscriptions
from schema.forwarding import ForwardingMutations, ForwardingQueries
from schema.legal_holds import LegalHoldMutations, LegalHoldQueries
from schema.member_admission import MemberMutations
from schema.members import MemberQueries
from schema.numbering import NumberingMutations
from schema.numbers import NumberQueries
from schema.order_approval import OrderApprovalMutations
from schema.order_drafting import OrderDraftingMutations
from schema.order_ending import OrderEndingMutations
from schema.orders import OrderQueries
from schema.participation_terms import ParticipationMutations
from schema.participations import ParticipationQueries
from schema.proofs import ProofQueries
from schema.reassignments import ReassignmentMutations
from schema.scalars import SCALARS
from schema.signal_contributing import SignalMutations
from schema.signal_events import SignalSubscriptions
from schema.signals import SignalQueries


@fed.type(description="Reading. Each field shows what is yours to see and nothing else.")
class Query(
    MemberQueries,
    NumberQueries,
    ComplaintQueries,
    OrderQueries,
    ForwardingQueries,
    EventQueries,
    FeedQueries,
    ProofQueries,
    ParticipationQueries,
    SignalQueries,
    LegalHoldQueries,
):
    """The graph's Query."""


@fed.type(description="Writing. Each takes one input; lists of at most 1,000 are answered item by item.")
class Mutation(
    ComplaintFilingMutations,
    ComplaintDecidingMutations,
    OrderDraftingMutations,
    OrderApprovalMutations,
    OrderEndingMutations,
    AcknowledgingMutations,
    ReassignmentMutations,
    ForwardingMutations,
    MemberMutations,
    NumberingMutations,
    ParticipationMutations,
    SignalMutations,
    LegalHoldMutations,
):
    """The graph's Mutation."""


@fed.type(description="Following. Each tells what happened since a cursor and then what happens, once and in order.")
class Subscription(BlockRequestSubscriptions, ComplaintSubscriptions, SignalSubscriptions, FeedSubscriptions):
    """The graph's Subscription."""


schema = GraphSchema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    federation_version="2.9",  # later ones are refused by composition libraries that are in use
    config=StrawberryConfig(scalar_map=SCALARS),
)
