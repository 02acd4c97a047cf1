SELECT octet_length(s.t) AS size, CASE WHEN octet_length(s.t) <= $2::INTEGER THEN s.t END AS t FROM (SELECT coalesce(array_to_string(p.shown[1:$1::INTEGER], ''), '') || '{"totalCount":' || least(c.n, 10000)::text || ',"nodes":' || '[' || coalesce(array_to_string(p.n1[1:$1::INTEGER], ','), '') || ']' || ',"pageInfo":' || '{"hasNextPage":' || CASE WHEN coalesce(cardinality(p.shown), 0) > $1::INTEGER THEN 'true' ELSE 'false' END || '}' || '}' AS t FROM (SELECT array_agg(r.shown) AS shown, array_agg(r.n1) AS n1 FROM (SELECT * FROM (SELECT E'\x020:' || (signal_revocation_notices.id)::text || E'\x03' AS shown, '{"reason":' || '"' || (signal_revocation_notices.reason)::text || '"' || ',"revokedAt":' || '"' || replace(((signal_revocation_notices.revoked_at) AT TIME ZONE 'UTC')::text, ' ', 'T') || 'Z"' || ',"confirmedAt":' || coalesce('"' || replace(((signal_revocation_notices.confirmed_at) AT TIME ZONE 'UTC')::text, ' ', 'T') || 'Z"', 'null') || ',"member":' || coalesce((SELECT '{"slug":' || to_json((t1.slug)::text)::text || '}' AS t 
FROM members AS t1 
WHERE t1.id = signal_revocation_notices.member_id), 'null') || ',"signal":' || coalesce((SELECT '{"category":' || '"' || (t2.category)::text || '"' || ',"state":' || '"' || (t2.state)::text || '"' || ',"basis":' || coalesce('"' || (CASE WHEN (t2.state = 'REVOKED') THEN 'NOTHING' WHEN (t2.corroboration_count > 0) THEN 'CORROBORATED' ELSE 'VERIFIED_COMPLAINTS' END)::text || '"', E'\x01') || '}' || E'\x021:' || (t2.id)::text || E'\x03' AS t 
FROM fraud_signals AS t2 
WHERE t2.id = signal_revocation_notices.signal_id), 'null') || '}' AS n1 
FROM signal_revocation_notices 
WHERE signal_revocation_notices.confirmed_at IS NULL ORDER BY signal_revocation_notices.id ASC LIMIT 501) AS q LIMIT (SELECT $1::INTEGER + 1)) AS r) AS p, (SELECT count(*) AS n 
FROM (SELECT 1 
FROM signal_revocation_notices 
WHERE signal_revocation_notices.confirmed_at IS NULL 
 LIMIT 10001) AS anon_1) AS c OFFSET 0) AS s
