"""Checkpoints as signed notes: a text with the feed's size and root, and the signatures on it. Pure.

A note is text, a blank line, and one line per signature. Verifying any input as a note returns a verdict and never
raises; its text must not be trusted until a signature by a trusted key was verified. Parsing is strict: anything that
two readers could interpret differently is rejected. A note may have the signatures of two keys, so that verifiers can
switch from one to the other; signatures by unknown keys are ignored.

Source: C2SP signed-note (Ed25519, signature type 0x01) and C2SP tlog-checkpoint.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger.feed.merkle import HASH_BYTES

NOTE_LENGTH_MAX = 1 << 17
"""In characters: enough for the 16 signatures that any verifier must accept, even post-quantum ones of 5 kB."""

SIGNATURES_MAX = 64
NAME_LENGTH_MAX = 256
_TREE_SIZE_MAX = (1 << 63) - 1
_TREE_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_ED25519 = b"\x01"
PUBLIC_KEY_BYTES = 32
_KEY_ID_BYTES = 4
_DASH = "\N{EM DASH} "


class NoteFault(StrEnum):
    """Why a note or its checkpoint is rejected. Each is a stable code."""

    TOO_LONG = "NOTE_TOO_LONG"
    MALFORMED = "NOTE_MALFORMED"
    KEY_UNKNOWN = "NOTE_KEY_UNKNOWN"
    SIGNATURE = "NOTE_SIGNATURE_INVALID"
    CHECKPOINT = "CHECKPOINT_MALFORMED"
    ORIGIN = "CHECKPOINT_ORIGIN_WRONG"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A log's size, and the root of its tree at that size. The origin is the log's name."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """A named public key of 32 bytes; a signature line identifies its key by name and key id.

    Errors: ValueError if the key has another length or the name is invalid.
    """

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.name) or len(self.public_key) != PUBLIC_KEY_BYTES:
            raise ValueError("A key has 32 bytes, and a name without spaces, plus signs and control characters.")

    @property
    def key_id(self) -> bytes:
        """The first four bytes of a hash of name, signature type and key: an identifier that proves nothing."""
        return make_key_id(self.name, _ED25519, self.public_key)

    def render(self) -> str:
        """The key as one string that can be published and configured: name+key id+key."""
        return render_key(self.name, _ED25519, self.public_key)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NoteSigner:
    """A named private key."""

    name: str
    private_key: Ed25519PrivateKey

    @property
    def verifier_key(self) -> VerifierKey:
        """The key that verifies its signatures."""
        return VerifierKey(name=self.name, public_key=self.private_key.public_key().public_bytes_raw())


@dataclass(frozen=True, slots=True)
class SignedText:
    """The note is valid: its text, and the known keys that signed it, in the order of their lines."""

    text: str
    signed_by: tuple[VerifierKey, ...]

    def __bool__(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """The note is valid and is a checkpoint of the expected log."""

    checkpoint: Checkpoint
    signed_by: tuple[VerifierKey, ...]

    def __bool__(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Failure:
    """The note is rejected."""

    reason: NoteFault

    def __bool__(self) -> bool:
        return False


def is_key_name(text: str) -> bool:
    """Whether the text may name a key, and so a log: not empty, no Unicode spaces, plus signs or control characters."""
    is_bounded = 0 < len(text) <= NAME_LENGTH_MAX
    return is_bounded and _is_clean(text) and not any(character == "+" or character.isspace() for character in text)


def parse_verifier_key(text: str) -> VerifierKey | None:
    """The key from its published form, or None if it is not an Ed25519 key in canonical form."""
    parts = parse_key(text, _ED25519)
    return None if parts is None else VerifierKey(name=parts[0], public_key=parts[1])


def parse_key(text: str, signature_type: bytes) -> tuple[str, bytes] | None:
    """The name and the 32 bytes of a key from its published form; None if it is of another type or not canonical."""
    name, _, rest = text.partition("+")
    key = decode(rest.partition("+")[2])
    if not is_key_name(name) or key is None or len(key) != 1 + PUBLIC_KEY_BYTES or not key.startswith(signature_type):
        return None
    public_key = key.removeprefix(signature_type)
    return (name, public_key) if render_key(name, signature_type, public_key) == text else None


def render_key(name: str, signature_type: bytes, public_key: bytes) -> str:
    """A key as one string that can be published: name+key id+key."""
    return f"{name}+{make_key_id(name, signature_type, public_key).hex()}+{encode(signature_type + public_key)}"


def make_key_id(name: str, signature_type: bytes, public_key: bytes) -> bytes:
    """The four bytes by which a signature line identifies its key."""
    return sha256(name.encode() + b"\n" + signature_type + public_key).digest()[:_KEY_ID_BYTES]


def render_checkpoint(checkpoint: Checkpoint) -> str:
    """A checkpoint's text, ready to be signed. Errors: ValueError if it could not be parsed back."""
    text = f"{checkpoint.origin}\n{checkpoint.size}\n{encode(checkpoint.root)}\n"
    if parse_checkpoint(text) != checkpoint or not is_key_name(checkpoint.origin):
        raise ValueError("A checkpoint has an origin without spaces, a size of 0 or more, and a root of 32 bytes.")
    return text


