"""Mutated notices for the parsers of ingest, and the judge of what the parsers make of them."""
