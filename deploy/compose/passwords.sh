#!/bin/bash
# The database runs this once, after the SQL of the roles.
set -euo pipefail
psql --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" \
  --set owner="$OWNER_PASSWORD" --set application="$APPLICATION_PASSWORD" <<'SQL'
ALTER ROLE jembatan_owner PASSWORD :'owner';
ALTER ROLE jembatan_app PASSWORD :'application';
SQL
