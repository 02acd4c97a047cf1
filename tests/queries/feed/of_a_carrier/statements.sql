SELECT h.feed_id, h.size, h.oldest_position, l.leaf_hash AS last_hash, o.leaf_hash AS oldest_hash
FROM feed_head h LEFT JOIN feed l ON l.position = h.size LEFT JOIN feed o ON o.position = h.oldest_position - 1
WHERE h.id = 1;

WITH reach AS MATERIALIZED (
  SELECT LEAST(size, CAST($1 AS bigint)) AS position, oldest_position FROM feed_head WHERE id = 1
), looked_at AS MATERIALIZED (
  
SELECT r.position FROM feed_recipients r
WHERE r.member_id = CAST($2 AS uuid) AND r.position > $3 AND r.position <= (SELECT position FROM reach)
ORDER BY r.position LIMIT $4

), found AS (
  SELECT 
f.position, f.leaf_hash, e.kind, e.subject, e.subject_id, e.state, e.payload::text AS payload,
  e.recorded_at, e.erased_at
 FROM looked_at l JOIN feed f ON f.position = l.position JOIN events e ON e.id = f.event_id
  WHERE CAST($5 AS text[]) IS NULL OR e.kind = ANY(CAST($5 AS text[]))
  ORDER BY f.position LIMIT $6
)
SELECT reach.position AS reach, reach.oldest_position, (SELECT count(*) FROM looked_at) AS looked_count,
  (SELECT max(position) FROM looked_at) AS looked_to, found.*
FROM reach LEFT JOIN found ON true ORDER BY found.position;
