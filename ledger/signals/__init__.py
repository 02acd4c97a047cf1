"""Fraud signals: what verified complaints come to, and who is sent them."""
