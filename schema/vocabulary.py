"""The closed lists of the ledger as enums of the graph, with a sentence for each list and each value.

The ledger's own classes are described, never copied, so that the two can't differ: a value without a sentence
here is an error when the schema is built.
"""

from collections.abc import Mapping
from enum import EnumMeta

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from ledger.complaints.states import ComplaintState
from ledger.complaints.vocabulary import ComplaintOutcome, Medium, RejectionReason, Remedy
from ledger.feed.vocabulary import EventKind, Subject
from ledger.forwarding.states import ForwardingState
from ledger.forwarding.vocabulary import ForwardingResult
from ledger.numbers.vocabulary import HolderStatus, NumberStatus, ProtectedReason, RiskTier
from ledger.orders.states import ExtensionState, OrderState
from ledger.orders.vocabulary import AcknowledgementKind, AcknowledgementMark, BlockScope, ImpossibleReason, LiftBasis
from ledger.viewer import MemberKind
from ledger.vocabulary import Category, HoldReason


def describe(words: EnumMeta, *, name: str, description: str, values: Mapping[str, str]) -> None:
    """Make a list of the ledger an enum of the graph. Errors: KeyError for a value without a sentence."""
    strawberry.enum(words, name=name, description=description)
    definition: StrawberryEnumDefinition = words.__strawberry_definition__  # type: ignore[attr-defined]
    for value in definition.values:
        value.description = values[value.name]


