"""A ledger with so many rows that the planner prefers an index to reading a table, written by SQL alone.

Order n was issued n minutes after BEGAN_AT, is due a day later and was executed after ten hours, except for the last
2 %, which are open; one in 500 was late, one in 250 was lifted. Each number has one order, one complaint of the same
minute, about its account too, decided after an hour, and one statement. Of a thousand orders the third carrier has
one, the second a hundred. Of the accounts, one in 500 is on another platform, one in 400 could not be read, and one
in 300 is risky.
As many participations and proposals of terms came one after another, of which a second provider has one in a thousand.
"""

from datetime import UTC, datetime, timedelta

import asyncpg

from tests.support.country import Parties

ROWS = 40_000
BEGAN_AT = datetime(2025, 1, 6, tzinfo=UTC)
ENDED_AT = BEGAN_AT + timedelta(minutes=ROWS, days=2)
RARE_SHARE = 1_000
RARE_PROVIDER = "00000000-0000-7000-8000-0000000000ff"

_NUMBERS = """
INSERT INTO phone_numbers (e164, is_domestic, holder_status, holder_id, complaint_count, first_seen_at)
SELECT '+62812' || lpad(n::text, 8, '0'), true, 'HELD', $1, 1 + (n % 997 = 0)::int * (n / 997), $2
FROM generate_series(1, $3::int) n
"""
_ACCOUNTS = """
INSERT INTO accounts (
  id, key_hash, platform, kind, handle, e164, risk, complaint_count, first_seen_at, last_seen_at
)
SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-00000000000d')::uuid, encode(sha256(n::text::bytea), 'hex'),
       CASE WHEN n % 500 = 0 THEN 'X' ELSE 'WHATSAPP' END, CASE WHEN n % 400 = 0 THEN 'UNREAD' ELSE 'ACCOUNT' END,
       '+62812' || lpad(n::text, 8, '0'), CASE WHEN n % 400 <> 0 THEN '+62812' || lpad(n::text, 8, '0') END,
       CASE WHEN n % 300 = 0 THEN 'HIGH' ELSE 'NONE' END,
       1 + (n % 997 = 0)::int * (n / 997), $1::timestamptz + n * interval '1 minute',
       $1::timestamptz + n * interval '1 minute'
FROM generate_series(1, $2::int) n
"""
_COMPLAINTS = """
INSERT INTO complaints (
  account_id, account_platform, id, source_id, source_reference, e164, epoch, medium, category, remedy, state,
  decided_by, filed_at, decided_at, verification_due_at, content_hash
)
SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-00000000000d')::uuid, 'WhatsApp',
       (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-00000000000c')::uuid,
       CASE WHEN n % 1000 = 0 THEN $2::uuid ELSE $1::uuid END, 'R-' || n, '+62812' || lpad(n::text, 8, '0'), 1,
       'SMS', 'FRAUD', 'NUMBER_BLOCK', 'ESCALATED',
       CASE WHEN n % 1000 = 0 THEN $4::uuid ELSE $3::uuid END, filed_at, filed_at + interval '1 hour',
       filed_at + interval '1 day', md5(n::text)
FROM generate_series(1, $6::int) n, LATERAL (SELECT $5::timestamptz + n * interval '1 minute' AS filed_at) f
"""
_ORDERS = """
INSERT INTO block_orders (
  id, directive_id, carrier_id, e164, epoch, category, scope, legal_basis, summary, subscriber_notice, state,
  drafted_by, approved_by, drafted_at, issued_at, due_at, executed_at, was_late, lifted_at, changed_at
)
SELECT id, id, CASE WHEN n % 1000 = 0 THEN $3::uuid WHEN n % 10 = 1 THEN $2::uuid ELSE $1::uuid END,
       '+62812' || lpad(n::text, 8, '0'), 1, 'FRAUD', 'OUTGOING_VOICE_SMS', 'PM 5/2021', 'Fraud.', 'Blocked.',
       CASE WHEN is_open THEN 'ISSUED' WHEN is_lifted THEN 'LIFTED' ELSE 'EXECUTED' END, $4::uuid, $5::uuid,
       issued_at, issued_at, issued_at + interval '1 day', CASE WHEN NOT is_open THEN acted_at END,
       n % 500 = 0 AND NOT is_open, CASE WHEN is_lifted THEN acted_at + interval '1 hour' END,
       CASE WHEN is_open THEN issued_at WHEN is_lifted THEN acted_at + interval '1 hour' ELSE acted_at END
FROM generate_series(1, $7::int) n, LATERAL (
  SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-00000000000b')::uuid AS id,
         $6::timestamptz + n * interval '1 minute' AS issued_at,
         $6::timestamptz + n * interval '1 minute' + interval '10 hours' AS acted_at,
         n > $7::int * 98 / 100 AS is_open, n % 250 = 0 AND n <= $7::int * 98 / 100 AS is_lifted
) f
"""
_STATEMENTS = """
INSERT INTO order_acknowledgements (
  id, order_id, carrier_id, version, kind, reference, effective_at, recorded_at, moved_state
)
SELECT id, id, carrier_id, 1, 'EXECUTED', 'TT-' || order_serial, executed_at, executed_at, true
FROM block_orders WHERE executed_at IS NOT NULL ORDER BY executed_at
"""
_RARE_PROVIDER = """
INSERT INTO members (id, slug, kind, legal_name, internet_access, admitted_at)
VALUES ($1, 'rare-messenger', 'OTT_PROVIDER', 'A Rare Messenger', false, $2)
"""
_TERMS = """
INSERT INTO participation_terms (id, version, content_text, terms_hash, published_at)
VALUES ('00000000-0000-7000-8000-00000000000e', 1, 'Terms.', encode(sha256('Terms.'), 'hex'), $1)
"""
_PROPOSALS = """
INSERT INTO participation_proposals (
  id, member_id, state, proposed_by, terms_id, terms_hash, categories, permitted_uses, purpose, controller_roles,
  transfer_basis, retention_days, breach_contact, disclosure, content_text, content_hash, proposed_at, ended_at
)
SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-00000000000d')::uuid,
       CASE WHEN n % 1000 = 0 THEN $2::uuid ELSE $1::uuid END,
       CASE WHEN n < $4::int - 1 THEN 'REFUSED' ELSE 'OFFERED' END,
       'REGULATOR', t.id, t.terms_hash, '{FRAUD}', '{WARN_USERS}', 'Protect users.', 'Each its own.', 'NO_TRANSFER', 90,
       'privacy@messenger.example', 'HASHED', n::text, encode(sha256(n::text::bytea), 'hex'), proposed_at,
       CASE WHEN n < $4::int - 1 THEN proposed_at + interval '30 seconds' END
FROM participation_terms t, generate_series(1, $4::int) n,
     LATERAL (SELECT $3::timestamptz + n * interval '1 minute' AS proposed_at) f
"""
_PARTICIPATIONS = """
INSERT INTO participations (
  id, member_id, terms_reference, categories, purpose, controller_roles, disclosure, starts_at, began_at, recorded_at,
  ended_at, ended_reason, deletion_expected_by, deleted_at, deletion_confirmed_at
)
SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-00000000000a')::uuid,
       CASE WHEN n % 1000 = 0 THEN $2::uuid ELSE $1::uuid END, 'PKS-' || n, '{FRAUD}', 'Protect users.',
       'Each its own.', 'HASHED', began_at, began_at, began_at,
       CASE WHEN has_ended THEN began_at + interval '30 seconds' END, CASE WHEN has_ended THEN 'PROVIDER_LEFT' END,
       CASE WHEN has_ended THEN began_at + interval '30 days' END,
       CASE WHEN has_ended AND n % 4000 > 1 THEN began_at + interval '1 hour' END,
       CASE WHEN has_ended AND n % 4000 > 1 THEN began_at + interval '1 hour' END
FROM generate_series(1, $4::int) n,
     LATERAL (SELECT $3::timestamptz + n * interval '1 minute' AS began_at, n < $4::int - 1 AS has_ended) f
"""
_SIGNALS = """
INSERT INTO fraud_signals (
  id, e164, epoch, category, risk, state, score, first_seen_on, last_seen_on, valid_until, holder_id, revoked_reason,
  raised_at, changed_at, ended_at
)
SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-00000000000d')::uuid, '+62812' || lpad(n::text, 8, '0'), 1, 'FRAUD',
       'MEDIUM', 'REVOKED', 100, '2025-01-06', '2025-01-06', $2, $1, 'COURT', $2, $2, $2
FROM generate_series(1, $3::int) n
"""
_NOTICES = """
INSERT INTO signal_revocation_notices (id, signal_id, member_id, reason, revoked_at, confirmed_at)
SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-00000000000e')::uuid,
       (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-00000000000d')::uuid,
       CASE WHEN n % 1000 = 0 THEN $2::uuid ELSE $1::uuid END, 'COURT', $3::timestamptz + n * interval '1 minute',
       CASE WHEN n % 500 > 0 THEN $3::timestamptz + n * interval '1 minute' + interval '1 hour' END
FROM generate_series(1, $4::int) n
"""
_CONTRIBUTIONS = """
INSERT INTO signal_contributions (
  id, member_id, reference, kind, e164, epoch, url, category, recorded_at, state, ended_at, withdrawal_reason
)
SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-00000000000f')::uuid,
       CASE WHEN n % 1000 = 0 THEN $2::uuid ELSE $1::uuid END, 'C-' || n,
       CASE WHEN n % 250 = 0 THEN 'LINK' ELSE 'NUMBER' END,
       CASE WHEN n % 250 > 0 THEN '+62812' || lpad(n::text, 8, '0') END, CASE WHEN n % 250 > 0 THEN 1 END,
       CASE WHEN n % 250 = 0 THEN 'https://hadiah.example/' || n END, 'FRAUD', recorded_at,
       CASE WHEN n % 500 = 0 THEN 'WITHDRAWN' ELSE 'STANDING' END, CASE WHEN n % 500 = 0 THEN recorded_at END,
       CASE WHEN n % 500 = 0 THEN 'MISTAKE' END
FROM generate_series(1, $4::int) n, LATERAL (SELECT $3::timestamptz + n * interval '1 minute' AS recorded_at) f
"""


