"""Terms that both sides sign: published by version, named by hash, in force after both signatures and not before."""

import asyncio
import hashlib
import json
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.errors import ForbiddenError, OfficerRequiredError, StateConflictError, UnknownError
from ledger.pages import PageRequest
from ledger.participations.agreements import (
    NotAProviderError,
    SignaturesNeededError,
    begin_due_participations,
    change_participation,
)
from ledger.participations.publishing import TermsTextsInvalidError, TermsUnpublishedError
from ledger.participations.reading import list_participations, list_proposals, list_terms, load_texts_of_terms
from ledger.participations.signing import (
    ProposalOpenError,
    ProposalOutdatedError,
    TermsHashError,
    TermsSupersededError,
)
from ledger.participations.states import ParticipationState, ProposalState
from ledger.participations.taking_part import ParticipationMissingError
from ledger.participations.terms import ParticipationTermError, RetentionInvalidError, TermsMissingError
from ledger.participations.vocabulary import AgreedOn, Disclosure, ParticipationEndReason, PermittedUse
from ledger.signals.filling import fill_keys
from ledger.storage.roles import Role
from ledger.viewer import OPERATOR
from ledger.vocabulary import Category
from tests.support.journeys import TELKOMSEL_NUMBER, file_verified
from tests.support.signal_journeys import DAY, TERMS, admit_provider, read_signals, take_part
from tests.support.signing_journeys import (
    CONTENT,
    REWRITE,
    accept,
    appoint,
    countersign,
    offer,
    publish,
    read_signing_events,
    refuse,
    request,
    sign,
    withdraw,
)


@pytest.fixture
async def signatory(database, parties, as_of):
    return await appoint(database, as_of, parties.provider)


@pytest.fixture
async def terms(database, parties, as_of):
    return await publish(database, parties, as_of)


async def read_participations(database, viewer, as_of):
    async with database.reading(viewer, as_of=as_of) as tx:
        return (await list_participations(tx, PageRequest())).items


class TestPublishing:
    async def test_makes_versions_whose_hash_anyone_can_compute(self, database, parties, as_of, owner_connection):
        first = await publish(database, parties, as_of)
        second = await publish(database, parties, as_of, ("id", "Ketentuan baru."))
        assert (first.version, second.version) == (1, 2)
        assert json.loads(first.content_text) == {
            "kind": "PARTICIPATION_TERMS",
            "version": 1,
            "texts": [{"language": "id", "text": "Ketentuan."}, {"language": "en", "text": "The terms."}],
        }
        assert first.terms_hash == hashlib.sha256(first.content_text.encode()).hexdigest()
        async with database.reading(parties.provider, as_of=as_of) as tx:
            seen = (await list_terms(tx, PageRequest())).items
            texts = await load_texts_of_terms(tx, [first.id])
        assert [item.version for item in seen] == [2, 1]
        assert [item.published_by for item in seen] == [None, None]
        assert [item.language for item in texts[first.id]] == ["id", "en"]
        published, _ = await read_signing_events(owner_connection)
        assert (published["kind"], published["audience"]) == ("TERMS_PUBLISHED", [parties.provider.member_id])
        assert json.loads(published["payload"]) == {"version": 1, "termsHash": first.terms_hash}

    async def test_at_once_makes_versions_one_after_another(self, database, parties, as_of):
        made = await asyncio.gather(*(publish(database, parties, as_of) for _ in range(4)))
        assert sorted(item.version for item in made) == [1, 2, 3, 4]

    @pytest.mark.parametrize(
        "texts",
        [
            [("id", "  ")],
            [("Indonesian!", "x")],
            [("id", "x"), ("id", "y")],
            [(f"a{place}b", "x") for place in "qwerty"],
        ],
    )
    async def test_needs_texts_in_languages(self, database, parties, as_of, texts):
        with pytest.raises(TermsTextsInvalidError):
            await publish(database, parties, as_of, *texts)

    async def test_is_the_regulators_officers(self, database, parties, as_of, signatory):
        for viewer in (parties.regulator, parties.provider, signatory, parties.telkomsel, parties.agency):
            with pytest.raises(ForbiddenError):
                await publish(database, replace(parties, officer=viewer), as_of)

    async def test_is_never_changed_not_even_by_the_role_that_moves_states(self, database, parties, as_of, terms):
        for act in ("UPDATE participation_terms SET version = 9", "DELETE FROM participation_terms_texts"):
            with pytest.raises(DBAPIError, match="permission denied"):
                async with database.system(Role.TRANSITION, as_of=as_of) as tx:
                    await tx.execute(text(act))


