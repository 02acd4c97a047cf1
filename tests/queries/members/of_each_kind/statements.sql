SELECT members.id, members.slug, members.kind, members.legal_name, members.internet_access, members.admitted_at, members.suspended_at 
FROM members ORDER BY members.slug ASC 
 LIMIT $1::INTEGER;

SELECT members.id, members.slug, members.kind, members.legal_name, members.internet_access, members.admitted_at, members.suspended_at 
FROM members 
WHERE members.id = ANY ($1::UUID[]);

SELECT brands.id, brands.member_id, brands.slug, brands.name 
FROM brands 
WHERE brands.member_id = ANY ($1::UUID[]) ORDER BY brands.slug;
