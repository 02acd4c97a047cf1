"""Forwarding: runs that turn verified complaints into drafts of block orders."""
