"""Identifiers that sort by the time they were made (UUID version 7, RFC 9562 section 5.7)."""

import os
import time
import uuid

_RAND_BITS = 74
_VERSION = 0x7
_VARIANT = 0b10


def uuid7(milliseconds: int | None = None) -> uuid.UUID:
    """Make a UUIDv7.

    Parameters
    ----------
    milliseconds
        Milliseconds since 1970-01-01 UTC; the wall clock's now if left out. Identifiers are
        infrastructure, so the wall clock and not the stack clock is meant.

    Returns
    -------
    uuid.UUID
        48 bits of time, then 74 random bits. The *first* hex digits of two ids made within a
        minute repeat; the last ones do not.
    """
    stamp = time.time_ns() // 1_000_000 if milliseconds is None else milliseconds
    rand = int.from_bytes(os.urandom(10)) >> (80 - _RAND_BITS)
    rand_a, rand_b = rand >> 62, rand & ((1 << 62) - 1)
    value = (stamp & ((1 << 48) - 1)) << 80
    value |= _VERSION << 76 | rand_a << 64 | _VARIANT << 62 | rand_b
    return uuid.UUID(int=value)
