"""Compares the rows of the database with the log: their content with what entries commit to, and their states.

Everything is read from one snapshot, in batches in order of each table's key, under the VERIFIER role. A row that
was changed by an entry after the export must have the content that that entry commits to.
What can't be compared is counted, never passed over: rows whose last entry was erased or archived, or is from before
there were commitments. Source: docs/adr/0095.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, bindparam, false, func, literal_column, or_, select, text, tuple_

from ledger.errors import EncryptionKeyError
from ledger.feed.audit_files import EntryLine, Header, parse_line
from ledger.feed.replay import Commitment, Difference, Replay, RowFinding, Standing
from ledger.storage.columns import is_any
from ledger.storage.commitments import CommittedBy, Elsewhere, Sealed, render_content, render_key
from ledger.storage.database import Database, Transaction
from ledger.storage.records import declaration_of, expression_of
from ledger.storage.rekeying import SealedColumn
from ledger.storage.roles import Role

_BATCH_ROWS = 1_000
_SEALED_BYTES = 16 << 20
"""How much sealed content is read at once; a single value may be larger."""

_HEAD = text("""
SELECT oldest_position, size > :until OR EXISTS (SELECT 1 FROM feed_pending) AS is_ahead FROM feed_head WHERE id = 1
""")
_SALTS = text("""
SELECT f.position, e.content_salt AS salt, e.erased_at FROM feed f JOIN events e ON e.id = f.event_id
WHERE f.position = ANY(CAST(:positions AS bigint[]))
""")
# An event that is neither sequenced nor waiting for it will never be an entry.
_LATER = text("""
SELECT e.subject_id, e.state, e.content, e.content_salt AS salt
FROM events e LEFT JOIN feed f ON f.event_id = e.id
WHERE e.subject = :subject AND e.subject_id = ANY(CAST(:ids AS text[])) AND e.erased_at IS NULL
  AND CASE WHEN f.position IS NULL THEN EXISTS (SELECT 1 FROM feed_pending p WHERE p.event_id = e.id)
      ELSE f.position > :until END
