"""The OAuth 2 authorization server: who may call, with which scopes, and how callers prove who they are.

It knows the ledger and nothing above it; settings, clock and database are handed in.
"""
