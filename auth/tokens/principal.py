"""The principal: what a verified access token says about its bearer."""

from dataclasses import dataclass, field
from datetime import datetime

from ledger.identifiers import BrandId, ClientId, MemberId, OfficeId, OfficerId
from ledger.viewer import MemberKind, Viewer, ViewerKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A client, or an officer through a client, with the scopes of one token.

    Shapes: officer_id and office_id are both set or both None; brand_id narrows a carrier's client to one brand.
    """

    client_id: ClientId
    member_id: MemberId
    member_kind: MemberKind
    scopes: frozenset[str]
    token_id: str
    expires_at: datetime
    officer_id: OfficerId | None = None
    office_id: OfficeId | None = None
    brand_id: BrandId | None = None
    family_id: str | None = None
    """The family of refresh tokens that the token belongs to, revoked as one; None for a client acting for itself."""
    key_thumbprint: str | None = None
    """The key that the token is bound to; the token is valid only with a proof of that key (RFC 9449)."""

    viewer: Viewer = field(init=False, repr=False, compare=False)
    """The party on whose behalf the ledger is read and written. It is made once, as a principal is remembered."""

    def __post_init__(self) -> None:
        """Make the viewer."""
        viewer = Viewer(
            kind=ViewerKind(self.member_kind.value),
            member_id=self.member_id,
            client_id=self.client_id,
            officer_id=self.officer_id,
            office_id=self.office_id,
            brand_id=self.brand_id,
        )
        object.__setattr__(self, "viewer", viewer)
