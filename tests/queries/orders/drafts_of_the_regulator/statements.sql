SELECT block_orders.id, block_orders.order_serial, concat($1::VARCHAR, to_char(timezone($2::VARCHAR, block_orders.drafted_at), $3::VARCHAR), $4::VARCHAR, lpad(CAST(block_orders.order_serial AS TEXT), greatest($5::INTEGER, length(CAST(block_orders.order_serial AS TEXT))), $6::VARCHAR)) AS order_no, block_orders.version, block_orders.directive_id, block_orders.supersedes_id, block_orders.carrier_id, block_orders.brand_id, block_orders.e164, block_orders.epoch, block_orders.category, block_orders.scope, block_orders.legal_basis, block_orders.summary, block_orders.subscriber_notice, block_orders.complaint_count, block_orders.state, CASE block_orders.state WHEN $7::VARCHAR THEN $8::VARCHAR WHEN $9::VARCHAR THEN $10::VARCHAR WHEN $11::VARCHAR THEN $12::VARCHAR WHEN $13::VARCHAR THEN $14::VARCHAR WHEN $15::VARCHAR THEN $16::VARCHAR WHEN $17::VARCHAR THEN $18::VARCHAR WHEN $19::VARCHAR THEN $20::VARCHAR WHEN $21::VARCHAR THEN $22::VARCHAR WHEN $23::VARCHAR THEN $24::VARCHAR WHEN $25::VARCHAR THEN $26::VARCHAR WHEN $27::VARCHAR THEN $28::VARCHAR WHEN $29::VARCHAR THEN $30::VARCHAR WHEN $31::VARCHAR THEN $32::VARCHAR END AS status, block_orders.impossible_reason, block_orders.last_acknowledgement, block_orders.standing_acknowledgement_id, block_orders.office_id, block_orders.drafted_by, block_orders.drafted_at, block_orders.approved_by, block_orders.return_reason, block_orders.hold_reasons, block_orders.override_note, block_orders.overridden_by, block_orders.issued_at, block_orders.due_at, block_orders.state IN ($42::VARCHAR, $43::VARCHAR, $44::VARCHAR, $45::VARCHAR) AND block_orders.due_at IS NOT NULL AND block_orders.due_at < $33::TIMESTAMP WITH TIME ZONE AS is_overdue, block_orders.executed_at, block_orders.effective_at, block_orders.was_late, block_orders.ended_at, block_orders.end_note, block_orders.lift_drafted_at, block_orders.lift_basis, CASE WHEN (block_orders.lift_issued_at IS NOT NULL) THEN concat(concat($34::VARCHAR, to_char(timezone($35::VARCHAR, block_orders.drafted_at), $36::VARCHAR), $37::VARCHAR, lpad(CAST(block_orders.order_serial AS TEXT), greatest($38::INTEGER, length(CAST(block_orders.order_serial AS TEXT))), $39::VARCHAR)), $40::VARCHAR, CAST(block_orders.version AS TEXT)) END AS lift_no, block_orders.lift_note, block_orders.lift_issued_by, block_orders.lift_issued_at, block_orders.lifted_at 
FROM block_orders 
WHERE block_orders.state IN ($46::VARCHAR) ORDER BY block_orders.id DESC 
 LIMIT $41::INTEGER;

SELECT officers.id, officers.member_id, officers.office_id, officers.display_name, officers.scopes, officers.created_at, officers.disabled_at 
FROM officers 
WHERE officers.id = ANY ($1::UUID[]);

SELECT order_complaints.order_id, order_complaints.complaint_id 
FROM order_complaints 
WHERE order_complaints.order_id IN ($1::UUID) ORDER BY order_complaints.complaint_id;

SELECT offices.id, offices.member_id, offices.slug, offices.name 
FROM offices 
WHERE offices.id = ANY ($1::UUID[]);

SELECT complaints.id, complaints.ticket_serial, concat($1::VARCHAR, to_char(timezone($2::VARCHAR, complaints.filed_at), $3::VARCHAR), $4::VARCHAR, lpad(CAST(complaints.ticket_serial AS TEXT), greatest($5::INTEGER, length(CAST(complaints.ticket_serial AS TEXT))), $6::VARCHAR)) AS ticket_no, complaints.source_id, complaints.source_reference, complaints.e164, complaints.epoch, complaints.epoch_uncertain, complaints.account_platform, complaints.account_handle, complaints.account_url, complaints.medium, complaints.category, complaints.incident_at, complaints.loss_rupiah, complaints.remedy, complaints.chronology_digest, complaints.complainant_ref, complaints.marks, complaints.state, complaints.rejection_reason, complaints.info_request, complaints.decision_note, complaints.outcome, complaints.duplicate_of, complaints.decided_by, complaints.filed_at, complaints.complete_at, complaints.verification_due_at, complaints.state IN ($9::VARCHAR, $10::VARCHAR) AND complaints.verification_due_at IS NOT NULL AND complaints.verification_due_at < $7::TIMESTAMP WITH TIME ZONE AS is_verification_overdue, complaints.decided_at, complaints.resolved_at, complaints.complainant_informed_at 
FROM complaints 
WHERE complaints.id = ANY ($8::UUID[]);

SELECT members.id, members.slug, members.kind, members.legal_name, members.contact_name, members.contact_email, members.contact_phone, members.internet_access, members.subgraph_url, members.admitted_at, members.suspended_at 
FROM members 
WHERE members.id = ANY ($1::UUID[]);
