"""The domain, by noun: rules, rows and events. It knows nothing of GraphQL, HTTP or tokens."""
