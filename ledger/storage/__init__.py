"""Where the ledger's rows live: engine, roles, viewer binding, encryption, the embedded server."""
