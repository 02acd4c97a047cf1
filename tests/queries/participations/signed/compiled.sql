SELECT octet_length(s.t) AS size, CASE WHEN octet_length(s.t) <= $2::INTEGER THEN s.t END AS t FROM (SELECT coalesce(array_to_string(p.shown[1:$1::INTEGER], ''), '') || '{"nodes":' || '[' || coalesce(array_to_string(p.n1[1:$1::INTEGER], ','), '') || ']' || '}' AS t FROM (SELECT array_agg(r.shown) AS shown, array_agg(r.n1) AS n1 FROM (SELECT * FROM (SELECT E'\x020:' || (participations.id)::text || E'\x03' AS shown, '{"state":' || coalesce('"' || (CASE WHEN (participations.began_at IS NOT NULL AND participations.ended_at IS NULL) THEN 'IN_FORCE' WHEN (participations.ended_at IS NOT NULL) THEN 'ENDED' ELSE 'AGREED' END)::text || '"', E'\x01') || ',"agreedOn":' || '"' || (participations.agreed_on)::text || '"' || ',"categories":' || array_to_json(participations.categories)::text || ',"permittedUses":' || array_to_json(participations.permitted_uses)::text || ',"retentionDays":' || coalesce((participations.retention_days)::text, 'null') || ',"transferBasis":' || coalesce('"' || (participations.transfer_basis)::text || '"', 'null') || ',"transferGround":' || coalesce(to_json((participations.transfer_ground)::text)::text, 'null') || ',"breachContact":' || coalesce(to_json((participations.breach_contact)::text)::text, 'null') || ',"disclosure":' || '"' || (participations.disclosure)::text || '"' || ',"terms":' || coalesce((SELECT '{"version":' || (t1.version)::text || ',"texts":' || '[' || array_to_string(ARRAY(SELECT '{"language":' || to_json((t2.language)::text)::text || ',"text":' || to_json((t2.text)::text)::text || '}' AS t 
FROM participation_terms_texts AS t2 
WHERE t2.terms_id = t1.id ORDER BY t2.place), ',') || ']' || '}' AS t 
FROM participation_terms AS t1 
WHERE t1.id = participations.terms_id), 'null') || ',"proposal":' || coalesce((SELECT '{"state":' || '"' || (t3.state)::text || '"' || ',"proposedBy":' || '"' || (t3.proposed_by)::text || '"' || ',"acceptedBy":' || coalesce((SELECT '{"displayName":' || to_json((t4.display_name)::text)::text || '}' AS t 
FROM officers AS t4 
WHERE t4.id = t3.accepted_by), 'null') || ',"countersignedBy":' || coalesce((SELECT '{"displayName":' || to_json((t5.display_name)::text)::text || '}' AS t 
FROM officers AS t5 
WHERE t5.id = t3.countersigned_by), 'null') || '}' || E'\x021:' || (t3.id)::text || E'\x03' AS t 
FROM participation_proposals AS t3 
WHERE t3.id = participations.proposal_id), 'null') || ',"member":' || coalesce((SELECT '{"slug":' || to_json((t6.slug)::text)::text || '}' AS t 
FROM members AS t6 
WHERE t6.id = participations.member_id), 'null') || '}' AS n1 
FROM participations 
WHERE participations.began_at IS NOT NULL AND participations.ended_at IS NULL ORDER BY row(participations.id) DESC LIMIT 501) AS q LIMIT (SELECT $1::INTEGER + 1)) AS r) AS p OFFSET 0) AS s
