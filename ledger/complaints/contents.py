"""The bytes of evidence in the database: appended chunk by chunk, and read the same way, so that none is ever whole.

Each chunk is sealed in a context that names its content, where it begins and how large the whole is. Who reads walks
from one end to the other and computes each context anew: a chunk that is gone, swapped, moved, or of another content
can't be opened, and a content can't be cut short.
Source: docs/adr/0156.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from sqlalchemy import LargeBinary, bindparam, select, text

from ledger.complaints.content_table import evidence_chunks
from ledger.errors import Category, ConflictError, EncryptionKeyError, LedgerError
from ledger.identifiers import ContentId, MemberId
from ledger.storage.database import Transaction
from ledger.storage.roles import Role

CHUNK_BYTES = 262_144
CHUNK_BYTES_MIN = 65_536
"""No chunk but the last is smaller: otherwise an upload could become as many rows as it has bytes."""

_APPEND = text("""
WITH moved AS (
  UPDATE evidence_contents SET received_bytes = :ends
  WHERE id = CAST(:content_id AS uuid) AND received_bytes = :begins AND sha256 IS NULL AND expires_at > :as_of
  RETURNING id, member_id
)
INSERT INTO evidence_chunks (id, content_id, member_id, begins_at_byte, content_sealed)
SELECT :place, id, member_id, :begins, :sealed FROM moved
""").bindparams(bindparam("sealed", type_=LargeBinary))
_DELETED_CHUNKS = 1_000
_DELETE_CHUNKS = text("""
DELETE FROM evidence_chunks WHERE id IN (
  SELECT id FROM evidence_chunks WHERE content_id = ANY(CAST(:ids AS uuid[])) LIMIT :limit
)
""")
_DELETE = text("DELETE FROM evidence_contents WHERE id = ANY(CAST(:ids AS uuid[]))")


class EvidenceDamagedError(LedgerError):
    """The stored bytes of this evidence are not what was sealed, or not all of them."""

    code = "EVIDENCE_DAMAGED"
    category = Category.UNAVAILABLE
    hint = "`jembatan audit verify` compares the database with the log; restore the evidence from a backup."


class UploadOffsetError(ConflictError):
    """The upload has another number of bytes than the request continues from."""

    code = "UPLOAD_OFFSET"
    hint = "Ask for the offset with HEAD, and continue from there."


@dataclass(frozen=True, slots=True)
class Content:
    """A content that can be read: its id and its size in bytes, as whoever keeps it says."""

    id: ContentId
    size_bytes: int

    def place(self, begins: int) -> str:
        """The id of the chunk that begins at a byte."""
        return f"{self.id}/{begins}/{self.size_bytes}"


async def append_chunk(tx: Transaction, content: Content, begins: int, data: bytes) -> int:
    """Seal and append what follows the bytes that have arrived; return how many there are now.

    Of two that continue from one offset, one is refused. Errors: UploadOffsetError.
    """
    place = content.place(begins)
    parameters = {
        "content_id": content.id,
        "place": place,
        "begins": begins,
        "ends": begins + len(data),
        "sealed": tx.keyring.seal(data, _context(place)),
        "as_of": tx.as_of,
    }
    async with tx.role(Role.TRANSITION):
        appended = await tx.execute(_APPEND, parameters)
    if appended.rowcount != 1:
        raise UploadOffsetError(field="Upload-Offset")
    return begins + len(data)


async def read_chunk(tx: Transaction, content: Content, begins: int) -> bytes:
    """Return the bytes from one of them on, as many as its chunk has. Errors: EvidenceDamagedError."""
    c = evidence_chunks.c
    statement = (
        select(c.begins_at_byte, c.content_sealed)
        .where(c.content_id == content.id, c.begins_at_byte <= begins)
        .order_by(c.begins_at_byte.desc())
        .limit(1)
    )
    row = (await tx.execute(statement)).first()
    if row is None:
        raise EvidenceDamagedError
    try:
        chunk = tx.keyring.open(bytes(row.content_sealed), _context(content.place(row.begins_at_byte)))
    except EncryptionKeyError:
        raise EvidenceDamagedError from None
    wanted = chunk[begins - row.begins_at_byte :]
    if not wanted or begins + len(wanted) > content.size_bytes:
        raise EvidenceDamagedError
    return wanted


async def read_chunks(tx: Transaction, content: Content) -> AsyncIterator[bytes]:
    """Yield all bytes of a content, chunk by chunk. Errors: EvidenceDamagedError."""
    begins = 0
    while begins < content.size_bytes:
        chunk = await read_chunk(tx, content, begins)
        yield chunk
        begins += len(chunk)


async def digest_content(tx: Transaction, content_id: str, size_bytes: int) -> str | None:
    """Return the SHA-256 of the stored bytes; None if they are not what was sealed, or not all."""
    digest = hashlib.sha256()
    try:
        async for chunk in read_chunks(tx, Content(ContentId(content_id), size_bytes)):
            digest.update(chunk)
    except EvidenceDamagedError:
        return None
    return digest.hexdigest()


async def delete_contents(tx: Transaction, content_ids: Sequence[str]) -> int:
    """Delete contents with their bytes; returns how many contents. Runs under the RETENTION role.

    A statement deletes a bounded number of chunks, so that none exceeds its time, however large the contents are.
    """
    asked = {"ids": list(content_ids), "limit": _DELETED_CHUNKS}
    while (await tx.execute(_DELETE_CHUNKS, asked)).rowcount == _DELETED_CHUNKS:
        pass
    return (await tx.execute(_DELETE, asked)).rowcount


async def store_content(tx: Transaction, content: Content, member_id: MemberId, data: bytes) -> None:
    """Store bytes that the gateway itself has made, whole; the row of the content stands already."""
    rows = [
        {
            "id": content.place(begins),
            "content_id": content.id,
            "member_id": member_id,
            "begins_at_byte": begins,
            "content_sealed": tx.keyring.seal(data[begins : begins + CHUNK_BYTES], _context(content.place(begins))),
        }
        for begins in range(0, len(data), CHUNK_BYTES)
    ]
    async with tx.role(Role.TRANSITION):
        await tx.execute(evidence_chunks.insert(), rows)


def _context(place: str) -> str:
    return f"evidence_chunks.content:{place}"
