"""Whether anything was changed that a viewer may see: a sum over marks, of which every change of a table leaves some.

Triggers on the watched tables append, for each statement that changed rows, a random mark for each audience whose rows
they are and one for everybody. A *version* is the sum of the marks of the tables that an answer was read from. Two
snapshots with the same sum see the same changes, in whatever order they were committed and of whichever server or
backup the snapshots are: two different sets of marks, of 64 bits each, have the same sum only by a chance of 2^-64.

An audience is the member whose rows a role reads: it follows from the table's own rules of access. A viewer whose rule
is anything else reads the marks for everybody.
Source: docs/adr/0125.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Index, Numeric, Table, text

from ledger.identifiers import MemberId
from ledger.storage.access import ME, Access, reads
from ledger.storage.database import Transaction
from ledger.storage.metadata import metadata
from ledger.storage.roles import VIEWERS, Role
from ledger.storage.sums import COUNT, declare_sums
from ledger.storage.tallies import list_tallies

_WORD = re.compile(r"[a-z_][a-z0-9_]*")
_OWN = re.compile(rf"(?P<column>[a-z_]+) = {re.escape(ME)}(?: AND (?P<rest>.*))?", re.DOTALL)
_INNERMOST = re.compile(r"\([^()]*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableChange:
    """What was changed: rows of the table `source` that the member `audience` may see; of anybody's if that is None."""

    source: str
    audience: MemberId | None


table_changes = declare_sums(
    "table_changes",
    TableChange,
    Index("ix_table_changes_source_audience", "source", "audience"),
    number=Numeric(),
    access=(*reads(*sorted(VIEWERS), rows=f"audience IS NULL OR audience = {ME}"),),
)


_MARK = text(
    f"INSERT INTO {table_changes.name} (source, {COUNT}) VALUES (:source, hashtextextended(gen_random_uuid()::text, 0))"
)


async def mark_changed(tx: Transaction, source: str) -> None:
    """Append a mark for everybody who reads a table that no trigger watches. Runs under the JOBS role."""
    await tx.execute(_MARK, {"source": source})


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What a role's statements are read from.

    Shapes: own are the watched tables of which it reads only its member's rows, others the other ones. rules are the
    conditions that row-level security adds.
    """

    own: tuple[str, ...]
    others: tuple[str, ...]
    rules: tuple[str, ...]

    def render_version(self) -> str:
        """The statement whose one value, a text, is the version of what the viewer sees of these tables."""
        parts = []
        if self.own:
            parts.append(f"source = ANY ('{{{','.join(self.own)}}}'::text[]) AND audience = {ME}")
        if self.others:
            parts.append(f"source = ANY ('{{{','.join(self.others)}}}'::text[]) AND audience IS NULL")
        return f"SELECT coalesce(sum({COUNT}), 0)::text AS v FROM table_changes WHERE {' OR '.join(parts)}"


def find_dependencies(statements: Iterable[str], role: Role) -> Dependencies | None:
    """What statements are read from when a role runs them; None if changes of anything of it leave no marks.

    Every table whose name occurs in a text counts as read, and so do those in the rules that row-level security adds:
    too many, perhaps, and never too few, since a statement can't read a table without naming it.
    """
    tables, rules = _close(_named(" ".join(statements)), role)
    own: set[str] = set()
    others: set[str] = set()
    tallies = {tally.table.name: tally.source for tally in list_tallies()}
    for table in tables:
        if table.name in tallies:
            # It changes with the rows that it counts; by itself, only if somebody mends it (recounts.py).
            others.add(table.name)
            counted = metadata.tables[tallies[table.name]]
        else:
            counted = table
        if not counted.info.get("is_watched"):
            return None
        (own if reads_own(table, role) and reads_own(counted, role) else others).add(counted.name)
    return Dependencies(tuple(sorted(own - others)), tuple(sorted(others)), tuple(sorted(rules)))


def reads_own(table: Table, role: Role) -> bool:
    """Whether a role reads no other rows of a table than those whose audience is its viewer's member."""
    found = [find_own_column(rule) for rule in _rules(table) if rule.role is role]
    return bool(found) and None not in found


def _close(tables: set[Table], role: Role) -> tuple[set[Table], set[str]]:
    """The tables with those that row-level security reads, and its conditions."""
    reached: set[Table] = set()
    rules: set[str] = set()
    while tables:
        table = tables.pop()
        reached.add(table)
        told = {f"{table.name}: {rule.rows}" for rule in _rules(table) if rule.role is role}
        tables |= _named(" ".join(told)) - reached
        rules |= told
    return reached, rules


def _named(text: str) -> set[Table]:
    return {metadata.tables[word] for word in set(_WORD.findall(text)) if word in metadata.tables}


def _rules(table: Table) -> Iterator[Access]:
    return (rule for rule in table.info["access"] if rule.role in VIEWERS and rule.select is not None)


def find_own_column(rule: Access) -> str | None:
    """The column that must name the viewer's member for a role to read a row; None if it may read any other."""
    found = _OWN.fullmatch(rule.rows)
    if found is None:
        return None
    rest, outer = None, found["rest"] or ""
    while rest != outer:
        rest, outer = outer, _INNERMOST.sub("", outer)
    return None if re.search(r"\bOR\b", outer) else found["column"]
