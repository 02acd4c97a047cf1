"""Random moves of all parties on a few numbers, some of which are refused."""

import random
from dataclasses import replace
from datetime import timedelta

from ledger.accounts.running import NamedPlatform, set_member_platforms
from ledger.complaints.complainant_drafts import ComplainantDraft
from ledger.complaints.complainants import reveal_complainant
from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints, record_complainant_informed
from ledger.complaints.evidence_drafts import EvidenceDraft
from ledger.complaints.expiry import expire_information_requests
from ledger.complaints.filing import file_complaints
from ledger.complaints.supplements import Supplement, supply_information, withdraw_complaints
from ledger.complaints.vocabulary import RejectionReason, Remedy
from ledger.errors import LedgerError
from ledger.feed.legal_holds import LegalHoldDraft, place_legal_hold
from ledger.forwarding.proposals import (
    ForwardingApproval,
    approve_forwarding,
    discard_forwarding,
    forward_complaints,
)
from ledger.forwarding.taking_back import TakeBack, take_back_complaints
from ledger.members.admission import disable_officer
from ledger.orders.acknowledgement_rules import AcknowledgementDraft
from ledger.orders.acknowledgements import acknowledge_block_orders
from ledger.orders.approval import OrderNote, approve_block_orders, return_block_orders
from ledger.orders.closing import close_block_orders, discard_block_orders, withdraw_block_orders
from ledger.orders.drafting import OrderDraft, draft_block_orders
from ledger.orders.extensions import ExtensionDecision, decide_extensions
from ledger.orders.lifts import LiftDraft, draft_lifts
from ledger.orders.reading import load_orders
from ledger.orders.revisions import Revision, reissue_block_orders, revise_block_orders
from ledger.orders.vocabulary import AcknowledgementKind, ImpossibleReason, LiftBasis
from ledger.outages.recording import declare_outage
from ledger.participations.agreements import change_participation, end_participation
from ledger.participations.vocabulary import Disclosure, PartingReason
from ledger.referrals.ending import Withdrawal as ReferralWithdrawal
from ledger.referrals.ending import lapse_referrals, withdraw_from_departed, withdraw_referrals
from ledger.referrals.offering import OfferDraft, offer_referrals
from ledger.referrals.response_rules import ResponseDraft
from ledger.referrals.responses import respond_to_referrals
from ledger.referrals.vocabulary import DeclineReason, ReferralAction, ReferralGround, ResponseKind, WithdrawalGround
from ledger.signals.confirming import confirm_revocations
from ledger.signals.contributions import contribute_signals
from ledger.signals.filling import fill_keys
from ledger.signals.revocation import Revocation, expire_signals, revoke_signals
from ledger.signals.settling import settle_next_signals
from ledger.signals.targets import ContributionDraft
from ledger.signals.vocabulary import ContributionWithdrawalReason, SignalRevocationGround
from ledger.signals.withdrawing import Replacement, Withdrawal, replace_contributions, withdraw_contributions
from ledger.viewer import OPERATOR
from ledger.vocabulary import Category, Platform
from tests.support.account_journeys import accuse
from tests.support.journeys import FORWARDING, WORDS, complaint_draft, read_approvals
from tests.support.signal_journeys import TERMS, take_part

NUMBERS = tuple(f"+6281200000{serial:03d}" for serial in range(4))


