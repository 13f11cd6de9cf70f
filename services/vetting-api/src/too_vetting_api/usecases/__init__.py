"""One verb per file; each takes a unit of work and never commits."""
