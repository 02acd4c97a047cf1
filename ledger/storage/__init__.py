"""How the ledger stores its rows: engine, roles, viewer binding, encryption, the embedded server."""
