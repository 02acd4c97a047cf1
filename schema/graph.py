"""The complete schema, assembled from every noun's root fields. It must decide nothing itself."""

import strawberry.federation as fed
from strawberry.schema.config import StrawberryConfig

from schema.access_records.types import AccessRecordQueries
from schema.accounts.running import PlatformMutations
from schema.accounts.types import AccountQueries
from schema.complaints.decisions import ComplaintDecidingMutations
from schema.complaints.events import ComplaintSubscriptions
from schema.complaints.filing import ComplaintFilingMutations
from schema.complaints.types import ComplaintQueries
from schema.complaints.working import ComplaintWorkMutations
from schema.entities import GraphSchema
from schema.extracts.mutations import ExtractMutations
from schema.extracts.types import ExtractQueries
from schema.feed.events import EventQueries
from schema.feed.legal_holds import LegalHoldMutations, LegalHoldQueries
from schema.feed.proofs import ProofQueries
from schema.feed.types import FeedQueries, FeedSubscriptions
from schema.feed.witnesses import WitnessMutations, WitnessQueries
from schema.forwarding.types import ForwardingMutations, ForwardingQueries
from schema.inputs import make_inputs_known
from schema.members.admission import MemberMutations
from schema.members.officers import MemberOfficerQueries
from schema.members.types import MemberQueries
from schema.numbers.overrides import NumberOverrideQueries
from schema.numbers.overriding import NumberOverrideMutations
from schema.numbers.plan import NumberingMutations
from schema.numbers.types import NumberQueries
from schema.operator_acts.types import OperatorActQueries
from schema.orders.acknowledging import AcknowledgingMutations
from schema.orders.approval import OrderApprovalMutations
from schema.orders.closing import OrderEndingMutations
from schema.orders.drafting import OrderDraftingMutations
from schema.orders.emergencies import OrderEmergencyMutations
from schema.orders.events import BlockRequestSubscriptions
from schema.orders.lifts import OrderLiftingMutations
from schema.orders.types import OrderQueries
from schema.outages.types import OutageQueries
from schema.participations.agreements import ParticipationMutations
from schema.participations.events import ParticipationSubscriptions
from schema.participations.leaving import ParticipationLeavingMutations
from schema.participations.proposals import ParticipationProposalQueries
from schema.participations.signing import ParticipationSigningMutations
from schema.participations.types import ParticipationQueries
from schema.reassignments.mutations import ReassignmentMutations
from schema.reassignments.types import ReassignmentQueries
from schema.referrals.events import ReferralSubscriptions
from schema.referrals.offering import ReferralOfferingMutations
from schema.referrals.responding import ReferralRespondingMutations
from schema.referrals.side_by_side import SideBySideQueries
from schema.referrals.transfers import ReferralTransferQueries
from schema.referrals.types import ReferralQueries
from schema.scalars import SCALARS
from schema.signals.contributing import SignalContributingMutations
from schema.signals.contributions import SignalContributionQueries
from schema.signals.events import SignalSubscriptions
from schema.signals.notices import SignalRevocationQueries
from schema.signals.revocations import SignalRevocationMutations
from schema.signals.types import SignalQueries
from schema.statistics.types import StatisticsQueries


@fed.type(description="Reading. Each field returns what you may see and nothing else.")
class Query(
    MemberQueries,
    MemberOfficerQueries,
    NumberQueries,
    NumberOverrideQueries,
    ComplaintQueries,
    AccountQueries,
    OrderQueries,
    ReferralQueries,
    ReferralTransferQueries,
    SideBySideQueries,
    ExtractQueries,
    ReassignmentQueries,
    ForwardingQueries,
    EventQueries,
    FeedQueries,
    ProofQueries,
    WitnessQueries,
    ParticipationQueries,
    ParticipationProposalQueries,
    SignalQueries,
    SignalContributionQueries,
    SignalRevocationQueries,
    LegalHoldQueries,
    AccessRecordQueries,
    OperatorActQueries,
    OutageQueries,
    StatisticsQueries,
):
    pass


@fed.type(
    description="Writing. Each mutation takes one input; lists, of at most 1,000 items, get a result for each item."
)
class Mutation(
    ComplaintFilingMutations,
    ComplaintDecidingMutations,
    ComplaintWorkMutations,
    ExtractMutations,
    OrderDraftingMutations,
    OrderApprovalMutations,
    OrderEndingMutations,
    OrderLiftingMutations,
    OrderEmergencyMutations,
    AcknowledgingMutations,
    ReferralOfferingMutations,
    ReferralRespondingMutations,
    ReassignmentMutations,
    ForwardingMutations,
    MemberMutations,
    PlatformMutations,
    NumberingMutations,
    NumberOverrideMutations,
    ParticipationMutations,
    ParticipationSigningMutations,
    ParticipationLeavingMutations,
    SignalContributingMutations,
    SignalRevocationMutations,
    LegalHoldMutations,
    WitnessMutations,
):
    pass


@fed.type(
    description=(
        "Following. Each subscription sends what has happened since a cursor and then what happens next, once and "
        "in order."
    )
)
class Subscription(
    BlockRequestSubscriptions,
    ReferralSubscriptions,
    ComplaintSubscriptions,
    SignalSubscriptions,
    ParticipationSubscriptions,
    FeedSubscriptions,
):
    pass


schema = GraphSchema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    federation_version="2.9",  # composition libraries in use reject later versions
    config=StrawberryConfig(scalar_map=SCALARS),
)
make_inputs_known(schema)
