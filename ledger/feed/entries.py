"""Entries of the feed: what each one commits to, byte by byte, and who may receive it.

    leaf hash     = SHA-256(0x00 || salt || entry text)                  the leaf of RFC 6962
    reserved hash = SHA-256(reserved salt || reserved text)              inside the entry text, in hex

Both texts are PostgreSQL's rendering of a jsonb object (keys by length, then by byte; `": "` and `", "`), built only by
the expressions below, so that the hashed text can be rebuilt from the columns: a changed column changes the hash. The
reserved text contains who acted, who may receive the entry, and what it commits to; members see only its hash.
Source: design section 5; docs/adr/0052.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import BrandId, MemberId, Position
from ledger.viewer import Viewer, ViewerKind

RESERVED_TEXT = """
(jsonb_build_object('actorMemberId', e.actor_member_id, 'actorOfficerId', e.actor_officer_id,
  'actorClientId', e.actor_client_id, 'audience', to_jsonb(e.audience), 'brandId', e.brand_id)
  || CASE WHEN e.content IS NULL THEN '{}'::jsonb ELSE jsonb_build_object('content', e.content) END)::text
"""
"""For a row `e` of events."""

ENTRY_TEXT = """
jsonb_build_object('kind', e.kind, 'subject', e.subject, 'subjectId', e.subject_id, 'state', e.state,
  'payload', e.payload, 'recordedAt', to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  'reserved', encode({reserved_hash}, 'hex'))::text
"""
"""For a row `e` of events; reserved_hash is an expression for the 32 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event with its place in the feed, as used inside the gateway. It must never be sent to a client unchanged.

    audience and brand_id determine who may receive it and are shown only to the regulator. If erased_at is set,
    payload is empty, and the subject_id of a number is "erased".
    """

    position: Position
    leaf_hash: bytes
    kind: EventKind
    subject: Subject
    subject_id: str
    state: str | None
    payload: Mapping[str, Any]
    recorded_at: datetime
    erased_at: datetime | None = None
    audience: Sequence[MemberId] = ()
    brand_id: BrandId | None = None


def may_get(entry: Entry, viewer: Viewer) -> bool:
    """Whether the viewer may receive an entry whose audience is known; the policies on `events` enforce the same.

    It does not check whether a provider has left: its streams end at PARTICIPATION_ENDED, and later reads go through
    the policies, which hide entries about signals.
    """
    if viewer.kind is ViewerKind.REGULATOR:
        return True
    if viewer.member_id is None or viewer.member_id not in entry.audience:
        return False
    return viewer.kind is not ViewerKind.CARRIER or viewer.brand_id is None or viewer.brand_id == entry.brand_id
