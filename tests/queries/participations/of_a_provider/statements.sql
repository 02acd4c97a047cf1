SELECT participation_proposals.id, participation_proposals.member_id, participation_proposals.state, participation_proposals.proposed_by, participation_proposals.replaces_id, participation_proposals.terms_id, participation_proposals.terms_hash, participation_proposals.categories, participation_proposals.permitted_uses, participation_proposals.purpose, participation_proposals.controller_roles, participation_proposals.transfer_basis, participation_proposals.transfer_ground, participation_proposals.retention_days, participation_proposals.breach_contact, participation_proposals.disclosure, participation_proposals.starts_at, participation_proposals.ends_at, participation_proposals.content_text, participation_proposals.content_hash, participation_proposals.proposed_at, participation_proposals.accepted_by, participation_proposals.accepted_at, participation_proposals.countersigned_at, participation_proposals.ended_at, participation_proposals.end_note 
FROM participation_proposals 
WHERE participation_proposals.member_id = $1::UUID AND participation_proposals.state IN ('COUNTERSIGNED') AND participation_proposals.member_id BETWEEN $2::UUID AND $3::UUID ORDER BY participation_proposals.id DESC 
 LIMIT $4::INTEGER;

SELECT participation_terms.id, participation_terms.version, participation_terms.content_text, participation_terms.terms_hash, participation_terms.published_at 
FROM participation_terms ORDER BY participation_terms.version DESC 
 LIMIT $1::INTEGER;

SELECT participation_terms.id, participation_terms.version, participation_terms.content_text, participation_terms.terms_hash, participation_terms.published_at 
FROM participation_terms 
WHERE participation_terms.id = ANY ($1::UUID[]);

SELECT participation_terms_texts.terms_id, participation_terms_texts.place, participation_terms_texts.language, participation_terms_texts.text 
FROM participation_terms_texts 
WHERE participation_terms_texts.terms_id = ANY ($1::UUID[]) ORDER BY participation_terms_texts.place;
