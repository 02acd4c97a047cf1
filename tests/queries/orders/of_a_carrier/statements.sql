SELECT block_orders.id, block_orders.order_serial, concat($1::VARCHAR, to_char(timezone($2::VARCHAR, block_orders.drafted_at), $3::VARCHAR), $4::VARCHAR, lpad(CAST(block_orders.order_serial AS TEXT), greatest($5::INTEGER, length(CAST(block_orders.order_serial AS TEXT))), $6::VARCHAR)) AS order_no, block_orders.version, block_orders.directive_id, block_orders.supersedes_id, block_orders.carrier_id, block_orders.brand_id, block_orders.e164, block_orders.epoch, block_orders.category, block_orders.scope, block_orders.legal_basis, block_orders.summary, block_orders.subscriber_notice, block_orders.complaint_count, block_orders.state, CASE block_orders.state WHEN $7::VARCHAR THEN $8::VARCHAR WHEN $9::VARCHAR THEN $10::VARCHAR WHEN $11::VARCHAR THEN $12::VARCHAR WHEN $13::VARCHAR THEN $14::VARCHAR WHEN $15::VARCHAR THEN $16::VARCHAR WHEN $17::VARCHAR THEN $18::VARCHAR WHEN $19::VARCHAR THEN $20::VARCHAR WHEN $21::VARCHAR THEN $22::VARCHAR WHEN $23::VARCHAR THEN $24::VARCHAR WHEN $25::VARCHAR THEN $26::VARCHAR WHEN $27::VARCHAR THEN $28::VARCHAR WHEN $29::VARCHAR THEN $30::VARCHAR WHEN $31::VARCHAR THEN $32::VARCHAR END AS status, block_orders.impossible_reason, block_orders.last_acknowledgement, block_orders.standing_acknowledgement_id, block_orders.drafted_at, block_orders.is_emergency, block_orders.issued_at, block_orders.due_at, block_orders.state IN ($43::VARCHAR, $44::VARCHAR, $45::VARCHAR, $46::VARCHAR) AND block_orders.due_at IS NOT NULL AND block_orders.due_at < $33::TIMESTAMP WITH TIME ZONE AS is_overdue, block_orders.executed_at, block_orders.effective_at, block_orders.was_late, block_orders.ended_at, block_orders.lift_basis, CASE WHEN (block_orders.lift_issued_at IS NOT NULL) THEN concat(concat($34::VARCHAR, to_char(timezone($35::VARCHAR, block_orders.drafted_at), $36::VARCHAR), $37::VARCHAR, lpad(CAST(block_orders.order_serial AS TEXT), greatest($38::INTEGER, length(CAST(block_orders.order_serial AS TEXT))), $39::VARCHAR)), $40::VARCHAR, CAST(block_orders.version AS TEXT)) END AS lift_no, block_orders.lift_issued_at, block_orders.lifted_at 
FROM block_orders 
WHERE block_orders.carrier_id = $41::UUID AND block_orders.issued_at IS NOT NULL ORDER BY block_orders.due_at ASC, block_orders.id ASC 
 LIMIT $42::INTEGER;

SELECT count(*) AS count_1 
FROM block_orders 
WHERE block_orders.carrier_id = $1::UUID AND block_orders.issued_at IS NOT NULL;

SELECT phone_numbers.e164, phone_numbers.region, phone_numbers.is_domestic, phone_numbers.protected_reason, phone_numbers.holder_status, phone_numbers.holder_id, phone_numbers.brand_id, phone_numbers.epoch, phone_numbers.status, phone_numbers.is_disputed, phone_numbers.risk, phone_numbers.first_seen_at 
FROM phone_numbers 
WHERE phone_numbers.e164 = ANY ($1::TEXT[]) AND phone_numbers.holder_id = $2::UUID;

SELECT members.id, members.slug, members.kind, members.legal_name, members.internet_access, members.admitted_at, members.suspended_at 
FROM members 
WHERE members.id = ANY ($1::UUID[]);

SELECT order_acknowledgements.id, order_acknowledgements.order_id, order_acknowledgements.carrier_id, order_acknowledgements.version, order_acknowledgements.kind, order_acknowledgements.reason, order_acknowledgements.reference, order_acknowledgements.note, order_acknowledgements.until, order_acknowledgements.effective_at, order_acknowledgements.recorded_at, order_acknowledgements.is_late, order_acknowledgements.moved_state, order_acknowledgements.mark, order_acknowledgements.client_id, order_acknowledgements.corrects, (SELECT later.id FROM order_acknowledgements later WHERE later.corrects = order_acknowledgements.id) AS corrected_by 
FROM order_acknowledgements 
WHERE order_acknowledgements.carrier_id = $1::UUID AND order_acknowledgements.order_id IN ($2::UUID, $3::UUID) ORDER BY order_acknowledgements.order_id, order_acknowledgements.id;
