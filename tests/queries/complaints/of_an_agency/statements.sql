SELECT complaints.id, complaints.ticket_serial, complaints.source_id, complaints.source_reference, complaints.e164, complaints.epoch, complaints.epoch_uncertain, complaints.account_platform, complaints.account_handle, complaints.account_url, complaints.medium, complaints.category, complaints.incident_at, complaints.loss_rupiah, complaints.remedy, complaints.complainant_ref, complaints.marks, complaints.state, complaints.rejection_reason, complaints.info_request, complaints.outcome, complaints.duplicate_of, complaints.filed_at, complaints.complete_at, complaints.verification_due_at, complaints.decided_at, complaints.resolved_at, complaints.complainant_informed_at 
FROM complaints 
WHERE complaints.source_id = $1::UUID ORDER BY complaints.id DESC 
 LIMIT $2::INTEGER;

SELECT count(*) AS count_1 
FROM complaints 
WHERE complaints.source_id = $1::UUID;

SELECT phone_numbers.e164, phone_numbers.region, phone_numbers.is_domestic, phone_numbers.protected_reason, phone_numbers.holder_status, phone_numbers.status, phone_numbers.risk 
FROM phone_numbers 
WHERE phone_numbers.e164 IN ($1::VARCHAR);

SELECT members.id, members.slug, members.kind, members.legal_name, members.internet_access, members.admitted_at, members.suspended_at 
FROM members 
WHERE members.id IN ($1::UUID);
