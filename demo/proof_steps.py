"""A carrier proves that its acknowledgement is in the log; the entire log is exported and verified."""

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

from demo.cast import TELKOMSEL
from demo.documents import CHECKPOINT, CHECKPOINT_KEYS, INCLUSION_PROOF, OWN_FEED
from demo.parties import expect
from demo.story import Story
from demo.telling import Told
from ledger.feed.bundles import Bundle, Success, verify_bundle
from ledger.feed.merkle import hash_leaf

_TRIES_MAX, _LOOK_SECONDS = 200, 0.1


async def prove(story: Story, told: Told) -> None:
    """Prove it only from what the graph answers: the entry's text, its path in the tree, and the signed checkpoint."""
    event = story.received[TELKOMSEL][-1].event
    position = int(event["position"])
    entry = await _find_entry(story, position)
    expect(event["acknowledgementId"] in entry["text"], "the entry names the acknowledgement")
    leaf = hash_leaf(base64.b64decode(entry["salt"]) + entry["text"].encode())
    expect(leaf == base64.b64decode(entry["leafHash"]), "the leaf is the hash of salt and text")
    told.say(TELKOMSEL, f"reads entry {position}, its acknowledgement, and hashes it itself: {leaf.hex()[:16]}...")
    checkpoint = await _find_checkpoint(story, position)
    keys = [key["verifierKey"] for key in await story.telkomsel.do(CHECKPOINT_KEYS)]
    size = checkpoint["treeSize"]
    proof = await story.telkomsel.do(INCLUSION_PROOF, position=entry["position"], treeSize=size)
    bundle = Bundle(
        verifier_keys=keys,
        checkpoint=checkpoint["note"],
        position=position,
        leaf_hash=leaf,
        tree_size=int(size),
        hashes=[base64.b64decode(part) for part in proof["hashes"]],
    )
    verdict = verify_bundle(bundle)
    expect(isinstance(verdict, Success), f"the acknowledgement is proved to be in the log, not {verdict}")
    root = base64.b64decode(checkpoint["rootHash"]).hex()
    told.say(TELKOMSEL, f"takes the checkpoint of {size} entries, root {root[:16]}..., correctly signed")
    told.say(
        TELKOMSEL, f"reaches that root with {len(proof['hashes'])} hashes and no one else's entry: it is in the log"
    )
    if story.audit is not None:
        told.say("operator", await story.audit())


async def _find_entry(story: Story, position: int) -> Mapping[str, Any]:
    """Return the carrier's own entry at a position, from its feed."""
    nodes: list[Mapping[str, Any]] = (await story.telkomsel.do(OWN_FEED))["nodes"]
    found = [node for node in nodes if int(node["position"]) == position]
    expect(len(found) == 1, f"the carrier reads its entry {position}")
    return found[0]


async def _find_checkpoint(story: Story, position: int) -> Mapping[str, Any]:
    """Return the first checkpoint that covers the entry; one is signed within a second."""
    for _ in range(_TRIES_MAX):
        checkpoint: Mapping[str, Any] | None = await story.telkomsel.do(CHECKPOINT)
        if checkpoint is not None and int(checkpoint["treeSize"]) >= position:
            return checkpoint
        await asyncio.sleep(_LOOK_SECONDS)
    expect(False, f"a checkpoint of {position} entries is signed")  # noqa: FBT003 - it always fails
    raise AssertionError("expect always raises")
