"""Data loaders by noun: what many fields of an answer ask for one by one is read in one statement.

A loader lives no longer than one snapshot of one operation, so nothing read for one viewer is seen by another.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

from strawberry.dataloader import DataLoader

from ledger.complaints import complainants, evidence
from ledger.complaints import reading as complaints
from ledger.complaints.table import Complaint
from ledger.feed import reading, witnesses
from ledger.identifiers import Position
from ledger.members import reading as members
from ledger.numbers import reading as numbers
from ledger.numbers.table import PhoneNumber
from ledger.orders import acknowledgements, extensions, proposals
from ledger.orders import reading as orders
from ledger.orders.table import BlockOrder
from ledger.outages import reading as outages
from ledger.outages.table import OutageExtension
from ledger.pages import BATCH_SIZE_MAX
from ledger.signals import reading as signals
from ledger.signals.table import FraudSignal
from ledger.storage.database import Transaction

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Read(Protocol):
    """How a loader reads: a piece of work on the operation's snapshot."""

    def __call__(self, work: Callable[[Transaction], Awaitable[T]], /) -> Awaitable[T]:
        """Run the work."""


def _lead_nowhere(values: Iterable[object]) -> None:
    """Expect nothing: what the values refer to is not known in advance."""


class Loader(DataLoader[K, T | None], Generic[K, T]):
    """A loader over one load_ function of the ledger; it returns None for what it doesn't find.

    The messages of a stream are executed one after another, so their keys would never meet in one batch: what is
    expected is read together with the first key that is requested, and not before.
    """

    def __init__(
        self,
        read: Read,
        load: Callable[[Transaction, Sequence[K]], Awaitable[Mapping[K, T]]],
        *,
        lead: Callable[[Iterable[T]], None] = _lead_nowhere,
    ) -> None:
        """Read nothing yet. lead receives values that were read ahead, and tells other loaders what to expect."""
        super().__init__(self._load_batch, max_batch_size=BATCH_SIZE_MAX)
        self._read = read
        self.load_found = load
        self._lead = lead
        self._expected: dict[K, None] = {}

    def expect(self, keys: Iterable[K]) -> None:
        """Read these together with the first one that is requested."""
        self._expected |= {key: None for key in keys if self.cache_map.get(key) is None}

    async def _load_batch(self, keys: list[K]) -> list[T | None]:
        for key in keys:
            self._expected.pop(key, None)
        ahead = list(islice(self._expected, BATCH_SIZE_MAX - len(keys)))
        for key in ahead:
            del self._expected[key]
        found = await self._read(lambda tx: self.load_found(tx, [*keys, *ahead]))
        if ahead:
            self.prime_many({key: found.get(key) for key in ahead})
            self._lead(found.values())
        return [found.get(key) for key in keys]


class Loaders:
    """One loader for each object that fields refer to. Keys are canonical ids and E.164 numbers."""

    def __init__(self, read: Read) -> None:
        """Read nothing yet."""
        self.members = Loader(read, members.load_members)
        self.brands = Loader(read, members.load_brands)
        self.brands_by_member = Loader(read, members.load_brands_by_member)
        self.offices = Loader(read, members.load_offices)
        self.officers = Loader(read, members.load_officers)
        self.numbers = Loader(read, numbers.load_numbers, lead=self._lead_from_numbers)
        self.complaints = Loader(read, complaints.load_complaints, lead=self._lead_from_complaints)
        self.reveals = Loader(read, complainants.load_reveals)
        self.evidence = Loader(read, evidence.load_evidence)
        self.chronologies = Loader(read, complaints.read_chronology)
        self.orders = Loader(read, orders.load_orders, lead=self._lead_from_orders)
        self.orders_by_number = Loader(read, orders.load_orders_by_number)
        self.complaint_ids_by_order = Loader(read, orders.load_order_complaint_ids)
        self.acknowledgements = Loader(read, acknowledgements.load_acknowledgements)
        self.proposals = Loader(read, proposals.load_pending_proposals)
        self.extensions = Loader(read, extensions.load_extensions)
        self.outages = Loader(read, outages.load_outages)
        self.outage_extensions = Loader(read, outages.load_outage_extensions, lead=self._lead_from_extensions)
        self.signals = Loader(read, signals.load_signals, lead=self._lead_from_signals)
        self.signal_hashes = Loader(read, signals.load_signal_hashes)
        self.clear_numbers = Loader(read, signals.load_clear_numbers)
        self.signal_contributors = Loader(read, signals.load_signal_contributors)
        self.signal_recipients = Loader(read, signals.load_signal_recipients)
        self.entry_texts = Loader(read, reading.find_texts)
        self.reserved_texts = Loader(read, reading.find_reserved_texts)
        self.cosignatures = Loader(read, witnesses.load_cosignatures)
        self._by_load: dict[object, Loader[Any, Any]] = {loader.load_found: loader for loader in vars(self).values()}

    def of(self, load: object) -> Loader[Any, Any]:
        """The loader over a function or relation of the ledger. Errors: KeyError."""
        return self._by_load[load]

    def release(self) -> None:
        """Drop what was read, and the references that each loader has to itself and to the context; docs/adr/0083.

        Nothing can be loaded afterwards.
        """
        for loader in self._by_load.values():
            vars(loader).clear()

    def expect_orders(self, order_ids: Sequence[str]) -> None:
        """Expect the orders that the messages of a stream are about."""
        for loader in (
            self.orders,
            self.acknowledgements,
            self.extensions,
            self.outage_extensions,
            self.proposals,
            self.complaint_ids_by_order,
        ):
            loader.expect(order_ids)

    def expect_complaints(self, complaint_ids: Sequence[str]) -> None:
        """Expect the complaints that the messages of a stream are about."""
        for loader in (self.complaints, self.evidence, self.chronologies, self.reveals):
            loader.expect(complaint_ids)

    def expect_signals(self, signal_ids: Sequence[str]) -> None:
        """Expect the signals that the messages of a stream are about."""
        for loader in (
            self.signals,
            self.signal_hashes,
            self.clear_numbers,
            self.signal_contributors,
            self.signal_recipients,
        ):
            loader.expect(signal_ids)

    def expect_entries(self, positions: Sequence[Position]) -> None:
        """Expect the entries of the feed that the messages of a stream contain."""
        for loader in (self.entry_texts, self.reserved_texts):
            loader.expect(positions)

    def _lead_from_orders(self, found: Iterable[BlockOrder]) -> None:
        held = list(found)
        self.numbers.expect(order.e164 for order in held)
        self.expect_orders([order.supersedes_id for order in held if order.supersedes_id is not None])

    def _lead_from_extensions(self, found: Iterable[Sequence[OutageExtension]]) -> None:
        self.outages.expect(each.outage_id for given in found for each in given)

    def _lead_from_complaints(self, found: Iterable[Complaint]) -> None:
        held = list(found)
        self.numbers.expect(complaint.e164 for complaint in held if complaint.e164 is not None)
        self.expect_complaints([complaint.duplicate_of for complaint in held if complaint.duplicate_of is not None])

    def _lead_from_signals(self, found: Iterable[FraudSignal]) -> None:
        self.numbers.expect(signal.e164 for signal in found if signal.e164 is not None)

    def _lead_from_numbers(self, found: Iterable[PhoneNumber]) -> None:
        self.orders_by_number.expect(number.e164 for number in found)
