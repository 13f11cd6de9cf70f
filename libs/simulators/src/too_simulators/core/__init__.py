"""The ground that every simulator stands on: clock, what is kept on disk, faults, stepping."""
