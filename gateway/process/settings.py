"""Settings of a serving process: its connections, metrics, jobs and logs."""

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from ledger.sections import SettingsSection


class ProcessSettings(SettingsSection):
    """How one serving process runs, besides executing operations."""

    title: ClassVar[str] = "The serving process"

    metrics_host: str = Field("127.0.0.1", description="Address that /metrics listens on.")
    metrics_port: int = Field(9464, ge=0, le=65_535, description="Port that /metrics listens on; 0 disables it.")
    trusted_proxies: str = Field(
        "127.0.0.1", description="Proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted, separated by commas."
    )
    connections_max: int = Field(
        20_000,
        ge=10,
        le=1_000_000,
        description="Most connections of one process; the limit of open files bounds them too.",
    )
    connections_per_address_max: int = Field(
        1_000,
        ge=1,
        le=1_000_000,
        description="Most connections of one address (IPv6: /64) in each process, never more than remain free; "
        "those of trusted proxies aren't counted.",
    )
    request_head_seconds: float = Field(
        10, gt=0, le=3600, description="Longest time that a request's head may take to arrive."
    )
    request_body_seconds: float = Field(
        60, gt=0, le=3600, description="Longest time that a request's body may take to arrive."
    )
    request_body_bytes_per_second_min: int = Field(
        1_024, ge=0, le=1_048_576, description="Lowest average rate of a body after its first five seconds."
    )
    keep_alive_seconds: int = Field(75, ge=1, le=3600, description="How long an idle connection is kept open.")
    drain_seconds: int = Field(
        20, ge=0, le=3600, description="How long a stopping process lets running operations finish."
    )
    job_seconds: float = Field(
        300, ge=0, le=86_400, description="How often a process checks for scheduled jobs; 0: it runs none."
    )
    heartbeat_seconds: float = Field(
        15,
        ge=0,
        le=3600,
        description="How often a process says that the gateway is there; a silence of all of them is an outage. 0: it "
        "never says so.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Lowest severity that is logged."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="Format of the log; auto is console on a terminal and json elsewhere."
    )

    @field_validator("log_level", mode="before")
    @classmethod
    def _raise_case(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value
