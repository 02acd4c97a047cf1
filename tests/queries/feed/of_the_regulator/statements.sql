SELECT h.feed_id, h.size, h.oldest_position, l.leaf_hash AS last_hash, o.leaf_hash AS oldest_hash
FROM feed_head h LEFT JOIN feed l ON l.position = h.size LEFT JOIN feed o ON o.position = h.oldest_position - 1
WHERE h.id = 1;

WITH reach AS MATERIALIZED (
  SELECT LEAST(size, CAST($1 AS bigint)) AS position, oldest_position FROM feed_head WHERE id = 1
), looked_at AS MATERIALIZED (
  
SELECT a.position FROM feed a
WHERE a.position > $2 AND a.position <= (SELECT position FROM reach)
ORDER BY a.position LIMIT $3

), found AS (
  SELECT 
f.position, f.leaf_hash, e.kind, e.subject, e.subject_id, e.state, e.payload::text AS payload,
  e.recorded_at, e.erased_at
, e.audience::text[] AS audience, e.brand_id::text AS brand_id FROM looked_at l JOIN feed f ON f.position = l.position JOIN events e ON e.id = f.event_id
  WHERE CAST($4 AS text[]) IS NULL OR e.kind = ANY(CAST($4 AS text[]))
  ORDER BY f.position LIMIT $5
)
SELECT reach.position AS reach, reach.oldest_position, (SELECT count(*) FROM looked_at) AS looked_count,
  (SELECT max(position) FROM looked_at) AS looked_to, found.*
FROM reach LEFT JOIN found ON true ORDER BY found.position;

SELECT f.position, f.reserved_hash, e.reserved_salt AS salt, 
(jsonb_build_object('actorMemberId', e.actor_member_id, 'actorOfficerId', e.actor_officer_id,
  'actorClientId', e.actor_client_id, 'audience', to_jsonb(e.audience), 'brandId', e.brand_id)
  || CASE WHEN e.content IS NULL THEN '{}'::jsonb ELSE jsonb_build_object('content', e.content) END)::text
 AS text
FROM feed f JOIN events e ON e.id = f.event_id
WHERE f.position = ANY(CAST($1 AS bigint[])) AND e.erased_at IS NULL;

SELECT members.id, members.slug, members.kind, members.legal_name, members.contact_name, members.contact_email, members.contact_phone, members.internet_access, members.subgraph_url, members.admitted_at, members.suspended_at 
FROM members 
WHERE members.id = ANY ($1::UUID[]);
