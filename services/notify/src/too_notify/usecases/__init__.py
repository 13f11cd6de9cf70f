"""What notify does, one file per verb."""
