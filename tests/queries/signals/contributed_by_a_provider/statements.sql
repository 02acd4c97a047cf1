SELECT signal_contributions.id, signal_contributions.member_id, signal_contributions.reference, signal_contributions.kind, signal_contributions.e164, signal_contributions.platform, signal_contributions.platform_name, signal_contributions.account_kind, signal_contributions.handle, signal_contributions.account_kind = $1::VARCHAR AS is_canonical, signal_contributions.account_hash, signal_contributions.url, signal_contributions.category, signal_contributions.observed_at, signal_contributions.recorded_at, signal_contributions.state, signal_contributions.replaces_id, signal_contributions.first_id, signal_contributions.ended_at, signal_contributions.withdrawal_reason 
FROM signal_contributions 
WHERE signal_contributions.member_id = $2::UUID AND signal_contributions.state IN ('REPLACED', 'STANDING') AND signal_contributions.member_id BETWEEN $3::UUID AND $4::UUID ORDER BY signal_contributions.id DESC 
 LIMIT $5::INTEGER;

SELECT count(*) AS n 
FROM (SELECT 1 
FROM signal_contributions 
WHERE signal_contributions.member_id = $1::UUID AND signal_contributions.state IN ('REPLACED', 'STANDING') 
 LIMIT 10001) AS anon_1;

SELECT signal_contributions.id, signal_contributions.member_id, signal_contributions.reference, signal_contributions.kind, signal_contributions.e164, signal_contributions.platform, signal_contributions.platform_name, signal_contributions.account_kind, signal_contributions.handle, signal_contributions.account_kind = $1::VARCHAR AS is_canonical, signal_contributions.account_hash, signal_contributions.url, signal_contributions.category, signal_contributions.observed_at, signal_contributions.recorded_at, signal_contributions.state, signal_contributions.replaces_id, signal_contributions.first_id, signal_contributions.ended_at, signal_contributions.withdrawal_reason 
FROM signal_contributions 
WHERE signal_contributions.replaces_id = ANY ($2::UUID[]) AND signal_contributions.member_id = $3::UUID;

SELECT signal_contributions.id, signal_contributions.member_id, signal_contributions.reference, signal_contributions.kind, signal_contributions.e164, signal_contributions.platform, signal_contributions.platform_name, signal_contributions.account_kind, signal_contributions.handle, signal_contributions.account_kind = $1::VARCHAR AS is_canonical, signal_contributions.account_hash, signal_contributions.url, signal_contributions.category, signal_contributions.observed_at, signal_contributions.recorded_at, signal_contributions.state, signal_contributions.replaces_id, signal_contributions.first_id, signal_contributions.ended_at, signal_contributions.withdrawal_reason 
FROM signal_contributions 
WHERE signal_contributions.id = ANY ($2::UUID[]) AND signal_contributions.member_id = $3::UUID;
