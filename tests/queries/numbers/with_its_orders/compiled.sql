SELECT octet_length(s.t) AS size, CASE WHEN octet_length(s.t) <= $2::INTEGER THEN s.t END AS t FROM (SELECT '{"e164":' || '"' || (phone_numbers.e164)::text || '"' || ',"holderStatus":' || coalesce('"' || (phone_numbers.holder_status)::text || '"', 'null') || ',"holder":' || coalesce((SELECT '{"slug":' || to_json((t1.slug)::text)::text || ',"brands":' || '[' || array_to_string(ARRAY(SELECT '{"slug":' || to_json((t2.slug)::text)::text || '}' AS t 
FROM brands AS t2 
WHERE t2.member_id = t1.id ORDER BY t2.slug), ',') || ']' || '}' AS t 
FROM members AS t1 
WHERE t1.id = phone_numbers.holder_id), 'null') || ',"status":' || coalesce('"' || (phone_numbers.status)::text || '"', 'null') || ',"risk":' || '"' || (phone_numbers.risk)::text || '"' || ',"complaintCount":' || coalesce(CASE WHEN phone_numbers.complaint_count BETWEEN -2147483648 AND 2147483647 THEN (phone_numbers.complaint_count)::text ELSE E'\x01' END, 'null') || ',"blockOrders":' || '[' || array_to_string(ARRAY(SELECT '{"orderNo":' || coalesce(to_json((concat('O-', to_char(timezone('Asia/Jakarta', t3.drafted_at), 'YYYY'), '-', lpad(CAST(t3.order_serial AS TEXT), greatest(7, length(CAST(t3.order_serial AS TEXT))), '0')))::text)::text, E'\x01') || ',"state":' || '"' || (t3.state)::text || '"' || ',"effectiveAt":' || coalesce('"' || replace(((t3.effective_at) AT TIME ZONE 'UTC')::text, ' ', 'T') || 'Z"', 'null') || ',"acknowledgements":' || '[' || array_to_string(ARRAY(SELECT '{"kind":' || '"' || (t4.kind)::text || '"' || ',"reference":' || coalesce(to_json((t4.reference)::text)::text, 'null') || '}' || E'\x020:' || (t4.id)::text || E'\x03' AS t 
FROM order_acknowledgements AS t4 
WHERE t4.order_id = t3.id ORDER BY t4.id), ',') || ']' || '}' || E'\x021:' || (t3.id)::text || E'\x03' AS t 
FROM block_orders AS t3 
WHERE t3.e164 = phone_numbers.e164 ORDER BY t3.id 
 LIMIT 10000), ',') || ']' || '}' || E'\x022:' || (phone_numbers.e164)::text || E'\x03' AS t 
FROM phone_numbers 
WHERE phone_numbers.e164 = $1::TEXT 
 LIMIT 1 OFFSET 0) AS s
