SELECT events.id, events.kind, events.subject, events.subject_id, events.state, events.actor_member_id, events.actor_officer_id, events.actor_client_id, events.audience, events.brand_id, events.payload, events.recorded_at 
FROM events 
WHERE events.kind = ANY ($1::TEXT[]) ORDER BY events.id DESC 
 LIMIT $2::INTEGER;

SELECT members.id, members.slug, members.kind, members.legal_name, members.contact_name, members.contact_email, members.contact_phone, members.internet_access, members.subgraph_url, members.admitted_at, members.suspended_at 
FROM members 
WHERE members.id = ANY ($1::UUID[]);

SELECT officers.id, officers.member_id, officers.office_id, officers.display_name, officers.scopes, officers.created_at, officers.disabled_at 
FROM officers 
WHERE officers.id = ANY ($1::UUID[]);
