"""Settings of subscriptions: how many may be open, how much is buffered for a client, and how fast history is sent."""

from typing import ClassVar

from pydantic import Field

from ledger.sections import SettingsSection


class StreamSettings(SettingsSection):
    """The limits of event streams and WebSockets."""

    title: ClassVar[str] = "Subscriptions"

    streams_max: int = Field(20_000, ge=0, le=1_000_000, description="Open subscriptions in one process.")
    stream_connections_per_client: int = Field(
        64, ge=1, le=1_000_000, description="WebSocket and stream connections of one client, in each process."
    )
    subscriptions_per_connection: int = Field(
        32, ge=1, le=10_000, description="Operations that may run concurrently on one WebSocket."
    )
    stream_init_seconds: float = Field(
        5, gt=0, le=300, description="How long a WebSocket may take to send connection_init."
    )
    stream_heartbeat_seconds: float = Field(
        15, gt=0, le=3600, description="How often an idle stream sends a heartbeat."
    )
    stream_stall_seconds: float = Field(
        30,
        gt=0,
        le=3600,
        description="How long a client may read nothing, or leave a ping unanswered, before it is disconnected.",
    )
    stream_buffer_bytes_max: int = Field(
        262_144,
        ge=4_096,
        le=67_108_864,
        description="Bytes buffered for one connection of a slow client before its streams are paused.",
    )
    stream_message_bytes_max: int = Field(
        65_536, ge=1024, le=16_777_216, description="The largest message that a client may send over a WebSocket."
    )
    stream_messages_per_second: float = Field(
        50,
        gt=0,
        le=1_000_000,
        description="Messages per second that a client may send over one WebSocket; bursts may be twice that.",
    )
    catch_up_batch_max: int = Field(
        100, ge=1, le=1_000, description="Entries that one stream reads at a time while it catches up."
    )
    catch_up_per_second: int = Field(
        2_000, ge=1, le=1_000_000, description="Entries per second that one stream sends while it catches up."
    )
    catch_ups_at_once: int = Field(
        4, ge=1, le=500, description="Streams in each process that may read from the database concurrently to catch up."
    )
