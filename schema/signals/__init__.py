"""Fraud signals in the graph."""
