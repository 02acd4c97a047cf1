"""Steps that tests of signals begin with: providers that take part, complaints that raise signals, what each reads."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import text

from ledger.complaints.complainant_drafts import ComplainantDraft
from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.table import Complaint
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import ClientId
from ledger.members.admission import MemberDraft, admit_member
from ledger.pages import PageRequest
from ledger.participations.agreements import end_participation, start_participation
from ledger.participations.table import Participation
from ledger.participations.terms import Terms
from ledger.participations.vocabulary import Disclosure, PartingReason
from ledger.signals.confirming import NoticeFilter, confirm_revocations, list_notices
from ledger.signals.contribution_reading import ContributionFilter, list_contributions
from ledger.signals.contributions import contribute_signals
from ledger.signals.filling import fill_keys
from ledger.signals.reading import SignalFilter, list_signals
from ledger.signals.revocation import Revocation, revoke_signals
from ledger.signals.table import FraudSignal
from ledger.signals.targets import ContributionDraft
from ledger.signals.vocabulary import ContributionWithdrawalReason, SignalRevocationGround
from ledger.signals.withdrawing import Replacement, Withdrawal, replace_contributions, withdraw_contributions
from ledger.storage.roles import Role
from ledger.viewer import OPERATOR, MemberKind
from ledger.vocabulary import Category
from tests.support.journeys import file_verified

DAY = timedelta(days=1)
TERMS = Terms(
    terms_reference="PKS-7/2026",
    categories=tuple(Category),
    purpose="Protect users from fraud.",
    controller_roles="Each side is a controller of its own.",
    disclosure=Disclosure.HASHED,
)


async def admit_provider(database, parties, as_of, slug="another-messenger"):
    async with database.transaction(OPERATOR, as_of=as_of) as tx:
        member = await admit_member(tx, MemberDraft(slug=slug, kind=MemberKind.OTT_PROVIDER, legal_name=slug))
    return replace(parties.provider, member_id=member.id, client_id=ClientId(f"{slug}-system"))


async def take_part(database, parties, as_of, provider=None, **terms) -> Participation:
    provider = provider or parties.provider
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        return await start_participation(tx, provider.member_id, replace(TERMS, **terms), fill=fill_keys)


async def leave(database, parties, as_of, participation) -> Participation:
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        return await end_participation(tx, participation.id, PartingReason.PROVIDER_LEFT)


async def complain(database, parties, as_of, number, *people, **more):
    """Verified complaints of a number, one by each of the people named, or one whose complainant nobody named."""
    complainants = [ComplainantDraft(name=name, identity_number=name.ljust(16, "0")) for name in people]
    sides = [{"complainant": complainant} for complainant in complainants] or [{}]
    return [
        complaint
        for side in sides
        for complaint in await file_verified(database, parties, as_of, [number], **side, **more)
    ]


async def reopen(database, parties, as_of, *complaints):
    """Resolve verified complaints, as the end of their orders does, and reopen them."""
    ids = [complaint.id for complaint in complaints]
    resolve = text("UPDATE complaints SET state = 'RESOLVED' WHERE id = ANY(CAST(:ids AS uuid[]))")
    async with database.system(Role.TRANSITION, as_of=as_of) as tx:
        await tx.execute(resolve, {"ids": ids})
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        decisions = [ComplaintDecision(complaint_id=item, decision=Decision.REOPEN) for item in ids]
        reopened = await decide_complaints(tx, decisions)
    assert all(isinstance(complaint, Complaint) for complaint in reopened), reopened
    return reopened


async def read_signals(database, viewer, as_of, **where) -> list[FraudSignal]:
    """What a viewer may see, the newest first."""
    async with database.reading(viewer, as_of=as_of) as tx:
        return list((await list_signals(tx, PageRequest(first=500), SignalFilter(**where))).items)


async def contribute(database, viewer, as_of, *numbers, reference="CASE", category=Category.FRAUD, **more):
    drafts = [
        ContributionDraft(number=number, category=category, reference=f"{reference}-{place}", **more)
        for place, number in enumerate(numbers)
    ]
    async with database.transaction(viewer, as_of=as_of) as tx:
        return await contribute_signals(tx, drafts)


async def contribute_drafts(database, viewer, as_of, *drafts, category=Category.FRAUD):
    """Contributions about whatever the drafts' fields say."""
    made = [ContributionDraft(**({"category": category} | draft)) for draft in drafts]
    async with database.transaction(viewer, as_of=as_of) as tx:
        return await contribute_signals(tx, made)


async def withdraw(database, viewer, as_of, *ids, reason=ContributionWithdrawalReason.MISTAKE):
    async with database.transaction(viewer, as_of=as_of) as tx:
        return await withdraw_contributions(tx, [Withdrawal(contribution_id=each, reason=reason) for each in ids])


async def put_in_place(database, viewer, as_of, replaced_id, number=None, *, reference="ANEW", **more):
    """Replace one contribution by another, by default about a number."""
    draft = ContributionDraft(**({"number": number, "category": Category.FRAUD, "reference": reference} | more))
    async with database.transaction(viewer, as_of=as_of) as tx:
        (result,) = await replace_contributions(tx, [Replacement(contribution_id=replaced_id, draft=draft)])
    return result


async def list_contributed(database, viewer, as_of, **where):
    async with database.reading(viewer, as_of=as_of) as tx:
        return list((await list_contributions(tx, PageRequest(first=500), ContributionFilter(**where))).items)


async def confirm(database, viewer, as_of, *signal_ids):
    async with database.transaction(viewer, as_of=as_of) as tx:
        return await confirm_revocations(tx, list(signal_ids))


async def read_notices(database, viewer, as_of, **where):
    async with database.reading(viewer, as_of=as_of) as tx:
        return list((await list_notices(tx, PageRequest(first=500), NoticeFilter(**where))).items)


async def revoke(database, parties, as_of, *signals, reason=SignalRevocationGround.FALSE_POSITIVE):
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        return await revoke_signals(tx, [Revocation(signal_id=signal.id, reason=reason) for signal in signals])


async def read_events(owner_connection, *kinds: EventKind):
    """Events of signals and participations in the order of writing, as the owner of the tables sees them."""
    rows = await owner_connection.fetch(
        "SELECT kind, subject_id, state, actor_member_id::text, actor_officer_id::text, actor_client_id, "
        "array(SELECT unnest(audience)::text) AS audience, brand_id::text, payload, recorded_at FROM events "
        "WHERE subject IN ('FRAUD_SIGNAL', 'SIGNAL_CONTRIBUTION', 'PARTICIPATION') "
        "AND (cardinality($1::text[]) = 0 OR kind = ANY($1::text[])) ORDER BY id",
        [kind.value for kind in kinds],
    )
    return [dict(row) for row in rows]
