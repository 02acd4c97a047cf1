"""Witnesses through the graph: who registers them, and how a cosignature comes in and is shown."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.feed.cosigning import cosign, find_witness_key
from ledger.feed.restorations import announce_restore
from ledger.viewer import OPERATOR
from tests.support.audited import read_now
from tests.support.desk import Desk

NAME = "witness.telkomsel.example"
REGISTER = """mutation($input: RegisterWitnessInput!) { registerWitness(input: $input) {
  witness { id name verifierKey retiredAt member { slug } } } }"""
RETIRE = """mutation($input: RetireWitnessInput!) { retireWitness(input: $input) { witness { retiredAt } } }"""
COSIGN = """mutation($input: CosignCheckpointInput!) { cosignCheckpoint(input: $input) {
  cosignature { witness line time } } }"""
SHOWN = """{ checkpoint { treeSize note cosignedNote cosignatures { witness verifierKey time line } }
  witnesses { name verifierKey member { slug } } logRestorations { restoredTo announcedAt announcedIn } }"""


@pytest.fixture
def private_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


class TestWitnesses:
    async def test_registered_by_an_officer_cosigns_and_is_shown_to_other_members(
        self, desk: Desk, audited, private_key
    ):
        key = find_witness_key(NAME, private_key).render()
        asked = {"key": key, "memberId": desk.parties.telkomsel.member_id}
        made = (await desk.ask(desk.parties.officer, REGISTER, input=asked)).data["registerWitness"]["witness"]
        assert (made["name"], made["verifierKey"], made["member"]) == (NAME, key, {"slug": "telkomsel"})
        size = await audited.settle()
        # The test's desk lives at another time than the signer.
        at = desk.as_of
        await audited.owner.execute("UPDATE feed_checkpoints SET signed_at = $1", at)
        text = (await audited.note(size)).partition("\n\n")[0] + "\n"
        line = cosign(text, name=NAME, private_key=private_key, at=at).rstrip("\n")
        sent = {"treeSize": str(size), "cosignature": line}
        taken = (await desk.ask(desk.parties.telkomsel, COSIGN, input=sent)).data["cosignCheckpoint"]["cosignature"]
        assert (taken["witness"], taken["line"]) == (NAME, line)
        shown = await desk.ask(desk.parties.agency, SHOWN)
        note = await audited.note(size)
        assert shown.data["checkpoint"] == {
            "treeSize": str(size),
            "note": note,
            "cosignedNote": f"{note}{line}\n",
            "cosignatures": [taken | {"verifierKey": key}],
        }
        # Another member isn't shown whose witness it is.
        assert shown.data["witnesses"] == [{"name": NAME, "verifierKey": key, "member": None}]

    async def test_cosignatures_are_read_in_one_statement(self, desk: Desk, audited):
        await audited.settle()
        alone = await desk.ask(desk.parties.agency, "{ checkpoint { treeSize } }")
        both = await desk.ask(desk.parties.agency, "{ checkpoint { cosignedNote cosignatures { line } } }")
        assert len(both.statements) == len(alone.statements) + 1

    async def test_are_registered_and_retired_by_no_machine(self, desk: Desk, private_key):
        asked = {"key": find_witness_key(NAME, private_key).render()}
        for viewer in (desk.parties.telkomsel, desk.parties.regulator, desk.parties.agency, desk.parties.provider):
            assert (await desk.ask(viewer, REGISTER, input=asked)).problems == ["OFFICER_REQUIRED"]
            assert (await desk.ask(viewer, RETIRE, input={"id": "none"})).problems == ["OFFICER_REQUIRED"]

    async def test_say_what_is_wrong_with_a_key_or_a_cosignature(self, desk: Desk, audited, private_key):
        size = await audited.settle()
        officer = desk.parties.officer
        assert (await desk.ask(officer, REGISTER, input={"key": "none"})).problems == ["WITNESS_KEY_INVALID"]
        assert (await desk.ask(officer, RETIRE, input={"id": "none"})).problems == ["NOT_FOUND"]
        text = (await audited.note(size)).partition("\n\n")[0] + "\n"
        line = cosign(text, name=NAME, private_key=private_key, at=read_now())
        for cosignature, problem in (("none", "COSIGNATURE_INVALID"), (line, "WITNESS_UNKNOWN")):
            sent = {"treeSize": str(size), "cosignature": cosignature}
            assert (await desk.ask(desk.parties.telkomsel, COSIGN, input=sent)).problems == [problem]


class TestLogRestorations:
    async def test_are_shown_to_every_member_with_the_entry_that_announces_them(self, desk: Desk, audited):
        size = await audited.settle()
        async with desk.database.transaction(OPERATOR, as_of=read_now()) as tx:
            await announce_restore(tx, reason="Disk failure", operator_name="root")
        await audited.settle()
        for viewer in (desk.parties.telkomsel, desk.parties.agency, desk.parties.provider, desk.parties.officer):
            [told] = (await desk.ask(viewer, SHOWN)).data["logRestorations"]
            assert (told["restoredTo"], told["announcedIn"]) == (str(size), str(size + 1))
