SELECT signal_revocation_notices.id, signal_revocation_notices.signal_id, signal_revocation_notices.member_id, signal_revocation_notices.reason, signal_revocation_notices.revoked_at, signal_revocation_notices.confirmed_at, signal_revocation_notices.confirmed_by, signal_revocation_notices.confirmed_by_client 
FROM signal_revocation_notices 
WHERE signal_revocation_notices.confirmed_at IS NULL ORDER BY signal_revocation_notices.id ASC 
 LIMIT $1::INTEGER;

SELECT count(*) AS n 
FROM (SELECT 1 
FROM signal_revocation_notices 
WHERE signal_revocation_notices.confirmed_at IS NULL 
 LIMIT 10001) AS anon_1;

SELECT members.id, members.slug, members.kind, members.legal_name, members.contact_name, members.contact_email, members.contact_phone, members.internet_access, members.subgraph_url, members.admitted_at, members.suspended_at 
FROM members 
WHERE members.id = ANY ($1::UUID[]);

SELECT fraud_signals.id, fraud_signals.e164, fraud_signals.epoch, fraud_signals.category, fraud_signals.risk, fraud_signals.state, fraud_signals.score, fraud_signals.corroboration_count, CASE WHEN (fraud_signals.state = $1::VARCHAR) THEN $2::VARCHAR WHEN (fraud_signals.corroboration_count > $3::INTEGER) THEN $4::VARCHAR ELSE $5::VARCHAR END AS basis, fraud_signals.first_seen_on, fraud_signals.last_seen_on, fraud_signals.valid_until, fraud_signals.holder_id, fraud_signals.brand_id, fraud_signals.revoked_reason, fraud_signals.revoked_by, fraud_signals.revocation_note, fraud_signals.raised_at, fraud_signals.changed_at, fraud_signals.ended_at 
FROM fraud_signals 
WHERE fraud_signals.id = ANY ($6::UUID[]);