class TestSigning:
    async def test_by_both_puts_in_force_what_both_named(
        self, database, parties, as_of, signatory, terms, owner_connection
    ):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        offered = await offer(database, parties, as_of)
        accepted = await accept(database, signatory, as_of, offered)
        assert (accepted.state, accepted.accepted_by) == (ProposalState.ACCEPTED, signatory.officer_id)
        with pytest.raises(ParticipationMissingError):
            await read_signals(database, parties.provider, as_of)
        signed, participation = await countersign(database, parties.officer, as_of, offered)
        assert (signed.state, signed.countersigned_by) == (ProposalState.COUNTERSIGNED, parties.officer.officer_id)
        assert (participation.state, participation.agreed_on) == (ParticipationState.IN_FORCE, AgreedOn.BOTH_SIGNED)
        assert (participation.terms_hash, participation.proposal_id) == (terms.terms_hash, offered.id)
        for name in (
            "categories",
            "permitted_uses",
            "retention_days",
            "transfer_basis",
            "breach_contact",
            "disclosure",
        ):
            assert getattr(participation, name) == getattr(CONTENT, name), name
        assert len(await read_signals(database, parties.provider, as_of)) == 1
        told = await read_signing_events(owner_connection, "PARTICIPATION", "PARTICIPATION_PROPOSAL")
        assert [(event["kind"], event["state"]) for event in told] == [
            ("TERMS_PROPOSED", "OFFERED"),
            ("TERMS_ACCEPTED", "ACCEPTED"),
            ("TERMS_COUNTERSIGNED", "COUNTERSIGNED"),
            ("PARTICIPATION_STARTED", "IN_FORCE"),
        ]
        assert {tuple(event["audience"]) for event in told} == {(parties.provider.member_id,)}
        assert [event["officer_id"] for event in told[:3]] == [
            parties.officer.officer_id, signatory.officer_id, parties.officer.officer_id,
        ]  # fmt: skip

    async def test_is_of_a_content_that_names_everything(self, database, parties, as_of, signatory, terms):
        offered = await offer(database, parties, as_of, ends_at=as_of + 365 * DAY)
        said = json.loads(offered.content_text)
        assert offered.content_hash == hashlib.sha256(offered.content_text.encode()).hexdigest()
        assert said == {
            "kind": "PARTICIPATION",
            "proposalId": offered.id,
            "memberId": parties.provider.member_id,
            "replacesId": None,
            "termsVersion": 1,
            "termsHash": terms.terms_hash,
            "categories": ["FRAUD", "IMPERSONATION"],
            "permittedUses": ["REVIEW_ACCOUNTS", "WARN_USERS"],
            "purpose": "Protect users from fraud.",
            "controllerRoles": "Each side is a controller of its own.",
            "transferBasis": "BINDING_SAFEGUARDS",
            "transferGround": "Clause 7 of the contract",
            "retentionDays": 90,
            "breachContact": "privacy@messenger.example",
            "disclosure": "CLEAR",
            "startsAt": None,
            "endsAt": "2027-03-02T03:00:00.000000Z",
        }

    async def test_of_a_request_needs_only_the_countersignature(self, database, parties, as_of, signatory, terms):
        with pytest.raises(TermsHashError):
            await request(database, signatory, as_of, replace(terms, terms_hash="0" * 64))
        requested = await request(database, signatory, as_of, terms)
        assert (requested.state, requested.accepted_by) == (ProposalState.ACCEPTED, signatory.officer_id)
        _, participation = await countersign(database, parties.officer, as_of, requested)
        assert participation.state is ParticipationState.IN_FORCE

    async def test_waits_for_the_start(self, database, parties, as_of, signatory, terms):
        participation = await sign(database, parties, signatory, as_of, starts_at=as_of + DAY)
        assert participation.state is ParticipationState.AGREED
        with pytest.raises(ParticipationMissingError):
            await read_signals(database, parties.provider, as_of)
        async with database.system(Role.TRANSITION, as_of=as_of + DAY) as tx:
            assert await begin_due_participations(tx) == 1
        assert await read_signals(database, parties.provider, as_of + DAY) == []

    async def test_of_another_content_than_was_read_is_refused(self, database, parties, as_of, signatory, terms):
        offered = await offer(database, parties, as_of)
        with pytest.raises(TermsHashError):
            await accept(database, signatory, as_of, offered, content_hash=terms.terms_hash)
        await accept(database, signatory, as_of, offered)
        with pytest.raises(TermsHashError):
            await countersign(database, parties.officer, as_of, offered, content_hash="f" * 64)

    async def test_content_can_not_be_rewritten_between_the_signatures(
        self, database, parties, as_of, signatory, terms, owner_connection
    ):
        offered = await offer(database, parties, as_of)
        with pytest.raises(DBAPIError, match="permission denied"):
            async with database.system(Role.TRANSITION, as_of=as_of) as tx:
                await tx.execute(REWRITE, {"id": offered.id})
        with pytest.raises(Exception, match="ck_participation_proposals_hash_of_text"):
            await owner_connection.execute("UPDATE participation_proposals SET content_text = 'other'")

    async def test_of_superseded_terms_is_refused_to_either_side(self, database, parties, as_of, signatory, terms):
        offered = await offer(database, parties, as_of)
        await accept(database, signatory, as_of, offered)
        await publish(database, parties, as_of, ("id", "Ketentuan baru."))
        with pytest.raises(TermsSupersededError):
            await countersign(database, parties.officer, as_of, offered)
        await withdraw(database, signatory, as_of, offered)
        stale = await offer(database, parties, as_of)
        await publish(database, parties, as_of, ("id", "Ketentuan ketiga."))
        with pytest.raises(TermsSupersededError):
            await accept(database, signatory, as_of, stale)

    async def test_after_the_agreed_end_is_refused(self, database, parties, as_of, signatory, terms):
        offered = await offer(database, parties, as_of, ends_at=as_of + DAY)
        await accept(database, signatory, as_of, offered)
        with pytest.raises(ParticipationTermError):
            await countersign(database, parties.officer, as_of + DAY, offered)

    @pytest.mark.parametrize(
        ("content", "error"),
        [
            ({"permitted_uses": ()}, TermsMissingError),
            ({"retention_days": None}, TermsMissingError),
            ({"retention_days": 0}, RetentionInvalidError),
            ({"transfer_basis": None}, TermsMissingError),
            ({"transfer_ground": " "}, TermsMissingError),
            ({"breach_contact": None}, TermsMissingError),
        ],
    )
    async def test_needs_whole_terms(self, database, parties, as_of, terms, content, error):
        with pytest.raises(error):
            await offer(database, parties, as_of, **content)

    async def test_needs_published_terms_and_a_provider(self, database, parties, as_of):
        with pytest.raises(TermsUnpublishedError):
            await offer(database, parties, as_of)
        with pytest.raises(NotAProviderError):
            await offer(database, parties, as_of, provider=parties.telkomsel)

    async def test_leaves_one_proposal_open(self, database, parties, as_of, signatory, terms):
        await offer(database, parties, as_of)
        with pytest.raises(ProposalOpenError):
            await request(database, signatory, as_of, terms)


