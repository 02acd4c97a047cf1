"""Redacted extracts of evidence."""
