SELECT octet_length(s.t) AS size, CASE WHEN octet_length(s.t) <= $4::INTEGER THEN s.t END AS t FROM (SELECT '{"totalCount":' || (SELECT n::text FROM (SELECT count(*) AS n 
FROM complaints 
WHERE complaints.source_id = $1::UUID) AS c) || ',"nodes":' || '[' || coalesce(array_to_string(p.n0[1:$2::INTEGER], ','), '') || ']' || ',"pageInfo":' || '{"hasNextPage":' || CASE WHEN coalesce(cardinality(p.n0), 0) > $2::INTEGER THEN 'true' ELSE 'false' END || ',"hasPreviousPage":' || ($3::BOOLEAN)::text || '}' || '}' AS t FROM (SELECT array_agg(r.n0) AS n0 FROM (SELECT '{"ticketNo":' || coalesce(to_json((concat('T-', to_char(timezone('Asia/Jakarta', complaints.filed_at), 'YYYY'), '-', lpad(CAST(complaints.ticket_serial AS TEXT), greatest(7, length(CAST(complaints.ticket_serial AS TEXT))), '0')))::text)::text, E'\x01') || ',"state":' || '"' || (complaints.state)::text || '"' || ',"outcome":' || coalesce('"' || (complaints.outcome)::text || '"', 'null') || ',"category":' || '"' || (complaints.category)::text || '"' || ',"filedAt":' || '"' || replace(((complaints.filed_at) AT TIME ZONE 'UTC')::text, ' ', 'T') || 'Z"' || ',"number":' || CASE WHEN complaints.e164 IS NULL THEN 'null' ELSE coalesce((SELECT '{"e164":' || '"' || (t1.e164)::text || '"' || ',"status":' || coalesce('"' || (t1.status)::text || '"', 'null') || ',"risk":' || '"' || (t1.risk)::text || '"' || '}' AS t 
FROM phone_numbers AS t1 
WHERE t1.e164 = complaints.e164), E'\x01') END || ',"source":' || coalesce((SELECT '{"legalName":' || to_json((t2.legal_name)::text)::text || '}' AS t 
FROM members AS t2 
WHERE t2.id = complaints.source_id), 'null') || '}' AS n0 
FROM complaints 
WHERE complaints.source_id = $1::UUID ORDER BY complaints.id DESC LIMIT $2::INTEGER + 1) AS r) AS p OFFSET 0) AS s