describe(
    MemberKind,
    name="MemberKind",
    description="What a member is; it decides what may ever be its own to see.",
    values={
        "REGULATOR": "The telecom regulator.",
        "AGENCY": "Another agency that files complaints: police, bank, anti-scam centre.",
        "CARRIER": "A carrier that holds number ranges and executes block orders.",
        "OTT_PROVIDER": "A messaging firm that takes part of its own will.",
    },
)
describe(
    Category,
    name="Category",
    description="What a number is complained of.",
    values={
        "FRAUD": "Deception for money.",
        "IMPERSONATION": "Posing as a person, a firm or an office.",
        "FICTITIOUS_INVESTMENT": "An investment that does not exist.",
        "ONLINE_GAMBLING": "Advertising of online gambling.",
        "SPAM_ADVERT": "Unwanted advertising.",
        "VOICE_PHISHING": "Calls that draw out secrets.",
        "EXTORTION": "Threats for money.",
        "ILLEGAL_LENDING_COLLECTION": "Collection by an unlicensed lender.",
        "NIK_MISUSE": "A line registered with another person's identity number.",
        "SUBSCRIPTION_FRAUD": "A service subscribed to without consent.",
        "OTHER": "Anything else.",
    },
)
describe(
    Medium,
    name="Medium",
    description="How the offender reached the complainant.",
    values={"VOICE": "A call.", "SMS": "A text message.", "OTT": "A messaging service over the internet."},
)
describe(
    Remedy,
    name="Remedy",
    description="What the complainant asks for.",
    values={
        "NUMBER_BLOCK": "That the number be blocked.",
        "OTT_ACTION": "That a messaging service act on the account.",
        "BOTH": "Both of them.",
    },
)
describe(
    RejectionReason,
    name="RejectionReason",
    description="Why a complaint is rejected.",
    values={
        "EVIDENCE_MISSING": "No evidence was supplied.",
        "EVIDENCE_UNREADABLE": "The evidence can't be read.",
        "NUMBER_INVALID": "The number is none.",
        "NOT_DOMESTIC": "The number is foreign.",
        "NOT_MISUSE": "What is described is no misuse.",
        "COMPLAINANT_UNVERIFIED": "The complainant's identity could not be confirmed.",
    },
)
describe(
    ComplaintOutcome,
    name="ComplaintOutcome",
    description="What a resolved complaint came to.",
    values={
        "BLOCKED": "The number was blocked.",
        "NOT_ACTIONABLE": "Nothing could be done.",
        "NUMBER_ALREADY_DEAD": "The number was no longer in use.",
        "WITHDRAWN": "The order was withdrawn.",
    },
)
describe(
    ComplaintState,
    name="ComplaintState",
    description="Where a complaint stands.",
    values={
        "SUBMITTED": "Filed, and waiting for an officer.",
        "NEEDS_INFO": "An officer asked the source for more.",
        "VERIFIED": "Found true; the next forwarding takes it.",
        "REJECTED": "Found wanting, with a reason.",
        "DUPLICATE": "The same complainant and incident as another complaint.",
        "WITHDRAWN": "Taken back by its source.",
        "ESCALATED": "Behind a block order that is under way.",
        "RESOLVED": "Every instrument has ended; the outcome is told.",
        "REOPENED": "Under an officer's eyes again.",
    },
)
describe(
    OrderState,
    name="BlockOrderState",
    description="Where a block order stands. Overdue and late are no states; they are told beside it.",
    values={
        "DRAFT": "Drafted, and waiting for another officer's approval.",
        "DISCARDED": "Dropped before it was issued.",
        "ISSUED": "Issued to the carrier, its due time runs.",
        "RECEIVED": "The carrier said that it has the order.",
        "EXECUTED": "The carrier blocked the number.",
        "PARTIAL": "The carrier blocked a part of what was ordered.",
        "IMPOSSIBLE": "The carrier can't execute it, with a reason.",
        "WITHDRAWN": "Taken back before it was executed.",
        "CLOSED": "Closed by an officer without a block.",
        "LIFT_ISSUED": "The carrier is told to lift the block.",
        "LIFTED": "The block is lifted.",
        "LIFT_IMPOSSIBLE": "The carrier can't lift it.",
        "ENDED": "Ended since the number went to another subscriber.",
    },
)
describe(
    BlockScope,
    name="BlockScope",
    description="How much of a line an order blocks; emergency calls always stay open.",
    values={
        "OUTGOING_VOICE_SMS": "Outgoing calls and text messages.",
        "ALL_SERVICES": "Every service of the line.",
        "DEACTIVATE": "The line itself is ended.",
    },
)
describe(
    LiftBasis,
    name="LiftBasis",
    description="On what ground a block is lifted.",
    values={
        "APPEAL": "An appeal was granted.",
        "COURT": "A court decided so.",
        "POLICE": "The police asked for it.",
        "REGULATOR_ERROR": "The order was the regulator's mistake.",
        "RECYCLED": "The number went to another subscriber.",
    },
)
describe(
    ImpossibleReason,
    name="ImpossibleReason",
    description="Why a carrier can't execute an order.",
    values={
        "WRONG_RANGE_HOLDER": "Another carrier holds the number.",
        "NOT_ASSIGNED": "The number is assigned to no subscriber.",
        "RECYCLED_SINCE_INCIDENT": "The number went to another subscriber after the incident.",
        "PROTECTED_NUMBER": "The number is protected.",
        "SHARED_PBX_OR_SHORTCODE": "Many people stand behind the number.",
        "MANIFEST_ERROR": "The order contradicts itself.",
        "INSUFFICIENT_INFO": "The order tells too little.",
        "TECHNICAL": "The carrier's systems can't do it now.",
        "FORCE_MAJEURE": "An event beyond the carrier's control.",
        "LEGAL_HOLD": "Another authority forbids the change.",
    },
)
describe(
    AcknowledgementKind,
    name="AcknowledgementKind",
    description="What a carrier says of an order addressed to it.",
    values={
        "RECEIVED": "It has the order.",
        "EXECUTED": "It blocked the number.",
        "PARTIAL": "It blocked a part of what was ordered.",
        "IMPOSSIBLE": "It can't; a reason is needed.",
        "EXTENSION_REQUESTED": "It asks for more time; this moves nothing.",
        "LIFTED": "It lifted the block.",
        "LIFT_IMPOSSIBLE": "It can't lift the block.",
    },
)
describe(
    AcknowledgementMark,
    name="AcknowledgementMark",
    description="Why an acknowledgement was kept and moved nothing.",
    values={
        "STALE_VERSION": "It is about an earlier version.",
        "ORDER_WITHDRAWN": "The order was withdrawn before.",
        "STATE_UNMOVED": "It says what was known already.",
    },
)
describe(
    ExtensionState,
    name="ExtensionState",
    description="Where a carrier's request for more time stands.",
    values={
        "REQUESTED": "Waiting for an officer.",
        "GRANTED": "Granted; the due time moved.",
        "REFUSED": "Refused; the due time stands.",
    },
)
describe(
    NumberStatus,
    name="NumberStatus",
    description="What the orders of a number have come to.",
    values={
        "CLEAR": "No order is open.",
        "BLOCK_ORDERED": "A block is ordered and not yet executed.",
        "BLOCKED": "The carrier said that it is blocked.",
    },
)
describe(
    RiskTier,
    name="Risk",
    description="How risky a number is, from verified complaints only.",
    values={
        "NONE": "Nothing verified speaks against it.",
        "MEDIUM": "Some verified complaints.",
        "HIGH": "Several verified complaints of different people.",
        "VERY_HIGH": "Many verified complaints of different people.",
    },
)
describe(
    HolderStatus,
    name="HolderStatus",
    description="What the numbering plan says of a number.",
    values={
        "HELD": "A member holds its range.",
        "UNALLOCATED": "It lies in no range of the plan.",
        "HOLDER_UNKNOWN": "It lies in a valid range whose holder is not known here.",
        "FOREIGN": "It belongs to another country's plan.",
    },
)
describe(
    ProtectedReason,
    name="ProtectedReason",
    description="Why a number is never ordered blocked.",
    values={
        "EMERGENCY": "An emergency number.",
        "SHORT_CODE": "A short code of a service.",
        "REGULATOR_HOTLINE": "The regulator's own hotline.",
        "ACCESS_CODE": "An access code of a company or bank.",
        "TOLL_FREE": "A toll-free number.",
    },
)
describe(
    HoldReason,
    name="HoldReason",
    description="Why the guard holds a draft until an approver overrides it in writing.",
    values={
        "FEW_COMPLAINANTS": "Fewer distinct people complained than the policy asks.",
        "BURST": "Many complaints came at once.",
        "SAME_SOURCE": "All complaints came from one source.",
        "SAME_TEXT": "Complaints of different people read the same.",
        "PBX": "The number looks like a switchboard.",
        "SPOOFED_CLI_SUSPECTED": "The calls may have shown a number that was not theirs.",
        "PROTECTED": "The number is protected.",
    },
)
describe(
    ForwardingState,
    name="ForwardingState",
    description="Where a forwarding run stands.",
    values={
        "PROPOSED": "Its manifest waits for an approver.",
        "APPROVED": "Its orders were issued, whole or in part.",
        "DISCARDED": "Dropped; its drafts are gone and its complaints wait again.",
    },
)
describe(
    ForwardingResult,
    name="ForwardingResult",
    description="What a forwarding run made of one number's complaints.",
    values={
        "DRAFTED": "An order was drafted.",
        "HELD": "An order was drafted and the guard holds it.",
        "JOINED": "The complaints joined an order that is open.",
        "NOT_DOMESTIC": "The number is foreign; nothing was ordered.",
        "PROTECTED": "The number is protected; nothing was ordered.",
        "UNALLOCATED": "No range holds the number; nothing was ordered.",
        "HOLDER_UNKNOWN": "The range's holder is not known; it waits for an officer.",
        "RECYCLED": "The number meant another subscriber then; nothing was ordered.",
        "NO_NUMBER": "The complaint names an account and no number.",
    },
)
describe(
    EventKind,
    name="EventKind",
    description="What can happen.",
    values={
        "COMPLAINT_FILED": "A complaint was filed.",
        "COMPLAINT_DECIDED": "An officer decided on a complaint.",
        "COMPLAINT_WITHDRAWN": "A source took its complaint back.",
        "COMPLAINT_SUPPLEMENTED": "A source supplied what was asked for.",
        "COMPLAINT_ESCALATED": "A complaint came behind an order.",
        "COMPLAINT_RESOLVED": "A complaint came to its outcome.",
        "COMPLAINANT_INFORMED": "The complainant was told of the outcome.",
        "COMPLAINANT_REVEALED": "An officer saw who complained, for a purpose.",
        "ORDER_DRAFTED": "A block order was drafted.",
        "ORDER_RETURNED": "An approver returned a draft.",
        "ORDER_DISCARDED": "A draft was dropped.",
        "ORDER_ISSUED": "A block order was issued.",
        "ORDER_COMPLAINT_JOINED": "Another complaint joined an order.",
        "ORDER_ACKNOWLEDGED": "A carrier acknowledged an order.",
        "ORDER_WITHDRAWN": "An order was withdrawn.",
        "ORDER_CLOSED": "An order was closed without a block.",
        "ORDER_LIFT_ISSUED": "A lift was issued.",
        "ORDER_ENDED": "An order ended since its number was recycled.",
        "EXTENSION_REQUESTED": "A carrier asked for more time.",
        "EXTENSION_DECIDED": "An officer decided on more time.",
        "FORWARDING_PROPOSED": "A forwarding run made its manifest.",
        "FORWARDING_APPROVED": "An approver approved a manifest.",
        "FORWARDING_DISCARDED": "A forwarding run was dropped.",
        "MEMBER_ADMITTED": "A member was admitted.",
        "MEMBER_CHANGED": "A member, brand or office changed.",
        "OFFICER_CHANGED": "An officer was added, changed or disabled.",
        "NUMBERING_LOADED": "Ranges or overrides of the numbering plan changed.",
        "NUMBER_REASSIGNED": "A number went to another subscriber.",
        "KEYS_ROTATED": "What is sealed was sealed again under a new key.",
        "PARTICIPATION_STARTED": "A provider began to take part.",
        "PARTICIPATION_CHANGED": "The terms on which a provider takes part changed.",
        "PARTICIPATION_ENDED": "A provider no longer takes part; its streams of signals end.",
        "SIGNAL_RAISED": "Verified complaints raised a fraud signal.",
        "SIGNAL_CHANGED": "A fraud signal's risk or validity changed.",
        "SIGNAL_CORROBORATED": "Another member reported the same.",
        "SIGNAL_EXPIRED": "A fraud signal is no longer valid.",
        "SIGNAL_REVOKED": "A fraud signal was wrong; whoever got it gets this too.",
        "SIGNAL_CONTRIBUTED": "A member contributed a signal of its own.",
        "LEGAL_HOLD_PLACED": "Entries were put under a legal hold.",
        "LEGAL_HOLD_RELEASED": "A legal hold was released.",
        "ENTRIES_ERASED": "Retention erased the content of old entries; their hashes stay.",
        "ENTRIES_ARCHIVED": "Old entries were exported and dropped; their hashes stay.",
    },
)
describe(
    Subject,
    name="EventSubject",
    description="What an event is about.",
    values={
        "COMPLAINT": "A complaint.",
        "BLOCK_ORDER": "A block order.",
        "FORWARDING_RUN": "A forwarding run.",
        "MEMBER": "A member.",
        "OFFICER": "An officer.",
        "NUMBER": "A telephone number.",
        "NUMBERING_PLAN": "The numbering plan.",
        "KEYRING": "The keys that seal what is stored.",
        "PARTICIPATION": "A provider's taking part.",
        "FRAUD_SIGNAL": "A fraud signal.",
        "SIGNAL_CONTRIBUTION": "What one member contributed.",
        "LEGAL_HOLD": "A legal hold.",
        "FEED": "The feed itself.",
    },
)
