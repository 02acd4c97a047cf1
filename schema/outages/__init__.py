"""Outages of the gateway in the graph."""
