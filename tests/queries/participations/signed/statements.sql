SELECT participations.id, participations.member_id, participations.terms_reference, participations.categories, participations.purpose, participations.controller_roles, participations.transfer_ground, participations.transfer_basis, participations.permitted_uses, participations.retention_days, participations.breach_contact, participations.disclosure, participations.agreed_on, participations.proposal_id, participations.terms_id, participations.terms_hash, participations.previous_id, participations.narrowed_by, participations.starts_at, participations.ends_at, participations.began_at, participations.ended_at, participations.ended_reason, CASE WHEN (participations.began_at IS NOT NULL AND participations.ended_at IS NULL) THEN $1::VARCHAR WHEN (participations.ended_at IS NOT NULL) THEN $2::VARCHAR ELSE $3::VARCHAR END AS state, participations.recorded_by, participations.recorded_by_client, participations.recorded_at, participations.deletion_expected_by, participations.deletion_reminded_at, participations.deleted_at, participations.deletion_note, participations.deletion_confirmed_at, participations.deletion_confirmed_by 
FROM participations 
WHERE participations.began_at IS NOT NULL AND participations.ended_at IS NULL ORDER BY row(participations.id) DESC 
 LIMIT $4::INTEGER;

SELECT participation_terms.id, participation_terms.version, participation_terms.content_text, participation_terms.terms_hash, participation_terms.published_by, participation_terms.published_at 
FROM participation_terms 
WHERE participation_terms.id = ANY ($1::UUID[]);

SELECT participation_proposals.id, participation_proposals.member_id, participation_proposals.state, participation_proposals.proposed_by, participation_proposals.replaces_id, participation_proposals.terms_id, participation_proposals.terms_hash, participation_proposals.categories, participation_proposals.permitted_uses, participation_proposals.purpose, participation_proposals.controller_roles, participation_proposals.transfer_basis, participation_proposals.transfer_ground, participation_proposals.retention_days, participation_proposals.breach_contact, participation_proposals.disclosure, participation_proposals.starts_at, participation_proposals.ends_at, participation_proposals.content_text, participation_proposals.content_hash, participation_proposals.proposed_at, participation_proposals.offered_by, participation_proposals.accepted_by, participation_proposals.accepted_at, participation_proposals.countersigned_by, participation_proposals.countersigned_at, participation_proposals.ended_at, participation_proposals.end_note 
FROM participation_proposals 
WHERE participation_proposals.id = ANY ($1::UUID[]);

SELECT members.id, members.slug, members.kind, members.legal_name, members.contact_name, members.contact_email, members.contact_phone, members.internet_access, members.subgraph_url, members.admitted_at, members.suspended_at 
FROM members 
WHERE members.id = ANY ($1::UUID[]);

SELECT participation_terms_texts.terms_id, participation_terms_texts.place, participation_terms_texts.language, participation_terms_texts.text 
FROM participation_terms_texts 
WHERE participation_terms_texts.terms_id = ANY ($1::UUID[]) ORDER BY participation_terms_texts.place;

SELECT officers.id, officers.member_id, officers.office_id, officers.display_name, officers.scopes, officers.created_at, officers.disabled_at 
FROM officers 
WHERE officers.id = ANY ($1::UUID[]);
