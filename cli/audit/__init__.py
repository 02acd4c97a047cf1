"""`jembatan audit`."""
