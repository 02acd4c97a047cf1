"""Benchmarks: each compares our work with PostgreSQL's own on the same rows, in one run, and prints the ratio."""
