"""Slow and outward work: job rows written with the state, worked off by a runner."""

from too_common.jobs.queue import JobPayload

__all__ = ["JobPayload"]
