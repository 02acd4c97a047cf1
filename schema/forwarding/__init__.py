"""Forwarding in the graph."""
