SELECT fraud_signals.id, fraud_signals.e164, fraud_signals.category, fraud_signals.risk, fraud_signals.state, fraud_signals.corroboration_count, CASE WHEN (fraud_signals.state = $1::VARCHAR) THEN $2::VARCHAR WHEN (fraud_signals.corroboration_count > $3::INTEGER) THEN $4::VARCHAR ELSE $5::VARCHAR END AS basis, fraud_signals.first_seen_on, fraud_signals.last_seen_on, fraud_signals.valid_until, fraud_signals.holder_id, fraud_signals.brand_id, fraud_signals.revoked_reason, fraud_signals.raised_at, fraud_signals.changed_at, fraud_signals.ended_at 
FROM fraud_signals 
WHERE fraud_signals.holder_id = $6::UUID AND fraud_signals.risk IN ($9::VARCHAR, $10::VARCHAR, $11::VARCHAR) AND fraud_signals.state = ANY ($7::TEXT[]) ORDER BY fraud_signals.id DESC 
 LIMIT $8::INTEGER;

SELECT phone_numbers.e164, phone_numbers.region, phone_numbers.is_domestic, phone_numbers.protected_reason, phone_numbers.holder_status, phone_numbers.holder_id, phone_numbers.brand_id, phone_numbers.epoch, phone_numbers.status, phone_numbers.is_disputed, phone_numbers.risk, phone_numbers.first_seen_at 
FROM phone_numbers 
WHERE phone_numbers.e164 = ANY ($1::TEXT[]) AND phone_numbers.holder_id = $2::UUID;
