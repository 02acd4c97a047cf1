"""Legal holds: what retention must leave alone."""