class TestWhoMaySign:
    async def test_a_machine_of_the_provider_signs_nothing(self, database, parties, as_of, terms):
        offered = await offer(database, parties, as_of)
        for sent in (
            accept(database, parties.provider, as_of, offered),
            request(database, parties.provider, as_of, terms),
            refuse(database, parties.provider, as_of, offered),
        ):
            with pytest.raises(OfficerRequiredError):
                await sent

    async def test_the_regulator_does_not_accept_for_the_provider(self, database, parties, as_of, terms):
        offered = await offer(database, parties, as_of)
        for viewer in (parties.officer, parties.regulator, OPERATOR):
            with pytest.raises(ForbiddenError):
                await accept(database, viewer, as_of, offered)

    async def test_the_providers_signatory_does_not_countersign_for_the_regulator(
        self, database, parties, as_of, signatory, terms
    ):
        offered = await offer(database, parties, as_of)
        await accept(database, signatory, as_of, offered)
        for viewer in (signatory, parties.provider, parties.regulator, OPERATOR):
            with pytest.raises(ForbiddenError):
                await countersign(database, viewer, as_of, offered)

    async def test_another_providers_officer_finds_no_proposal(self, database, parties, as_of, terms):
        offered = await offer(database, parties, as_of)
        stranger = await appoint(database, as_of, await admit_provider(database, parties, as_of))
        for sent in (accept, refuse, withdraw):
            with pytest.raises(UnknownError):
                await sent(database, stranger, as_of, offered)
        async with database.reading(stranger, as_of=as_of) as tx:
            assert (await list_proposals(tx, PageRequest())).items == []

    async def test_officers_of_carriers_and_agencies_have_no_part_in_it(self, database, parties, as_of, terms):
        offered = await offer(database, parties, as_of)
        for member in (parties.telkomsel, parties.agency):
            officer = await appoint(database, as_of, member)
            for sent in (accept, countersign, refuse, withdraw):
                with pytest.raises(ForbiddenError):
                    await sent(database, officer, as_of, offered)

    async def test_the_provider_is_told_no_officer_of_the_regulators(self, database, parties, as_of, signatory, terms):
        participation = await sign(database, parties, signatory, as_of)
        async with database.reading(signatory, as_of=as_of) as tx:
            (proposal,) = (await list_proposals(tx, PageRequest())).items
        assert (proposal.offered_by, proposal.countersigned_by) == (None, None)
        assert proposal.accepted_by == signatory.officer_id
        (seen,) = await read_participations(database, signatory, as_of)
        assert (seen.id, seen.recorded_by) == (participation.id, None)


