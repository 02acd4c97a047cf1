"""Members in the graph."""
