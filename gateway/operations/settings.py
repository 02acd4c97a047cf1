"""Settings of a request's way: what the graph's door lets in, and every bound that is checked before execution."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from auth.settings import check_url
from ledger.pages import PAGE_SIZE_MAX
from ledger.sections import SettingsSection


class DoorSettings(SettingsSection):
    """Who may ask, and in which form the answers come."""

    title: ClassVar[str] = "The graph's door"

    graphiql: bool = Field(default=True, description="Serve GraphiQL to browsers at GET /graphql.")
    reject_unauthorized: bool = Field(
        default=False, description="Refuse a whole query when a scope is missing, instead of null for the field."
    )
    http_status_edition: Literal["2025-07", "2026-09"] = Field(
        "2025-07",
        description="Statuses of application/graphql-response+json: 2025-07 has 200 for a partial answer and 400 for "
        "an invalid operation; 2026-09, the specification's first edition, has 294 and 422.",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins of web frontends that may call the graph from a browser, with commas."
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
    """How large, deep, costly and frequent an operation may be, and how long it may run."""

    title: ClassVar[str] = "Limits, all checked before execution"

    body_bytes_max: int = Field(4_194_304, ge=1024, description="The largest request body.")
    url_bytes_max: int = Field(8_192, ge=256, le=65_536, description="The longest URL.")
    header_bytes_max: int = Field(32_768, ge=1024, le=1_048_576, description="All headers of a request together.")
    document_tokens_max: int = Field(1_000, ge=10, le=100_000, description="Tokens of a document.")
    document_depth_max: int = Field(15, ge=1, le=100, description="Levels of fields, fragments followed.")
    document_aliases_max: int = Field(30, ge=0, le=10_000, description="Aliases in a document.")
    document_directives_max: int = Field(50, ge=0, le=10_000, description="Directives in a document.")
    document_repeats_max: int = Field(
        20, ge=1, le=10_000, description="Times that one response key may stand in one selection."
    )
    document_selections_max: int = Field(
        5_000, ge=10, le=1_000_000, description="Fields of an operation after its fragments are spread."
    )
    document_cache_entries: int = Field(
        1_000, ge=0, le=1_000_000, description="Parsed and validated documents, and plans of them, that are kept."
    )
    page_size_max: int = Field(
        PAGE_SIZE_MAX, ge=1, le=PAGE_SIZE_MAX, description="The most that first, last or a slicing argument asks."
    )
    list_items_max: int = Field(1_000, ge=1, le=100_000, description="Items of a list argument or of a bulk mutation.")
    representations_max: int = Field(
        5_000, ge=1, le=10_000, description="Representations that one `_entities` takes, given in a variable."
    )
    cost_max: int = Field(20_000, ge=1, description="Estimated cost of an operation (IBM cost directives).")
    operation_timeout_seconds: float = Field(20, gt=0, le=3600, description="The longest one operation may run.")
    in_flight_max: int = Field(256, ge=1, le=100_000, description="Operations that one process runs at once.")
    rate_per_second: float = Field(50, gt=0, le=1_000_000, description="Operations of one client, per process, steady.")
    rate_burst: int = Field(200, ge=1, le=1_000_000, description="Operations of one client at once.")
    rate_anonymous_per_second: float = Field(
        10, gt=0, le=1_000_000, description="As RATE_PER_SECOND, for callers without a token, by address."
    )
    rate_anonymous_burst: int = Field(40, ge=1, le=1_000_000, description="As RATE_BURST, without a token.")


class OperationSettings(LimitSettings, DoorSettings):
    """Everything that a request's way is told."""