class TestEndingAProposal:
    async def test_before_the_other_side_signed_is_each_sides(
        self, database, parties, as_of, signatory, terms, owner_connection
    ):
        offered = await offer(database, parties, as_of)
        refused = await refuse(database, signatory, as_of, offered, "Retention is too long.")
        assert (refused.state, refused.end_note, refused.offered_by) == (
            ProposalState.REFUSED, "Retention is too long.", None,
        )  # fmt: skip
        taken_back = await withdraw(database, parties.officer, as_of, await offer(database, parties, as_of))
        assert taken_back.state is ProposalState.WITHDRAWN
        requested = await request(database, signatory, as_of, terms)
        assert (await refuse(database, parties.officer, as_of, requested)).state is ProposalState.REFUSED
        requested = await request(database, signatory, as_of, terms)
        assert (await withdraw(database, signatory, as_of, requested)).state is ProposalState.WITHDRAWN
        with pytest.raises(StateConflictError):
            await countersign(database, parties.officer, as_of, requested)
        told = [event["kind"] for event in await read_signing_events(owner_connection, "PARTICIPATION_PROPOSAL")]
        assert told[1::2] == ["TERMS_REFUSED", "TERMS_WITHDRAWN", "TERMS_REFUSED", "TERMS_WITHDRAWN"]


