"""What a contribution is about: a number, an account or a link, each in its one form. Pure.

A link that leads to an account is about the account, so that two members who name it differently report the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger.accounts.forms import ReadAccount, find_by_address, read_account
from ledger.accounts.vocabulary import AccountKind
from ledger.errors import InvalidInputError
from ledger.numbers.forms import parse_number
from ledger.signals.links import LINK_LENGTH_MAX, read_link
from ledger.signals.vocabulary import ContributionKind
from ledger.texts import check_optional_reference, check_optional_text, check_text
from ledger.vocabulary import Category

_PLATFORM_LENGTH_MAX = 64
_HANDLE_LENGTH_MAX = 256


class ContributionTargetError(InvalidInputError):
    """A contribution is about one thing: a number, an account or a link."""

    code = "CONTRIBUTION_TARGET_INVALID"
    hint = "Send exactly one of number, account and link; an account has a platform, and a handle or an address."


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDraft:
    """An account as written: its platform, with a handle, an address, or both."""

    platform: str
    handle: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributionDraft:
    """What a member observed: one thing as written, a category, the time with its UTC offset, and a reference."""

    number: str | None = None
    account: AccountDraft | None = None
    link: str | None = None
    category: Category
    reference: str
    observed_at: datetime | None = None


def read_target(draft: ContributionDraft) -> Mapping[str, Any]:
    """Return what a draft is about, by the names of a contribution's fields.

    Errors: ContributionTargetError, NumberInvalidError, LinkInvalidError, TextTooLongError, TextInvalidError.
    """
    if sum(each is not None for each in (draft.number, draft.account, draft.link)) != 1:
        raise ContributionTargetError
    if draft.number is not None:
        return {"kind": ContributionKind.NUMBER, "e164": parse_number(draft.number).e164}
    if draft.account is not None:
        return _about_account(_read_account(draft.account))
    link = read_link(draft.link or "", field="link")
    account = find_by_address(link)
    if account is not None and account.kind is AccountKind.ACCOUNT:
        return _about_account(account)
    return {"kind": ContributionKind.LINK, "url": link}


def _read_account(draft: AccountDraft) -> ReadAccount:
    platform = check_text(draft.platform, field="account.platform", length_max=_PLATFORM_LENGTH_MAX)
    handle = check_optional_text(draft.handle, field="account.handle", length_max=_HANDLE_LENGTH_MAX)
    url = check_optional_reference(draft.url, field="account.url", length_max=LINK_LENGTH_MAX)
    if not platform or (handle is None and url is None):
        raise ContributionTargetError(field="account")
    return read_account(platform, handle, url)


def _about_account(account: ReadAccount) -> Mapping[str, Any]:
    return {
        "kind": ContributionKind.ACCOUNT,
        "platform": account.platform,
        "platform_name": account.platform_name or None,
        "account_kind": account.kind,
        "handle": account.handle,
        "account_hash": account.key_hash,
    }
