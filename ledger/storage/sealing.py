"""Encryption of data that only the regulator may read: AES-256-GCM under a keyring from the settings.

A sealed value is `version byte | key id length | key id | 12-byte nonce | ciphertext and tag`. Its context
("table.column:row id") is part of the associated data, so that a value copied to another row or column
can't be decrypted. No log line or error may contain a key or a plaintext.

Source: NIST SP 800-38D (GCM); the nonce is random, and a key seals far fewer than 2**32 values.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.errors import EncryptionKeyError

_VERSION = 1
_NONCE_BYTES = 12
_KEY_BYTES = 32
_KEY_ID = re.compile(r"^[A-Za-z0-9._-]{1,32}$")


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    """The encryption keys, of which the current one encrypts and all decrypt, and the key of complainant references."""

    keys: Mapping[str, bytes]
    current_key_id: str
    reference_key: bytes

    @classmethod
    def from_text(cls, encryption_keys: str, reference_key: str) -> "Keyring":
        """Parse `id:base64,id:base64` (32 bytes each, the first one encrypts) and the reference key (base64).

        Errors: EncryptionKeyError, which identifies the malformed part by its position and never quotes it.
        """
        keys: dict[str, bytes] = {}
        for place, part in enumerate(encryption_keys.split(","), start=1):
            key_id, _, encoded = part.strip().partition(":")
            if not _KEY_ID.match(key_id) or key_id in keys:
                raise EncryptionKeyError(f"Encryption key {place} needs a unique key id before the colon.")
            keys[key_id] = _decode_key(encoded, f"Encryption key {place}")
        return cls(keys, next(iter(keys)), _decode_key(reference_key, "The reference key"))

    @classmethod
    def generate_text(cls) -> tuple[str, str]:
        """New random keys as (encryption keys, reference key), in the form that from_text reads."""
        key_id = f"k{secrets.token_hex(4)}"
        encoded = [base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode() for _ in range(2)]
        return f"{key_id}:{encoded[0]}", encoded[1]

    def seal(self, plaintext: bytes, context: str) -> bytes:
        """Encrypt under the current key, bound to the context `table.column:row id`."""
        key_id = self.current_key_id.encode()
        nonce = os.urandom(_NONCE_BYTES)
        head = bytes((_VERSION, len(key_id))) + key_id
        return head + nonce + AESGCM(self.keys[self.current_key_id]).encrypt(nonce, plaintext, head + context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Decrypt a value that seal returned for the same context. Errors: EncryptionKeyError."""
        key_id = sealed_key_id(sealed)
        key = self.keys.get(key_id)
        if key is None:
            raise EncryptionKeyError(f"The encryption key with id {key_id!r} is missing.")
        head_length = 2 + sealed[1]
        head, nonce = sealed[:head_length], sealed[head_length : head_length + _NONCE_BYTES]
        try:
            return AESGCM(key).decrypt(nonce, sealed[head_length + _NONCE_BYTES :], head + context.encode())
        except InvalidTag:
            raise EncryptionKeyError(
                f"The encryption key with id {key_id!r} can't decrypt what was encrypted under that id."
            ) from None

    def digest(self, plaintext: bytes, context: str) -> str:
        """The keyed hash of a sealed value, bound to its context: values of two rows can't be compared by it."""
        return hmac.new(self.reference_key, f"{context}\0".encode() + plaintext, hashlib.sha256).hexdigest()

    def reference(self, value: str) -> str:
        """The keyed hash that identifies equal values without revealing them."""
        return hmac.new(self.reference_key, value.encode(), hashlib.sha256).hexdigest()


def sealed_key_id(sealed: bytes) -> str:
    """The id of the key that a value was sealed under. Errors: EncryptionKeyError for a value that is not sealed."""
    if len(sealed) < 2 + _NONCE_BYTES or sealed[0] != _VERSION:
        raise EncryptionKeyError("A stored value is not in sealed form.")
    return sealed[2 : 2 + sealed[1]].decode("ascii", "replace")


def _decode_key(encoded: str, name: str) -> bytes:
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise EncryptionKeyError(f"{name} must be {_KEY_BYTES} bytes in base64.")
    return key
