r"""Cosignatures: a witness's statement, with a time, that a checkpoint is consistent with all that it saw before. Pure.

The signature line of a cosignature stands beside the log's own under the same note:

    line    = <em dash> <name> base64(key id || time || Ed25519 signature)    time: 8 bytes, big-endian, Unix seconds
    signed  = "cosignature/v1\n" "time <seconds>\n" <the note's text>
    key id  = SHA-256(name || "\n" || 0x04 || public key)[:4]

Verifying returns a value and never raises.
Source: C2SP tlog-cosignature (Ed25519), signed-note; ADR 0097.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.feed.notes import (
    PUBLIC_KEY_BYTES,
    is_key_name,
    is_signed,
    make_key_id,
    parse_key,
    parse_signature,
    render_key,
    render_signature,
)

_ED25519_COSIGNATURE = b"\x04"
_TIME = struct.Struct(">Q")
_SIGNATURE_BYTES = 64
_SECONDS_MAX = 253_402_300_799  # the end of the year 9999, the last that a timestamp of ours can be
LINE_LENGTH_MAX = 512
"""In characters: a name of 256, and the base64 of 76 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessKey:
    """A witness's named public key of 32 bytes. Errors: ValueError if the name or the length is invalid."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.name) or len(self.public_key) != PUBLIC_KEY_BYTES:
            raise ValueError("A key has 32 bytes, and a name without spaces, plus signs and control characters.")

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a cosignature identifies its key."""
        return make_key_id(self.name, _ED25519_COSIGNATURE, self.public_key)

    def render(self) -> str:
        """The key as one string that can be published and configured: name+key id+key."""
        return render_key(self.name, _ED25519_COSIGNATURE, self.public_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosignature:
    """A line as it was parsed, which proves nothing before its signature is verified."""

    name: str
    key_id: bytes
    cosigned_at: datetime
    signature: bytes


def parse_witness_key(text: str) -> WitnessKey | None:
    """The key from its published form, or None if it is not an Ed25519 cosignature key in canonical form."""
    parts = parse_key(text, _ED25519_COSIGNATURE)
    return None if parts is None else WitnessKey(name=parts[0], public_key=parts[1])


def find_witness_key(name: str, private_key: Ed25519PrivateKey) -> WitnessKey:
    """The public part of a witness's key."""
    return WitnessKey(name=name, public_key=private_key.public_key().public_bytes_raw())


def cosign(text: str, *, name: str, private_key: Ed25519PrivateKey, at: datetime) -> str:
    """Cosign a checkpoint's text; returns the signature line with its line break. at counts in whole seconds."""
    seconds = int(at.timestamp())
    signature = private_key.sign(_render_signed(text, seconds).encode())
    return render_signature(name, find_witness_key(name, private_key).key_id, _TIME.pack(seconds) + signature)


def parse_cosignature(line: str) -> Cosignature | None:
    """The cosignature in a line without its line break, or None if the line is none."""
    parts = parse_signature(line) if len(line) <= LINE_LENGTH_MAX else None
    if parts is None or len(parts[2]) != _TIME.size + _SIGNATURE_BYTES:
        return None
    (seconds,) = _TIME.unpack(parts[2][: _TIME.size])
    if seconds > _SECONDS_MAX:
        return None
    moment = datetime.fromtimestamp(seconds, UTC)
    return Cosignature(name=parts[0], key_id=parts[1], cosigned_at=moment, signature=parts[2][_TIME.size :])


def is_cosigned(text: str, cosignature: Cosignature, key: WitnessKey) -> bool:
    """Whether the cosignature is this key's over this text of a checkpoint."""
    if (cosignature.name, cosignature.key_id) != (key.name, key.key_id):
        return False
    signed = _render_signed(text, int(cosignature.cosigned_at.timestamp()))
    return is_signed(signed, cosignature.signature, key.public_key)


def _render_signed(text: str, seconds: int) -> str:
    return f"cosignature/v1\ntime {seconds}\n{text}"
