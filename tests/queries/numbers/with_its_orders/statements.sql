SELECT phone_numbers.e164, phone_numbers.region, phone_numbers.is_domestic, phone_numbers.protected_reason, phone_numbers.holder_status, phone_numbers.holder_id, phone_numbers.brand_id, phone_numbers.epoch, phone_numbers.status, phone_numbers.is_disputed, phone_numbers.risk, phone_numbers.complaint_count, phone_numbers.verified_complaint_count, phone_numbers.first_seen_at 
FROM phone_numbers 
WHERE phone_numbers.e164 = ANY ($1::TEXT[]);

SELECT members.id, members.slug, members.kind, members.legal_name, members.contact_name, members.contact_email, members.contact_phone, members.internet_access, members.subgraph_url, members.admitted_at, members.suspended_at 
FROM members 
WHERE members.id = ANY ($1::UUID[]);

SELECT block_orders.id, block_orders.order_serial, concat($1::VARCHAR, to_char(timezone($2::VARCHAR, block_orders.drafted_at), $3::VARCHAR), $4::VARCHAR, lpad(CAST(block_orders.order_serial AS TEXT), greatest($5::INTEGER, length(CAST(block_orders.order_serial AS TEXT))), $6::VARCHAR)) AS order_no, block_orders.version, block_orders.directive_id, block_orders.supersedes_id, block_orders.carrier_id, block_orders.brand_id, block_orders.e164, block_orders.epoch, block_orders.category, block_orders.scope, block_orders.legal_basis, block_orders.summary, block_orders.subscriber_notice, block_orders.complaint_count, block_orders.state, CASE block_orders.state WHEN $7::VARCHAR THEN $8::VARCHAR WHEN $9::VARCHAR THEN $10::VARCHAR WHEN $11::VARCHAR THEN $12::VARCHAR WHEN $13::VARCHAR THEN $14::VARCHAR WHEN $15::VARCHAR THEN $16::VARCHAR WHEN $17::VARCHAR THEN $18::VARCHAR WHEN $19::VARCHAR THEN $20::VARCHAR WHEN $21::VARCHAR THEN $22::VARCHAR WHEN $23::VARCHAR THEN $24::VARCHAR WHEN $25::VARCHAR THEN $26::VARCHAR WHEN $27::VARCHAR THEN $28::VARCHAR WHEN $29::VARCHAR THEN $30::VARCHAR WHEN $31::VARCHAR THEN $32::VARCHAR END AS status, block_orders.impossible_reason, block_orders.last_acknowledgement, block_orders.office_id, block_orders.drafted_by, block_orders.drafted_at, block_orders.approved_by, block_orders.return_reason, block_orders.hold_reasons, block_orders.override_note, block_orders.overridden_by, block_orders.issued_at, block_orders.due_at, block_orders.state IN ($42::VARCHAR, $43::VARCHAR, $44::VARCHAR, $45::VARCHAR) AND block_orders.due_at IS NOT NULL AND block_orders.due_at < $33::TIMESTAMP WITH TIME ZONE AS is_overdue, block_orders.executed_at, block_orders.effective_at, block_orders.was_late, block_orders.ended_at, block_orders.end_note, block_orders.lift_drafted_at, block_orders.lift_basis, CASE WHEN (block_orders.lift_issued_at IS NOT NULL) THEN concat(concat($34::VARCHAR, to_char(timezone($35::VARCHAR, block_orders.drafted_at), $36::VARCHAR), $37::VARCHAR, lpad(CAST(block_orders.order_serial AS TEXT), greatest($38::INTEGER, length(CAST(block_orders.order_serial AS TEXT))), $39::VARCHAR)), $40::VARCHAR, CAST(block_orders.version AS TEXT)) END AS lift_no, block_orders.lift_note, block_orders.lift_issued_by, block_orders.lift_issued_at, block_orders.lifted_at 
FROM block_orders 
WHERE block_orders.e164 IN ($46::VARCHAR) ORDER BY block_orders.id 
 LIMIT $41::INTEGER;

SELECT brands.id, brands.member_id, brands.slug, brands.name 
FROM brands 
WHERE brands.member_id IN ($1::UUID);

SELECT order_acknowledgements.id, order_acknowledgements.order_id, order_acknowledgements.carrier_id, order_acknowledgements.version, order_acknowledgements.kind, order_acknowledgements.reason, order_acknowledgements.reference, order_acknowledgements.note, order_acknowledgements.until, order_acknowledgements.effective_at, order_acknowledgements.recorded_at, order_acknowledgements.is_late, order_acknowledgements.moved_state, order_acknowledgements.mark, order_acknowledgements.client_id 
FROM order_acknowledgements 
WHERE order_acknowledgements.order_id IN ($1::UUID) ORDER BY order_acknowledgements.order_id, order_acknowledgements.id;
