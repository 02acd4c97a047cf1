"""How one GraphQL operation is answered, from HTTP request to response."""
