SELECT octet_length(s.t) AS size, CASE WHEN octet_length(s.t) <= $3::INTEGER THEN s.t END AS t FROM (SELECT '{"platform":' || '"' || (accounts.platform)::text || '"' || ',"handle":' || to_json((accounts.handle)::text)::text || ',"url":' || coalesce(to_json((CASE WHEN (accounts.kind = 'ACCOUNT' AND accounts.platform = 'WHATSAPP') THEN 'https://wa.me/' || substr(accounts.handle, 2) WHEN (accounts.kind = 'ACCOUNT' AND accounts.platform = 'SIGNAL' AND accounts.e164 IS NOT NULL) THEN 'https://signal.me/#p/' || accounts.handle WHEN (accounts.kind = 'ACCOUNT' AND accounts.platform = 'LINE' AND accounts.handle LIKE '@%') THEN 'https://line.me/R/ti/p/' || accounts.handle WHEN (accounts.kind = 'ACCOUNT' AND accounts.platform = 'LINE') THEN 'https://line.me/ti/p/~' || accounts.handle WHEN (accounts.kind = 'ACCOUNT' AND accounts.platform = 'DISCORD' AND accounts.handle LIKE 'users/%') THEN 'https://discord.com/' || accounts.handle WHEN (accounts.kind = 'ACCOUNT' AND accounts.platform = 'TELEGRAM') THEN 'https://t.me/' || accounts.handle WHEN (accounts.kind = 'ACCOUNT' AND accounts.platform = 'FACEBOOK') THEN 'https://www.facebook.com/' || accounts.handle WHEN (accounts.kind = 'ACCOUNT' AND accounts.platform = 'INSTAGRAM') THEN 'https://www.instagram.com/' || accounts.handle WHEN (accounts.kind = 'ACCOUNT' AND accounts.platform = 'TIKTOK') THEN 'https://www.tiktok.com/@' || accounts.handle WHEN (accounts.kind = 'ACCOUNT' AND accounts.platform = 'X') THEN 'https://x.com/' || accounts.handle WHEN (accounts.kind = 'ACCOUNT' AND accounts.platform = 'YOUTUBE') THEN 'https://www.youtube.com/' || accounts.handle WHEN (accounts.kind != 'ACCOUNT' AND (accounts.handle LIKE 'http://%' OR accounts.handle LIKE 'https://%')) THEN accounts.handle END)::text)::text, 'null') || ',"risk":' || coalesce('"' || (accounts.risk)::text || '"', 'null') || ',"complaintCount":null,"complaints":' || '[' || array_to_string(ARRAY(SELECT '{"ticketNo":' || coalesce(to_json((concat('T-', to_char(timezone('Asia/Jakarta', t1.filed_at), 'YYYY'), '-', lpad(CAST(t1.ticket_serial AS TEXT), greatest(7, length(CAST(t1.ticket_serial AS TEXT))), '0')))::text)::text, E'\x01') || ',"platformAccount":' || coalesce((SELECT '{"handle":' || to_json((t2.handle)::text)::text || '}' AS t 
FROM accounts AS t2 
WHERE t2.id IN (SELECT complaints.account_id 
FROM complaints 
WHERE complaints.source_id = $1::UUID) AND t2.id = t1.account_id), 'null') || '}' AS t 
FROM complaints AS t1 
WHERE t1.source_id = $1::UUID AND t1.account_id = accounts.id ORDER BY t1.id 
 LIMIT 10000), ',') || ']' || '}' AS t 
FROM accounts 
WHERE accounts.id IN (SELECT complaints.account_id 
FROM complaints 
WHERE complaints.source_id = $1::UUID) AND accounts.key_hash = $2::TEXT 
 LIMIT 1 OFFSET 0) AS s;

SELECT octet_length(s.t) AS size, CASE WHEN octet_length(s.t) <= $3::INTEGER THEN s.t END AS t FROM (SELECT '{"totalCount":' || least(c.n, 10000)::text || ',"nodes":' || '[' || coalesce(array_to_string(p.n0[1:$1::INTEGER], ','), '') || ']' || '}' AS t FROM (SELECT array_agg(r.n0) AS n0 FROM (SELECT * FROM (SELECT '{"platform":' || '"' || (accounts.platform)::text || '"' || ',"handle":' || to_json((accounts.handle)::text)::text || ',"isCanonical":' || coalesce((accounts.kind = 'ACCOUNT')::text, E'\x01') || '}' AS n0 
FROM accounts 
WHERE accounts.id IN (SELECT complaints.account_id 
FROM complaints 
WHERE complaints.source_id = $2::UUID) ORDER BY accounts.id DESC LIMIT 501) AS q LIMIT (SELECT $1::INTEGER + 1)) AS r) AS p, (SELECT count(*) AS n 
FROM (SELECT 1 
FROM accounts 
WHERE accounts.id IN (SELECT complaints.account_id 
FROM complaints 
WHERE complaints.source_id = $2::UUID) 
 LIMIT 10001) AS anon_1) AS c OFFSET 0) AS s
