"""Steps that tests of signing begin with: officers of members, published terms, proposals by either side."""

from dataclasses import replace

from sqlalchemy import text

from ledger.identifiers import new_id
from ledger.members.admission import OfficerDraft, add_office, add_officer
from ledger.participations.publishing import LanguageText, publish_terms
from ledger.participations.signing import (
    accept_participation,
    countersign_participation,
    offer_participation,
    refuse_participation,
    request_participation,
    withdraw_participation,
)
from ledger.participations.terms import Terms
from ledger.participations.vocabulary import Disclosure, PermittedUse, TransferBasis
from ledger.signals.filling import fill_keys
from ledger.viewer import OPERATOR, Viewer
from ledger.vocabulary import Category

CONTENT = Terms(
    terms_reference="",
    categories=(Category.FRAUD, Category.IMPERSONATION),
    purpose="Protect users from fraud.",
    controller_roles="Each side is a controller of its own.",
    disclosure=Disclosure.CLEAR,
    permitted_uses=(PermittedUse.REVIEW_ACCOUNTS, PermittedUse.WARN_USERS),
    retention_days=90,
    transfer_basis=TransferBasis.BINDING_SAFEGUARDS,
    transfer_ground="Clause 7 of the contract",
    breach_contact="privacy@messenger.example",
)


async def appoint(database, as_of, member: Viewer, name="Citra", *, scopes=()) -> Viewer:
    """An officer of the member, in an office of its own."""
    async with database.transaction(OPERATOR, as_of=as_of) as tx:
        office = await add_office(tx, member.member_id, slug=f"office-{new_id()[-12:]}", name="Legal")
        officer = await add_officer(tx, OfficerDraft(office_id=office.id, display_name=name, scopes=tuple(scopes)))
    return replace(member, client_id="web", officer_id=officer.id, office_id=office.id)


async def publish(database, parties, as_of, *texts):
    """Publish a version in the languages of the texts, by default in two."""
    texts = texts or (("id", "Ketentuan."), ("en", "The terms."))
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        return await publish_terms(tx, [LanguageText(language=language, text=said) for language, said in texts])


async def offer(database, parties, as_of, *, by=None, provider=None, **content):
    async with database.transaction(by or parties.officer, as_of=as_of) as tx:
        member_id = (provider or parties.provider).member_id
        return await offer_participation(tx, member_id, replace(CONTENT, **content))


async def request(database, signatory, as_of, terms, **content):
    async with database.transaction(signatory, as_of=as_of) as tx:
        return await request_participation(tx, replace(CONTENT, **content), terms_hash=terms.terms_hash)


async def accept(database, signatory, as_of, proposal, *, content_hash=None):
    async with database.transaction(signatory, as_of=as_of) as tx:
        return await accept_participation(tx, proposal.id, content_hash or proposal.content_hash)


async def countersign(database, officer, as_of, proposal, *, content_hash=None):
    async with database.transaction(officer, as_of=as_of) as tx:
        return await countersign_participation(tx, proposal.id, content_hash or proposal.content_hash, fill=fill_keys)


async def refuse(database, viewer, as_of, proposal, note=None):
    async with database.transaction(viewer, as_of=as_of) as tx:
        return await refuse_participation(tx, proposal.id, note)


async def withdraw(database, viewer, as_of, proposal, note=None):
    async with database.transaction(viewer, as_of=as_of) as tx:
        return await withdraw_participation(tx, proposal.id, note)


async def sign(database, parties, signatory, as_of, **content):
    """A participation that both signed, under the newest terms."""
    proposal = await offer(database, parties, as_of, **content)
    await accept(database, signatory, as_of, proposal)
    return (await countersign(database, parties.officer, as_of, proposal))[1]


async def read_signing_events(owner_connection, *subjects):
    wanted = subjects or ("PARTICIPATION", "PARTICIPATION_PROPOSAL", "PARTICIPATION_TERMS")
    rows = await owner_connection.fetch(
        "SELECT kind, state, subject_id, array(SELECT unnest(audience)::text) AS audience, payload::text AS payload, "
        "actor_officer_id::text AS officer_id FROM events WHERE subject = ANY($1::text[]) ORDER BY id",
        list(wanted),
    )
    return [dict(row) for row in rows]


REWRITE = text("UPDATE participation_proposals SET content_text = 'other' WHERE id = CAST(:id AS uuid)")
"""What nobody may: not even the role that moves states."""
KEYS_IN_USE = text("SELECT count(*) FROM signal_keys WHERE retired_at IS NULL OR retired_at > :at")
