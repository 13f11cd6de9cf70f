"""The contracts between services: typed events, by the service that writes them.

Importing this package registers every event type; ``event_types()`` is the catalogue.
"""

from too_common.contracts import (
    alarms,
    circulars,
    ingest,
    notify,
    planner,
    queue_submit,
    vetting_api,
)
from too_common.contracts.base import (
    BlobRef,
    Contract,
    Envelope,
    EventData,
    Mode,
    UtcDatetime,
    dlq_topic_of,
    event_types,
    owner_of,
    parse_envelope,
    topic_of,
)

__all__ = [
    "BlobRef",
    "Contract",
    "Envelope",
    "EventData",
    "Mode",
    "UtcDatetime",
    "alarms",
    "circulars",
    "dlq_topic_of",
    "event_types",
    "ingest",
    "notify",
    "owner_of",
    "parse_envelope",
    "planner",
    "queue_submit",
    "topic_of",
    "vetting_api",
]
