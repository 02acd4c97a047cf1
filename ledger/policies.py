"""Policies: the numbers that a regulator may choose. They are settings; none is a constant of the domain.

A transaction carries them all as `tx.policies`; a pure function takes the section that it reads.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from ledger.errors import InvalidInputError
from ledger.sections import SettingsSection
from ledger.vocabulary import Category

INCIDENT_SKEW = timedelta(minutes=5)
"""How far ahead of our clock the time of an incident or of an observation may lie."""

_WEIGHT_MAX = 1_000_000
_WEIGHT = re.compile(r"([A-Z_]+):([0-9]{1,7})")


class SignalWeightsInvalidError(InvalidInputError):
    """The weights of categories can't be read."""

    code = "SIGNAL_WEIGHTS_INVALID"
    hint = "Write them as FRAUD:100,SPAM_ADVERT:25, each category at most once."


class FilingPolicy(SettingsSection):
    """What one complaint may hold, and the clocks that start with it."""

    title: ClassVar[str] = "Policy: complaints"

    verification_due_hours: int = Field(24, ge=1, le=8760, description="Verification is due this long after complete.")
    information_due_days: int = Field(
        14, ge=1, le=365, description="A source has this long to supply what an officer asked for; then it is rejected."
    )
    chronology_characters_max: int = Field(
        100_000, ge=1, le=10_000_000, description="The longest chronology of a complaint."
    )
    evidence_bytes_max: int = Field(10_485_760, ge=1, description="The largest piece of evidence.")
    evidence_items_max: int = Field(10, ge=1, le=1000, description="Pieces of evidence of one complaint.")

    @property
    def verification_due(self) -> timedelta:
        """VERIFICATION_DUE_HOURS."""
        return timedelta(hours=self.verification_due_hours)


class RiskPolicy(SettingsSection):
    """How many distinct complainants of verified complaints make a number risky.

    Complaints without a complainant count as one for each source.
    """

    title: ClassVar[str] = "Policy: risk of a number"

    risk_medium_complainants: int = Field(
        1, ge=1, le=10_000, description="Distinct complainants of verified complaints that make a number's risk MEDIUM."
    )
    risk_high_complainants: int = Field(3, ge=1, le=10_000, description="As that, for HIGH.")
    risk_very_high_complainants: int = Field(10, ge=1, le=10_000, description="As that, for VERY_HIGH.")


class OrderPolicy(SettingsSection):
    """When orders and lifts are due, and what their recipients may say."""

    title: ClassVar[str] = "Policy: orders"

    order_due_hours: int = Field(24, ge=1, le=8760, description="A block order is due this long after issue.")
    lift_due_hours: int = Field(24, ge=1, le=8760, description="A lift is due this long after issue.")
    extension_days_max: int = Field(7, ge=0, le=365, description="The longest extension that an officer can grant.")
    acknowledgement_skew_seconds: int = Field(
        300, ge=0, le=86_400, description="How far effectiveAt may lie ahead of our clock."
    )

    @property
    def order_due(self) -> timedelta:
        """ORDER_DUE_HOURS."""
        return timedelta(hours=self.order_due_hours)


class GuardPolicy(SettingsSection):
    """When a draft is held until an approver overrides in writing."""

    title: ClassVar[str] = "Policy: the guard"

    guard_complainants_min: int = Field(
        1, ge=1, le=1000, description="Distinct complainants that an order needs, else the guard holds the draft."
    )
    guard_burst_count: int = Field(20, ge=2, le=100_000, description="Incidents within the window that look like one.")
    guard_burst_minutes: int = Field(10, ge=1, le=10_080, description="That window.")
    guard_same_text_count: int = Field(3, ge=2, le=100_000, description="Complaints with one text that are held.")
    guard_same_source_count: int = Field(
        10, ge=2, le=100_000, description="Complaints of one source without complainants that are held."
    )


class SignalPolicy(SettingsSection):
    """When verified complaints raise a fraud signal, and for how long.

    A score is the distinct complainants (counted as for risk) times the category's weight.
    """

    title: ClassVar[str] = "Policy: fraud signals"

    signal_category_weights: Annotated[Mapping[Category, int], NoDecode] = Field(
        {}, description="Weights of categories in hundredths, as FRAUD:100,SPAM_ADVERT:25; others weigh 100."
    )
    signal_score_medium: int = Field(
        100, ge=1, description="Weighted distinct complainants, in hundredths, for MEDIUM."
    )
    signal_score_high: int = Field(300, ge=1, description="As that, for HIGH.")
    signal_score_very_high: int = Field(1_000, ge=1, description="As that, for VERY_HIGH.")
    signal_valid_days: int = Field(
        90, ge=1, le=3_650, description="How long a signal is valid after it was last confirmed."
    )
    signal_key_overlap_days: int = Field(
        30, ge=0, le=365, description="How long hashes are also made with the key before the newest."
    )

    @field_validator("signal_category_weights", mode="before")
    @classmethod
    def _read_weights(cls, value: object) -> object:
        return parse_category_weights(value) if isinstance(value, str) else value


class Policies(SignalPolicy, GuardPolicy, RiskPolicy, OrderPolicy, FilingPolicy):
    """Every policy of the ledger."""


def parse_category_weights(text: str) -> Mapping[Category, int]:
    """Read `FRAUD:100,SPAM_ADVERT:25`, in hundredths. Errors: SignalWeightsInvalidError."""
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
