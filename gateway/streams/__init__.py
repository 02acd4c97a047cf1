"""The transports of subscriptions: WebSocket, SSE and multipart, over one hub of shared executions."""
