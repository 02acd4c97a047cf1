"""Policies: the thresholds and periods that a regulator may choose. They are settings, never constants in the code.

A transaction carries all of them as `tx.policies`; a pure function takes only the section that it reads.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode

from ledger.errors import InvalidInputError
from ledger.sections import SettingsSection
from ledger.vocabulary import Category

INCIDENT_SKEW = timedelta(minutes=5)
"""How far ahead of our clock the time of an incident or of an observation may be."""

_WEIGHT_MAX = 1_000_000
_WEIGHT = re.compile(r"([A-Z_]+):([0-9]{1,7})")


class SignalWeightsInvalidError(InvalidInputError):
    """The category weights can't be parsed."""

    code = "SIGNAL_WEIGHTS_INVALID"
    hint = "Write them as FRAUD:100,SPAM_ADVERT:25, with each category at most once."


class FilingPolicy(SettingsSection):
    """How large a complaint may be, and the deadlines that it sets."""

    title: ClassVar[str] = "Policy: complaints"

    verification_due_hours: int = Field(
        24, ge=1, le=8760, description="How long after a complaint is complete its verification is due."
    )
    information_due_days: int = Field(
        14,
        ge=1,
        le=365,
        description="How long a source has to supply what an officer asked for before the complaint is rejected.",
    )
    claim_minutes: int = Field(
        480, ge=1, le=43_200, description="How long an officer's claim of a complaint lasts unless it is renewed."
    )
    chronology_characters_max: int = Field(
        100_000, ge=1, le=10_000_000, description="The longest chronology of a complaint."
    )
    evidence_bytes_max: int = Field(
        3_000_000,
        ge=1,
        description="The largest piece of evidence; with BODY_BYTES_MAX, which must hold it in base64, and 128 KiB "
        "beside it.",
    )
    evidence_items_max: int = Field(10, ge=1, le=1000, description="Evidence files of one complaint.")
    upload_bytes_max: int = Field(
        50_000_000, ge=1, le=2_000_000_000, description="The largest piece of evidence that is uploaded by itself."
    )
    upload_bytes_per_client_daily: int = Field(
        2_000_000_000,
        ge=1,
        le=1_000_000_000_000,
        description="Bytes of uploads that one client may begin in a legal day (WIB), over all processes.",
    )
    uploads_open_max: int = Field(
        50, ge=1, le=10_000, description="Uploads of one client that are not evidence yet, over all processes."
    )
    upload_hours: int = Field(
        24, ge=1, le=720, description="How long after it began an upload that is not evidence is deleted."
    )
    complaint_content_days: int = Field(
        1_825,
        ge=0,
        le=36_500,
        description="How long after a complaint has ended its complainant, chronology, evidence with extracts, and "
        "notes are kept before they are erased; 0: forever.",
    )
    evidence_link_seconds: int = Field(
        300,
        ge=10,
        le=3_600,
        description="How long a link to the bytes of evidence can be used by whom it was made for.",
    )

    @property
    def verification_due(self) -> timedelta:
        """VERIFICATION_DUE_HOURS."""
        return timedelta(hours=self.verification_due_hours)

    @property
    def claim(self) -> timedelta:
        """CLAIM_MINUTES."""
        return timedelta(minutes=self.claim_minutes)


class RedactionPolicy(SettingsSection):
    """How large a piece of evidence may be to be redacted here, and how long decoding it may take."""

    title: ClassVar[str] = "Policy: redaction"

    redaction_bytes_max: int = Field(
        20_000_000, ge=1, le=200_000_000, description="The largest piece of evidence that can be redacted here."
    )
    redaction_pixels_max: int = Field(
        40_000_000, ge=1, le=100_000_000, description="Pixels of the largest picture that is decoded for it."
    )
    redaction_seconds_max: int = Field(20, ge=1, le=300, description="Processor time that decoding a picture may take.")


class RiskPolicy(SettingsSection):
    """How many distinct complainants of verified complaints put a number at each level of risk.

    All complaints of one source without a complainant count as one complainant.
    """

    title: ClassVar[str] = "Policy: risk of a number"

    risk_medium_complainants: int = Field(
        1,
        ge=1,
        le=10_000,
        description="Distinct complainants of verified complaints at which a number's risk is MEDIUM.",
    )
    risk_high_complainants: int = Field(3, ge=1, le=10_000, description="The same for HIGH.")
    risk_very_high_complainants: int = Field(10, ge=1, le=10_000, description="The same for VERY_HIGH.")


