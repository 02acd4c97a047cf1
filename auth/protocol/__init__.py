"""The OAuth 2 endpoints and grants, one file each."""
