"""Accounts on communication platforms, as things of their own: forms, records, and who may see them."""
