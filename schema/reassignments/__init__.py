"""Reassignments in the graph."""
