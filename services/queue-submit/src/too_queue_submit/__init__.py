"""Submits plans to telescope queues and follows their progress."""
