"""One serving process: server, connections, jobs, logs, metrics and health."""
