"""Documents that clients name by their SHA-256, from a manifest that the clients' build wrote and the operator chose.

The manifest is read once, at start, and nothing is ever added to it: a registry that callers could fill would be memory
that they own, and would trust whatever they send. A document from it is parsed, validated, weighed and authorized like
any other.
Source: GraphQL over HTTP, appendix "Persisted Documents"; the forms of Apollo's `generate-persisted-query-manifest`, of
graphql-codegen's `persistedDocuments` and of Relay's `persistConfig`; docs/adr/0112.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from graphql import OperationDefinitionNode

from gateway.operations.errors import (
    DocumentNotTrustedError,
    MalformedRequestError,
    PersistedQueryNotFoundError,
    PersistedQueryNotSupportedError,
)
from gateway.operations.introspection import reads_schema_only
from gateway.operations.progress import Document, GraphQLRequest
from gateway.operations.requests import load_json
from gateway.operations.settings import DoorSettings
from gateway.settings import SettingsError

MANIFEST_BYTES_MAX = 16_777_216
DOCUMENTS_MAX = 10_000
_DEPTH_MAX = 4
_APOLLO = "apollo-persisted-query-manifest"
_PREFIX = "sha256:"
_ID_CHARACTERS_TOLD_MAX = 80
# The words by which clients of automatic persisted queries know that they must send the text.
_NOT_SUPPORTED, _NOT_FOUND = "PersistedQueryNotSupported", "PersistedQueryNotFound"


@dataclass(frozen=True, slots=True)
class TrustedDocuments:
    """The trusted documents by their hash: lower-case hexadecimal, without a prefix. Immutable.

    Shapes: texts is None without a manifest; is_exclusive says that no other document is accepted.
    """

    texts: Mapping[str, str] | None = None
    is_exclusive: bool = False
    _known: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Index the texts."""
        object.__setattr__(self, "_known", frozenset((self.texts or {}).values()))

    def find_text(self, request: GraphQLRequest) -> str:
        """Return the text of a request's document. Where it has both, the text must be what its hash says.

        Errors: PersistedQueryNotSupportedError without a manifest; PersistedQueryNotFoundError; DocumentNotTrustedError
        if no other documents are accepted; MalformedRequestError.
        """
        name = request.document_id
        if request.query or name is None:
            text = request.query or ""
            if name is not None and _is_hash(name) and _hash(text) != _bare(name):
                raise MalformedRequestError("The query doesn't have the hash that the request gives.")
            return text
        if self.texts is None:
            raise PersistedQueryNotSupportedError(_NOT_SUPPORTED)
        found = self.texts.get(_bare(name))
        if found is not None:
            return found
        raise DocumentNotTrustedError if self.is_exclusive else PersistedQueryNotFoundError(_NOT_FOUND)

    def check(self, document: Document, operation: OperationDefinitionNode) -> None:
        """Refuse a document that is not trusted, if no others are accepted, unless the operation only reads the schema.

        Errors: DocumentNotTrustedError.
        """
        if self.is_exclusive and document.text not in self._known and not reads_schema_only(operation):
            raise DocumentNotTrustedError


def load_trusted_documents(settings: DoorSettings) -> TrustedDocuments:
    """Read the manifest that the settings name. Errors: SettingsError, which names the entry that is wrong."""
    path = settings.trusted_documents
    if path is None:
        if settings.trusted_documents_only:
            raise SettingsError("JEMBATAN_TRUSTED_DOCUMENTS_ONLY: needs JEMBATAN_TRUSTED_DOCUMENTS.")
        return TrustedDocuments()
    try:
        texts = parse_manifest(_read(path))
    except MalformedRequestError as error:
        raise SettingsError(f"JEMBATAN_TRUSTED_DOCUMENTS: {error.message}") from None
    return TrustedDocuments(texts, is_exclusive=settings.trusted_documents_only)


def parse_manifest(content: bytes) -> dict[str, str]:
    """Return the texts of a manifest of either form, by hash.

    Errors: MalformedRequestError, for what is not a manifest, for more than DOCUMENTS_MAX documents, and for an id that
    is not the SHA-256 of its text.
    """
    value = load_json(content, what="manifest", depth_max=_DEPTH_MAX)
    texts: dict[str, str] = {}
    for identifier, text in _list_entries(value):
        shown = repr(identifier[:_ID_CHARACTERS_TOLD_MAX])
        if not _is_hash(identifier) or _hash(text) != _bare(identifier):
            raise MalformedRequestError(
                f"{shown} is not the SHA-256 of its document's text; set the generator's algorithm to sha256."
            )
        texts[_bare(identifier)] = text
        if len(texts) > DOCUMENTS_MAX:
            raise MalformedRequestError(f"The manifest has more than {DOCUMENTS_MAX} documents.")
    return texts


def _list_entries(value: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(value, Mapping):
        raise MalformedRequestError("The manifest is not a JSON object.")
    if "format" not in value:
        entries = list(value.items())
    elif value["format"] == _APOLLO and value.get("version") == 1 and isinstance(value.get("operations"), list):
        entries = [(item.get("id"), item.get("body")) for item in value["operations"] if isinstance(item, Mapping)]
        if len(entries) != len(value["operations"]):
            raise MalformedRequestError("An operation of the manifest is not an object.")
    else:
        raise MalformedRequestError(f"The manifest is not {_APOLLO} version 1.")
    for identifier, text in entries:
        if not isinstance(identifier, str) or not isinstance(text, str):
            raise MalformedRequestError("A document of the manifest lacks its id or its text.")
        yield identifier, text


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MANIFEST_BYTES_MAX + 1)
    except OSError as error:
        raise MalformedRequestError(f"The manifest can't be read: {error.strerror}.") from None
    if len(content) > MANIFEST_BYTES_MAX:
        raise MalformedRequestError(f"The manifest is larger than {MANIFEST_BYTES_MAX} bytes.")
    return content


def _is_hash(identifier: str) -> bool:
    bare = _bare(identifier)
    return len(bare) == sha256().digest_size * 2 and all(character in "0123456789abcdef" for character in bare)


def _bare(identifier: str) -> str:
    return identifier.removeprefix(_PREFIX)


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