async def fill_ledger(connection: asyncpg.Connection, parties: Parties, *, rows: int = ROWS) -> None:
    """Write the rows as the tables' owner, and gather statistics."""
    carriers = [viewer.member_id for viewer in (parties.telkomsel, parties.indosat, parties.xlsmart)]
    officers = [parties.officer.officer_id, parties.other_officer.officer_id]
    sources = [parties.agency.member_id, parties.other_agency.member_id]
    await connection.execute(_NUMBERS, carriers[0], BEGAN_AT, rows)
    await connection.execute(_ACCOUNTS, BEGAN_AT, rows)
    await connection.execute(_COMPLAINTS, *sources, *officers, BEGAN_AT, rows)
    await connection.execute(_ORDERS, *carriers, *officers, BEGAN_AT, rows)
    await connection.execute(_STATEMENTS)
    await connection.execute(_RARE_PROVIDER, RARE_PROVIDER, BEGAN_AT)
    await connection.execute(_TERMS, BEGAN_AT)
    for statement in (_PROPOSALS, _PARTICIPATIONS):
        await connection.execute(statement, parties.provider.member_id, RARE_PROVIDER, BEGAN_AT, rows)
    members = [viewer.member_id for viewer in (parties.provider, parties.agency)]
    await connection.execute(_SIGNALS, carriers[0], BEGAN_AT, rows)
    await connection.execute(_NOTICES, *members, BEGAN_AT, rows)
    await connection.execute(_CONTRIBUTIONS, *members, BEGAN_AT, rows)
    tables = "phone_numbers, accounts, complaints, block_orders, order_acknowledgements, participation_proposals"
    others = "participations, fraud_signals, signal_revocation_notices, signal_contributions"
    await connection.execute(f"VACUUM (ANALYZE) {tables}, {others}")
