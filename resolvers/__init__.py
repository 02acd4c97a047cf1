"""How each field of the graph gets its value, by noun. No GraphQL type and no SQL stands here."""
