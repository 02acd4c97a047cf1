"""Settings of GraphQL operations: how the endpoint accepts requests, and the limits checked before execution."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from auth.settings import check_url
from ledger.pages import PAGE_SIZE_MAX
from ledger.sections import SettingsSection


class DoorSettings(SettingsSection):
    """How the GraphQL endpoint accepts requests and shapes its responses."""

    title: ClassVar[str] = "The GraphQL endpoint"

    graphiql: bool = Field(default=True, description="Serve GraphiQL to browsers at GET /graphql.")
    introspection_public: bool = Field(
        default=False,
        description="Let callers without a token read the schema (`__schema`, `__type`, `_service`) and the names that "
        "errors suggest.",
    )
    reject_unauthorized: bool = Field(
        default=False,
        description="Refuse the entire query if a scope is missing, instead of returning null for the field.",
    )
    compiled_reads: bool = Field(
        default=True,
        description="Whether queries of the ledger are compiled into one SQL statement for each root field. The "
        "answers are the same without it, and cost several times as much.",
    )
    entity_tags: bool = Field(
        default=True,
        description="Whether answers that are compiled as a whole have an ETag, so that a client that sends it back as "
        "If-None-Match is told by 304 that nothing was changed.",
    )
    trusted_documents: Path | None = Field(
        None,
        description="A file of documents that clients may name by their SHA-256, read at start: Apollo's manifest of "
        "persisted queries, or a JSON object of texts by hash, as graphql-codegen and Relay write it.",
    )
    trusted_documents_only: bool = Field(
        default=False,
        description="Accept no other documents than those in TRUSTED_DOCUMENTS, over every transport. Operations that "
        "only read the schema are accepted from whoever may read it. Routers write documents of their own, so set this "
        "only where clients call the gateway directly.",
    )
    http_status_edition: Literal["2025-07", "2026-09"] = Field(
        "2025-07",
        description="Status codes of application/graphql-response+json: 2025-07 uses 200 for a partial result and 400 "
        "for an invalid operation; 2026-09, the specification's first edition, uses 294 and 422.",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins of web frontends that may call the graph from a browser, separated by commas."
    )

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
        return value

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(check_url(origin) for origin in value)


class LimitSettings(SettingsSection):
    """How large, deep, costly and frequent operations may be, and how long they may run."""

    title: ClassVar[str] = "Limits of operations"

    body_bytes_max: int = Field(
        4_194_304,
        ge=1024,
        description="The largest body of one request; a larger EVIDENCE_BYTES_MAX needs a larger body.",
    )
    body_anonymous_bytes_max: int = Field(
        65_536, ge=1024, description="The largest request body of a caller without a token; at most BODY_BYTES_MAX."
    )
    body_values_max: int = Field(
        50_000, ge=100, le=10_000_000, description="Most values in a body: objects, lists and scalars, at any depth."
    )
    url_bytes_max: int = Field(8_192, ge=256, le=65_536, description="The longest URL, as sent.")
    header_bytes_max: int = Field(
        32_768, ge=1024, le=1_048_576, description="Total size of a request's headers, as sent."
    )
    document_characters_max: int = Field(
        32_768, ge=100, le=4_194_304, description="Most characters in a document, including comments."
    )
    document_tokens_max: int = Field(1_000, ge=10, le=100_000, description="Most tokens in a document.")
    document_depth_max: int = Field(15, ge=1, le=100, description="Deepest nesting of fields, through fragments.")
    document_aliases_max: int = Field(30, ge=0, le=10_000, description="Most aliases in a document.")
    document_directives_max: int = Field(50, ge=0, le=10_000, description="Most directives in a document.")
    document_repeats_max: int = Field(
        20, ge=1, le=10_000, description="How often one response key may occur in one selection."
    )
    document_selections_max: int = Field(
        5_000, ge=10, le=1_000_000, description="Most fields of an operation after its fragments are expanded."
    )
    document_cache_entries: int = Field(
        1_000,
        ge=0,
        le=1_000_000,
        description="Parsed and validated documents, and their plans, that each process caches.",
    )
    page_size_max: int = Field(
        PAGE_SIZE_MAX, ge=1, le=PAGE_SIZE_MAX, description="Largest value of first, last or another slicing argument."
    )
    list_items_max: int = Field(
        1_000, ge=1, le=100_000, description="Most items in one list argument or one bulk mutation."
    )
    representations_max: int = Field(
        5_000, ge=1, le=10_000, description="Most representations in one `_entities` call, passed in a variable."
    )
    cost_max: int = Field(20_000, ge=1, description="Highest estimated cost of an operation (IBM cost directives).")
    cost_per_operation: int = Field(
        100,
        ge=1,
        description="How many points of an operation's cost count as one further operation against RATE_PER_SECOND of "
        "its client, before it runs.",
    )
    answer_bytes_max: int = Field(
        8_388_608,
        ge=16_384,
        description="The largest answer to one operation, and the largest message of a subscription, in bytes of JSON, "
        "over every transport.",
    )
    bytes_per_operation: int = Field(
        65_536,
        ge=1024,
        description="How many bytes of an answer, where that is more than its cost counted, count as one further "
        "operation against RATE_PER_SECOND of its client.",
    )
    body_bytes_per_operation: int = Field(
        16_384,
        ge=1024,
        description="How many bytes of a body count as one further operation: fewer than of an answer, since all of a "
        "body is read before anything in it can be refused.",
    )
    operation_timeout_seconds: float = Field(20, gt=0, le=3600, description="The longest that one operation may run.")
    in_flight_max: int = Field(256, ge=1, le=100_000, description="Operations that one process runs concurrently.")
    at_once_per_client_max: int = Field(
        4,
        ge=1,
        le=100_000,
        description="Operations of one client, or of one address without a token, that one process works on at once; "
        "further ones wait in line, at most OPERATION_TIMEOUT_SECONDS.",
    )
    rate_per_second: float = Field(
        50, gt=0, le=1_000_000, description="Sustained operations per second of one client, in each process."
    )
    rate_burst: int = Field(
        200, ge=1, le=1_000_000, description="Operations that one client may send in a burst, in each process."
    )
    rate_anonymous_per_second: float = Field(
        10,
        gt=0,
        le=1_000_000,
        description="As RATE_PER_SECOND, for callers without a token, by address (IPv6: by /64).",
    )
    rate_anonymous_burst: int = Field(
        40, ge=1, le=1_000_000, description="As RATE_BURST, for callers without a token, by address (IPv6: by /64)."
    )


class OperationSettings(LimitSettings, DoorSettings):
    """All settings of GraphQL operations."""
