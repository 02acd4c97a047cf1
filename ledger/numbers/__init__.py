"""Numbers: how people write them, the numbering plan, and what is known of each."""