class LookupPolicy(SettingsSection):
    """How many numbers a client may look up by their value."""

    title: ClassVar[str] = "Policy: looking up numbers"

    lookups_per_client_daily: int = Field(
        10_000,
        ge=1,
        le=1_000_000_000,
        description="Numbers, or hashes of numbers, that one client may look up by their value in a legal day (WIB), "
        "over all processes. A carrier's own numbers and the regulator's look-ups don't count.",
    )


class OrderPolicy(SettingsSection):
    """When orders and lifts are due, and the limits of extensions and acknowledgements."""

    title: ClassVar[str] = "Policy: orders"

    order_due_hours: int = Field(24, ge=1, le=8760, description="How long after issue a block order is due.")
    lift_due_hours: int = Field(24, ge=1, le=8760, description="How long after issue a lift is due.")
    extension_days_max: int = Field(7, ge=0, le=365, description="The longest extension that an officer can grant.")
    acknowledgement_skew_seconds: int = Field(
        300, ge=0, le=86_400, description="How far ahead of our clock effectiveAt may be."
    )
    outage_seconds_min: int = Field(
        300,
        ge=60,
        le=86_400,
        description="Silence of all serving processes from which on it is an outage, which extends the due times of "
        "the orders that ran. Several times HEARTBEAT_SECONDS.",
    )
    emergency_orders: bool = Field(
        default=False, description="Whether one officer may issue a block order alone in an emergency."
    )
    emergency_lifts: bool = Field(
        default=False, description="Whether one officer may issue a lift alone in an emergency."
    )
    emergency_confirmation_hours: int = Field(
        24,
        ge=1,
        le=168,
        description="How long another officer has to confirm what one issued in an emergency. "
        "An order that is not confirmed in time is lifted; a lift that is not stays marked as overdue.",
    )

    @property
    def order_due(self) -> timedelta:
        """ORDER_DUE_HOURS."""
        return timedelta(hours=self.order_due_hours)

    @property
    def lift_due(self) -> timedelta:
        """LIFT_DUE_HOURS."""
        return timedelta(hours=self.lift_due_hours)

    @property
    def outage_min(self) -> timedelta:
        """OUTAGE_SECONDS_MIN."""
        return timedelta(seconds=self.outage_seconds_min)

    @property
    def emergency_confirmation(self) -> timedelta:
        """EMERGENCY_CONFIRMATION_HOURS."""
        return timedelta(hours=self.emergency_confirmation_hours)


class ReferralPolicy(SettingsSection):
    """How long a provider that is asked has before its silence is taken as an answer. None of it obliges anyone."""

    title: ClassVar[str] = "Policy: referrals"

    referral_reply_days: int = Field(
        14,
        ge=1,
        le=365,
        description="Days (WIB) after which a reply to a referral is hoped for; a referral that nobody answered by "
        "then lapses, and may still be answered.",
    )


class ForwardingPolicy(SettingsSection):
    """Whether verified complaints become drafts on a schedule, and at which pace. Legal days and hours are WIB."""

    title: ClassVar[str] = "Policy: forwarding on a schedule"

    forwarding_schedule: Literal["off", "daily", "monthly", "continuous"] = Field(
        "off",
        description="When the gateway itself starts forwarding runs, which no officer has drafted. Each needs an "
        "officer's approval.",
    )
    forwarding_hour: int = Field(7, ge=0, le=23, description="Hour of the day (WIB) of a daily or monthly run.")
    forwarding_day: int = Field(1, ge=1, le=28, description="Day of the month of a monthly run.")
    forwarding_minutes: int = Field(
        15, ge=5, le=1_440, description="Minutes between continuous runs; each covers what was verified meanwhile."
    )
    forwarding_limit: int = Field(
        500,
        ge=1,
        le=1_000,
        description="Most numbers of one scheduled run; those with the oldest complaints come first.",
    )
    forwarding_carrier_daily: int = Field(
        500,
        ge=1,
        le=100_000,
        description="Drafts of one carrier in a legal day, counting all runs, that end its share.",
    )
    forwarding_legal_basis: str | None = Field(
        None, max_length=2_000, description="The legal basis of the orders of scheduled runs; required for a schedule."
    )
    forwarding_subscriber_notice: str | None = Field(
        None,
        max_length=2_000,
        description="The notice to subscribers (the reason, and how to appeal) of scheduled runs; required for a "
        "schedule.",
    )

    @model_validator(mode="after")
    def _require_words(self) -> Self:
        words = (self.forwarding_legal_basis, self.forwarding_subscriber_notice)
        if self.forwarding_schedule != "off" and not all(text and text.strip() for text in words):
            raise ValueError(
                "JEMBATAN_FORWARDING_SCHEDULE needs JEMBATAN_FORWARDING_LEGAL_BASIS and "
                "JEMBATAN_FORWARDING_SUBSCRIBER_NOTICE."
            )
        return self


