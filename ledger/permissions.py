"""Checks that run before anything is read or written: the viewer's kind, whether it is an officer, the batch size.

Row-level security enforces the viewer's rights a second time; these checks come first and give clients clear errors.
"""

from collections.abc import Collection, Sequence
from typing import Any

from ledger.errors import ForbiddenError, NoItemsError, OfficerRequiredError, TooManyItemsError
from ledger.identifiers import MemberId, OfficeId, OfficerId
from ledger.pages import BATCH_SIZE_MAX
from ledger.viewer import Viewer, ViewerKind

REGULATOR_OR_OPERATOR = frozenset({ViewerKind.REGULATOR, ViewerKind.OPERATOR})
SOURCES = frozenset({ViewerKind.REGULATOR, ViewerKind.AGENCY})
"""The viewers that file complaints and may see what they filed."""


def require_kind(viewer: Viewer, kinds: Collection[ViewerKind]) -> None:
    """Errors: ForbiddenError for a viewer of any other kind."""
    if viewer.kind not in kinds:
        raise ForbiddenError


def require_regulator(viewer: Viewer) -> None:
    """Errors: ForbiddenError for anyone but the regulator."""
    require_kind(viewer, {ViewerKind.REGULATOR})


def require_source(viewer: Viewer) -> MemberId:
    """The member for which the viewer files complaints. Errors: ForbiddenError."""
    if viewer.kind not in SOURCES or viewer.member_id is None:
        raise ForbiddenError
    return viewer.member_id


def require_officer(viewer: Viewer) -> OfficerId:
    """The id of the regulator's officer who is the viewer; an officer of another member never is one.

    Errors: ForbiddenError, OfficerRequiredError.
    """
    if viewer.kind is not ViewerKind.REGULATOR:
        raise ForbiddenError
    if viewer.officer_id is None:
        raise OfficerRequiredError
    return viewer.officer_id


def require_officer_or_operator(viewer: Viewer) -> None:
    """Errors: ForbiddenError; OfficerRequiredError for a machine client of the regulator."""
    if viewer.kind is not ViewerKind.OPERATOR:
        require_officer(viewer)


def require_provider(viewer: Viewer) -> MemberId:
    """The provider that the viewer acts for, as its officer or its system. Errors: ForbiddenError."""
    if viewer.kind is not ViewerKind.OTT_PROVIDER or viewer.member_id is None:
        raise ForbiddenError
    return viewer.member_id


def require_signatory(viewer: Viewer) -> tuple[OfficerId, MemberId]:
    """The provider's officer who is the viewer, and the provider. Errors: ForbiddenError, OfficerRequiredError."""
    member_id = require_provider(viewer)
    if viewer.officer_id is None:
        raise OfficerRequiredError
    return viewer.officer_id, member_id


def require_administrator(viewer: Viewer) -> tuple[OfficerId, MemberId]:
    """The officer of a member other than the regulator who looks after its officers, and that member.

    Errors: ForbiddenError, OfficerRequiredError.
    """
    if viewer.kind in REGULATOR_OR_OPERATOR or viewer.member_id is None:
        raise ForbiddenError
    if viewer.officer_id is None:
        raise OfficerRequiredError
    return viewer.officer_id, viewer.member_id


def require_drafter(viewer: Viewer) -> tuple[OfficerId, OfficeId]:
    """The officer and the office that a draft belongs to. Errors: ForbiddenError, OfficerRequiredError."""
    officer_id = require_officer(viewer)
    if viewer.office_id is None:
        raise OfficerRequiredError
    return officer_id, viewer.office_id


def require_batch(items: Sequence[Any]) -> None:
    """Errors: NoItemsError, TooManyItemsError."""
    if not items:
        raise NoItemsError
    if len(items) > BATCH_SIZE_MAX:
        raise TooManyItemsError
