"""The viewer: the party on whose behalf a transaction runs. How it was authenticated must not matter here."""

from dataclasses import dataclass
from enum import StrEnum

from ledger.closed_lists import ClosedList
from ledger.identifiers import BrandId, ClientId, MemberId, OfficeId, OfficerId


class MemberKind(ClosedList):
    """What a member is; this determines what it can ever be allowed to see."""

    REGULATOR = "REGULATOR", "The telecom regulator."
    AGENCY = "AGENCY", "Another agency that files complaints: the police, a bank, an anti-scam centre."
    CARRIER = "CARRIER", "A carrier that holds number ranges and executes block orders."
    OTT_PROVIDER = "OTT_PROVIDER", "A messaging firm that participates voluntarily."


class ViewerKind(StrEnum):
    """A member's kind, or the operator on the command line."""

    REGULATOR = "REGULATOR"
    AGENCY = "AGENCY"
    CARRIER = "CARRIER"
    OTT_PROVIDER = "OTT_PROVIDER"
    OPERATOR = "OPERATOR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """The party that a transaction is bound to.

    Shapes: an officer has officer_id and office_id; a machine client has neither. brand_id restricts
    a carrier's client to one of its brands. member_id is None only for the operator.
    """

    kind: ViewerKind
    member_id: MemberId | None
    client_id: ClientId | None = None
    officer_id: OfficerId | None = None
    office_id: OfficeId | None = None
    brand_id: BrandId | None = None

    @property
    def is_regulator(self) -> bool:
        """Whether the viewer acts for the regulator."""
        return self.kind is ViewerKind.REGULATOR


OPERATOR = Viewer(kind=ViewerKind.OPERATOR, member_id=None)
