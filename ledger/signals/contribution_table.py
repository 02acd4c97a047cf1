"""The table of members' contributions: what each observed itself, as it recorded, withdrew or replaced it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import CheckConstraint, ColumnElement, Index, UniqueConstraint, text

from ledger.accounts.vocabulary import AccountKind
from ledger.feed.vocabulary import Subject
from ledger.identifiers import ClientId, ContributionId, MemberId
from ledger.numbers.table import E164_FORM
from ledger.signals.states import ContributionState
from ledger.signals.vocabulary import ContributionKind, ContributionWithdrawalReason
from ledger.storage.access import EVERYTHING, ME, Access, reads
from ledger.storage.commitments import CommittedBy
from ledger.storage.markers import DERIVED, KEY, Columns, derived, only, references
from ledger.storage.records import declare
from ledger.storage.roles import Role
from ledger.vocabulary import Category, Platform

REPLACED_ONCE = "uq_signal_contributions_replaces_id"
"""The unique index by which a contribution is replaced at most once, so that what follows it is a chain."""
_ENDED = "state IN ('REPLACED', 'WITHDRAWN')"
_OTHERS = "kind IN ('ACCOUNT', 'LINK')"


def _is_canonical(c: Columns) -> ColumnElement[Any]:
    return c.account_kind == AccountKind.ACCOUNT.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """A member's contribution, as recorded; only its state changes, once.

    It is about a number, an account or a link. Neither its number nor its account need be stored as such: a
    contribution must leave no trace in the list of either. account_hash is the account's key_hash, url the link, in its
    one form.
    replaces_id is the one that it replaced, first_id the first of that chain; both are None for the first.
    """

    id: Annotated[ContributionId, KEY]
    member_id: Annotated[MemberId, references("members.id")]
    reference: str
    kind: ContributionKind = ContributionKind.NUMBER
    e164: str | None = None
    epoch: Annotated[int | None, only(Role.REGULATOR)] = None
    platform: Platform | None = None
    platform_name: str | None = None
    account_kind: AccountKind | None = None
    handle: str | None = None
    is_canonical: Annotated[bool | None, derived(_is_canonical)] = DERIVED
    account_hash: str | None = None
    url: str | None = None
    category: Category
    observed_at: datetime | None = None
    client_id: Annotated[ClientId | None, only(Role.REGULATOR)] = None
    recorded_at: datetime
    state: ContributionState = ContributionState.STANDING
    replaces_id: Annotated[ContributionId | None, references("signal_contributions.id")] = None
    first_id: Annotated[ContributionId | None, references("signal_contributions.id")] = None
    ended_at: datetime | None = None
    withdrawal_reason: ContributionWithdrawalReason | None = None


signal_contributions = declare(
    "signal_contributions",
    Contribution,
    CheckConstraint("length(reference) BETWEEN 1 AND 128", name="reference_length"),
    CheckConstraint(E164_FORM, name="e164_form"),
    CheckConstraint("account_hash ~ '^[0-9a-f]{64}$'", name="account_hash_form"),
    CheckConstraint(
        "(kind = 'NUMBER') = (e164 IS NOT NULL) AND (e164 IS NULL) = (epoch IS NULL)", name="number_with_epoch"
    ),
    CheckConstraint(
        "(kind = 'ACCOUNT') = (account_hash IS NOT NULL) AND (account_hash IS NULL) = (platform IS NULL) "
        "AND (account_hash IS NULL) = (handle IS NULL) AND (account_hash IS NULL) = (account_kind IS NULL)",
        name="account_whole",
    ),
    CheckConstraint("(kind = 'LINK') = (url IS NOT NULL)", name="link_with_url"),
    CheckConstraint("(state = 'STANDING') = (ended_at IS NULL)", name="ended_unless_standing"),
    CheckConstraint("(state = 'WITHDRAWN') = (withdrawal_reason IS NOT NULL)", name="withdrawn_with_reason"),
    CheckConstraint("(replaces_id IS NULL) = (first_id IS NULL)", name="chain_has_a_first"),
    UniqueConstraint("member_id", "reference"),
    Index(REPLACED_ONCE, "replaces_id", unique=True, postgresql_where=text("replaces_id IS NOT NULL")),
    Index("ix_signal_contributions_e164_epoch_category", "e164", "epoch", "category"),
    Index("ix_signal_contributions_member_id_id", "member_id", "id"),
    Index("ix_signal_contributions_ended", "id", postgresql_where=text(_ENDED)),
    Index("ix_signal_contributions_member_id_ended", "member_id", "id", postgresql_where=text(_ENDED)),
    Index("ix_signal_contributions_others", "id", postgresql_where=text(_OTHERS)),
    Index("ix_signal_contributions_member_id_others", "member_id", "id", postgresql_where=text(_OTHERS)),
    Index("ix_signal_contributions_first_id", "first_id", postgresql_where=text("first_id IS NOT NULL")),
    Index("ix_signal_contributions_account_hash", "account_hash", postgresql_where=text("account_hash IS NOT NULL")),
    access=(
        *reads(Role.REGULATOR),
        *reads(Role.AGENCY, Role.CARRIER, Role.PROVIDER, rows=f"member_id = {ME}"),
        *reads(Role.RETENTION, Role.ARCHIVE, select=("id", "e164")),
        Access(
            role=Role.TRANSITION,
            select=EVERYTHING,
            insert=True,
            update=("state", "ended_at", "withdrawal_reason"),
        ),
    ),
    committed_by=CommittedBy(Subject.SIGNAL_CONTRIBUTION),
    is_watched=True,
)
