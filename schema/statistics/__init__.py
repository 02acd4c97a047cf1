"""Statistics in the graph."""
