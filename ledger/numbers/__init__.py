"""Numbers: how people write them, the numbering plan, and what is known about each."""
