"""Data loaders by noun: what many fields of an answer ask one by one is read in one statement.

A loader lives no longer than one snapshot of one operation, so nothing read for one viewer is seen by another.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from strawberry.dataloader import DataLoader

from ledger import acknowledgements, complaints, evidence, extensions, members, numbers, orders
from ledger.pages import BATCH_SIZE_MAX
from ledger.storage.database import Transaction

T = TypeVar("T")


class Read(Protocol):
    """How a loader reads: a piece of work on the operation's snapshot."""

    def __call__(self, work: Callable[[Transaction], Awaitable[T]], /) -> Awaitable[T]:
        """Run the work."""


def _loader(
    read: Read, load: Callable[[Transaction, Sequence[str]], Awaitable[Mapping[str, T]]]
) -> DataLoader[str, T | None]:
    """A loader over one load_ function of the ledger; what it doesn't find is None."""

    async def load_batch(keys: list[str]) -> list[T | None]:
        found = await read(lambda tx: load(tx, keys))
        return [found.get(key) for key in keys]

    return DataLoader(load_batch, max_batch_size=BATCH_SIZE_MAX)


class Loaders:
    """One loader for each thing that fields hang on. Keys are canonical ids and E.164 numbers."""

    def __init__(self, read: Read) -> None:
        """Reads nothing yet."""
        self.members = _loader(read, members.load_members)
        self.brands = _loader(read, members.load_brands)
        self.brands_by_member = _loader(read, members.load_brands_by_member)
        self.offices = _loader(read, members.load_offices)
        self.officers = _loader(read, members.load_officers)
        self.numbers = _loader(read, numbers.load_numbers)
        self.complaints = _loader(read, complaints.load_complaints)
        self.evidence = _loader(read, evidence.load_evidence)
        self.chronologies = _loader(read, complaints.read_chronology)
        self.orders = _loader(read, orders.load_orders)
        self.orders_by_number = _loader(read, orders.load_orders_by_number)
        self.complaint_ids_by_order = _loader(read, orders.load_order_complaint_ids)
        self.acknowledgements = _loader(read, acknowledgements.load_acknowledgements)
        self.extensions = _loader(read, extensions.load_extensions)
