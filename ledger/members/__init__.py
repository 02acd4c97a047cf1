"""Members, their brands, and the offices and officers of the regulator."""
