"""Participations: the signed terms on which providers get fraud signals, and the keys that their hashes need."""
