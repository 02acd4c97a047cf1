"""Participations: on which signed terms a provider takes part."""
