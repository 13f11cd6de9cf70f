"""Wakes the on-duty astronomers when an event meets a science program's criteria."""
