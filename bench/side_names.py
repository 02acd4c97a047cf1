"""The names of the sides that answer the read workloads."""

COMPILED, ORDINARY = "Jembatan", "Jembatan ordinary"
POSTGRAPHILE, YOGA, STRAWBERRY, PGBENCH = "PostGraphile", "graphql-yoga", "Strawberry", "pgbench"
SIDES = (COMPILED, ORDINARY, POSTGRAPHILE, YOGA, STRAWBERRY, PGBENCH)
