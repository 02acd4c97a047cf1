"""Publishing the regulator's terms for providers: a text by version, in one or more languages, with its hash.

A version is never changed; the next one supersedes it. What was signed under it stays in force.
Source: docs/adr/0148.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from ledger.canonical import hash_canonical, render_canonical
from ledger.errors import ConflictError, InvalidInputError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import TermsId, new_id
from ledger.members.table import members
from ledger.participations.signing_table import PublishedTerms, TermsText, published_terms
from ledger.participations.taking_part import begin_change
from ledger.permissions import require_officer_or_operator
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, insert_records, select_records
from ledger.texts import check_text
from ledger.viewer import MemberKind

LANGUAGES_MAX = 5
_TEXT_LENGTH_MAX = 200_000
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}")


class TermsTextsInvalidError(InvalidInputError):
    """The terms need a text in one to five languages, each once."""

    code = "TERMS_TEXTS_INVALID"
    hint = "Name a language by its code, such as id or en; the first text prevails."


class TermsUnpublishedError(ConflictError):
    """No terms are published, so that there is nothing to sign."""

    code = "TERMS_UNPUBLISHED"


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageText:
    """The terms in one language, named by its code (BCP 47)."""

    language: str
    text: str


async def publish_terms(tx: Transaction, texts: Sequence[LanguageText]) -> PublishedTerms:
    """Publish the next version of the terms; every provider gets an event of it.

    Shapes: 1..5 texts, of which the first prevails. Errors: ForbiddenError, OfficerRequiredError,
    TermsTextsInvalidError, TextInvalidError, TextTooLongError.
    """
    require_officer_or_operator(tx.viewer)
    checked = [_check(text) for text in texts]
    if not 1 <= len(checked) <= LANGUAGES_MAX or len({text.language for text in checked}) < len(checked):
        raise TermsTextsInvalidError(field="texts")
    async with tx.role(Role.TRANSITION):
        # One version at a time, and none between a check and a signature.
        await begin_change(tx)
        newest = await find_newest_terms(tx)
        version = 1 if newest is None else newest.version + 1
        content = render_canonical(
            {
                "kind": "PARTICIPATION_TERMS",
                "version": version,
                "texts": [{"language": text.language, "text": text.text} for text in checked],
            }
        )
        published = PublishedTerms(
            id=TermsId(new_id()),
            version=version,
            content_text=content,
            terms_hash=hash_canonical(content),
            published_by=tx.viewer.officer_id,
            published_at=tx.as_of,
        )
        await insert_records(tx, [published])
        rows = [
            TermsText(terms_id=published.id, place=place, language=text.language, text=text.text)
            for place, text in enumerate(checked)
        ]
        await insert_records(tx, rows)
        providers = await tx.execute(select(members.c.id).where(members.c.kind == MemberKind.OTT_PROVIDER.value))
        event = EventDraft(
            kind=EventKind.TERMS_PUBLISHED,
            subject=Subject.PARTICIPATION_TERMS,
            subject_id=published.id,
            audience=list(providers.scalars()),
            payload={"version": version, "termsHash": published.terms_hash},
        )
        await append_events(tx, [event])
    return published


async def find_newest_terms(tx: Transaction) -> PublishedTerms | None:
    """Return the version that no other supersedes, or None if none is published."""
    newest = select_records(tx, PublishedTerms).order_by(published_terms.c.version.desc()).limit(1)
    found = await fetch_records(tx, PublishedTerms, newest)
    return found[0] if found else None


async def get_newest_terms(tx: Transaction) -> PublishedTerms:
    """Return the version that no other supersedes. Errors: TermsUnpublishedError."""
    newest = await find_newest_terms(tx)
    if newest is None:
        raise TermsUnpublishedError
    return newest


def _check(text: LanguageText) -> LanguageText:
    if not _LANGUAGE.fullmatch(text.language):
        raise TermsTextsInvalidError(field="language")
    checked = check_text(text.text, field="text", length_max=_TEXT_LENGTH_MAX, lines=True)
    if not checked:
        raise TermsTextsInvalidError(field="text")
    return LanguageText(language=text.language, text=checked)
