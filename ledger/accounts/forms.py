"""Accounts as people write them, read to one form: the platform, the handle, and what kind of thing it is. Pure.

It must never guess: what can't be read as one account with certainty is kept as it was written, as GROUP, POST or
UNREAD. It never raises. Reading the form of an account again gives the same account. This is the only place that reads
accounts.
Source: domain.md, Complaint; docs/adr/0109, 0150.
"""

from dataclasses import dataclass

from ledger.accounts.addresses import Place, find_place, is_address
from ledger.accounts.handles import clean_handle, find_namespace, is_number, read_handle
from ledger.accounts.platforms import BY_NUMBER, find_platform_by_name, name_other
from ledger.accounts.vocabulary import AccountKind
from ledger.canonical import hash_canonical, render_canonical
from ledger.numbers.forms import HOME_REGION
from ledger.vocabulary import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAccount:
    """One account in its one form, or what was written of it. platform_name is empty unless the platform is OTHER."""

    platform: Platform
    platform_name: str = ""
    kind: AccountKind
    handle: str

    @property
    def e164(self) -> str | None:
        """The telephone number that the handle is."""
        return self.handle if self.kind is AccountKind.ACCOUNT and is_number(self.handle) else None

    @property
    def key_hash(self) -> str:
        """The SHA-256 of the canonical text of the account, by which two that were written differently are one."""
        said = {
            "platform": self.platform.value,
            "platformName": self.platform_name,
            "kind": self.kind.value,
            "handle": self.handle,
        }
        return hash_canonical(render_canonical(said))


def read_account(
    platform: str, handle: str | None = None, url: str | None = None, *, region: str = HOME_REGION
) -> ReadAccount:
    """Return the account that somebody named by a platform with a handle, an address, or both.

    Shapes: texts as `check_text` returns them. An address in the handle's place is read as one.
    Of the two, an address that leads to an account decides, unless the handle is another account's; a platform that
    isn't listed is that of the address. A platform and an address that contradict each other name nothing.
    """
    said = clean_handle(handle or "")
    address = clean_handle(url or "")
    if said and is_address(said):
        if address and said != address:
            return _choose(read_account(platform, said, region=region), read_account(platform, address, region=region))
        said, address = "", said
    elif address and not is_address(address):
        said, address = f"{said} {address}".strip(), ""
    place = find_place(address) if address else None
    named, other_name = name_platform(platform)
    if place is not None and place.platform is not None and named in {Platform.OTHER, place.platform}:
        named, other_name = place.platform, ""
    elif place is not None and place.platform is None and named is Platform.OTHER:
        other_name = place.host
    elif place is not None and place.platform is not None:
        return _keep(named, other_name, AccountKind.UNREAD, f"{said} {address}".strip())
    return _settle(named, other_name, said, address, place, region=region)


def name_platform(text: str) -> tuple[Platform, str]:
    """Return the platform that somebody named by its name or its domain, and the name of one that isn't listed."""
    listed = find_platform_by_name(text)
    if listed is not None:
        return listed, ""
    bare = clean_handle(text)
    place = find_place(bare) if "." in bare and "@" not in bare else None
    if place is None:
        return Platform.OTHER, name_other(text)
    return (Platform.OTHER, place.host) if place.platform is None else (place.platform, "")


def name_account(platform: Platform, handle: str, *, platform_name: str = "") -> ReadAccount:
    """Return the account that somebody names to find what is stored about it."""
    return read_account(platform_name if platform is Platform.OTHER else platform.value, handle)


def find_by_address(url: str) -> ReadAccount | None:
    """Return the account that an address leads to, or None if it leads to none that can be read."""
    place = find_place(clean_handle(url))
    if place is None or place.platform is None:
        return None
    return read_account(place.platform.value, None, url)


def is_named_by_number(platform: str) -> bool:
    """Whether a telephone number alone names an account on the platform."""
    return find_platform_by_name(platform) in BY_NUMBER


def _choose(one: ReadAccount, other: ReadAccount) -> ReadAccount:
    """Return the account of two that were named as one: the only one that is an account, or neither if they differ."""
    if one == other or other.kind is not AccountKind.ACCOUNT:
        return one
    if one.kind is not AccountKind.ACCOUNT:
        return other
    return _keep(one.platform, one.platform_name, AccountKind.UNREAD, f"{one.handle} {other.handle}")


def _settle(
    platform: Platform, platform_name: str, said: str, address: str, place: Place | None, *, region: str
) -> ReadAccount:
    by_handle = read_handle(platform, said, region=region)
    by_address = None
    if place is not None and place.handle is not None:
        by_address = read_handle(platform, clean_handle(place.handle), region=region)
    found = by_address or by_handle
    is_torn = (
        by_address is not None
        and by_handle not in {None, by_address}
        and find_namespace(by_handle or "") == find_namespace(by_address)
    )
    if found is not None and not is_torn:
        return ReadAccount(platform=platform, platform_name=platform_name, kind=AccountKind.ACCOUNT, handle=found)
    kind = AccountKind.UNREAD
    if not said and place is not None and place.kind is not AccountKind.ACCOUNT:
        kind = place.kind
    return _keep(platform, platform_name, kind, f"{said} {address}".strip())


def _keep(platform: Platform, platform_name: str, kind: AccountKind, written: str) -> ReadAccount:
    return ReadAccount(platform=platform, platform_name=platform_name, kind=kind, handle=written)
