"""The tables of accounts, and of which member runs which platform.

An account's number need not be among the stored numbers: a complaint about an account leaves no trace in what the
number's carrier sees.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import CheckConstraint, ColumnElement, Index, and_, case, func, literal, or_, text

from ledger.accounts.vocabulary import AccountKind
from ledger.feed.vocabulary import Subject
from ledger.identifiers import AccountId, MemberId, MemberPlatformId
from ledger.numbers.table import E164_FORM
from ledger.numbers.vocabulary import RiskTier
from ledger.storage.access import ME, TAKES_PART, TRANSITION_MOVES, reads
from ledger.storage.commitments import CommittedBy
from ledger.storage.markers import BIG, DERIVED, KEY, REQUIRED, UNIQUE, Columns, derived, only, references
from ledger.storage.records import declare
from ledger.storage.roles import Role
from ledger.vocabulary import Platform

RUN_BY_ANOTHER = "uq_member_platforms_platform"
"""The unique index by which at most one member runs a platform at a time."""
_NAMED_IF_OTHER = "(platform = 'OTHER') = (platform_name <> '')"
_REGULATOR_ALONE = only(Role.REGULATOR)
_NOT_PROVIDERS = only(Role.REGULATOR, Role.AGENCY)

# A scalar subquery: the planner would hash an EXISTS, and read all that an agency ever filed for a single page.
_IN_MY_COMPLAINTS = f"(SELECT true FROM complaints c WHERE c.source_id = {ME} AND c.account_id = accounts.id LIMIT 1)"
_OF_MY_PLATFORM = (
    f"EXISTS (SELECT 1 FROM member_platforms p WHERE p.member_id = {ME} AND p.ended_at IS NULL "
    "AND p.platform = accounts.platform AND p.platform_name = accounts.platform_name)"
)
_REFERRED_TO_ME = f"EXISTS (SELECT 1 FROM referrals r WHERE r.account_id = accounts.id AND r.provider_id = {ME})"
"""Whether an account was referred to the viewer."""

_PROFILES = {
    Platform.TELEGRAM: "https://t.me/",
    Platform.FACEBOOK: "https://www.facebook.com/",
    Platform.INSTAGRAM: "https://www.instagram.com/",
    Platform.TIKTOK: "https://www.tiktok.com/@",
    Platform.X: "https://x.com/",
    Platform.YOUTUBE: "https://www.youtube.com/",
}


def _other_name(c: Columns) -> ColumnElement[Any]:
    return func.nullif(c.platform_name, "")


def _is_canonical(c: Columns) -> ColumnElement[Any]:
    return c.kind == AccountKind.ACCOUNT.value


def _url(c: Columns) -> ColumnElement[Any]:
    """The address of an account's profile, or the address that was written; NULL where there is none."""
    is_account = c.kind == AccountKind.ACCOUNT.value
    listed = [
        (and_(is_account, c.platform == platform.value), literal(base).concat(c.handle))
        for platform, base in _PROFILES.items()
    ]
    return case(
        (
            and_(is_account, c.platform == Platform.WHATSAPP.value),
            literal("https://wa.me/").concat(func.substr(c.handle, 2)),
        ),
        (
            and_(is_account, c.platform == Platform.SIGNAL.value, c.e164.is_not(None)),
            literal("https://signal.me/#p/").concat(c.handle),
        ),
        (
            and_(is_account, c.platform == Platform.LINE.value, c.handle.like("@%")),
            literal("https://line.me/R/ti/p/").concat(c.handle),
        ),
        (and_(is_account, c.platform == Platform.LINE.value), literal("https://line.me/ti/p/~").concat(c.handle)),
        (
            and_(is_account, c.platform == Platform.DISCORD.value, c.handle.like("users/%")),
            literal("https://discord.com/").concat(c.handle),
        ),
        *listed,
        (
            and_(c.kind != AccountKind.ACCOUNT.value, or_(c.handle.like("http://%"), c.handle.like("https://%"))),
            c.handle,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as the viewer may see it; fields that the viewer may not see are None.

    handle is in the platform's one form if is_canonical; otherwise it is what was written. platform_name is empty
    unless the platform is OTHER; other_name is the same, or None. e164 is the number that the handle is. key_hash
    identifies platform, kind and handle.
    Counts, risk and the times are columns that transitions write; they are never derived for a viewer.
    """

    id: Annotated[AccountId, KEY]
    key_hash: Annotated[str, UNIQUE]
    platform: Platform
    platform_name: str = ""
    other_name: Annotated[str | None, derived(_other_name)] = DERIVED
    kind: AccountKind
    handle: str
    is_canonical: Annotated[bool, derived(_is_canonical)] = DERIVED
    e164: str | None = None
    url: Annotated[str | None, derived(_url)] = DERIVED
    risk: Annotated[RiskTier | None, REQUIRED, _NOT_PROVIDERS] = RiskTier.NONE
    complaint_count: Annotated[int | None, BIG, REQUIRED, _REGULATOR_ALONE] = 0
    verified_complaint_count: Annotated[int | None, BIG, REQUIRED, _REGULATOR_ALONE] = 0
    first_seen_at: Annotated[datetime | None, REQUIRED, _REGULATOR_ALONE] = None
    last_seen_at: Annotated[datetime | None, REQUIRED, _REGULATOR_ALONE] = None


accounts = declare(
    "accounts",
    Account,
    CheckConstraint("key_hash ~ '^[0-9a-f]{64}$'", name="key_hash_form"),
    CheckConstraint(_NAMED_IF_OTHER, name="named_if_other"),
    CheckConstraint(E164_FORM, name="e164_form"),
    CheckConstraint("kind = 'ACCOUNT' OR e164 IS NULL", name="number_of_an_account"),
    CheckConstraint("platform <> 'OTHER' OR kind <> 'ACCOUNT'", name="other_is_not_read"),
    CheckConstraint("first_seen_at <= last_seen_at", name="seen_order"),
    Index("ix_accounts_e164", "e164", postgresql_where=text("e164 IS NOT NULL")),
    Index("ix_accounts_kind_id", "kind", "id"),
    Index("ix_accounts_risk_id", "risk", "id"),
    Index("ix_accounts_platform_id", "platform", "id"),
    Index("ix_accounts_platform_complaint_count_id", "platform", "complaint_count", "id"),
    Index("ix_accounts_platform_last_seen_at_id", "platform", "last_seen_at", "id"),
    Index("ix_accounts_complaint_count_id", "complaint_count", "id"),
    Index("ix_accounts_last_seen_at_id", "last_seen_at", "id"),
    access=(
        *reads(Role.REGULATOR),
        TRANSITION_MOVES,
        *reads(Role.AGENCY, rows=_IN_MY_COMPLAINTS),
        *reads(Role.PROVIDER, rows=f"{TAKES_PART} AND {_OF_MY_PLATFORM} AND {_REFERRED_TO_ME}"),
    ),
    is_watched=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPlatform:
    """A platform that a provider runs, and from when until when. platform_name is empty unless it is an OTHER one."""

    id: Annotated[MemberPlatformId, KEY]
    member_id: Annotated[MemberId, references("members.id", index=True)]
    platform: Platform
    platform_name: str = ""
    other_name: Annotated[str | None, derived(_other_name)] = DERIVED
    began_at: datetime
    ended_at: datetime | None = None


member_platforms = declare(
    "member_platforms",
    MemberPlatform,
    CheckConstraint(_NAMED_IF_OTHER, name="named_if_other"),
    CheckConstraint("ended_at >= began_at", name="term_order"),
    Index(RUN_BY_ANOTHER, "platform", "platform_name", unique=True, postgresql_where=text("ended_at IS NULL")),
    access=(
        *reads(Role.REGULATOR, Role.OPERATOR),
        TRANSITION_MOVES,
        *reads(Role.PROVIDER, rows=f"member_id = {ME}"),
    ),
    committed_by=CommittedBy(Subject.MEMBER, "member_id"),
    is_watched=True,
)
