"""A ledger with something of everything in it: filled by the parties, through the ledger's own functions.

What no move of a party makes within a test's time (a cosignature of a witness, a restore from a backup) is written as
rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from ledger.accounts.running import NamedPlatform, set_member_platforms
from ledger.complaints.claims import Assignment, assign_complaints, claim_complaints
from ledger.complaints.complainant_drafts import ComplainantDraft
from ledger.complaints.complainants import reveal_complainant
from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints, record_complainant_informed
from ledger.complaints.evidence import load_evidence
from ledger.complaints.evidence_drafts import EvidenceDraft
from ledger.complaints.filing import file_complaints
from ledger.complaints.notes import NoteDraft, note_complaints
from ledger.complaints.supplements import Supplement, supply_information, withdraw_complaints
from ledger.complaints.vocabulary import Medium, RejectionReason, Remedy
from ledger.extracts.releasing import ReleaseDraft, release_extract, withdraw_release
from ledger.feed.checkpoints import make_signer
from ledger.feed.legal_holds import LegalHoldDraft, place_legal_hold, release_legal_hold
from ledger.feed.sequencer import Sequencer
from ledger.feed.vocabulary import HoldSubject, Subject
from ledger.forwarding.proposals import discard_forwarding
from ledger.members.admission import OfficerDraft, add_officer, disable_officer
from ledger.operator_acts.recording import Operator, record_act
from ledger.operator_acts.vocabulary import Act
from ledger.orders.approval import OrderNote, return_block_orders
from ledger.orders.closing import close_block_orders, discard_block_orders, withdraw_block_orders
from ledger.orders.drafting import OrderDraft, draft_block_orders
from ledger.orders.extensions import ExtensionDecision, decide_extensions, load_extensions
from ledger.orders.lifts import LiftDraft, draft_lifts
from ledger.orders.revisions import Revision, reissue_block_orders
from ledger.orders.table import BlockOrder
from ledger.orders.vocabulary import AcknowledgementKind, ImpossibleReason, LiftBasis
from ledger.participations.leaving import confirm_deletion, leave_participation
from ledger.participations.narrowing import Narrowing, narrow_participation
from ledger.participations.vocabulary import Disclosure
from ledger.reassignments.confirming import ReportRefusal, refuse_reassignments
from ledger.referrals.ending import Withdrawal, withdraw_referrals
from ledger.referrals.vocabulary import ResponseKind, WithdrawalGround
from ledger.settings import FeedSettings
from ledger.signals.filling import fill_keys
from ledger.signals.targets import AccountDraft
from ledger.signals.vocabulary import SignalRevocationGround
from ledger.storage.database import Database
from ledger.viewer import OPERATOR, Viewer
from ledger.vocabulary import Category, Platform
from tests.support.audited import ORIGIN, Audited, read_now
from tests.support.country import Parties
from tests.support.evidence import make_extract, upload
from tests.support.journeys import (
    WORDS,
    acknowledge,
    approve_proposals,
    complaint_draft,
    file_verified,
    forward,
    issue_orders,
    lift_orders,
    override_number,
    propose_override,
    recycle,
    report_reassigned,
)
from tests.support.outages import declare
from tests.support.referral_journeys import ACTED, refer, respond
from tests.support.running import running
from tests.support.signal_journeys import (
    admit_provider,
    complain,
    confirm,
    contribute,
    contribute_drafts,
    leave,
    put_in_place,
    read_signals,
    revoke,
    take_part,
)
from tests.support.signal_journeys import withdraw as withdraw_contributed
from tests.support.signing_journeys import accept, appoint, offer, publish, refuse, request, sign, withdraw

HOUR = timedelta(hours=1)
ORDERED = (
    *(f"+62812000000{serial:02}" for serial in range(14)),
    "+6285155000001", "+6285600000001", "+6285600000002", "+6289500000001", "+6281700000001", "+6283100000001",
    "+6288100000001",
)  # fmt: skip
"""Numbers of each carrier, and of each brand that has ranges of its own."""
COMPLAINED = ("+6281200000060", "+6281200000061", "+6285600000061", "+6288100000061", "+12025550123", "+62213000001")
PEOPLE = ("Ani", "Budi", "Citra")

_ROWS = (
    """
    INSERT INTO feed_witnesses (id, member_id, name, verifier_key, public_key, registered_at, retired_at)
    SELECT gen_random_uuid(), id, slug || '/witness', slug || '/witness+c1+a key', sha256(slug::bytea),
      timestamptz '2026-03-01 00:00:00.5+00', CASE WHEN slug = 'agency' THEN timestamptz '2026-03-02 00:00+00' END
    FROM members WHERE kind IN ('AGENCY', 'CARRIER')
    """,
    """
    INSERT INTO feed_cosignatures
    SELECT w.id, c.tree_size, w.name, w.verifier_key, U&'\\2014 ' || w.name || ' c2lnbmF0dXJl',
      timestamptz '2026-03-02 01:00:00.123+00', timestamptz '2026-03-02 01:00:01+00'
    FROM feed_witnesses w, (SELECT tree_size FROM feed_checkpoints ORDER BY tree_size DESC LIMIT 2) c
    """,
    """
    INSERT INTO access_records (id, recorded_at, member_id, officer_id, client_id, kind, listed, subject_ids,
      operation_name, document_hash, request_id)
    SELECT gen_random_uuid(), o.created_at + n * interval '7 minutes', o.member_id,
      CASE WHEN n % 3 > 0 THEN o.id END, 'web', CASE WHEN n % 2 = 0 THEN 'LIST' ELSE 'CHRONOLOGY' END,
      CASE WHEN n % 2 = 0 THEN 'block_orders' END,
      ARRAY(SELECT id::text FROM complaints ORDER BY id LIMIT 1 + n % 4), CASE WHEN n % 4 = 0 THEN 'Poll' END,
      encode(sha256(n::text::bytea), 'hex'), 'request-' || n
    FROM officers o, generate_series(1, 5) n
    """,
    """
    INSERT INTO log_restorations
    SELECT gen_random_uuid(), size / 2, 'a disk failed', 'root', timestamptz '2026-03-02 02:00:00.25+00' FROM feed_head
    """,
    """
    INSERT INTO scheduled_forwarding
    SELECT 1, started_at - interval '1 day', started_at, id FROM forwarding_runs ORDER BY id LIMIT 1
    """,
)


@dataclass(frozen=True)
class Filling:
    """The parties at work on one database; each step is an hour after the one before."""

    database: Database
    parties: Parties
    as_of: datetime

    def at(self, hours: float) -> datetime:
        """So many hours after the beginning."""
        return self.as_of + hours * HOUR

    async def run(
        self, viewer: Viewer, as_of: datetime, work: Callable[..., Any], *arguments: Any, **named: Any
    ) -> Any:
        """Do one thing as one party."""
        async with self.database.transaction(viewer, as_of=as_of) as tx:
            return await work(tx, *arguments, **named)

    async def fill_orders(self) -> None:
        """Orders in every state that they come to, with every kind of statement about them."""
        issued = await issue_orders(self.database, self.parties, self.as_of, ORDERED)
        by_number = {order.e164: order for order in issued}
        orders = [by_number[number] for number in ORDERED]
        await self._answer(orders)
        await self._extend(orders[4:7])
        await self._end(orders[7:10])
        await self._lift(orders[:2], orders[14])

    async def _say(self, order: BlockOrder, hours: float, kind: AcknowledgementKind, **more: Any) -> None:
        carriers = (self.parties.telkomsel, self.parties.indosat, self.parties.xlsmart)
        viewer = next(each for each in carriers if each.member_id == order.carrier_id)
        said = await acknowledge(
            self.database, viewer, self.at(hours), order, kind, **({"reference": f"T-{hours:g}-{kind}"} | more)
        )
        assert not hasattr(said, "code"), said

    async def _answer(self, orders: Sequence[BlockOrder]) -> None:
        said = AcknowledgementKind
        for order in (orders[0], orders[1], orders[14], orders[17]):
            await self._say(order, 1.1, said.RECEIVED, note='Read \u2028 "twice".')
            await self._say(order, 2.000001, said.EXECUTED, reference="TT \U0001f4de 1")
        await self._say(orders[2], 30, said.EXECUTED, reference="late")
        await self._say(orders[3], 3, said.PARTIAL, note="Voice only.")
        await self._say(orders[10], 3, said.IMPOSSIBLE, reason=ImpossibleReason.TECHNICAL.value)
        await self._say(orders[11], 3, said.IMPOSSIBLE, reason=ImpossibleReason.WRONG_RANGE_HOLDER.value)
        await self._say(orders[15], 3, said.EXECUTED, reference="was wrong")
        await self._say(
            orders[15], 4, said.IMPOSSIBLE, reason=ImpossibleReason.TECHNICAL.value, note="Sent too early.",
            corrects_reference="was wrong",
        )  # fmt: skip
        await self._say(orders[16], 5, said.RECEIVED)

    async def _extend(self, orders: Sequence[BlockOrder]) -> None:
        for place, order in enumerate(orders):
            assert order.due_at is not None
            until = order.due_at + (place + 1) * HOUR
            await self._say(order, 6, AcknowledgementKind.EXTENSION_REQUESTED, reason="TECHNICAL", until=until)
        async with self.database.reading(self.parties.officer, as_of=self.at(6)) as tx:
            asked = await load_extensions(tx, [order.id for order in orders[:2]])
        decisions = [
            ExtensionDecision(extension_id=asked[order.id][0].id, is_granted=place == 0)
            for place, order in enumerate(orders[:2])
        ]
        await self.run(self.parties.other_officer, self.at(6.5), decide_extensions, decisions)
        await declare(self.database, self.at(9), self.at(7), self.at(8.5))

    async def _end(self, orders: Sequence[BlockOrder]) -> None:
        notes = [OrderNote(order_id=order.id, note="No longer needed.") for order in orders]
        await self.run(self.parties.officer, self.at(7), withdraw_block_orders, notes[:1])
        await self._say(orders[1], 7, AcknowledgementKind.IMPOSSIBLE, reason=ImpossibleReason.MANIFEST_ERROR.value)
        await self.run(self.parties.officer, self.at(8), close_block_orders, notes[1:2])
        await self._say(orders[2], 7, AcknowledgementKind.IMPOSSIBLE, reason=ImpossibleReason.TECHNICAL.value)
        again = [Revision(order_id=orders[2].id, summary="Prize fraud, by SMS and voice.")]
        reissued = await self.run(self.parties.officer, self.at(8), reissue_block_orders, again)
        await self.run(self.parties.other_officer, self.at(8.2), approve_proposals, reissued)

    async def _lift(self, executed: Sequence[BlockOrder], proposed: BlockOrder) -> None:
        lifts = [LiftDraft(order_id=order.id, basis=LiftBasis.POLICE, note="They asked.") for order in executed]
        lifted = await lift_orders(self.database, self.parties, self.at(10), lifts)
        await self._say(lifted[0], 11, AcknowledgementKind.LIFTED)
        draft = LiftDraft(order_id=proposed.id, basis=LiftBasis.COURT, note="Verdict 12/2026.")
        await self.run(self.parties.officer, self.at(11), draft_lifts, [draft])

    async def fill_drafts(self) -> None:
        """Forwarding runs of each outcome, drafts that are held, returned or discarded, and one that supersedes."""
        await file_verified(self.database, self.parties, self.at(12), ["+6281200000050", "+6285600000050"])
        first = await forward(self.database, self.parties, self.at(12.5))
        await self.run(self.parties.officer, self.at(12.6), discard_forwarding, first.id)
        same = {"chronology": "The same text."}
        await file_verified(self.database, self.parties, self.at(13), ["+6281200000051"] * 4, **same)
        await file_verified(self.database, self.parties, self.at(13), [*COMPLAINED[3:], "+6281200000050"])
        await forward(self.database, self.parties, self.at(13.5))
        numbers = ["+6281200000070", "+6281200000071", "+6285600000070"]
        await file_verified(self.database, self.parties, self.at(14), numbers)
        drafts = [OrderDraft(number=number, **WORDS) for number in numbers]
        drafted = await self.run(self.parties.officer, self.at(14), draft_block_orders, drafts)
        notes = [OrderNote(order_id=each.id, note="Say which \\ law.") for each in drafted]
        await self.run(self.parties.other_officer, self.at(14.1), return_block_orders, notes[:1])
        await self.run(self.parties.officer, self.at(14.2), discard_block_orders, notes[1:2])

    async def fill_complaints(self) -> None:
        """Complaints in every state, of numbers and accounts, with evidence and complainants, of both agencies."""
        person = ComplainantDraft(name="Dewi", identity_number="3" * 16)
        evidence = (EvidenceDraft(media_type="text/plain", content=b"Pay.", file_name='a "b".txt'),) * 2
        drafts = [
            complaint_draft(number, complainant=person, chronology='He called \U0001f600.\n"Pay"', evidence=evidence)
            for number in COMPLAINED
        ]
        account = {"medium": Medium.OTT, "account_platform": "Messenger", "remedy": Remedy.OTT_ACTION}
        drafts += [complaint_draft(None, account_handle=f"@scam{place}", **account) for place in range(2)]
        drafts += [
            complaint_draft("+6281200000062", incident_at=self.at(-3.3), loss_rupiah=2**40, category=Category.OTHER),
            complaint_draft("+6281200000063", source_reference=None, chronology=None),
        ]
        filed = await self.run(self.parties.agency, self.at(15.123456), file_complaints, drafts)
        others = [complaint_draft(number) for number in COMPLAINED[:3]]
        filed += await self.run(self.parties.other_agency, self.at(15.5), file_complaints, others)
        ids = [each.complaint.id for each in filed]
        await self._decide(ids)
        await self._fill_accounts()
        await self.run(self.parties.agency, self.at(17), withdraw_complaints, ids[7:8])
        await self.run(
            self.parties.officer, self.at(17), reveal_complainant, ids[0], purpose="To call her \u2028 back."
        )
        await self.run(self.parties.officer, self.at(18), record_complainant_informed, ids[1:2])

    async def _fill_accounts(self) -> None:
        """Accounts that are numbers, that several complaints name in different ways, and that nobody can read."""
        written = (
            {"account_platform": "WhatsApp", "account_handle": "0812-0000-0060"},
            {"account_platform": "WA", "account_url": "https://wa.me/6281200000060"},
            {"account_platform": "WhatsApp", "account_url": "https://chat.whatsapp.com/AbC"},
            {"account_platform": "Telegram", "account_handle": "@Budi_S"},
            {"account_platform": "tg", "account_url": "https://t.me/budi_s/?x=\U0001f600"},
            {"account_platform": "Bigo Live", "account_handle": 'a "b" \\ c'},
        )
        named = [NamedPlatform(Platform.TELEGRAM), NamedPlatform(Platform.OTHER, "Bigo Live")]
        await self.run(
            self.parties.officer, self.at(15.8), set_member_platforms, self.parties.provider.member_id, named
        )
        for sides in written:
            await file_verified(self.database, self.parties, self.at(15.9), [None], medium=Medium.OTT, **sides)
        drafts = [complaint_draft(None, medium=Medium.OTT, **sides) for sides in written[3:]]
        await self.run(self.parties.other_agency, self.at(15.9), file_complaints, drafts)

    async def _decide(self, ids: Sequence[str]) -> None:
        decided = [
            (0, Decision.VERIFY, {}),
            (1, Decision.REJECT, {"reason": RejectionReason.NOT_MISUSE, "note": "No misuse."}),
            (2, Decision.ASK_INFO, {"note": "Which day?"}),
            (3, Decision.ASK_INFO, {"note": "Which day?"}),
            (10, Decision.MARK_DUPLICATE, {"duplicate_of": ids[0]}),
            (11, Decision.VERIFY, {}),
        ]
        decisions = [ComplaintDecision(complaint_id=ids[at], decision=what, **more) for at, what, more in decided]
        await self.run(self.parties.officer, self.at(16), decide_complaints, decisions)
        more = [Supplement(complaint_id=ids[3], chronology="On Monday.")]
        await self.run(self.parties.agency, self.at(16.5), supply_information, more)
        reopened = [ComplaintDecision(complaint_id=ids[1], decision=Decision.REOPEN)]
        await self.run(self.parties.officer, self.at(16.8), decide_complaints, reopened)

    async def fill_signals(self) -> None:
        """Providers with each kind of terms, signals in each state, and who contributed to them."""
        parties, database = self.parties, self.database
        hashed = await admit_provider(database, parties, self.at(18), slug="another-messenger")
        left = await admit_provider(database, parties, self.at(18), slug="a-former-messenger")
        await take_part(database, parties, self.at(18), categories=(Category.FRAUD,), disclosure=Disclosure.CLEAR)
        await take_part(database, parties, self.at(18), hashed, transfer_ground="Consent.")
        ended = await take_part(database, parties, self.at(18), left)
        for serial, category in enumerate((Category.FRAUD, Category.FRAUD, Category.EXTORTION, Category.OTHER)):
            number = f"+62812000001{serial:02}"
            await complain(database, parties, self.at(18.5), number, *PEOPLE[: 1 + serial % 3], category=category)
        await complain(database, parties, self.at(18.5), "+6285600000101", *PEOPLE)
        await leave(database, parties, self.at(19), ended)
        for viewer in (parties.agency, parties.indosat, parties.provider):
            await contribute(database, viewer, self.at(19), "+6281200000100", "+6285600000101")
        await self._contribute_others()
        signals = await read_signals(database, parties.officer, self.at(19))
        await revoke(database, parties, self.at(19.5), signals[-1], reason=SignalRevocationGround.COURT)
        await revoke(database, parties, self.at(19.6), signals[0])
        await confirm(database, parties.provider, self.at(19.7), signals[-1].id)

    async def _contribute_others(self) -> None:
        """Contributions about accounts and links, and such as are withdrawn or replaced."""
        parties, database = self.parties, self.database
        drafts = (
            {"account": AccountDraft(platform="Telegram", handle="@Budi_S"), "reference": "A-1"},
            {"account": AccountDraft(platform="Some \u2028 app", handle='"x"'), "reference": "A-2"},
            {"link": "https://Hadiah.example/klaim?x=1#top", "reference": "L-1"},
            {"link": "https://t.me/budi_s", "reference": "L-2"},
        )
        for viewer in (parties.provider, parties.telkomsel):
            made = await contribute_drafts(database, viewer, self.at(19.1), *drafts)
            await withdraw_contributed(database, viewer, self.at(19.2), made[1].contribution.id)
            link = made[2].contribution.id
            again = await put_in_place(database, viewer, self.at(19.3), link, "+6281200000100", reference="N-1")
            await put_in_place(
                database, viewer, self.at(19.4), again.contribution.id, "+6281200000103", reference="N-2"
            )

    async def fill_signing(self) -> None:
        """Two versions of the terms, a proposal in each state, and a provider that narrowed, left and confirmed."""
        parties, database = self.parties, self.database
        texts = (("id", 'Ketentuan "satu".'), ("en", "The terms \u2028."))
        first = await publish(database, parties, self.at(19.6), *texts)
        signer = await admit_provider(database, parties, self.at(19.6), slug="a-signing-messenger")
        signatory = await appoint(database, self.at(19.6), signer, scopes=("participations:accept",))
        refused = await request(database, signatory, self.at(19.6), first)
        await refuse(database, parties.officer, self.at(19.61), refused, 'Too "wide".')
        signed = await sign(database, parties, signatory, self.at(19.62), provider=signer)
        narrower = Narrowing(retention_days=30, disclosure=Disclosure.HASHED)
        await self.run(signer, self.at(19.7), narrow_participation, signed.id, narrower, fill=fill_keys)
        left = await self.run(signer, self.at(19.8), leave_participation)
        await self.run(signatory, self.at(19.9), confirm_deletion, left.id, self.at(19.85), "Backups \\ too.")
        await publish(database, parties, self.at(19.9), ("id", "Ketentuan dua."))
        taken_back = await offer(database, parties, self.at(19.9), provider=signer)
        await withdraw(database, parties.officer, self.at(19.91), taken_back)
        await offer(database, parties, self.at(19.92), provider=signer, ends_at=self.at(999))
        officer = await appoint(database, self.at(19.9), parties.provider)
        renewal = await offer(database, parties, self.at(19.93))
        await accept(database, officer, self.at(19.94), renewal)

    async def fill_referrals(self) -> None:
        """Referrals in every state, of numbers, with every kind of response about them."""
        database, parties, said = self.database, self.parties, ResponseKind
        numbers = [f"+628120000012{serial}" for serial in range(6)]
        offered = await refer(database, parties, self.at(19.6), *numbers)
        await respond(database, parties.provider, self.at(19.7), offered[0], kind=said.RECEIVED)
        await respond(database, parties.provider, self.at(19.8), offered[0], reference="WA \U0001f4de", **ACTED)
        await respond(database, parties.provider, self.at(19.8), offered[1], note='We did "so".', **ACTED)
        await respond(database, parties.provider, self.at(19.9), offered[1], kind=said.REVERSED)
        await respond(database, parties.provider, self.at(19.8), offered[2], kind=said.DECLINED)
        await respond(database, parties.provider, self.at(19.8), offered[3], kind=said.NO_ACCOUNT)
        gone = Withdrawal(referral_id=offered[4].id, reason=WithdrawalGround.NO_LONGER_NEEDED, note="Paid back.")
        await self.run(parties.officer, self.at(19.9), withdraw_referrals, [gone])

    async def fill_evidence(self, number: str) -> None:
        """An uploaded piece, extracts of it for a provider, one of them withdrawn, notes, and who works on it."""
        parties, database, at = self.parties, self.database, self.at(19.7)
        uploaded = await upload(database, parties.agency, at, b"Send the code. " * 20_000)
        draft = complaint_draft(number, evidence=(EvidenceDraft(upload_id=uploaded.id),))
        [filed] = await self.run(parties.agency, at, file_complaints, [draft])
        complaint_id = filed.complaint.id
        verify = [ComplaintDecision(complaint_id=complaint_id, decision=Decision.VERIFY)]
        await self.run(parties.officer, at, decide_complaints, verify)
        shown = await self.run(parties.officer, at, load_evidence, [complaint_id])
        for place in (4, 8):
            extract = await make_extract(database, parties.officer, at, shown[complaint_id][0].id, (0, place))
            released = ReleaseDraft(
                extract_id=extract.id, member_id=parties.provider.member_id or "", reason='It asks "why".'
            )
            release = await self.run(parties.officer, at, release_extract, released)
        await self.run(parties.other_officer, self.at(19.8), withdraw_release, release.id)
        notes = [NoteDraft(complaint_id=complaint_id, text=f"Called \u2028 {place}.") for place in range(2)]
        await self.run(parties.officer, at, note_complaints, notes)
        await self.run(parties.officer, self.at(19.8), claim_complaints, [complaint_id])
        assigned = Assignment(complaint_id=complaint_id, officer_id=parties.officer.officer_id)
        await self.run(parties.other_officer, self.at(19.9), assign_complaints, [assigned])

    async def fill_others(self) -> None:
        """Numbers that moved or await a decision, officers, holds, and acts of the operator."""
        parties, database = self.parties, self.database
        await recycle(database, parties, parties.telkomsel, self.at(20), "+6281200000061", at=self.at(19.9))
        reported = await report_reassigned(database, parties.telkomsel, self.at(20), "+6281200000002", "+6281200000003")
        refusal = ReportRefusal(report_id=reported[0].report.id, reason="Still the same subscriber.")
        await self.run(parties.officer, self.at(20.5), refuse_reassignments, [refusal])
        await file_verified(database, parties, self.at(20.8), ["+6281200000088"])
        await override_number(database, parties, self.at(21), "+6281200000088", parties.indosat.member_id)
        await propose_override(database, parties, self.at(21), "+6285600000001", parties.telkomsel.member_id)
        held = LegalHoldDraft(reason="A court asks.", subject=HoldSubject.NUMBER, subject_id="+6281200000001")
        await self.run(parties.officer, self.at(21), place_legal_hold, held)
        hold = await self.run(parties.officer, self.at(21), place_legal_hold, replace(held, reason='"Again"'))
        await self.run(parties.officer, self.at(22), release_legal_hold, hold.id)
        draft = OfficerDraft(office_id=parties.officer.office_id or "", display_name="Tuti \u2028")
        officer = await self.run(OPERATOR, self.at(22), add_officer, draft)
        await self.run(OPERATOR, self.at(22.5), disable_officer, officer.id)
        for reason in ("asked for in person", None):
            operator = Operator(account="root", behalf_of="ops" if reason else None, reason=reason)
            act = Act.PASSWORD_SET if reason else Act.NUMBERING_LOADED
            subject_id = officer.id if reason else "plan"
            await self.run(
                OPERATOR, self.at(22.6), record_act, operator, act, subject=Subject.OFFICER, subject_id=subject_id
            )


async def fill_ledger(
    database: Database, parties: Parties, as_of: datetime, *, owner: asyncpg.Connection, feed: FeedSettings
) -> None:
    """Fill the database in the course of a day, with its feed signed. owner may write every table."""
    filling = Filling(database, parties, as_of)
    await filling.fill_orders()
    await filling.fill_drafts()
    await filling.fill_complaints()
    await filling.fill_signals()
    await filling.fill_signing()
    await filling.fill_referrals()
    await filling.fill_evidence("+6281200000090")
    await filling.fill_others()
    sequencer = Sequencer(feed, sign=make_signer(origin=ORIGIN, keyring=database.keyring, now=read_now))
    async with running(sequencer):
        await Audited(database, owner, sequencer).settle()
    for statement in _ROWS:
        await owner.execute(statement)
