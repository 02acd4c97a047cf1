SELECT complaints.id, complaints.ticket_serial, concat($1::VARCHAR, to_char(timezone($2::VARCHAR, complaints.filed_at), $3::VARCHAR), $4::VARCHAR, lpad(CAST(complaints.ticket_serial AS TEXT), greatest($5::INTEGER, length(CAST(complaints.ticket_serial AS TEXT))), $6::VARCHAR)) AS ticket_no, complaints.source_id, complaints.source_reference, complaints.e164, complaints.epoch, complaints.epoch_uncertain, complaints.account_id, complaints.account_platform, complaints.account_handle, complaints.account_url, complaints.medium, complaints.category, complaints.incident_at, complaints.loss_rupiah, complaints.remedy, complaints.complainant_ref, complaints.marks, complaints.state, complaints.rejection_reason, complaints.info_request, complaints.outcome, complaints.order_outcome, complaints.referral_outcome, complaints.duplicate_of, complaints.filed_at, complaints.complete_at, complaints.verification_due_at, complaints.state IN ('REOPENED', 'SUBMITTED') AND complaints.verification_due_at IS NOT NULL AND complaints.verification_due_at < $7::TIMESTAMP WITH TIME ZONE AS is_verification_overdue, complaints.decided_at, complaints.resolved_at, complaints.complainant_informed_at, complaints.erased_at 
FROM complaints 
WHERE complaints.source_id = $8::UUID AND complaints.source_id BETWEEN $9::UUID AND $10::UUID ORDER BY complaints.id DESC 
 LIMIT $11::INTEGER;

SELECT (SELECT coalesce(sum(complaint_counts.n), 0) AS coalesce_1 
FROM complaint_counts 
WHERE complaint_counts.source_id = $1::UUID) AS n;

SELECT phone_numbers.e164, phone_numbers.region, phone_numbers.is_domestic, phone_numbers.protected_reason, phone_numbers.holder_status, phone_numbers.status, phone_numbers.risk 
FROM phone_numbers 
WHERE phone_numbers.e164 = ANY ($1::TEXT[]);

SELECT members.id, members.slug, members.kind, members.legal_name, members.internet_access, members.admitted_at, members.suspended_at 
FROM members 
WHERE members.id = ANY ($1::UUID[]);
