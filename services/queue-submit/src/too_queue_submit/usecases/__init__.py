"""One file per verb. Use cases take a unit of work and never commit."""
