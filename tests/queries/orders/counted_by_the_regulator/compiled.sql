SELECT octet_length(s.t) AS size, CASE WHEN octet_length(s.t) <= $2::INTEGER THEN s.t END AS t FROM (SELECT coalesce(array_to_string(p.shown[1:$1::INTEGER], ''), '') || '{"totalCount":' || c.n::text || ',"isExact":' || 'true' || '}' AS t FROM (SELECT array_agg(r.shown) AS shown FROM (SELECT * FROM (SELECT E'\x020:' || (block_orders.id)::text || E'\x03' AS shown 
FROM block_orders 
WHERE block_orders.version >= 1 ORDER BY block_orders.due_at ASC, block_orders.id ASC LIMIT 501) AS q LIMIT (SELECT $1::INTEGER + 1)) AS r) AS p, (SELECT (SELECT coalesce(sum(order_counts.n), 0) AS coalesce_1 
FROM order_counts 
WHERE true) AS n) AS c OFFSET 0) AS s;

SELECT octet_length(s.t) AS size, CASE WHEN octet_length(s.t) <= $2::INTEGER THEN s.t END AS t FROM (SELECT coalesce(array_to_string(p.shown[1:$1::INTEGER], ''), '') || '{"totalCount":' || c.n::text || ',"isExact":' || 'true' || ',"nodes":' || '[' || coalesce(array_to_string(p.n1[1:$1::INTEGER], ','), '') || ']' || '}' AS t FROM (SELECT array_agg(r.shown) AS shown, array_agg(r.n1) AS n1 FROM (SELECT * FROM (SELECT E'\x020:' || (block_orders.id)::text || E'\x03' AS shown, '{"orderNo":' || coalesce(to_json((concat('O-', to_char(timezone('Asia/Jakarta', block_orders.drafted_at), 'YYYY'), '-', lpad(CAST(block_orders.order_serial AS TEXT), greatest(7, length(CAST(block_orders.order_serial AS TEXT))), '0')))::text)::text, E'\x01') || '}' AS n1 
FROM block_orders 
WHERE block_orders.version >= 1 AND block_orders.state IN ('ISSUED', 'RECEIVED') AND NOT block_orders.was_late ORDER BY block_orders.due_at ASC, block_orders.id ASC LIMIT 501) AS q LIMIT (SELECT $1::INTEGER + 1)) AS r) AS p, (SELECT (SELECT coalesce(sum(order_counts.n), 0) AS coalesce_1 
FROM order_counts 
WHERE order_counts.state IN ('ISSUED', 'RECEIVED') AND NOT order_counts.was_late) AS n) AS c OFFSET 0) AS s;

SELECT octet_length(s.t) AS size, CASE WHEN octet_length(s.t) <= $3::INTEGER THEN s.t END AS t FROM (SELECT coalesce(array_to_string(p.shown[1:$1::INTEGER], ''), '') || '{"totalCount":' || c.n::text || ',"isExact":' || 'true' || '}' AS t FROM (SELECT array_agg(r.shown) AS shown FROM (SELECT * FROM (SELECT E'\x020:' || (block_orders.id)::text || E'\x03' AS shown 
FROM block_orders 
WHERE block_orders.version >= 1 AND block_orders.state IN ('ISSUED', 'LIFT_ISSUED', 'PARTIAL', 'RECEIVED') AND block_orders.due_at IS NOT NULL AND block_orders.due_at < $2::TIMESTAMP WITH TIME ZONE ORDER BY block_orders.due_at ASC, block_orders.id ASC LIMIT 501) AS q LIMIT (SELECT $1::INTEGER + 1)) AS r) AS p, (SELECT (SELECT coalesce(sum(order_dues.n), 0) AS coalesce_1 
FROM order_dues 
WHERE order_dues.due_hour < date_trunc('hour', $2::TIMESTAMP WITH TIME ZONE, 'UTC')) + (SELECT count(*) AS count_1 
FROM block_orders 
WHERE block_orders.version >= 1 AND block_orders.state IN ('ISSUED', 'LIFT_ISSUED', 'PARTIAL', 'RECEIVED') AND block_orders.due_at IS NOT NULL AND block_orders.due_at < $2::TIMESTAMP WITH TIME ZONE AND block_orders.due_at >= date_trunc('hour', $2::TIMESTAMP WITH TIME ZONE, 'UTC')) AS n) AS c OFFSET 0) AS s;

SELECT octet_length(s.t) AS size, CASE WHEN octet_length(s.t) <= $4::INTEGER THEN s.t END AS t FROM (SELECT coalesce(array_to_string(p.shown[1:$1::INTEGER], ''), '') || '{"totalCount":' || least(c.n, 10000)::text || ',"isExact":' || (c.n <= 10000)::text || '}' AS t FROM (SELECT array_agg(r.shown) AS shown FROM (SELECT * FROM (SELECT E'\x020:' || (block_orders.id)::text || E'\x03' AS shown 
FROM block_orders 
WHERE block_orders.version >= 1 AND block_orders.executed_at >= $3::TIMESTAMP WITH TIME ZONE ORDER BY row(block_orders.due_at, block_orders.id) ASC LIMIT 501) AS q LIMIT (SELECT $1::INTEGER + 1)) AS r) AS p, (SELECT count(*) AS n 
FROM (SELECT 1 
FROM block_orders 
WHERE block_orders.version >= 1 AND block_orders.executed_at >= $2::TIMESTAMP WITH TIME ZONE ORDER BY block_orders.executed_at 
 LIMIT 10001) AS anon_1) AS c OFFSET 0) AS s;

SELECT octet_length(s.t) AS size, CASE WHEN octet_length(s.t) <= $3::INTEGER THEN s.t END AS t FROM (SELECT coalesce(array_to_string(p.shown[1:$1::INTEGER], ''), '') || '{"totalCount":' || c.n::text || ',"isExact":' || 'true' || '}' AS t FROM (SELECT array_agg(r.shown) AS shown FROM (SELECT * FROM (SELECT E'\x020:' || (complaints.id)::text || E'\x03' AS shown 
FROM complaints 
WHERE complaints.occurrence >= 1 AND NOT (complaints.state IN ('REOPENED', 'SUBMITTED') AND complaints.verification_due_at IS NOT NULL AND complaints.verification_due_at < $2::TIMESTAMP WITH TIME ZONE) ORDER BY complaints.id DESC LIMIT 501) AS q LIMIT (SELECT $1::INTEGER + 1)) AS r) AS p, (SELECT (SELECT coalesce(sum(complaint_counts.n), 0) AS coalesce_1 
FROM complaint_counts 
WHERE true) - ((SELECT coalesce(sum(complaint_dues.n), 0) AS coalesce_2 
FROM complaint_dues 
WHERE complaint_dues.due_hour < date_trunc('hour', $2::TIMESTAMP WITH TIME ZONE, 'UTC')) + (SELECT count(*) AS count_1 
FROM complaints 
WHERE complaints.occurrence >= 1 AND complaints.state IN ('REOPENED', 'SUBMITTED') AND complaints.verification_due_at IS NOT NULL AND complaints.verification_due_at < $2::TIMESTAMP WITH TIME ZONE AND complaints.verification_due_at >= date_trunc('hour', $2::TIMESTAMP WITH TIME ZONE, 'UTC'))) AS n) AS c OFFSET 0) AS s
