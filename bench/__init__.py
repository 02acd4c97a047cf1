"""Benchmarks: each sets our work beside PostgreSQL's own on the same rows, in one run, and prints the ratio."""
