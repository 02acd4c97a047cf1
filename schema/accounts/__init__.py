"""Accounts on platforms, in the graph."""
