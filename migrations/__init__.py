"""Schema revisions and the run that applies them."""
