"""What operators did on the command line, and why."""
