"""Links to the bytes of evidence: signed, short-lived, and of use only with a token of the viewer that got one.

A link says what it leads to and until when. Its signature also covers who it is for, which the link doesn't say: it is
checked against the viewer who presents it, with a token. So a link that leaks, through a log or a message, leads
nowhere. Keys are the installation's, so that every process knows every link.
Source: docs/adr/0158.
"""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ledger.closed_lists import ClosedList
from ledger.identifiers import parse_id
from ledger.storage.sealing import Keyring
from ledger.viewer import Viewer

_PARTS = 4
_LENGTH_MAX = 200


class Linked(ClosedList):
    """What a link leads to."""

    EVIDENCE = "evidence", "A piece of evidence."
    EXTRACT = "extract", "A redacted extract."


@dataclass(frozen=True, slots=True)
class Link:
    """What a valid link leads to."""

    kind: Linked
    id: str


def sign_link(keyring: Keyring, link: Link, viewer: Viewer, *, as_of: datetime, valid: timedelta) -> str:
    """Return the text of a link for a viewer."""
    until = int((as_of + valid).timestamp())
    return f"{link.kind.value}.{link.id}.{until}.{_sign(keyring, link, until, viewer)}"


def read_link(keyring: Keyring, text: str, viewer: Viewer, *, as_of: datetime) -> Link | None:
    """Return what a link leads to; None if it is not ours, was made for another viewer, or has expired."""
    parts = text.split(".") if len(text) <= _LENGTH_MAX and text.isascii() else []
    if len(parts) != _PARTS:
        return None
    kind, link_id, until, signature = parts
    if kind not in set(Linked) or parse_id(link_id) != link_id or not until.isdecimal():
        return None
    link = Link(Linked(kind), link_id)
    expected = _sign(keyring, link, int(until), viewer)
    if not hmac.compare_digest(signature, expected) or datetime.fromtimestamp(int(until), UTC) <= as_of:
        return None
    return link


def _sign(keyring: Keyring, link: Link, until: int, viewer: Viewer) -> str:
    whom = "/".join(each or "-" for each in (viewer.member_id, viewer.client_id, viewer.officer_id, viewer.brand_id))
    return keyring.reference(f"evidence-link:{link.kind.value}:{link.id}:{until}:{whom}")
