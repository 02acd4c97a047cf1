"""Web addresses taken apart, and where they lead: to an account, a group, a post, or nothing that is known. Pure.

An address is taken apart by urllib and its host is brought into ASCII by idna. What browsers and programs take apart
in different ways (a backslash, a user before the host, a port of its own, a parameter twice) leads nowhere here: it
could lead its reader to another account than the one that we read. Nothing is fetched, so short links stay unread.
Source: RFC 3986; UTS 46; docs/adr/0150.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

import idna

from ledger.accounts.links import APPS, Link, read_link
from ledger.accounts.platforms import find_platform_by_host
from ledger.accounts.vocabulary import AccountKind
from ledger.vocabulary import Platform

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_BARE = re.compile(r"(?:[^\s/:@?#\\]+\.)+[^\s/:@?#.\\]{2,}/\S*")
_PLAIN_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*", re.ASCII)
UNCERTAIN = re.compile(r"[\s\\\x00-\x1f\x7f]")
"""What browsers and programs read in different ways wherever it stands in an address."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address leads: the platform, None if its host is none's; the host in ASCII; and what is there.

    handle is the handle as the address has it, if it leads to an account.
    """

    platform: Platform | None
    host: str
    kind: AccountKind
    handle: str | None = None


def is_address(text: str) -> bool:
    """Whether a text that somebody gave as a handle is an address, with or without its scheme."""
    return bool(_SCHEME.match(text) or _BARE.fullmatch(text))


def find_place(text: str) -> Place | None:
    """Return where an address leads, or None if it can't be taken apart with certainty. It never raises."""
    if UNCERTAIN.search(text):
        return None
    try:
        return _find_place(text if _SCHEME.match(text) else f"https://{text}")
    except ValueError:  # urllib's, idna's (UnicodeErrors), and a percent-encoding that isn't UTF-8
        return None


def _find_place(text: str) -> Place | None:
    parts = urlsplit(text)
    query = _read_query(parts.query)
    path = tuple(unquote(segment, errors="strict") for segment in parts.path.split("/") if segment)
    fragment = unquote(parts.fragment, errors="strict")
    if parts.scheme in APPS:
        platform = APPS[parts.scheme]
        return _follow(platform, parts.scheme, Link(parts.scheme, parts.netloc.lower(), path, query, fragment))
    if parts.scheme not in {"http", "https"} or "@" in parts.netloc or parts.port not in {None, 80, 443}:
        return None
    host = read_host(parts.hostname or "")
    known = find_platform_by_host(host)
    if known is None:
        named = host.removeprefix("www.")
        return Place(None, named, AccountKind.UNREAD) if "." in named else None
    platform, domain, before = known
    return _follow(platform, host, Link(domain, before, path, query, fragment))


def read_host(host: str) -> str:
    """Return the host in ASCII. Errors: UnicodeError for one that is no name of a host."""
    bare = host.rstrip(".")
    return bare if _PLAIN_HOST.fullmatch(bare) and "xn--" not in bare else idna.encode(bare, uts46=True).decode()


def _read_query(text: str) -> Mapping[str, str]:
    """Return the parameters by name, without those that are given twice with different values."""
    pairs = set(parse_qsl(text, errors="strict"))
    names = [name for name, _ in pairs]
    return {name: value for name, value in pairs if names.count(name) == 1}


def _follow(platform: Platform, host: str, link: Link) -> Place:
    found = read_link(platform, link)
    if isinstance(found, AccountKind):
        return Place(platform, host, found)
    return Place(platform, host, AccountKind.ACCOUNT if found else AccountKind.UNREAD, found or None)
