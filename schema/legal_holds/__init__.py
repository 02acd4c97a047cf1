"""Legal holds in the graph."""
