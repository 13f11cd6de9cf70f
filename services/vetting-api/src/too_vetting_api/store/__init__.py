"""Queries, one module per family of tables."""
