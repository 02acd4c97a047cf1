"""Referrals of all numbers and accounts of a filled ledger (tests/support/filled_ledger.py), written by SQL alone.

Referral n was offered n minutes after BEGAN_AT and answered after ten hours, except for the last 2 %, which nobody has
answered; one in 250 was declined, and one in 300 acted on by a warning. Of a thousand, the second provider has one. One
transfer in 400 went abroad on another ground, and one in 500 stayed at home. Of a thousand numbers ten are blocked;
about half of these providers were asked and none acted, and about two a provider acted while no carrier blocked it.
"""

import asyncpg

from tests.support.country import Parties
from tests.support.filled_ledger import BEGAN_AT, ROWS

_PARTICIPATIONS = """
INSERT INTO participations (
  id, member_id, terms_reference, categories, purpose, controller_roles, disclosure, starts_at, began_at, recorded_at
)
SELECT gen_random_uuid(), m.id, 'PKS-7/2026', '{FRAUD}', 'Protect users.', 'Each its own.', 'CLEAR', $2, $2, $2
FROM unnest($1::uuid[]) AS m (id)
WHERE NOT EXISTS (SELECT FROM participations p WHERE p.member_id = m.id AND p.ended_at IS NULL)
"""
_REFERRALS = """
INSERT INTO referrals (
  id, provider_id, participation_id, about, account_id, e164, epoch, category, summary, complaint_count, state, action,
  ground, office_id, offered_by, offered_at, reply_hoped_by, answered_at, changed_at
)
SELECT f.id, f.provider_id, p.id, a.id::text, a.id, a.e164, CASE WHEN a.e164 IS NOT NULL THEN 1 END, 'FRAUD', 'Fraud.',
       1, f.state, CASE WHEN f.state = 'ACTIONED' THEN CASE WHEN n % 300 = 0 THEN 'WARNED' ELSE 'BANNED' END END,
       CASE WHEN f.state = 'ACTIONED' THEN 'OWN_TERMS' END, $3, $4, f.offered_at,
       (f.offered_at + interval '7 days')::date,
       CASE WHEN f.state <> 'OFFERED' THEN f.offered_at + interval '10 hours' END,
       CASE WHEN f.state <> 'OFFERED' THEN f.offered_at + interval '10 hours' ELSE f.offered_at END
FROM generate_series(1, $6::int) n CROSS JOIN LATERAL (
  SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-00000000000e')::uuid AS id,
         CASE WHEN n % 1000 = 0 THEN $2::uuid ELSE $1::uuid END AS provider_id,
         $5::timestamptz + n * interval '1 minute' AS offered_at,
         CASE WHEN n > $6::int * 98 / 100 THEN 'OFFERED' WHEN n % 250 = 0 THEN 'DECLINED' ELSE 'ACTIONED' END AS state
) f
JOIN participations p ON p.member_id = f.provider_id AND p.ended_at IS NULL
JOIN accounts a ON a.id = (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-00000000000d')::uuid
"""
_RESPONSES = """
INSERT INTO referral_responses (
  id, referral_id, provider_id, kind, action, ground, reference, effective_at, recorded_at, moved_state
)
SELECT id, id, provider_id, state, action, ground, 'WA-' || referral_serial, answered_at, answered_at, true
FROM referrals WHERE answered_at IS NOT NULL ORDER BY offered_at
"""
_TRANSFERS = """
INSERT INTO referral_transfers (referral_id, provider_id, participation_id, ground, fields, sent_at)
SELECT id, provider_id, participation_id,
       CASE WHEN referral_serial % 500 = 0 THEN NULL WHEN referral_serial % 400 = 0 THEN 'Consent'
            ELSE 'Safeguards' END, '{ACCOUNT,CATEGORY}', offered_at
FROM referrals
"""
_NUMBERS = """
UPDATE phone_numbers
SET status = CASE WHEN n % 100 = 0 THEN 'BLOCKED' WHEN n % 1000 = 5 THEN 'BLOCK_ORDERED' ELSE 'CLEAR' END,
    account_standing = CASE WHEN n % 200 = 0 THEN 'NOT_ACTIONED' WHEN n % 500 = 7 THEN 'ACTIONED'
                            WHEN n % 1000 = 9 THEN 'ASKED' ELSE 'NOT_ASKED' END
FROM (SELECT e164 AS number, right(e164, 8)::int AS n FROM phone_numbers) f WHERE e164 = f.number
"""


async def fill_referrals(connection: asyncpg.Connection, parties: Parties, other_id: str, *, rows: int = ROWS) -> None:
    """Write the rows as the tables' owner, and gather statistics. other_id is the second provider's."""
    providers = [parties.provider.member_id, other_id]
    officer = parties.officer
    await connection.execute(_PARTICIPATIONS, providers, BEGAN_AT)
    await connection.execute(_REFERRALS, *providers, officer.office_id, officer.officer_id, BEGAN_AT, rows)
    await connection.execute(_RESPONSES)
    await connection.execute(_TRANSFERS)
    await connection.execute(_NUMBERS)
    await connection.execute("VACUUM (ANALYZE) phone_numbers, referrals, referral_responses, referral_transfers")
