SELECT access_records.id, access_records.recorded_at, access_records.member_id, access_records.officer_id, access_records.client_id, access_records.kind, access_records.listed, access_records.subject_ids, access_records.operation_name, access_records.document_hash, access_records.request_id 
FROM access_records 
WHERE access_records.kind = ANY ($1::TEXT[]) AND access_records.recorded_at >= $2::TIMESTAMP WITH TIME ZONE ORDER BY access_records.id DESC 
 LIMIT $3::INTEGER;

SELECT complainant_reveals.id, complainant_reveals.complaint_id, complainant_reveals.officer_id, complainant_reveals.client_id, complainant_reveals.purpose_sealed, complainant_reveals.purpose_digest, complainant_reveals.revealed_at 
FROM complainant_reveals 
WHERE complainant_reveals.revealed_at >= $1::TIMESTAMP WITH TIME ZONE ORDER BY complainant_reveals.id DESC 
 LIMIT $2::INTEGER;

SELECT officers.id, officers.member_id, officers.office_id, officers.display_name, officers.scopes, officers.created_at, officers.disabled_at 
FROM officers 
WHERE officers.id = ANY ($1::UUID[]);
