"""Complaints in the graph."""
