"""Who may touch participations, keys and signals.

A provider reads signals while a participation of its own is in force and never a number, except where its terms say
so now; a carrier reads those of its own range; an agency reads none. Whoever contributed is the regulator's to know.
"""

from ledger.storage.access import EVERYTHING, ME, MY_BRAND, TAKES_PART, Access
from ledger.storage.roles import Role

PARTICIPATION_COLUMNS_OF_PROVIDER = (
    "id", "member_id", "terms_reference", "categories", "purpose", "controller_roles", "transfer_ground", "disclosure",
    "starts_at", "ends_at", "began_at", "ended_at", "ended_reason", "recorded_at",
)  # fmt: skip
SIGNAL_COLUMNS_OF_PROVIDER = (
    "id", "category", "risk", "state", "corroboration_count", "first_seen_on", "last_seen_on", "valid_until",
    "revoked_reason", "raised_at", "changed_at", "ended_at",
)  # fmt: skip
SIGNAL_COLUMNS_OF_CARRIER = (*SIGNAL_COLUMNS_OF_PROVIDER, "e164", "holder_id", "brand_id")
CONTRIBUTION_COLUMNS = ("id", "member_id", "reference", "e164", "category", "observed_at", "recorded_at")
_KEY_COLUMNS = ("id", "member_id", "created_at", "retired_at", "filled_at")

_MINE = f"member_id = {ME}"
_OWN_RANGE = f"holder_id = {ME} AND CASE WHEN {MY_BRAND} IS NULL THEN true ELSE brand_id = {MY_BRAND} END"
# One value and no EXISTS: that the planner hashes, and reads all that a provider was ever sent for one page.
_SENT_TO_ME = (
    f"{TAKES_PART} AND (SELECT true FROM signal_recipients r "
    f"WHERE r.signal_id = fraud_signals.id AND r.member_id = {ME} LIMIT 1)"
)
_CLEAR_TO_ME = (
    f"{_MINE} AND category = ANY (coalesce((SELECT p.categories FROM participations p WHERE p.member_id = {ME} "
    "AND p.began_at IS NOT NULL AND p.ended_at IS NULL AND p.disclosure = 'CLEAR'), '{}'))"
)
_CONTRIBUTORS = (Role.AGENCY, Role.CARRIER, Role.PROVIDER)

SIGNAL_ACCESS: tuple[Access, ...] = (
    *(
        Access(table=table, role=Role.REGULATOR, select=EVERYTHING)
        for table in (
            "participations",
            "fraud_signals",
            "signal_recipients",
            "signal_disclosures",
            "signal_contributions",
        )
    ),
    Access(table="signal_keys", role=Role.REGULATOR, select=_KEY_COLUMNS),
    Access(table="participations", role=Role.OPERATOR, select=EVERYTHING),
    Access(table="participations", role=Role.PROVIDER, rows=_MINE, select=PARTICIPATION_COLUMNS_OF_PROVIDER),
    Access(table="signal_keys", role=Role.PROVIDER, rows=_MINE, select=_KEY_COLUMNS),
    Access(table="fraud_signals", role=Role.PROVIDER, rows=_SENT_TO_ME, select=SIGNAL_COLUMNS_OF_PROVIDER),
    Access(table="signal_recipients", role=Role.PROVIDER, rows=f"{_MINE} AND {TAKES_PART}", select=EVERYTHING),
    Access(table="signal_disclosures", role=Role.PROVIDER, rows=_CLEAR_TO_ME, select=EVERYTHING),
    Access(table="fraud_signals", role=Role.CARRIER, rows=_OWN_RANGE, select=SIGNAL_COLUMNS_OF_CARRIER),
    *(
        Access(table="signal_contributions", role=role, rows=_MINE, select=CONTRIBUTION_COLUMNS)
        for role in _CONTRIBUTORS
    ),
    *(
        Access(table=table, role=Role.TRANSITION, select=EVERYTHING, insert=True, update=EVERYTHING)
        for table in ("participations", "fraud_signals")
    ),
    Access(
        table="signal_keys",
        role=Role.TRANSITION,
        select=EVERYTHING,
        insert=True,
        update=("retired_at", "filled_after", "filled_at"),
    ),
    *(
        Access(table=table, role=Role.TRANSITION, select=EVERYTHING, insert=True)
        for table in ("signal_recipients", "signal_disclosures", "signal_contributions")
    ),
    Access(table="signal_keys", role=Role.JOBS, select=("id", "key_sealed"), update=("key_sealed",)),
)
