"""The OAuth 2 protocol: a file for each grant and each endpoint."""
