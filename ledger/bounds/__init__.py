"""What keeps a process within bounds, for every package: memory, rates, retries. It must not know what it bounds."""
