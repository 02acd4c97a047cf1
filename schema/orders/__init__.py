"""Block orders in the graph."""
