"""The public graph: types by noun over what the resolvers give. No SQL and no rule of the domain stands here."""
