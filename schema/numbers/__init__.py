"""Numbers and the numbering plan in the graph."""
