"""Participations in the graph."""
