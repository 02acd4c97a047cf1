"""Data loaders by noun: what many fields of an answer ask for one by one is read in one statement.

A loader lives no longer than one snapshot of one operation, so nothing read for one viewer is seen by another.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from strawberry.dataloader import DataLoader

from ledger.accounts.reading import load_accounts, load_accounts_by_number, load_platforms_by_member
from ledger.complaints.complainants import load_reveals
from ledger.complaints.evidence import load_evidence
from ledger.complaints.notes import load_notes
from ledger.complaints.reading import load_complaints, load_complaints_by_account, read_chronology
from ledger.complaints.table import Complaint
from ledger.extracts.reading import load_extracts_of_evidence, load_releases
from ledger.feed.reading import find_reserved_texts, find_texts
from ledger.feed.witnesses import load_cosignatures
from ledger.identifiers import Position
from ledger.members.reading import load_brands, load_brands_by_member, load_members, load_officers, load_offices
from ledger.numbers.reading import load_numbers
from ledger.numbers.table import PhoneNumber
from ledger.orders.acknowledgements import load_acknowledgements
from ledger.orders.extensions import load_extensions
from ledger.orders.proposals import load_pending_proposals
from ledger.orders.reading import list_order_complaints, load_orders, load_orders_by_number
from ledger.orders.table import BlockOrder
from ledger.outages.reading import load_outage_extensions, load_outages
from ledger.outages.table import OutageExtension
from ledger.pages import BATCH_SIZE_MAX
from ledger.participations.reading import load_participations, load_proposals, load_terms, load_texts_of_terms
from ledger.referrals.reading import (
    load_complaint_referrals,
    load_referral_grounds,
    load_referrals,
    load_referrals_by_account,
    load_referrals_by_number,
    load_responses,
)
from ledger.referrals.table import Referral
from ledger.signals.confirming import load_notices
from ledger.signals.contribution_reading import (
    load_contributions,
    load_contributions_by_account,
    load_replacing_contributions,
)
from ledger.signals.reading import (
    load_clear_numbers,
    load_signal_contributors,
    load_signal_hashes,
    load_signal_recipients,
    load_signals,
)
from ledger.signals.table import FraudSignal
from ledger.storage.database import Transaction
from resolvers.reads import ReaderClosedError

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
V = TypeVar("V")


class Read(Protocol):
    """How a loader reads: a piece of work on the operation's snapshot."""

    def __call__(self, work: Callable[[Transaction], Awaitable[T]], /) -> Awaitable[T]:
        """Run the work."""


async def _read_nothing(_work: Callable[[Transaction], Awaitable[T]]) -> T:
    """Refuse to read: the operation is over, or has written since."""
    raise ReaderClosedError


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
        self._load_found = load
        self._lead = lead
        self._expected: dict[K, None] = {}

    def expect(self, keys: Iterable[K]) -> None:
        """Read these together with the first one that is requested."""
        self._expected |= {key: None for key in keys if self.cache_map.get(key) is None}

    def follow(self, key: K, show: Callable[[T | None], V]) -> V | Awaitable[V]:
        """Return what show makes of the key's value: at once if it is known, otherwise when it is loaded.

        What is known needs no task of its own. Errors: those of the reading.
        """
        known = self.cache_map.get(key)
        if known is not None and known.done() and not known.cancelled():
            return show(known.result())
        return self._follow_later(key, show)

    async def _follow_later(self, key: K, show: Callable[[T | None], V]) -> V:
        return show(await self.load(key))

    async def _load_batch(self, keys: list[K]) -> list[T | None]:
        for key in keys:
            self._expected.pop(key, None)
        ahead = list(islice(self._expected, BATCH_SIZE_MAX - len(keys)))
        for key in ahead:
            del self._expected[key]
        found = await self._read(lambda tx: self._load_found(tx, [*keys, *ahead]))
        if ahead:
            self.prime_many({key: found.get(key) for key in ahead})
            self._lead(found.values())
        return [found.get(key) for key in keys]


class _On(Generic[K, T]):
    """A loader over one load_ function of the ledger, made when it is first used: most operations use two or three."""

    def __init__(
        self,
        load: Callable[[Transaction, Sequence[K]], Awaitable[Mapping[K, T]]],
        *,
        lead: Callable[["Loaders", Iterable[T]], None] | None = None,
    ) -> None:
        self.load = load
        self._lead = lead
        self._name = ""

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, loaders: "Loaders", _owner: type | None = None) -> Loader[K, T]:
        lead = partial(self._lead, loaders) if self._lead is not None else _lead_nowhere
        made = Loader(loaders.read, self.load, lead=lead)
        # From now on the attribute is found before this descriptor.
        vars(loaders)[self._name] = made
        return made


def _lead_from_orders(loaders: "Loaders", found: Iterable[BlockOrder]) -> None:
    held = list(found)
    loaders.numbers.expect(order.e164 for order in held)
    loaders.expect_orders([order.supersedes_id for order in held if order.supersedes_id is not None])


def _lead_from_referrals(loaders: "Loaders", found: Iterable[Referral]) -> None:
    loaders.numbers.expect(referral.e164 for referral in found if referral.e164 is not None)


def _lead_from_extensions(loaders: "Loaders", found: Iterable[Sequence[OutageExtension]]) -> None:
    loaders.outages.expect(each.outage_id for given in found for each in given)


