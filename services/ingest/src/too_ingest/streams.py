"""Whether a stream of notices is alive, from what was seen of it and when.

Silence is measured in wall time, since it is about our connection and not about the sky.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from too_common.contracts.ingest import StreamState

DISABLED_AFTER_DAYS = 30
"""GCN disables credentials that are unused for so long, for good."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one stream."""

    name: str
    state: StreamState
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Finding:
    """What has changed with a stream."""

    name: str
    state: StreamState
    reason: str


def silent_streams(
    seen: Mapping[str, Seen],
    limits_s: Mapping[str, float],
    *,
    subscribed: Collection[str],
    listening_since: datetime,
    now: datetime,
) -> list[Finding]:
    """Streams that have been silent for longer than they may.

    A stream is given its time anew when we begin to listen: what came while we were away is not
    its fault.
    """
    found = []
    for name, limit_s in sorted(limits_s.items()):
        if name not in subscribed:
            continue
        known = seen.get(name)
        if known is not None and known.state in {StreamState.SILENT, StreamState.REFUSED}:
            continue
        last = known.last_seen_at if known else None
        start = max(listening_since, last) if last else listening_since
        if now - start > timedelta(seconds=limit_s):
            since = f"since {last:%Y-%m-%d %H:%M:%S} UTC" if last else "since we listen"
            found.append(
                Finding(name, StreamState.SILENT, f"no message {since}; {limit_s:g} s is the limit")
            )
    return found


def absent_streams(seen: Mapping[str, Seen], absent: Collection[str]) -> list[Finding]:
    """Topics that the broker does not know and that are not marked so yet."""
    return [
        Finding(name, StreamState.ABSENT, "the broker has no such topic (without a recent message)")
        for name in sorted(absent)
        if name not in seen
    ]


def misspelt(absent: Collection[str], *, known: Collection[str]) -> list[str]:
    """Absent topics that nobody but the configuration has heard of.

    A topic of GCN's own list that has no recent message is absent as a rule; one that is not in
    any list is more likely a slip of the pen.
    """
    return sorted(set(absent) - set(known))


def unused_credentials(
    *,
    has_credentials: bool,
    subscribed: Collection[str],
    last_message_at: datetime | None,
    configured_since: datetime,
    limit_s: float,
    now: datetime,
) -> str | None:
    """Why our credentials are about to be lost; None if all is well."""
    if not has_credentials:
        return None
    if not subscribed:
        return "GCN credentials are configured, but no topic is subscribed"
    last = last_message_at or configured_since
    if now - last <= timedelta(seconds=limit_s):
        return None
    lost = last + timedelta(days=DISABLED_AFTER_DAYS)
    used = f"since {last:%Y-%m-%d %H:%M} UTC" if last_message_at else "ever"
    return (
        f"the GCN credentials have not brought a message {used}; GCN disables them for good "
        f"about {lost:%Y-%m-%d}"
    )
