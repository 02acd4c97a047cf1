"""Complaints: filing, decisions, what follows from them, and reading them."""
