"""Steps that tests of referrals begin with: a provider that takes part, offers to it, and what it answers."""

from dataclasses import replace

from ledger.complaints.vocabulary import Medium, Remedy
from ledger.errors import Problem
from ledger.participations.vocabulary import Disclosure
from ledger.referrals.offering import OfferDraft, offer_referrals
from ledger.referrals.response_rules import ResponseDraft
from ledger.referrals.responses import AnsweredReferral, respond_to_referrals
from ledger.referrals.table import Referral
from ledger.referrals.vocabulary import ReferralAction, ReferralGround, ResponseKind
from tests.support.journeys import file_verified
from tests.support.signal_journeys import take_part

SUMMARY = "Prize fraud; victims are sent to this number."
ABROAD = "PDP Law art. 56(2), binding safeguards of 2026-01-12"
ACTED = {"kind": ResponseKind.ACTIONED, "action": ReferralAction.BANNED, "ground": ReferralGround.OWN_TERMS}


async def join_referrals(database, parties, as_of, provider=None, **terms):
    """A provider that takes part on terms that let it be told numbers in clear."""
    sides = {"disclosure": Disclosure.CLEAR, "transfer_ground": ABROAD} | terms
    return await take_part(database, parties, as_of, provider, **sides)


async def offer(database, parties, as_of, number, provider=None, **more) -> Referral | Problem:
    """One number offered by the officer."""
    draft = OfferDraft(
        provider_id=(provider or parties.provider).member_id, number=number, **({"summary": SUMMARY} | more)
    )
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        return (await offer_referrals(tx, [draft]))[0]


async def refer(database, parties, as_of, *numbers, remedy=Remedy.OTT_ACTION, **more) -> list[Referral]:
    """A referral of each number to the provider, which takes part, from a verified complaint."""
    await file_verified(database, parties, as_of, numbers, remedy=remedy, medium=Medium.OTT, **more)
    drafts = [OfferDraft(provider_id=parties.provider.member_id, number=number, summary=SUMMARY) for number in numbers]
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        offered = await offer_referrals(tx, drafts)
    assert all(isinstance(each, Referral) for each in offered), offered
    return offered


async def respond(database, viewer, as_of, referral, reference="WA-1", **said) -> AnsweredReferral | Problem:
    """One response to a referral."""
    async with database.transaction(viewer, as_of=as_of) as tx:
        draft = ResponseDraft(
            referral_id=referral.id, reference=reference, **(ACTED | said if "kind" not in said else said)
        )
        return (await respond_to_referrals(tx, [draft]))[0]


def of_another(viewer, member):
    """The same kind of viewer, of another member."""
    return replace(viewer, member_id=member.member_id)
