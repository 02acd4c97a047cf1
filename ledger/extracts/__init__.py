"""Redacted extracts of evidence: what carriers and providers may be shown of it, and to whom each was released."""
