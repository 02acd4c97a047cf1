"""Settings of subscriptions: how many, how much may wait for a reader, and how fast history is sent."""

from typing import ClassVar

from pydantic import Field

from ledger.sections import SettingsSection


class StreamSettings(SettingsSection):
    """The bounds of event streams and WebSockets."""

    title: ClassVar[str] = "Subscriptions"

    streams_max: int = Field(20_000, ge=0, le=1_000_000, description="Subscriptions that one process serves at once.")
    stream_connections_per_client: int = Field(
        64, ge=1, le=1_000_000, description="WebSocket and stream connections of one client, per process."
    )
    subscriptions_per_connection: int = Field(
        32, ge=1, le=10_000, description="Operations that run on one WebSocket at once."
    )
    stream_init_seconds: float = Field(
        5, gt=0, le=300, description="How long a WebSocket may take to send connection_init."
    )
    stream_heartbeat_seconds: float = Field(
        15, gt=0, le=3600, description="How often a stream that is silent shows that it lives."
    )
    stream_stall_seconds: float = Field(
        30,
        gt=0,
        le=3600,
        description="How long a reader may take nothing, or leave a ping unanswered, before it is ended.",
    )
    stream_buffer_bytes_max: int = Field(
        262_144, ge=4_096, le=67_108_864, description="Bytes that wait for one slow reader before it is paused."
    )
    stream_message_bytes_max: int = Field(
        65_536, ge=1024, le=16_777_216, description="The largest message that a WebSocket client may send."
    )
    stream_messages_per_second: float = Field(
        50, gt=0, le=1_000_000, description="Messages that a WebSocket client may send, steady; twice that at once."
    )
    catch_up_batch_max: int = Field(100, ge=1, le=1_000, description="Entries that a catching-up stream reads at once.")
    catch_up_per_second: int = Field(
        2_000, ge=1, le=1_000_000, description="Entries per second that one catching-up stream is sent."
    )
    catch_ups_at_once: int = Field(
        4, ge=1, le=500, description="Catching-up streams that read from the database at once, per process."
    )
