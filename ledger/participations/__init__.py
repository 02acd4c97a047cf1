"""Participations: the signed terms on which providers receive fraud signals, and the keys for their hashes."""