def _lead_from_complaints(loaders: "Loaders", found: Iterable[Complaint]) -> None:
    held = list(found)
    loaders.numbers.expect(complaint.e164 for complaint in held if complaint.e164 is not None)
    loaders.accounts.expect(complaint.account_id for complaint in held if complaint.account_id is not None)
    loaders.expect_complaints([complaint.duplicate_of for complaint in held if complaint.duplicate_of is not None])


def _lead_from_signals(loaders: "Loaders", found: Iterable[FraudSignal]) -> None:
    loaders.numbers.expect(signal.e164 for signal in found if signal.e164 is not None)


def _lead_from_numbers(loaders: "Loaders", found: Iterable[PhoneNumber]) -> None:
    e164s = [number.e164 for number in found]
    loaders.orders_by_number.expect(e164s)
    loaders.referrals_by_number.expect(e164s)


class Loaders:
    """One loader for each object that fields refer to. Keys are canonical ids and E.164 numbers."""

    def __init__(self, read: Read) -> None:
        """Read nothing yet."""
        self.read = read

    members = _On(load_members)
    brands = _On(load_brands)
    brands_by_member = _On(load_brands_by_member)
    platforms_by_member = _On(load_platforms_by_member)
    offices = _On(load_offices)
    officers = _On(load_officers)
    numbers = _On(load_numbers, lead=_lead_from_numbers)
    complaints = _On(load_complaints, lead=_lead_from_complaints)
    complaints_by_account = _On(load_complaints_by_account)
    accounts = _On(load_accounts)
    accounts_by_number = _On(load_accounts_by_number)
    reveals = _On(load_reveals)
    notes = _On(load_notes)
    evidence = _On(load_evidence)
    extracts_of_evidence = _On(load_extracts_of_evidence)
    releases = _On(load_releases)
    chronologies = _On(read_chronology)
    orders = _On(load_orders, lead=_lead_from_orders)
    orders_by_number = _On(load_orders_by_number)
    complaint_ids_by_order = _On(list_order_complaints.list_ids)
    acknowledgements = _On(load_acknowledgements)
    proposals = _On(load_pending_proposals)
    extensions = _On(load_extensions)
    outages = _On(load_outages)
    outage_extensions = _On(load_outage_extensions, lead=_lead_from_extensions)
    participations = _On(load_participations)
    participation_proposals = _On(load_proposals)
    participation_terms = _On(load_terms)
    texts_of_terms = _On(load_texts_of_terms)
    referrals = _On(load_referrals, lead=_lead_from_referrals)
    referrals_by_number = _On(load_referrals_by_number)
    referrals_by_account = _On(load_referrals_by_account)
    referral_responses = _On(load_responses)
    referral_grounds = _On(load_referral_grounds)
    complaint_referrals = _On(load_complaint_referrals)
    signals = _On(load_signals, lead=_lead_from_signals)
    signal_hashes = _On(load_signal_hashes)
    clear_numbers = _On(load_clear_numbers)
    signal_contributors = _On(load_signal_contributors)
    signal_recipients = _On(load_signal_recipients)
    revocation_notices = _On(load_notices)
    contributions = _On(load_contributions)
    replacing_contributions = _On(load_replacing_contributions)
    contributions_by_account = _On(load_contributions_by_account)
    entry_texts = _On(find_texts)
    reserved_texts = _On(find_reserved_texts)
    cosignatures = _On(load_cosignatures)

    _NAMES: ClassVar[Mapping[object, str]] = {on.load: name for name, on in vars().items() if isinstance(on, _On)}

    def of(self, load: object) -> Loader[Any, Any]:
        """The loader over a function or relation of the ledger. Errors: KeyError."""
        found: Loader[Any, Any] = getattr(self, self._NAMES[load])
        return found

    def release(self) -> None:
        """Drop what was read, and the references that each loader has to itself and to the context; docs/adr/0083.

        Nothing can be loaded afterwards.
        """
        held = vars(self)
        for loader in held.values():
            if isinstance(loader, Loader):
                vars(loader).clear()
        held.clear()
        self.read = _read_nothing

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

    def expect_referrals(self, referral_ids: Sequence[str]) -> None:
        """Expect the referrals that the messages of a stream are about."""
        for loader in (self.referrals, self.referral_responses, self.referral_grounds):
            loader.expect(referral_ids)

    def expect_complaints(self, complaint_ids: Sequence[str]) -> None:
        """Expect the complaints that the messages of a stream are about."""
        for loader in (
            self.complaints,
            self.evidence,
            self.chronologies,
            self.reveals,
            self.notes,
            self.complaint_referrals,
        ):
            loader.expect(complaint_ids)

    def expect_signals(self, signal_ids: Sequence[str]) -> None:
        """Expect the signals that the messages of a stream are about."""
        for loader in (
            self.signals,
            self.signal_hashes,
            self.clear_numbers,
            self.signal_contributors,
            self.signal_recipients,
            self.revocation_notices,
        ):
            loader.expect(signal_ids)

    def expect_entries(self, positions: Sequence[Position]) -> None:
        """Expect the entries of the feed that the messages of a stream contain."""
        for loader in (self.entry_texts, self.reserved_texts):
            loader.expect(positions)
