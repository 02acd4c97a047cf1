"""Who may touch the feed. Viewers read, the sequencer adds; access_retention.py has who erases and drops.

Positions and hashes of leaves are everybody's who takes part, since proofs are made of them; an entry's content is
read through `events`, under its own policy.
"""

from ledger.storage.access import EVERYTHING, ME, MY_BRAND, TAKES_PART, Access
from ledger.storage.roles import Role

EVENT_COLUMNS_OF_MEMBER = (
    "id", "kind", "subject", "subject_id", "state", "payload", "recorded_at", "salt", "erased_at",
)  # fmt: skip
"""Without who acted and who else may get it: neither is another member's to know."""

_MEMBERS = (Role.AGENCY, Role.CARRIER, Role.PROVIDER)
_VIEWERS = (Role.REGULATOR, *_MEMBERS)
_MINE = f"audience @> ARRAY[{ME}]"
_OF_MY_BRAND = f"CASE WHEN {MY_BRAND} IS NULL THEN true ELSE brand_id = {MY_BRAND} END"
_MINE_BY_BRAND = f"{_MINE} AND {_OF_MY_BRAND}"
_MINE_WHILE_IN = f"{_MINE} AND CASE WHEN subject = 'FRAUD_SIGNAL' THEN {TAKES_PART} ELSE true END"
_PUBLIC_KEY = ("key_id", "verifier_key", "created_at", "retired_at")

FEED_ACCESS: tuple[Access, ...] = (
    Access(table="events", role=Role.REGULATOR, select=EVERYTHING),
    Access(table="events", role=Role.AGENCY, rows=_MINE, select=EVENT_COLUMNS_OF_MEMBER),
    Access(table="events", role=Role.CARRIER, rows=_MINE_BY_BRAND, select=EVENT_COLUMNS_OF_MEMBER),
    Access(table="events", role=Role.PROVIDER, rows=_MINE_WHILE_IN, select=EVENT_COLUMNS_OF_MEMBER),
    Access(table="events", role=Role.TRANSITION, select=EVERYTHING, insert=True),
    *(
        Access(table="feed_recipients", role=role, rows=f"member_id = {ME} AND {_OF_MY_BRAND}", select=EVERYTHING)
        for role in _MEMBERS
    ),
    *(
        Access(table="feed", role=role, select=("position", "event_id", "leaf_hash", "reserved_hash"))
        for role in _MEMBERS
    ),
    Access(table="feed", role=Role.REGULATOR, select=EVERYTHING),
    *(
        Access(table=table, role=role, select=EVERYTHING)
        for table in ("feed_head", "feed_nodes", "feed_checkpoints")
        for role in _VIEWERS
    ),
    *(Access(table="feed_keys", role=role, select=_PUBLIC_KEY) for role in _VIEWERS),
    # A writer's own transaction notes what waits for a position; the trigger does it.
    Access(table="feed_pending", role=Role.TRANSITION, insert=True),
    Access(table="events", role=Role.SEQUENCER, select=EVERYTHING),
    Access(table="feed_pending", role=Role.SEQUENCER, select=EVERYTHING, delete=True),
    Access(table="brands", role=Role.SEQUENCER, select=("id", "member_id")),
    Access(table="feed_head", role=Role.SEQUENCER, select=EVERYTHING, update=("size", "epoch")),
    *(
        Access(table=table, role=Role.SEQUENCER, select=EVERYTHING, insert=True)
        for table in ("feed", "feed_recipients", "feed_nodes", "feed_checkpoints")
    ),
    Access(table="feed_keys", role=Role.SEQUENCER, select=EVERYTHING, insert=True, update=("retired_at",)),
    Access(table="feed_keys", role=Role.JOBS, select=("key_id", "private_sealed"), update=("private_sealed",)),
    # Every serving process follows the feed once, for all of its subscribers.
    *(Access(table=table, role=Role.FOLLOWER, select=EVERYTHING) for table in ("events", "feed", "feed_head")),
)  # fmt: skip
