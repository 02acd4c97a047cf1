"""The feed in the graph: one's own entries in order, what each commits to, and proofs that a member checks itself."""

import base64
import hashlib
import json

import pytest

from auth.scopes import BY_KIND
from ledger.feed.cursors import FeedCursor
from ledger.feed.merkle import compute_root, verify_consistency, verify_inclusion
from ledger.viewer import MemberKind
from tests.support.audited import compare_now, verify_now
from tests.support.desk import Desk
from tests.support.journeys import INDOSAT_NUMBER, TELKOMSEL_NUMBER, acknowledge, issue_orders

FEED = """query($first: Int, $after: FeedCursor) { feed(first: $first, after: $after) {
  nodes { position cursor leafHash kind subject subjectId state recordedAt erasedAt text salt }
  pageInfo { hasNextPage hasPreviousPage endCursor } } }"""
RESERVED = """{ feed(first: 500) { nodes {
  kind text reservedText reservedSalt member { slug } officer { displayName } clientId audience { slug } } } }"""


def bytes_of(text):
    return base64.b64decode(text)


@pytest.fixture
async def told(desk: Desk, audited) -> int:
    """Two orders of two carriers, one acknowledged, all signed; answers how many entries the feed has."""
    orders = await issue_orders(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
    await acknowledge(desk.database, desk.parties.telkomsel, desk.as_of, orders[0])
    return await audited.settle()


class TestFeed:
    async def test_gives_a_member_its_own_entries_in_order(self, desk: Desk, told: int):
        answer = await desk.ask(desk.parties.telkomsel, FEED)
        nodes = answer.data["feed"]["nodes"]
        kinds = [node["kind"] for node in nodes]
        assert kinds[-2:] == ["ORDER_ISSUED", "ORDER_ACKNOWLEDGED"]
        assert kinds.count("ORDER_ISSUED") == 1
        positions = [int(node["position"]) for node in nodes]
        assert positions == sorted(set(positions))
        assert positions[-1] <= told

    async def test_gives_the_regulator_every_entry(self, desk: Desk, told: int):
        answer = await desk.ask(desk.parties.officer, FEED, first=500)
        assert [int(node["position"]) for node in answer.data["feed"]["nodes"]] == list(range(1, told + 1))

    async def test_is_read_by_pages_whose_cursors_are_the_feeds(self, desk: Desk, told: int):
        whole = (await desk.ask(desk.parties.officer, FEED, first=500)).data["feed"]["nodes"]
        read, after = [], None
        while True:
            page = (await desk.ask(desk.parties.officer, FEED, first=7, after=after)).data["feed"]
            read += page["nodes"]
            after = page["pageInfo"]["endCursor"]
            assert FeedCursor.parse(after).position == int(page["nodes"][-1]["position"])
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert read == whole

    async def test_empty_page_has_a_cursor_from_which_nothing_is_lost(self, desk: Desk, audited):
        """Of a member for which nothing was, while the log grows by what others get, and then by its own."""
        provider, as_of = desk.parties.provider, desk.as_of
        before = await audited.settle()
        own = (await desk.ask(provider, FEED)).data["feed"]["pageInfo"]["endCursor"]
        assert FeedCursor.parse(own).position < before
        first = (await desk.ask(provider, FEED, after=own)).data["feed"]
        assert first["nodes"] == []
        assert first["pageInfo"]["hasNextPage"] is False
        assert FeedCursor.parse(first["pageInfo"]["endCursor"]).position == before
        await audited.append(provider, as_of, 3, audience=[desk.parties.agency.member_id])
        grown = await audited.settle()
        second = (await desk.ask(provider, FEED, after=first["pageInfo"]["endCursor"])).data["feed"]
        assert (second["nodes"], second["pageInfo"]["hasPreviousPage"]) == ([], True)
        assert FeedCursor.parse(second["pageInfo"]["endCursor"]).position == grown
        await audited.append(provider, as_of, 2, audience=[provider.member_id])
        await audited.settle()
        for page in (first, second):
            went_on = (await desk.ask(provider, FEED, after=page["pageInfo"]["endCursor"])).data["feed"]
            assert [int(node["position"]) for node in went_on["nodes"]] == [grown + 1, grown + 2]
        again = (await desk.ask(provider, FEED, after=went_on["pageInfo"]["endCursor"])).data["feed"]
        assert again["pageInfo"]["endCursor"] == went_on["pageInfo"]["endCursor"]

    async def test_empty_page_of_a_feed_without_entries_has_one_too(self, desk: Desk):
        """Before anything has a position."""
        page = (await desk.ask(desk.parties.officer, FEED)).data["feed"]
        assert page["nodes"] == []
        assert FeedCursor.parse(page["pageInfo"]["endCursor"]).position == 0

    async def test_page_takes_three_statements(self, desk: Desk, told: int):
        answer = await desk.ask(desk.parties.telkomsel, FEED)
        assert len(answer.statements) == 3

    async def test_cursor_that_is_none_is_refused(self, desk: Desk, told: int):
        assert (await desk.ask(desk.parties.telkomsel, FEED, after="nonsense")).problems == ["CURSOR_INVALID"]

    async def test_cursor_of_another_feed_has_expired_and_tells_what_is_left(self, desk: Desk, told: int):
        other = FeedCursor("01890000-0000-7000-8000-000000000000", 3, bytes(8)).render()
        answer = await desk.ask(desk.parties.telkomsel, FEED, after=other)
        assert answer.problems == ["CURSOR_EXPIRED"]
        details = answer.errors[0].original_error.details
        assert details["oldestPosition"] == "1"
        again = await desk.ask(desk.parties.telkomsel, FEED, after=details["oldestCursor"])
        assert again.data["feed"]["nodes"]

    async def test_every_leaf_is_the_hash_of_its_salt_and_text(self, desk: Desk, told: int):
        for viewer in (desk.parties.telkomsel, desk.parties.agency, desk.parties.officer):
            nodes = (await desk.ask(viewer, FEED, first=500)).data["feed"]["nodes"]
            assert nodes
            for node in nodes:
                committed = b"\0" + bytes_of(node["salt"]) + node["text"].encode()
                assert hashlib.sha256(committed).digest() == bytes_of(node["leafHash"])
                said = json.loads(node["text"])
                assert (said["kind"], said["subjectId"]) == (node["kind"], node["subjectId"])

    async def test_erased_entry_keeps_its_leaf_and_has_no_text(self, desk: Desk, told: int, owner_connection):
        await owner_connection.execute(
            "UPDATE events SET payload = '{}', salt = NULL, reserved_salt = NULL, erased_at = now() "
            "WHERE kind = 'ORDER_ISSUED'"
        )
        nodes = (await desk.ask(desk.parties.telkomsel, FEED)).data["feed"]["nodes"]
        (erased,) = [node for node in nodes if node["kind"] == "ORDER_ISSUED"]
        assert (erased["text"], erased["salt"]) == (None, None)
        assert erased["erasedAt"]
        assert len(bytes_of(erased["leafHash"])) == 32
        shown = (await desk.ask(desk.parties.officer, RESERVED)).data["feed"]["nodes"]
        (erased, _) = [node for node in shown if node["kind"] == "ORDER_ISSUED"]
        assert (erased["reservedText"], erased["member"], erased["audience"]) == (None, None, None)


class TestReservedPart:
    async def test_tells_the_regulator_who_acted_and_fits_its_hash(self, desk: Desk, told: int):
        answer = await desk.ask(desk.parties.officer, RESERVED)
        assert answer.errors == []
        nodes = {node["kind"]: node for node in answer.data["feed"]["nodes"]}
        said = nodes["ORDER_ACKNOWLEDGED"]
        assert (said["member"]["slug"], said["officer"], said["clientId"]) == ("telkomsel", None, "telkomsel-system")
        assert said["audience"] == [{"slug": "telkomsel"}]
        assert nodes["ORDER_ISSUED"]["officer"]["displayName"] == "Budi"
        for node in nodes.values():
            reserved = hashlib.sha256(bytes_of(node["reservedSalt"]) + node["reservedText"].encode())
            assert json.loads(node["text"])["reserved"] == reserved.hexdigest()

    async def test_is_batched_over_the_page(self, desk: Desk, told: int):
        answer = await desk.ask(desk.parties.officer, RESERVED)
        assert len(answer.data["feed"]["nodes"]) > 20
        assert len(answer.statements) <= 6

    async def test_is_refused_to_members_by_the_ledger_too(self, desk: Desk, told: int):
        answer = await desk.ask(desk.parties.telkomsel, "{ feed(first: 1) { nodes { position reservedText } } }")
        assert answer.problems == ["FORBIDDEN"]
        assert answer.data["feed"]["nodes"][0]["reservedText"] is None

    async def test_asks_for_a_scope_that_only_a_regulator_can_have(self):
        for kind in MemberKind:
            assert ("audit:read" in BY_KIND[kind]) is (kind is MemberKind.REGULATOR)


class TestProofs:
    async def test_member_proves_that_its_acknowledgement_is_in_the_log(self, desk: Desk, told: int):
        found = await desk.ask(
            desk.parties.telkomsel, "{ checkpoint { treeSize rootHash note } checkpointKeys { verifierKey } }"
        )
        checkpoint = found.data["checkpoint"]
        size, root = checkpoint["treeSize"], bytes_of(checkpoint["rootHash"])
        assert int(size) == told
        assert checkpoint["note"].splitlines()[1:3] == [size, checkpoint["rootHash"]]
        assert len(found.data["checkpointKeys"]) == 1
        query = """query($size: Position!) { feed(first: 500) { nodes {
          kind text salt inclusionProof(treeSize: $size) { position leafHash treeSize hashes } } } }"""
        nodes = (await desk.ask(desk.parties.telkomsel, query, size=size)).data["feed"]["nodes"]
        (said,) = [node for node in nodes if node["kind"] == "ORDER_ACKNOWLEDGED"]
        proof = said["inclusionProof"]
        leaf_hash = hashlib.sha256(b"\0" + bytes_of(said["salt"]) + said["text"].encode()).digest()
        assert verify_inclusion(
            leaf_hash=leaf_hash,
            index=int(proof["position"]) - 1,
            size=int(proof["treeSize"]),
            proof=[bytes_of(each) for each in proof["hashes"]],
            root=root,
        )

    async def test_any_member_gets_a_proof_by_position_which_discloses_hashes_alone(self, desk: Desk, told: int):
        query = """query($size: Position!) { inclusionProof(position: "3", treeSize: $size) { leafHash hashes } }"""
        for viewer in (desk.parties.agency, desk.parties.provider, desk.parties.indosat):
            answer = await desk.ask(viewer, query, size=told)
            assert len(bytes_of(answer.data["inclusionProof"]["leafHash"])) == 32

    async def test_two_checkpoints_are_proved_consistent(self, desk: Desk, told: int):
        query = """query($first: Position!, $second: Position!) {
          consistencyProof(firstSize: $first, secondSize: $second) { firstSize secondSize hashes } }"""
        proof = (await desk.ask(desk.parties.agency, query, first=5, second=told)).data["consistencyProof"]
        assert (proof["firstSize"], proof["secondSize"]) == ("5", str(told))
        roots = {}
        for size in (5, told):
            leaves = (await desk.ask(desk.parties.officer, FEED, first=500)).data["feed"]["nodes"][:size]
            roots[size] = compute_root([bytes_of(leaf["leafHash"]) for leaf in leaves])
        assert verify_consistency(
            first_size=5,
            first_root=roots[5],
            second_size=told,
            second_root=roots[told],
            proof=[bytes_of(each) for each in proof["hashes"]],
        )

    async def test_what_never_was_is_refused(self, desk: Desk, told: int):
        query = """query($size: Position!) { inclusionProof(position: "0", treeSize: $size) { hashes } }"""
        assert (await desk.ask(desk.parties.agency, query, size=told)).problems == ["POSITION_UNKNOWN"]
        query = """query($size: Position!) { inclusionProof(position: "1", treeSize: $size) { hashes } }"""
        assert (await desk.ask(desk.parties.agency, query, size=told + 1)).problems == ["TREE_SIZE_UNKNOWN"]
        none = await desk.ask(desk.parties.agency, '{ checkpoint(treeSize: "999999") { note } }')
        assert none.data["checkpoint"] is None


LATER = """INSERT INTO events (kind, subject, subject_id, audience, payload, recorded_at)
VALUES ('MOON_PHASE_CHANGED', 'MOON', 'full', '{}', '{}', now())"""
ACT = """INSERT INTO operator_acts (id, act, subject, subject_id, operator, acted_at)
VALUES (gen_random_uuid(), 'MOON_TURNED', 'MOON', 'full', 'root', now())"""


class TestLaterVersion:
    """A process of a later version has written what this one doesn't know."""

    async def test_is_told_as_other_in_every_list_of_the_auditors(self, desk: Desk, audited):
        await audited.owner.execute(LATER)
        await audited.owner.execute(ACT)
        await audited.settle()
        officer = desk.parties.officer
        asked = "{ events(first: 1) { nodes { kind subject subjectId } } operatorActs { nodes { act subject } } }"
        answer = await desk.ask(officer, asked)
        assert answer.errors == []
        assert answer.data["events"]["nodes"] == [{"kind": "OTHER", "subject": "OTHER", "subjectId": "full"}]
        assert answer.data["operatorActs"]["nodes"] == [{"act": "OTHER", "subject": "OTHER"}]
        last = (await desk.ask(officer, FEED, first=500)).data["feed"]["nodes"][-1]
        assert (last["kind"], json.loads(last["text"])["kind"]) == ("OTHER", "MOON_PHASE_CHANGED")

    async def test_is_passed_over_by_the_audit(self, desk: Desk, audited):
        await audited.owner.execute(LATER)
        await audited.settle()
        assert (await verify_now(audited)).finding is None
        assert (await compare_now(audited)).finding is None
