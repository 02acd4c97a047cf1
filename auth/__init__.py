"""The OAuth 2 authorization server: who may call, with which scopes, proved how.

It knows the ledger and nothing above it; settings, clock and database are handed in.
"""
