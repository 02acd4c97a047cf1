"""Who may take from the feed what time has passed: retention erases, the archive drops, and a legal hold stops both.

A hold stops changing and never reading, so that an export shows held entries as any others. A hold on a number is
also one on everything about it that the log names by another id, whenever that came to be: the number is looked up as
the row is about to be changed.
"""

from ledger.storage.access import EVERYTHING, Access
from ledger.storage.roles import Role

_UUID_FORM = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_TABLE_OF_SUBJECT = {
    "COMPLAINT": "complaints",
    "BLOCK_ORDER": "block_orders",
    "FRAUD_SIGNAL": "fraud_signals",
    "SIGNAL_CONTRIBUTION": "signal_contributions",
}
_LOOK_UPS = " ".join(
    f"WHEN '{subject}' THEN (SELECT s.e164 FROM {table} s WHERE s.id = events.subject_id::uuid)"
    for subject, table in _TABLE_OF_SUBJECT.items()
)
_NUMBER = f"CASE WHEN events.subject_id ~ '{_UUID_FORM}' THEN CASE events.subject {_LOOK_UPS} END END"
IS_HELD = (
    "EXISTS (SELECT 1 FROM legal_holds h WHERE h.released_at IS NULL AND (h.subject IS NULL "
    "OR (h.subject = events.subject AND h.subject_id = events.subject_id) "
    f"OR (h.subject = 'NUMBER' AND h.subject_id = {_NUMBER})))"
)
"""Of a row of events: whether a hold is on it."""

_ERASABLE = ("payload", "subject_id", "salt", "reserved_salt", "actor_officer_id", "actor_client_id", "erased_at")
_PUBLIC_KEY = ("key_id", "verifier_key", "created_at", "retired_at")

RETENTION_ACCESS: tuple[Access, ...] = (
    Access(table="legal_holds", role=Role.REGULATOR, select=EVERYTHING),
    Access(table="legal_holds", role=Role.TRANSITION, select=EVERYTHING, insert=True, update=EVERYTHING),
    *(
        Access(table=table, role=role, select=("id", "e164"))
        for table in _TABLE_OF_SUBJECT.values()
        for role in (Role.RETENTION, Role.ARCHIVE)
    ),
    Access(table="events", role=Role.RETENTION, select=EVERYTHING, update=_ERASABLE, changed=f"NOT {IS_HELD}"),
    *(
        Access(table=table, role=Role.RETENTION, select=EVERYTHING)
        for table in ("feed", "feed_checkpoints", "legal_holds")
    ),
    Access(table="events", role=Role.ARCHIVE, select=EVERYTHING, delete=True, changed=f"NOT {IS_HELD}"),
    Access(table="feed_recipients", role=Role.ARCHIVE, select=EVERYTHING, delete=True),
    Access(table="feed_head", role=Role.ARCHIVE, select=EVERYTHING, update=("oldest_position",)),
    *(
        Access(table=table, role=Role.ARCHIVE, select=EVERYTHING)
        for table in ("feed", "feed_nodes", "feed_checkpoints", "legal_holds")
    ),
    Access(table="feed_keys", role=Role.ARCHIVE, select=_PUBLIC_KEY),
)
