"""How the fields of the graph get their values, by noun. No GraphQL type and no SQL belongs here."""
