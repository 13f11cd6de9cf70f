"""What circulars does, one file per verb."""
