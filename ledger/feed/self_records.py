"""What the log says about itself: which entries were erased or archived, and from where a backup was restored. Pure.

Such a record counts only if it is one of the log's own: an entry about the feed in which no member, officer or client
acted, after the positions that it names. Content may be missing only if a record of its removal counts, and an erasure
must bear the record's own time: retention writes both in one transaction.
Source: ADR 0055, 0096 and 0098.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ledger.feed.vocabulary import EventKind, Subject

_TELLING = (EventKind.ENTRIES_ERASED, EventKind.ENTRIES_ARCHIVED, EventKind.LOG_RESTORED)
_ACTORS = ("actorMemberId", "actorOfficerId", "actorClientId")


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """The announcement, at a position, that a backup was restored which ended with the entry restored_to."""

    position: int
    restored_to: int
    announced_at: datetime


@dataclass(slots=True)
class _Run:
    """Adjacent positions that were erased at the same time."""

    first: int
    last: int
    erased_at: datetime


@dataclass(frozen=True, slots=True)
class Untold:
    """An erased position that no record tells of at its time; told_at is the time of a record that names it."""

    position: int
    told_at: datetime | None


@dataclass(slots=True)
class SelfRecords:
    """Collects the log's own records, and the entries that lack content, while a verifier reads the log in order."""

    archived_until: int = 0
    recorded_until: int = 0
    restorations: list[Restoration] = field(default_factory=list)
    _erased: list[_Run] = field(default_factory=list)
    _told: list[tuple[int, int, datetime]] = field(default_factory=list)

    def note_erased(self, position: int, erased_at: datetime) -> None:
        """Note that the entry at the position is marked as erased."""
        run = self._erased[-1] if self._erased else None
        if run is not None and (run.last, run.erased_at) == (position - 1, erased_at):
            run.last = position
        else:
            self._erased.append(_Run(position, position, erased_at))

    def take(self, position: int, entry: Mapping[str, Any], reserved: Mapping[str, Any]) -> None:
        """Learn from a verified entry; one that is no record of the log's own is ignored."""
        kind, payload, recorded_at = entry.get("kind"), entry.get("payload"), read_moment(entry, "recordedAt")
        if kind not in _TELLING or not isinstance(payload, dict) or recorded_at is None or not _is_own(entry, reserved):
            return
        match kind, payload:
            case EventKind.ENTRIES_ERASED, {"ranges": list() as ranges}:
                for each in ranges:
                    match each:
                        case [int() as first, int() as last] if 0 < first <= last < position:
                            self._told.append((first, last, recorded_at))
            case EventKind.ENTRIES_ARCHIVED, {"last": int() as last} if last < position:
                self.recorded_until = max(self.recorded_until, last)
            case EventKind.LOG_RESTORED, {"restoredTo": int() as restored_to} if 0 <= restored_to < position:
                told = Restoration(position=position, restored_to=restored_to, announced_at=recorded_at)
                self.restorations.append(told)

    def list_untold(self) -> Iterator[Untold]:
        """The erased positions that no record tells of at the time of their erasure, in ascending order."""
        by_time: dict[datetime, list[tuple[int, int]]] = {}
        for first, last, told_at in self._told:
            by_time.setdefault(told_at, []).append((first, last))
        told = sorted(self._told)
        for run in self._erased:
            for position in _subtract(run, sorted(by_time.get(run.erased_at, ()))):
                place = bisect_right(told, position, key=lambda each: each[0]) - 1
                is_named = place >= 0 and position <= told[place][1]
                yield Untold(position, told[place][2] if is_named else None)

    def find_restoration(self, size: int) -> Restoration | None:
        """The restoration that explains why a checkpoint of that size no longer holds: the one that lost the most."""
        lost = [told for told in self.restorations if told.restored_to < size]
        return min(lost, key=lambda told: (told.restored_to, told.position), default=None)


def _is_own(entry: Mapping[str, Any], reserved: Mapping[str, Any]) -> bool:
    return entry.get("subject") == Subject.FEED and all(reserved.get(name, "") is None for name in _ACTORS)


def _subtract(run: _Run, ranges: Sequence[tuple[int, int]]) -> Iterator[int]:
    """The positions of the run that are in none of the ranges, which are in order."""
    position = run.first
    for first, last in ranges:
        if first > run.last:
            break
        yield from range(position, first)
        position = max(position, last + 1)
    yield from range(position, run.last + 1)


def read_moment(entry: Mapping[str, Any], name: str) -> datetime | None:
    """A time in an entry's text, or None if there is none."""
    try:
        moment = datetime.fromisoformat(str(entry.get(name)))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
