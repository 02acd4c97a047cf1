"""What one serving process is: server, connections, jobs, logs, metrics and health."""
