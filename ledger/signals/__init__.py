"""Fraud signals: derived from verified complaints, and sent to those who may receive them."""
