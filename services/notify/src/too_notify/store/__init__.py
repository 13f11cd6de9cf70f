"""Queries, by what they ask for."""
