"""Who read what: the record of the regulator's accesses to personal data and to long lists."""
