"""The domain, by noun: rules, rows and events. It must not depend on GraphQL, HTTP or tokens."""
