"""Entity tags of answers: what an answer depends on, as a hash, so that who holds it can ask whether it still holds.

Only what is compiled as a whole, doesn't follow the clock and is read from watched tables has one
(ledger/storage/changes.py). A tag is of the statements with their values, the conditions of row-level security, the
caller and its rights, the form of the answer, and the version of what was read, which is read with it.
Source: RFC 9110 sections 8.8.3 and 13.1.2; docs/adr/0126.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from auth.tokens.principal import Principal
from gateway.operations.progress import Authorized
from ledger.compiling.programs import Program
from ledger.storage.changes import find_dependencies
from ledger.storage.markers import AS_OF
from ledger.storage.roles import Role
from ledger.storage.wire import encode_value

_FORM = b"1"
"""To be changed whenever an answer is put together otherwise of the texts of its statements."""
_DIGEST_BYTES = 16
_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_ANY = "*"


@dataclass(frozen=True, slots=True)
class Tagging:
    """How an operation's answers get their tags.

    Shapes: version is the statement that reads the version alone, and first the operation's first statement with the
    version as a further column. digest is of all that is the same for every caller of the kind.
    """

    version: str
    first: str
    digest: bytes

    @classmethod
    def of(
        cls, programs: Sequence[tuple[str, Program, Sequence[Any]]], more: Mapping[str, Any], role: Role
    ) -> "Tagging | None":
        """Find how to tag what these programs answer; None if their answers can have no tag.

        Shapes: programs has the key, the program and the values of each root field, all that the arguments determine;
        more is the rest of the answer.
        """
        if any(AS_OF.key in program.slots for _, program, _ in programs):
            return None
        read = find_dependencies((program.sql for _, program, _ in programs), role)
        if read is None:
            return None
        digest = hashlib.blake2b(_FORM, digest_size=_DIGEST_BYTES)
        _feed(digest, (role.value, *read.rules), orjson.dumps(more))
        for key, program, values in programs:
            _feed(digest, (key, program.sql), *map(_encode, values))
        version = read.render_version()
        first = programs[0][1].sql
        return cls(version, f"SELECT q.*, ({version}) AS v FROM ({first}) AS q", digest.digest())

    def tag(self, authorized: Authorized, principal: Principal, version: bytes, *, recorded_items_max: int) -> str:
        """The tag of the answer to a caller; recorded_items_max decides which of its readings are recorded."""
        rights = (principal.member_kind, principal.member_id, principal.brand_id, principal.officer_id)
        caller = _hash_caller(rights, principal.scopes, authorized.media_type.value, recorded_items_max)
        digest = hashlib.blake2b(self.digest + caller + version, digest_size=_DIGEST_BYTES)
        return f'"{digest.hexdigest()}"'


def is_held(tag: str, if_none_match: Sequence[str], *, any_counts: bool) -> bool:
    """Whether the headers name the tag, compared weakly; any_counts: whether `*` names it, as it does what exists.

    What is no tag names none.
    """
    given = ", ".join(if_none_match)
    return bool(given) and ((any_counts and given.strip() == _ANY) or tag in _TAG.findall(given))


@lru_cache(maxsize=1_024)
def _hash_caller(rights: tuple[str | None, ...], scopes: frozenset[str], form: str, recorded_items_max: int) -> bytes:
    """A hash of all of an answer that depends on who asks, and in which form. It is made once for each."""
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    _feed(digest, (*(each or "" for each in rights), form, str(recorded_items_max), *sorted(scopes)))
    return digest.digest()


def _encode(value: Any) -> bytes:
    encoded = encode_value(value)
    return b"-" if encoded is None else b"+" + encoded


def _feed(digest: Any, texts: Iterable[str], *values: bytes) -> None:
    """Add values to a hash, each with its length, so that no two lists of them are taken for each other."""
    each = [*(text.encode() for text in texts), *values]
    digest.update(b"%d;" % len(each) + b"".join(b"%d:%b" % (len(value), value) for value in each))
