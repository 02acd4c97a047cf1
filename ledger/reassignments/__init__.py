"""Reassignments: a carrier reports that a number now belongs to another subscriber, and an officer confirms it."""
