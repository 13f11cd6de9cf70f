"""Few names, the same in every service (Prometheus)."""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)


class Metrics:
    """The metrics of one service, in a registry of their own (several services, one process)."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        constant: dict[str, Any] = {"registry": self.registry, "namespace": "too"}
        self.lag = Gauge(
            "consumer_lag_messages", "Messages not yet handled", ["topic", "partition"], **constant
        )
        self.handled = Counter(
            "messages_handled", "Messages by outcome", ["type", "outcome"], **constant
        )
        self.handler_seconds = Histogram(
            "handler_seconds", "Time to handle a message", ["type"], buckets=SECONDS, **constant
        )
        self.retries = Counter(
            "message_retries", "Transient failures of handlers", ["type"], **constant
        )
        self.dead_letters = Counter("dead_letters", "Messages parked", ["type"], **constant)
        self.parked = Gauge("parked_messages", "Messages parked now", **constant)
        self.outbox_age = Gauge(
            "outbox_age_seconds", "Age of the oldest unpublished row", **constant
        )
        self.published = Counter("messages_published", "Messages sent to the broker", **constant)
        self.job_seconds = Histogram(
            "job_seconds", "Time a job took", ["job"], buckets=SECONDS, **constant
        )
        self.job_retries = Counter("job_retries", "Transient failures of jobs", ["job"], **constant)
        self.notice_seconds = Histogram(
            "notice_to_step_seconds",
            "Seconds from the notice's arrival to a step (page, plan, ...)",
            ["step"],
            buckets=SECONDS,
            **constant,
        )
        self.http_seconds = Histogram(
            "http_seconds",
            "Time to answer",
            ["method", "route", "status"],
            buckets=SECONDS,
            **constant,
        )
        self.loop_lag = Gauge("event_loop_lag_seconds", "How late the event loop runs", **constant)
        self.info = Gauge("service_info", "Always 1", ["service"], **constant)
        self.info.labels(service).set(1)
