"""Contracts, bus, database, jobs, HTTP shell, astronomy and local stack of the ToO Marshal."""
