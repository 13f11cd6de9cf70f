"""What vetting-api knows of the field: pure, no I/O, no clock, no SQL."""
