SELECT evidence_extracts.id, evidence_extracts.content_id, evidence_extracts.media_type, evidence_extracts.size_bytes, evidence_extracts.sha256, evidence_extracts.original_sha256, evidence_extracts.made_at, evidence_extracts.erased_at 
FROM evidence_extracts 
WHERE evidence_extracts.id IN (SELECT extract_releases.extract_id 
FROM extract_releases 
WHERE extract_releases.member_id = $1::UUID AND extract_releases.withdrawn_at IS NULL) ORDER BY evidence_extracts.id DESC 
 LIMIT $2::INTEGER;
