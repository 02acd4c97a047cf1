"""A witness's files: its private key, what it saw last, and the evidence of a log that contradicts itself.

The key is made once and never replaced. The state is on disk before a cosignature leaves the machine, so that a witness
that was killed can't cosign an older tree later. Evidence is never overwritten.
"""

import re
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cli.audit.streams import read_small, write_content
from cli.failures import FileUnreadableError, FileUnwritableError
from cli.files import replace_file
from ledger.feed.cosigning import WitnessKey, find_witness_key
from ledger.feed.notes import decode, encode, is_key_name

_FILE_BYTES_MAX = 1 << 18
_PREFIX = "PRIVATE+KEY+"
_KEY = re.compile(re.escape(_PREFIX) + r"([^+\s]+)\+([0-9a-f]{8})\+(\S+)\n?")
_TYPE = b"\x04"
_SEED_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateWitnessKey:
    """A witness's private key, with its name."""

    name: str
    private_key: Ed25519PrivateKey

    @property
    def public(self) -> WitnessKey:
        """What verifiers configure, and the gateway registers."""
        return find_witness_key(self.name, self.private_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The newest checkpoint that the witness verified; note has the log's signature on it."""

    origin: str
    size: int
    root: str
    note: str


def make_key(path: Path, name: str) -> PrivateWitnessKey:
    """Make a key in a new file that only its owner can read. Errors: FileUnwritableError if the file exists."""
    if not is_key_name(name):
        raise FileUnwritableError(
            f"{name!r} can't name a key.",
            hint="Use a name like witness.telkomsel.example, without spaces or plus signs.",
        )
    made = PrivateWitnessKey(name=name, private_key=Ed25519PrivateKey.generate())
    text = f"{_PREFIX}{name}+{made.public.key_id.hex()}+{encode(_TYPE + made.private_key.private_bytes_raw())}\n"
    write_content(path, text.encode())
    return made


def read_key(path: Path) -> PrivateWitnessKey:
    """Read a key's file. Errors: FileUnreadableError."""
    found = _KEY.fullmatch(_read(path))
    seed = decode(found[3]) if found is not None else None
    if found is None or seed is None or len(seed) != 1 + _SEED_BYTES or not seed.startswith(_TYPE):
        raise FileUnreadableError(f"{path} contains no witness's key.", hint="Make one with --generate NAME.")
    key = PrivateWitnessKey(name=found[1], private_key=Ed25519PrivateKey.from_private_bytes(seed[1:]))
    if key.public.key_id.hex() != found[2]:
        raise FileUnreadableError(f"{path} contains a damaged key: its id is that of another.")
    return key


def read_state(path: Path) -> Seen | None:
    """Read what was seen last, or None where there is no file yet. Errors: FileUnreadableError."""
    if not path.exists():
        return None
    try:
        found = orjson.loads(_read(path))
    except orjson.JSONDecodeError:
        found = None
    match found:
        case {"origin": str() as origin, "size": int() as size, "root": str() as root, "note": str() as note}:
            return Seen(origin=origin, size=size, root=root, note=note)
    raise FileUnreadableError(
        f"{path} contains no witness's state.",
        hint="Restore it. Starting over instead would trust whatever the log shows now.",
    )


def keep_state(path: Path, seen: Seen) -> None:
    """Replace what was seen last; on return it is on disk. Errors: FileUnwritableError."""
    replace_file(path, orjson.dumps(asdict(seen), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def keep_evidence(state_path: Path, *, code: str, kept: str, presented: str, proof: list[str]) -> Path:
    """Write both notes and the proof into a new file beside the state. Errors: FileUnwritableError."""
    number = 1
    while (path := state_path.with_name(f"{state_path.name}.evidence-{number}.json")).exists():
        number += 1
    evidence = {"code": code, "kept": kept, "presented": presented, "consistencyProof": proof}
    write_content(path, orjson.dumps(evidence, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return path


def _read(path: Path) -> str:
    try:
        return read_small(path, bytes_max=_FILE_BYTES_MAX).decode()
    except UnicodeDecodeError as error:
        raise FileUnreadableError(f"{path} is not text.") from error