class Walk:
    """Random steps of random parties on a few numbers, each in a transaction of its own."""

    def __init__(self, audited, parties, as_of, seed):
        self.audited = audited
        self.parties = parties
        self.as_of = as_of
        self.draw = random.Random(seed)  # noqa: S311 - which steps are made
        self.made = 0

    async def ids(self, table, where="true"):
        rows = await self.audited.owner.fetch(f"SELECT id::text FROM {table} WHERE {where} ORDER BY id")
        return [row["id"] for row in rows]

    async def pick(self, table, where="true"):
        """One to three ids, which may repeat, or one that nothing has."""
        found = await self.ids(table, where) or ["01900000-0000-7000-8000-000000000000"]
        return self.draw.choices(found, k=self.draw.randint(1, 3))

    async def run(self, viewer, work, *arguments, **named):
        self.as_of += timedelta(minutes=self.draw.randint(1, 300))
        try:
            async with self.audited.database.transaction(viewer, as_of=self.as_of) as tx:
                await work(tx, *arguments, **named)
        except LedgerError:
            return
        self.made += 1

    async def step(self):
        await self.draw.choice(self.steps())()

    def steps(self):
        return [
            self.file, self.file, self.file, self.decide, self.decide, self.decide, self.supply, self.say,
            self.draft, self.draft, self.approve, self.approve, self.revise, self.end, self.extend, self.forward,
            self.acknowledge, self.acknowledge, self.acknowledge, self.signals, self.contribute, self.participate,
            self.correct, self.correct, self.take_back, self.lift, self.jobs, self.outage, self.outage,
            self.rest, self.accuse, self.accuse, self.run_platforms, self.refer, self.refer, self.answer, self.answer,
            self.answer, self.withdraw,
        ]  # fmt: skip

    async def file(self):
        person = ComplainantDraft(name=self.draw.choice("ABC"), identity_number=str(self.draw.randint(1, 3)) * 16)
        evidence = (EvidenceDraft(media_type="text/plain", content=b"Pay."),)
        drafts = [
            complaint_draft(
                number,
                complainant=self.draw.choice([person, None]),
                chronology=self.draw.choice(["He called.", None]),
                evidence=self.draw.choice([evidence, ()]),
                category=self.draw.choice([Category.FRAUD, Category.OTHER]),
            )
            for number in self.draw.choices(NUMBERS, k=3)
        ]
        await self.run(self.draw.choice([self.parties.agency, self.parties.other_agency]), file_complaints, drafts)

    async def accuse(self):
        """Complaints about accounts, some of which are a number of ours."""
        handles = self.draw.choices([("Telegram", "budi_s"), ("Telegram", "ani_s"), ("WhatsApp", NUMBERS[0])], k=2)
        drafts = [accuse(*each, remedy=self.draw.choice([Remedy.OTT_ACTION, Remedy.BOTH])) for each in handles]
        await self.run(self.draw.choice([self.parties.agency, self.parties.other_agency]), file_complaints, drafts)

    async def run_platforms(self):
        named = self.draw.sample([Platform.TELEGRAM, Platform.WHATSAPP], k=self.draw.randint(0, 2))
        platforms = [NamedPlatform(each) for each in named]
        await self.run(self.parties.officer, set_member_platforms, self.parties.provider.member_id, platforms)

    async def refer(self):
        about = self.draw.choice(
            [
                {"number": self.draw.choice(NUMBERS)},
                {"account_id": (await self.pick("accounts"))[0]},
                {"complaint_ids": tuple(await self.pick("complaints", "state IN ('VERIFIED', 'ESCALATED')"))},
            ]
        )
        draft = OfferDraft(provider_id=self.parties.provider.member_id, summary="Prize fraud.", **about)
        await self.run(self.parties.officer, offer_referrals, [draft])

    async def answer(self):
        drafts = []
        for referral_id in await self.pick("referrals", self.draw.choice(["state = 'OFFERED'", "true"])):
            kind = self.draw.choice(list(ResponseKind))
            action = self.draw.choice(list(ReferralAction)) if kind is ResponseKind.ACTIONED else None
            ground = ReferralGround.OWN_TERMS if action is not None else None
            reason = self.draw.choice([*DeclineReason, None]) if kind is ResponseKind.DECLINED else None
            reference = f"WA-{self.draw.randint(1, 99)}"
            drafts.append(
                ResponseDraft(
                    referral_id=referral_id, kind=kind, action=action, ground=ground, reason=reason, reference=reference
                )
            )
        await self.run(self.parties.provider, respond_to_referrals, drafts)

    async def withdraw(self):
        reason = self.draw.choice(list(WithdrawalGround))
        items = [ReferralWithdrawal(referral_id=each, reason=reason) for each in await self.pick("referrals")]
        await self.run(self.parties.officer, withdraw_referrals, items)

    async def decide(self):
        decisions = []
        for complaint_id in await self.pick("complaints", self.draw.choice(["state = 'SUBMITTED'", "true"])):
            decision = self.draw.choice([Decision.VERIFY, Decision.VERIFY, *Decision])
            reason = RejectionReason.NOT_MISUSE if decision is Decision.REJECT else None
            other = (await self.pick("complaints"))[0] if decision is Decision.MARK_DUPLICATE else None
            decisions.append(
                ComplaintDecision(
                    complaint_id=complaint_id, decision=decision, reason=reason, note="Noted.", duplicate_of=other
                )
            )
        await self.run(self.parties.officer, decide_complaints, decisions)

    async def supply(self):
        found = await self.pick("complaints", "state = 'NEEDS_INFO'")
        supplements = [Supplement(complaint_id=each, chronology="And again.") for each in found]
        await self.run(self.parties.agency, supply_information, supplements)

    async def say(self):
        work = self.draw.choice([withdraw_complaints, record_complainant_informed])
        viewer = self.parties.agency if work is withdraw_complaints else self.parties.officer
        await self.run(viewer, work, await self.pick("complaints"))
        await self.run(self.parties.officer, reveal_complainant, (await self.pick("complaints"))[0], purpose="To call.")

    async def draft(self):
        drafts = [OrderDraft(number=number, **WORDS) for number in self.draw.choices(NUMBERS, k=2)]
        if self.draw.random() < 0.2:
            drafts = [OrderDraft(supersedes_id=(await self.pick("block_orders"))[0], **WORDS)]
        await self.run(self.parties.officer, draft_block_orders, drafts)

    async def approve(self):
        """Approve what waits of some orders: drafts, next versions and lifts."""
        found = await self.pick("block_orders", self.draw.choice(["state = 'DRAFT'", "true"]))

        async def work(tx):
            approvals = await read_approvals(tx, list((await load_orders(tx, found)).values()))
            await approve_block_orders(tx, [replace(each, override_note="Known to us.") for each in approvals])

        await self.run(self.parties.other_officer, work)

    async def lift(self):
        found = await self.pick("block_orders", "state IN ('EXECUTED', 'PARTIAL', 'LIFT_IMPOSSIBLE')")
        lifts = [LiftDraft(order_id=each, basis=LiftBasis.POLICE, note="They asked.") for each in found]
        await self.run(self.parties.officer, draft_lifts, lifts)

    async def revise(self):
        found = await self.pick("block_orders", "state IN ('DRAFT', 'IMPOSSIBLE')")
        if self.draw.random() < 0.5:
            notes = [OrderNote(order_id=each, note="Say why.") for each in found]
            await self.run(self.parties.other_officer, return_block_orders, notes)
        else:
            revisions = [Revision(order_id=each, summary=f"Summary {self.draw.random()}") for each in found]
            work = self.draw.choice([revise_block_orders, reissue_block_orders])
            await self.run(self.parties.officer, work, revisions)

    async def end(self):
        notes = [OrderNote(order_id=each, note="It ends.") for each in await self.pick("block_orders")]
        work = self.draw.choice([discard_block_orders, withdraw_block_orders, close_block_orders])
        await self.run(self.parties.officer, work, notes)

    async def acknowledge(self):
        drafts = []
        for order_id in await self.pick("block_orders", self.draw.choice(["state <> 'DRAFT'", "state = 'ISSUED'"])):
            kind = self.draw.choice(list(AcknowledgementKind))
            reason = ImpossibleReason.TECHNICAL if kind in _WITH_REASON else None
            until = self.as_of + timedelta(hours=40) if kind is AcknowledgementKind.EXTENSION_REQUESTED else None
            reference = f"TT-{self.draw.randint(1, 99)}"
            drafts.append(
                AcknowledgementDraft(order_id=order_id, kind=kind, reference=reference, reason=reason, until=until)
            )
        await self.run(self.parties.telkomsel, acknowledge_block_orders, drafts)

    async def correct(self):
        drafts = []
        for order_id in await self.pick("block_orders", "standing_acknowledgement_id IS NOT NULL"):
            corrects = await self.audited.owner.fetchval(
                "SELECT standing_acknowledgement_id::text FROM block_orders WHERE id = $1", order_id
            )
            kind = self.draw.choice(_CORRECTIONS)
            reason = ImpossibleReason.TECHNICAL if kind in _WITH_REASON else None
            drafts.append(
                AcknowledgementDraft(
                    order_id=order_id, kind=kind, reference=f"C-{self.draw.random()}", reason=reason, note="A mistake.",
                    corrects_id=corrects,
                )
            )  # fmt: skip
        await self.run(self.parties.telkomsel, acknowledge_block_orders, drafts)

    async def take_back(self):
        items = [TakeBack(complaint_id=each, note="A mistake.") for each in await self.pick("complaints")]
        await self.run(self.parties.officer, take_back_complaints, items)

    async def extend(self):
        found = await self.pick("order_extensions", "state = 'REQUESTED'")
        decisions = [ExtensionDecision(extension_id=each, is_granted=self.draw.choice([True, False])) for each in found]
        await self.run(self.parties.officer, decide_extensions, decisions)

    async def forward(self):
        await self.run(self.parties.officer, forward_complaints, FORWARDING)
        if self.draw.random() < 0.6:
            await self.approve_run()
        if self.draw.random() < 0.3:
            await self.run(self.parties.other_officer, discard_forwarding, (await self.pick("forwarding_runs"))[0])

    async def approve_run(self):
        run_id = (await self.pick("forwarding_runs", "state = 'PROPOSED'"))[0]
        found = await self.audited.owner.fetchval("SELECT manifest_hash FROM forwarding_runs WHERE id = $1", run_id)
        approval = ForwardingApproval(run_id=run_id, manifest_hash=found or "")
        await self.run(self.parties.other_officer, approve_forwarding, approval)

    async def signals(self):
        reason = SignalRevocationGround.FALSE_POSITIVE
        revocations = [Revocation(signal_id=each, reason=reason) for each in await self.pick("fraud_signals")]
        await self.run(self.parties.officer, revoke_signals, revocations[:1])
        await self.run(self.parties.provider, confirm_revocations, await self.pick("fraud_signals"))

    async def contribute(self):
        viewer = self.draw.choice([self.parties.indosat, self.parties.provider, self.parties.agency])
        number, category = self.draw.choice(NUMBERS), self.draw.choice([Category.FRAUD, Category.OTHER])
        draft = ContributionDraft(number=number, category=category, reference=f"C-{self.draw.randint(1, 20)}")
        await self.run(viewer, contribute_signals, [draft])
        draft = replace(draft, reference=f"R-{self.draw.randint(1, 20)}")
        replaced, withdrawn = (await self.pick("signal_contributions"))[0], await self.pick("signal_contributions")
        await self.run(viewer, replace_contributions, [Replacement(contribution_id=replaced, draft=draft)])
        if self.draw.random() < 0.3:
            reason = self.draw.choice(list(ContributionWithdrawalReason))
            withdrawals = [Withdrawal(contribution_id=each, reason=reason) for each in withdrawn]
            await self.run(viewer, withdraw_contributions, withdrawals)

    async def participate(self):
        participation_id = (await self.pick("participations", "ended_at IS NULL"))[0]
        if self.draw.random() < 0.6:
            terms = replace(TERMS, disclosure=self.draw.choice(list(Disclosure)))
            await self.run(self.parties.officer, change_participation, participation_id, terms, fill=fill_keys)
        else:
            await self.run(self.parties.officer, end_participation, participation_id, PartingReason.PROVIDER_LEFT)
            await take_part(self.audited.database, self.parties, self.as_of)

    async def jobs(self):
        self.as_of += timedelta(days=self.draw.choice([1, 8, 40]))
        for job in (expire_information_requests, expire_signals, lapse_referrals, withdraw_from_departed):
            await self.run(self.parties.officer, job)
        await self.run(self.parties.officer, settle_next_signals, after=None)

    async def outage(self):
        ends_at = self.as_of - timedelta(minutes=self.draw.randint(0, 600))
        starts_at = ends_at - timedelta(minutes=self.draw.randint(1, 3_000))
        await self.run(OPERATOR, declare_outage, starts_at, ends_at, reason="No connection.")

    async def rest(self):
        await self.run(self.parties.officer, place_legal_hold, LegalHoldDraft(reason="A court asks."))
        await self.run(self.parties.officer, disable_officer, self.parties.other_officer.officer_id)


_CORRECTIONS = (
    AcknowledgementKind.RECEIVED,
    AcknowledgementKind.EXECUTED,
    AcknowledgementKind.PARTIAL,
    AcknowledgementKind.IMPOSSIBLE,
)
_WITH_REASON = frozenset(
    {AcknowledgementKind.IMPOSSIBLE, AcknowledgementKind.LIFT_IMPOSSIBLE, AcknowledgementKind.EXTENSION_REQUESTED}
)
