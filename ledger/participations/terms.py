"""The terms that a provider signed, and what they must contain. Pure: takes terms and a time, returns terms.

Source: domain.md, Members and taking part.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ledger.errors import InvalidInputError, TimeInvalidError
from ledger.participations.vocabulary import Disclosure, PermittedUse, TransferBasis
from ledger.texts import check_optional_text, check_text
from ledger.vocabulary import Category

_REFERENCE_LENGTH_MAX = 200
_TEXT_LENGTH_MAX = 2_000
_CONTACT_LENGTH_MAX = 254
_RETENTION_DAYS_MAX = 3_650


class ParticipationTermError(TimeInvalidError):
    """A participation must end after it starts, and not in the past."""

    code = "PARTICIPATION_TERM_INVALID"


class CategoriesMissingError(InvalidInputError):
    """The terms name no category."""

    code = "CATEGORIES_MISSING"


class TermsMissingError(InvalidInputError):
    """The terms lack something that they have to say."""

    code = "TERMS_MISSING"


class RetentionInvalidError(InvalidInputError):
    """The retention is not a number of days that terms can have."""

    code = "RETENTION_INVALID"
    hint = f"Send 1 to {_RETENTION_DAYS_MAX} days."


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is signed, or was on paper.

    transfer_basis is the ground of a transfer abroad, and transfer_ground says more of it. breach_contact is whom the
    regulator reaches about a breach. starts_at None means now. ends_at None means until it is ended. Terms on paper
    may leave out what has a default here.
    """

    terms_reference: str
    categories: Sequence[Category]
    purpose: str
    controller_roles: str
    disclosure: Disclosure
    permitted_uses: Sequence[PermittedUse] = ()
    retention_days: int | None = None
    transfer_basis: TransferBasis | None = None
    transfer_ground: str | None = None
    breach_contact: str | None = None
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
    if terms.retention_days is not None and not 1 <= terms.retention_days <= _RETENTION_DAYS_MAX:
        raise RetentionInvalidError(field="retentionDays")
    return replace(
        terms,
        terms_reference=_check_needed("termsReference", terms.terms_reference, _REFERENCE_LENGTH_MAX),
        categories=tuple(sorted(set(terms.categories))),
        permitted_uses=tuple(sorted(set(terms.permitted_uses))),
        breach_contact=check_optional_text(terms.breach_contact, field="breachContact", length_max=_CONTACT_LENGTH_MAX),
        purpose=_check_needed("purpose", terms.purpose, _TEXT_LENGTH_MAX),
        controller_roles=_check_needed("controllerRoles", terms.controller_roles, _TEXT_LENGTH_MAX),
        transfer_ground=check_optional_text(
            terms.transfer_ground, field="transferGround", length_max=_TEXT_LENGTH_MAX, lines=True
        ),
        starts_at=starts_at,
    )


def require_whole_terms(terms: Terms) -> None:
    """Errors: TermsMissingError unless they say everything that terms to be signed in the gateway must say."""
    needed = {
        "permittedUses": terms.permitted_uses,
        "retentionDays": terms.retention_days,
        "transferBasis": terms.transfer_basis,
        "transferGround": terms.transfer_ground or terms.transfer_basis is TransferBasis.NO_TRANSFER,
        "breachContact": terms.breach_contact,
    }
    for field, said in needed.items():
        if not said:
            raise TermsMissingError(field=field)


def _check_needed(field: str, said: str, length_max: int) -> str:
    checked = check_text(said, field=field, length_max=length_max, lines=True)
    if not checked:
        raise TermsMissingError(field=field)
    return checked