def parse_checkpoint(text: str) -> Checkpoint | None:
    """The checkpoint in a note's text, or None if it is not one.

    Lines after the third must not be empty and are ignored: nothing in them can be audited.
    """
    match text.split("\n"):
        case [origin, size, encoded_root, *others, ""] if origin and all(others) and _TREE_SIZE.fullmatch(size):
            root = decode(encoded_root)
            if root is not None and len(root) == HASH_BYTES and int(size) <= _TREE_SIZE_MAX:
                return Checkpoint(origin=origin, size=int(size), root=root)
    return None


def sign_note(text: str, signers: Sequence[NoteSigner]) -> str:
    """The text as a note with a signature by each signer, in order.

    Errors: ValueError if there is no signer, or the text lacks a final newline or has control characters.
    """
    if not signers or not text.endswith("\n") or not _is_clean(text):
        raise ValueError("A note has a signer, and its text is complete lines without control characters.")
    lines = []
    for signer in signers:
        signature = signer.private_key.sign(text.encode())
        lines.append(render_signature(signer.name, signer.verifier_key.key_id, signature))
    return text + "\n" + "".join(lines)


def verify_note(note: str, *, keys: Sequence[VerifierKey]) -> SignedText | Failure:
    """Verify that the note has a valid signature by at least one of the keys, and no invalid one by any of them.

    When reading a note from a file, disable newline translation.
    Source: C2SP signed-note, Format and Signatures.
    """
    if len(note) > NOTE_LENGTH_MAX:
        return Failure(NoteFault.TOO_LONG)
    parts = split_note(note)
    if parts is None:
        return Failure(NoteFault.MALFORMED)
    text, signatures = parts
    known = {(key.name, key.key_id): key for key in keys}
    signed_by: list[VerifierKey] = []
    for name, key_id, signature in signatures:
        key = known.get((name, key_id))
        if key is None:
            continue
        if not is_signed(text, signature, key.public_key):
            return Failure(NoteFault.SIGNATURE)
        if key not in signed_by:
            signed_by.append(key)
    return SignedText(text, tuple(signed_by)) if signed_by else Failure(NoteFault.KEY_UNKNOWN)


def verify_checkpoint(note: str, *, origin: str, keys: Sequence[VerifierKey]) -> SignedCheckpoint | Failure:
    """Verify that the note is a checkpoint of the log with that origin, and its signatures as verify_note does."""
    signed = verify_note(note, keys=keys)
    if isinstance(signed, Failure):
        return signed
    checkpoint = parse_checkpoint(signed.text)
    if checkpoint is None:
        return Failure(NoteFault.CHECKPOINT)
    if checkpoint.origin != origin:
        return Failure(NoteFault.ORIGIN)
    return SignedCheckpoint(checkpoint, signed.signed_by)


def split_note(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]] | None:
    """The text, and the name, key id and signature of each signature line; None if the note is malformed."""
    head, blank, block = note.rpartition("\n\n")
    lines = block.split("\n")
    if not blank or lines.pop() or not 0 < len(lines) <= SIGNATURES_MAX or not _is_clean(note):
        return None
    signatures = [parse_signature(line) for line in lines]
    found = [signature for signature in signatures if signature is not None]
    return (head + "\n", found) if len(found) == len(lines) else None


def render_signature(name: str, key_id: bytes, signature: bytes) -> str:
    """A signature line, with its line break."""
    return f"{_DASH}{name} {encode(key_id + signature)}\n"


def parse_signature(line: str) -> tuple[str, bytes, bytes] | None:
    """The name, key id and signature of a line without its line break, or None if it is not a signature line."""
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    signature = decode(encoded)
    if not line.startswith(_DASH) or not is_key_name(name) or signature is None or len(signature) <= _KEY_ID_BYTES:
        return None
    return name, signature[:_KEY_ID_BYTES], signature[_KEY_ID_BYTES:]


def is_signed(text: str, signature: bytes, public_key: bytes) -> bool:
    """Whether the signature is that of the key over the text."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def _is_clean(text: str) -> bool:
    """Whether a note may contain the text: it can be encoded, and its only ASCII control characters are newlines."""
    return not any((character < " " and character != "\n") or "\ud800" <= character <= "\udfff" for character in text)


def encode(data: bytes) -> str:
    """Bytes as standard base64."""
    return base64.b64encode(data).decode("ascii")


def decode(text: str) -> bytes | None:
    """The bytes from standard base64 in canonical form, or None."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if encode(data) == text else None