ORDER BY f.position NULLS LAST, e.id
""")
_ERASED = text("""
SELECT DISTINCT subject_id FROM events
WHERE subject = :subject AND subject_id = ANY(CAST(:ids AS text[])) AND erased_at IS NOT NULL
""")


@dataclass(slots=True, kw_only=True)
class RowAccount:
    """How many rows were compared, and how many could not be; finding is None if there is no difference.

    changed_since: an entry after the export changed the row, which has the content that it commits to. erased: the
    entry that commits to it was erased or archived. uncommitted: its entries are from before there were commitments,
    or before the export's range.
    """

    compared: int = 0
    changed_since: int = 0
    erased: int = 0
    uncommitted: int = 0
    finding: RowFinding | None = None


async def compare_rows(
    lines: Iterator[bytes], database: Database, *, tables: Iterable[Table], now: Callable[[], datetime]
) -> RowAccount:
    """Compare every committed row of these tables with a verified export of the log. Stops at the first difference."""
    header = parse_line(next(lines))
    if not isinstance(header, Header):
        return RowAccount()
    with Replay() as replay:
        replay.has_gaps = header.after > 0
        while raws := list(islice(lines, _BATCH_ROWS)):
            finding = replay.take(line for line in map(parse_line, raws) if isinstance(line, EntryLine))
            if finding is not None:
                return RowAccount(finding=finding)
        async with database.snapshot(Role.VERIFIER, as_of=now()) as tx:
            head = (await tx.execute(_HEAD, {"until": header.until})).one()
            comparison = _Comparison(tx, replay, header, oldest_position=head.oldest_position, is_ahead=head.is_ahead)
            for table in sorted(tables, key=lambda table: table.name):
                by = table.info.get("committed_by")
                if by is not None and comparison.account.finding is None:
                    comparison.account.finding = await comparison.compare(table, by)
        return comparison.account


@dataclass(slots=True)
class _Later:
    """What entries after the export say of some subjects: each row's last hash and salt, and each subject's state."""

    hashes: dict[tuple[str, str], tuple[bytes, bytes | None]] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Batch:
    """Rows of one table, with what the log says of them."""

    rows: Sequence[Row[Any]]
    commitments: Mapping[str, Commitment]
    standings: Mapping[str, Standing]
    salts: Mapping[int, Row[Any]]
    later: _Later = field(default_factory=_Later)
    erased: Collection[str] = ()


class _Comparison:
    """Compares one table after another; the methods return the first difference."""

    def __init__(
        self, tx: Transaction, replay: Replay, header: Header, *, oldest_position: int, is_ahead: bool
    ) -> None:
        self.tx = tx
        self.replay = replay
        self.header = header
        self.oldest_position = oldest_position
        self.is_ahead = is_ahead
        self.account = RowAccount()

    async def compare(self, table: Table, by: CommittedBy) -> RowFinding | None:
        committed = 0
        known = 0
        async for rows in self._read(table, by):
            batch = await self._prepare(table, by, rows)
            committed += len(batch.commitments)
            known += len(batch.standings)
            for row in rows:
                finding = self._compare_row(table, row, batch)
                if finding is not None:
                    return finding
            committed_rows = [row for row in rows if row.key in batch.commitments]
            finding = await self._compare_sealed(table, by, committed_rows)
            if finding is None and by.elsewhere is not None:
                finding = await self._compare_elsewhere(table, by.elsewhere, committed_rows)
            if finding is not None:
                return finding
        if committed < self.replay.count_rows(table.name) or (
            by.is_subject and known < self.replay.count_subjects(by.subject)
        ):
            return await self._find_missing(table, by)
        return None

    async def _read(self, table: Table, by: CommittedBy) -> AsyncIterator[Sequence[Row[Any]]]:
        """Batches of rows in order of the table's key."""
        keys = list(table.primary_key.columns)
        sizes = [func.octet_length(table.c[name]).label(f"size_of_{name}") for name in by.sealed]
        digests = [table.c[sealed.digest].label(f"digest_of_{name}") for name, sealed in by.sealed.items()]
        elsewhere = [_is_elsewhere(table, sealed).label(f"is_elsewhere_{name}") for name, sealed in by.sealed.items()]
        statement = (
            select(
                *(column.label(f"key_{place}") for place, column in enumerate(keys)),
                literal_column(render_key(table)).label("key"),
                literal_column(f"{table.name}.{by.column}::text").label("subject_id"),
                literal_column(render_content(table)).label("content"),
                _state_of(table, by).label("state"),
                *sizes,
                *digests,
                *elsewhere,
            )
            .select_from(table)
            .order_by(*keys)
            .limit(_BATCH_ROWS)
        )
        after: list[Any] | None = None
        while True:
            wanted = statement
            if after is not None:
                last = [bindparam(None, value, type_=key.type) for key, value in zip(keys, after, strict=True)]
                wanted = statement.where(tuple_(*keys) > tuple_(*last))
            rows = (await self.tx.execute(wanted, {"as_of": self.tx.as_of})).all()
            if not rows:
                return
            yield rows
            after = [getattr(rows[-1], f"key_{place}") for place in range(len(keys))]

    async def _prepare(self, table: Table, by: CommittedBy, rows: Sequence[Row[Any]]) -> _Batch:
        commitments = self.replay.find_commitments(table.name, [row.key for row in rows])
        subject_ids = list({row.subject_id for row in rows})
        positions = sorted({commitment.position for commitment in commitments.values()})
        salts = {row.position: row for row in await self.tx.execute(_SALTS, {"positions": positions})}
        batch = _Batch(rows, commitments, self.replay.find_standings(by.subject, subject_ids), salts)
        if self.is_ahead:
            batch.later = await self._find_later(by, subject_ids)
        uncommitted = {row.subject_id for row in rows if row.key not in commitments}
        if uncommitted:
            found = await self.tx.execute(_ERASED, {"subject": by.subject, "ids": sorted(uncommitted)})
            batch.erased = set(found.scalars())
        return batch

    async def _find_later(self, by: CommittedBy, ids: Sequence[str]) -> _Later:
        asked = {"subject": by.subject, "ids": ids, "until": self.header.until}
        later = _Later()
        for event in await self.tx.execute(_LATER, asked):
            if event.state is not None:
                later.states[event.subject_id] = event.state
            for name, key, digest in event.content or ():
                later.hashes[name, key] = (bytes.fromhex(digest), event.salt)
        return later

    def _compare_row(self, table: Table, row: Row[Any], batch: _Batch) -> RowFinding | None:
        commitment = batch.commitments.get(row.key)
        later = batch.later.hashes.get((table.name, row.key))
        if later is not None:
            finding = self._compare_later(table, row, later)
        elif commitment is not None:
            finding = self._compare_committed(table, row, commitment, batch.salts.get(commitment.position))
        else:
            finding = self._judge_uncommitted(table, row, batch)
        if finding is None and not _is_state_as_logged(row, batch):
            return self._differs(Difference.STATE, table, row, "its state is not what its last entry says")
        return finding

    def _compare_committed(
        self, table: Table, row: Row[Any], commitment: Commitment, salt: Row[Any] | None
    ) -> RowFinding | None:
        if salt is not None and salt.salt is not None:
            if _hash(salt.salt, row.content) != commitment.hash:
                return self._differs(Difference.CONTENT, table, row, "its content is not what its entry commits to")
            self.account.compared += 1
            return None
        is_archived = salt is None and commitment.position < self.oldest_position
        if is_archived or (salt is not None and salt.erased_at is not None):
            self.account.erased += 1
            return None
        return self._differs(Difference.SALT, table, row, "the salt of what its entry commits to is gone")

    def _compare_later(self, table: Table, row: Row[Any], later: tuple[bytes, bytes | None]) -> RowFinding | None:
        digest, salt = later
        if salt is not None and _hash(salt, row.content) == digest:
            self.account.changed_since += 1
            return None
        detail = "its content is not what an event after the export commits to"
        return self._differs(Difference.CONTENT, table, row, detail)

    def _judge_uncommitted(self, table: Table, row: Row[Any], batch: _Batch) -> RowFinding | None:
        """Judge a row to which no entry of the export commits, nor a later one."""
        standing = batch.standings.get(row.subject_id)
        begins = self.replay.commits_from
        if row.subject_id in batch.erased or (standing is None and self.oldest_position > 1):
            self.account.erased += 1
        elif self.header.after > 0 or (standing is not None and (begins is None or standing.first < begins)):
            self.account.uncommitted += 1
        else:
            return self._differs(Difference.UNRECORDED, table, row, "no entry commits to this row")
        return None

    async def _compare_sealed(self, table: Table, by: CommittedBy, rows: Sequence[Row[Any]]) -> RowFinding | None:
        """Open the sealed values of rows and compare them with the digests beside them."""
        (key, *_) = table.primary_key.columns
        for name, sealed in by.sealed.items():
            column = SealedColumn(table=table, key=key, column=table.c[name])
            statement = select(key.label("id"), table.c[name].label("value"))
            held = [row for row in rows if not getattr(row, f"is_elsewhere_{name}")]
            for part in _split(held, f"size_of_{name}"):
                digests = {row.key: getattr(row, f"digest_of_{name}") for row in part}
                values = await self.tx.execute(statement.where(key.in_(list(digests))))
                opened = {row.id: row.value for row in values}
                for row in part:
                    value = opened.get(row.key)
                    computed = None
                    if value:
                        computed = self._digest(sealed, bytes(value), column.context(row.key))
                    if computed != digests[row.key]:
                        detail = f"{name} is not what was sealed, or the keys of this installation can't open it"
                        return self._differs(Difference.CONTENT, table, row, detail)
        return None

    async def _compare_elsewhere(self, table: Table, kept: Elsewhere, rows: Sequence[Row[Any]]) -> RowFinding | None:
        """Compare the digests of values that are rows of another table."""
        if not rows:
            return None
        (key, *_) = table.primary_key.columns
        c = table.c
        named = select(
            key.label("id"), c[kept.column].label("name"), c[kept.size].label("size"), c[kept.digest].label("digest")
        )
        found = await self.tx.execute(named.where(_is_among(key, rows), c[kept.column].is_not(None)))
        by_key = {row.key: row for row in rows}
        for each in found.all():
            if await kept.compute(self.tx, each.name, each.size) != each.digest:
                detail = f"what {kept.column} names is not what was stored"
                return self._differs(Difference.CONTENT, table, by_key[each.id], detail)
        return None

    def _digest(self, sealed: Any, value: bytes, context: str) -> str | None:
        try:
            plaintext = self.tx.keyring.open(value, context)
        except EncryptionKeyError:
            return ""
        return str(sealed.compute(self.tx.keyring, plaintext, context))

    async def _find_missing(self, table: Table, by: CommittedBy) -> RowFinding | None:
        """Find the first row of the table that the log knows and the database doesn't have."""
        async for rows in self._read(table, by):
            self.replay.forget_rows(table.name, [row.key for row in rows])
            if by.is_subject:
                self.replay.forget_subjects(by.subject, [row.subject_id for row in rows])
        row = self.replay.find_first_row(table.name)
        subject = self.replay.find_first_subject(by.subject) if by.is_subject else None
        if row is not None:
            key, position = row
        elif subject is not None:
            key, position = subject[0], subject[1].first
        else:
            return None
        standing = self.replay.find_standings(by.subject, [key]).get(key)
        return RowFinding(
            difference=Difference.MISSING,
            table=table.name,
            key=key,
            position=position,
            logged_state=standing.state if standing is not None else None,
            detail="an entry is about this row, and it does not exist",
        )

    def _differs(self, difference: Difference, table: Table, row: Row[Any], detail: str) -> RowFinding:
        commitments = self.replay.find_commitments(table.name, [row.key])
        by: CommittedBy = table.info["committed_by"]
        standing = self.replay.find_standings(by.subject, [row.subject_id]).get(row.subject_id)
        told = commitments.get(row.key) or standing
        return RowFinding(
            difference=difference,
            table=table.name,
            key=row.key,
            position=told.position if told is not None else None,
            logged_state=standing.state if by.is_subject and standing is not None else None,
            stored_state=row.state,
            detail=detail,
        )


