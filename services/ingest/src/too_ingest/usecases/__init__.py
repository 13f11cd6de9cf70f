"""What the ingest service does, one file per verb; each takes a unit of work and never commits."""