class TestRenewing:
    async def test_takes_the_place_of_what_stood_once_both_signed(
        self, database, parties, as_of, signatory, terms, owner_connection
    ):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        first = await sign(database, parties, signatory, as_of, categories=(Category.IMPERSONATION,))
        assert await read_signals(database, parties.provider, as_of) == []
        offered = await offer(database, parties, as_of)
        assert offered.replaces_id == first.id
        await accept(database, signatory, as_of, offered)
        assert await read_signals(database, parties.provider, as_of) == []
        _, second = await countersign(database, parties.officer, as_of, offered)
        assert (second.previous_id, second.state) == (first.id, ParticipationState.IN_FORCE)
        assert len(await read_signals(database, parties.provider, as_of)) == 1
        (_, old) = await read_participations(database, parties.provider, as_of)
        assert (old.ended_reason, old.deletion_expected_by) == (ParticipationEndReason.TERMS_CHANGED, None)
        *_, ended, begun = await read_signing_events(owner_connection, "PARTICIPATION")
        assert (ended["kind"], ended["state"], begun["state"]) == ("PARTICIPATION_CHANGED", "ENDED", "IN_FORCE")

    async def test_has_no_start_of_its_own(self, database, parties, as_of, signatory, terms):
        await sign(database, parties, signatory, as_of)
        with pytest.raises(ParticipationTermError):
            await offer(database, parties, as_of, starts_at=as_of + DAY)

    async def test_of_what_has_changed_meanwhile_is_refused(self, database, parties, as_of, signatory, terms):
        offered = await offer(database, parties, as_of)
        await accept(database, signatory, as_of, offered)
        await take_part(database, parties, as_of)
        with pytest.raises(ProposalOutdatedError):
            await countersign(database, parties.officer, as_of, offered)

    async def test_on_paper_does_not_widen_what_both_signed(self, database, parties, as_of, signatory, terms):
        signed = await sign(database, parties, signatory, as_of)
        with pytest.raises(SignaturesNeededError):
            async with database.transaction(parties.officer, as_of=as_of) as tx:
                await change_participation(tx, signed.id, replace(TERMS, disclosure=Disclosure.CLEAR), fill=fill_keys)

    async def test_paper_stays_paper_and_takes_the_new_fields(self, database, parties, as_of):
        taken = await take_part(database, parties, as_of, permitted_uses=(PermittedUse.WARN_USERS,), retention_days=30)
        assert (taken.agreed_on, taken.terms_hash, taken.permitted_uses, taken.retention_days) == (
            AgreedOn.PAPER, None, (PermittedUse.WARN_USERS,), 30,
        )  # fmt: skip

    async def test_nobody_marks_paper_as_signed_by_both(self, database, parties, as_of, owner_connection):
        await take_part(database, parties, as_of)
        with pytest.raises(Exception, match="ck_participations_signed_whole"):
            await owner_connection.execute("UPDATE participations SET agreed_on = 'BOTH_SIGNED'")


class TestAtOnce:
    async def test_two_countersignatures_make_one_participation(self, database, parties, as_of, signatory, terms):
        offered = await offer(database, parties, as_of)
        await accept(database, signatory, as_of, offered)
        officers = (parties.officer, parties.other_officer)
        tries = await asyncio.gather(
            *(countersign(database, officer, as_of, offered) for officer in officers), return_exceptions=True
        )
        assert sum(isinstance(item, StateConflictError) for item in tries) == 1
        assert len(await read_participations(database, parties.officer, as_of)) == 1

    @pytest.mark.parametrize("_round", range(4))
    async def test_acceptance_and_withdrawal_leave_one_of_the_two(
        self, database, parties, as_of, signatory, terms, _round
    ):
        offered = await offer(database, parties, as_of)
        accepted, withdrawn = await asyncio.gather(
            accept(database, signatory, as_of, offered),
            withdraw(database, parties.officer, as_of, offered),
            return_exceptions=True,
        )
        failed = [item for item in (accepted, withdrawn) if isinstance(item, Exception)]
        assert [type(item) for item in failed] in ([StateConflictError], [ForbiddenError])
        async with database.reading(parties.officer, as_of=as_of) as tx:
            (proposal,) = (await list_proposals(tx, PageRequest())).items
        assert proposal.state is (ProposalState.WITHDRAWN if accepted in failed else ProposalState.ACCEPTED)
