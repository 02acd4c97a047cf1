"""What keeps a process within bounds, for every wing: memory, rates, retries. It knows nothing of what it bounds."""
