"""Notices of revocations: which providers were told that a signal is revoked, and which of them confirmed it."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.members.reading import load_members, load_officers
from ledger.signals import table
from ledger.signals.confirming import NOTICES, NoticeFilter, count_notices, list_notices
from ledger.signals.reading import load_signals
from ledger.signals.vocabulary import SignalRevokedReason
from schema.authority import SIGNAL_STAFF, SIGNALS_READ
from schema.fields import field
from schema.info import Info
from schema.members.types import Member, Officer
from schema.models import Shown, given_filter
from schema.pages import PAGED, After, CountedConnection, Counts, First, page_request
from schema.reads import Listed, one
from schema.signals.types import FraudSignal
from schema.texts import CHECKED


@fed.type(
    description="That a provider which was sent a signal was told that it is revoked. It is for the provider to "
    "confirm, and has no due time.",
    requires_scopes=SIGNALS_READ,
)
class SignalRevocationNotice(Shown[table.RevocationNotice]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    signal_id: strawberry.ID = strawberry.field(description="The signal.")
    reason: SignalRevokedReason = strawberry.field(description="Why the signal was revoked.")
    revoked_at: datetime = strawberry.field(description="When it was revoked, and the provider told.")
    confirmed_at: datetime | None = strawberry.field(description="When the provider confirmed that it knows.")

    member: Member | None = one("The provider.", Member, load_members, by="member_id")

    signal: FraudSignal | None = one("The signal, if you may still see it.", FraudSignal, load_signals, by="signal_id")

    confirmed_by: Officer | None = one(
        "The provider's officer who confirmed it; visible to the regulator only, and null for a system.",
        Officer,
        load_officers,
        by="confirmed_by",
        needs=SIGNAL_STAFF,
    )


@fed.type(description="One page of notices.", requires_scopes=SIGNALS_READ)
class SignalRevocationNoticeConnection(CountedConnection[SignalRevocationNotice]):
    pass


@fed.input(description="Which notices to return. Criteria that are left out match everything.")
class SignalRevocationNoticeFilter:
    is_confirmed: bool | None = strawberry.field(
        description="Only those that the provider confirmed, or only those that it hasn't.", default=UNSET
    )
    member_id: strawberry.ID | None = strawberry.field(description="To this provider.", default=UNSET)
    signal_id: strawberry.ID | None = strawberry.field(description="About this signal.", default=UNSET)


@fed.type
class SignalRevocationQueries:
    @field(
        "Notices of revoked signals, oldest first: all for the regulator, a provider's own, also after it left.",
        needs=SIGNALS_READ,
        directives=[PAGED],
        extensions=[CHECKED],
        reads=Listed(NOTICES),
    )
    async def signal_revocation_notices(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the graph's name
            SignalRevocationNoticeFilter | None, strawberry.argument(description="Which ones.")
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> SignalRevocationNoticeConnection | None:
        where = NoticeFilter(**given_filter(filter))
        page = await info.context.read(list_notices, page_request(first, after), where)
        return SignalRevocationNoticeConnection.of(
            page, SignalRevocationNotice.of, after=after, counts=Counts(count_notices, where)
        )