class GuardPolicy(SettingsSection):
    """When the guard holds a draft until an approver overrides it in writing."""

    title: ClassVar[str] = "Policy: the guard"

    guard_complainants_min: int = Field(
        1, ge=1, le=1000, description="Distinct complainants below which the guard holds the draft of an order."
    )
    guard_burst_count: int = Field(
        20, ge=2, le=100_000, description="Incidents within the burst window at which a draft is held."
    )
    guard_burst_minutes: int = Field(10, ge=1, le=10_080, description="Length of the burst window.")
    guard_same_text_count: int = Field(
        3, ge=2, le=100_000, description="Complaints with the same text at which a draft is held."
    )
    guard_same_source_count: int = Field(
        10,
        ge=2,
        le=100_000,
        description="Complaints at which a draft is held if all are from one source and none has a complainant.",
    )


class SignalPolicy(SettingsSection):
    """When verified complaints raise a fraud signal, and how long it is valid.

    The score is the number of distinct complainants (counted as for risk) times the category's weight.
    """

    title: ClassVar[str] = "Policy: fraud signals"

    signal_category_weights: Annotated[Mapping[Category, int], NoDecode] = Field(
        {}, description="Category weights in hundredths, for example FRAUD:100,SPAM_ADVERT:25; all others weigh 100."
    )
    signal_score_medium: int = Field(
        100, ge=1, description="Weighted distinct complainants, in hundredths, at which a signal's risk is MEDIUM."
    )
    signal_score_high: int = Field(300, ge=1, description="The same for HIGH.")
    signal_score_very_high: int = Field(1_000, ge=1, description="The same for VERY_HIGH.")
    signal_valid_days: int = Field(
        90, ge=1, le=3_650, description="How long a signal is valid after it was last confirmed."
    )
    signal_key_overlap_days: int = Field(
        30, ge=0, le=365, description="How long a signal key still makes hashes after its successor was created."
    )

    @field_validator("signal_category_weights", mode="before")
    @classmethod
    def _read_weights(cls, value: object) -> object:
        return parse_category_weights(value) if isinstance(value, str) else value


class ParticipationPolicy(SettingsSection):
    """What follows when a provider leaves."""

    title: ClassVar[str] = "Policy: providers that leave"

    deletion_courtesy_days: int = Field(
        30,
        ge=1,
        le=365,
        description="How long after its participation ended a provider is reminded, if it has not confirmed that it "
        "deleted what it was sent. No duty and no sanction follow from it.",
    )

    @property
    def deletion_courtesy(self) -> timedelta:
        """DELETION_COURTESY_DAYS."""
        return timedelta(days=self.deletion_courtesy_days)


class AccessPolicy(SettingsSection):
    """Which readings of the regulator's own people and systems are recorded, and for how long.

    Chronologies, evidence and complainants always are.
    """

    title: ClassVar[str] = "Policy: the record of accesses"

    access_list_items: int = Field(
        100,
        ge=1,
        le=500,
        description="Items of one list that an operation may read without a record; a later page always has one.",
    )
    access_record_days: int = Field(
        1_825, ge=366, le=36_500, description="How long the record of who read what is kept."
    )


class Policies(
    SignalPolicy,
    ParticipationPolicy,
    GuardPolicy,
    ForwardingPolicy,
    ReferralPolicy,
    LookupPolicy,
    RiskPolicy,
    OrderPolicy,
    RedactionPolicy,
    FilingPolicy,
    AccessPolicy,
):
    """Every policy of the ledger."""


def parse_category_weights(text: str) -> Mapping[Category, int]:
    """Parse `FRAUD:100,SPAM_ADVERT:25`, in hundredths. Errors: SignalWeightsInvalidError."""
    weights: dict[Category, int] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        match = _WEIGHT.fullmatch(part)
        if match is None or match[1] not in Category.__members__ or int(match[2]) > _WEIGHT_MAX:
            raise SignalWeightsInvalidError
        category = Category[match[1]]
        if category in weights:
            raise SignalWeightsInvalidError
        weights[category] = int(match[2])
    return weights
