"""Commands about evidence: clients of the gateway that need no database."""
