"""Reassignments: a carrier reports that a number means another subscriber now."""