def _state_of(table: Table, by: CommittedBy) -> Any:
    record = table.info["record"]
    is_stated = by.is_subject and "state" in declaration_of(record).members
    return expression_of(record, "state") if is_stated else literal_column("NULL::text")


def _is_state_as_logged(row: Row[Any], batch: _Batch) -> bool:
    """Whether the row, if it has a state, has that of the subject's last entry, in the export or after it."""
    standing = batch.standings.get(row.subject_id)
    logged = batch.later.states.get(row.subject_id) or (standing.state if standing is not None else None)
    return row.state is None or logged is None or row.state == logged


def _is_elsewhere(table: Table, sealed: Sealed) -> ColumnElement[bool]:
    return or_(false(), *(table.c[name].is_not(None) for name in sealed.unless))


def _is_among(key: ColumnElement[Any], rows: Sequence[Row[Any]]) -> ColumnElement[bool]:
    return is_any(key, [row.key for row in rows])


def _hash(salt: bytes, content: str) -> bytes:
    return sha256(bytes(salt) + content.encode()).digest()


def _split(rows: Sequence[Row[Any]], size: str) -> Iterator[list[Row[Any]]]:
    """Rows in parts whose sealed values together are not large."""
    part: list[Row[Any]] = []
    total = 0
    for row in rows:
        part.append(row)
        total += getattr(row, size) or 0
        if total >= _SEALED_BYTES:
            yield part
            part, total = [], 0
    if part:
        yield part
