"""The terms that a provider signed, and what they must contain. Pure: takes terms and a time, returns terms.

Source: domain.md, Members and taking part.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ledger.errors import InvalidInputError, TimeInvalidError
from ledger.participations.vocabulary import Disclosure
from ledger.texts import check_optional_text, check_text
from ledger.vocabulary import Category

_REFERENCE_LENGTH_MAX = 200
_TEXT_LENGTH_MAX = 2_000


class ParticipationTermError(TimeInvalidError):
    """A participation must end after it starts, and not in the past."""

    code = "PARTICIPATION_TERM_INVALID"


class CategoriesMissingError(InvalidInputError):
    """The terms name no category."""

    code = "CATEGORIES_MISSING"


class TermsMissingError(InvalidInputError):
    """The terms need a reference, a purpose and the roles of both sides."""

    code = "TERMS_MISSING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What was signed. transfer_ground is the legal ground for a transfer abroad, None if there is none.

    starts_at None means now. ends_at None means until it is ended.
    """

    terms_reference: str
    categories: Sequence[Category]
    purpose: str
    controller_roles: str
    disclosure: Disclosure
    transfer_ground: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


def check_terms(terms: Terms, *, as_of: datetime) -> Terms:
    """Return the terms as stored, by default from as_of. Errors: one of this module's, or those of check_text."""
    starts_at, ends_at = terms.starts_at or as_of, terms.ends_at
    if starts_at.tzinfo is None or (ends_at is not None and ends_at.tzinfo is None):
        raise ParticipationTermError("A time needs a UTC offset.", field="startsAt")
    if ends_at is not None and ends_at <= max(starts_at, as_of):
        raise ParticipationTermError(field="endsAt")
    if not terms.categories:
        raise CategoriesMissingError(field="categories")
    return replace(
        terms,
        terms_reference=_check_needed("termsReference", terms.terms_reference, _REFERENCE_LENGTH_MAX),
        categories=tuple(sorted(set(terms.categories))),
        purpose=_check_needed("purpose", terms.purpose, _TEXT_LENGTH_MAX),
        controller_roles=_check_needed("controllerRoles", terms.controller_roles, _TEXT_LENGTH_MAX),
        transfer_ground=check_optional_text(
            terms.transfer_ground, field="transferGround", length_max=_TEXT_LENGTH_MAX, lines=True
        ),
        starts_at=starts_at,
    )


def _check_needed(field: str, said: str, length_max: int) -> str:
    checked = check_text(said, field=field, length_max=length_max, lines=True)
    if not checked:
        raise TermsMissingError(field=field)
    return checked
