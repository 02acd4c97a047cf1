"""Reassignments: a carrier reports that a number now belongs to another subscriber."""
