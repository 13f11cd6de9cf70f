"""One message of a sample alert."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SampleMessage:
    """A message, and when it is to be sent."""

    topic: str
    key: str
    body: bytes
    delay_s: float
    native_id: str
