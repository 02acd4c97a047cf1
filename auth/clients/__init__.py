"""Clients: registration, keys, policies and redirect URIs."""
