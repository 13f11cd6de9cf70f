"""Sample alerts, made up from public facts in the missions' own formats, relative to now.

Pure functions: the same arguments give the same bytes. The sky position is that of a galaxy which
all five telescopes can observe within the next 24 hours.
"""

from collections.abc import Callable
from datetime import datetime

from too_ingest.samples.fermi import gbm_burst
from too_ingest.samples.gravitational_waves import binary_neutron_star, retracted_event
from too_ingest.samples.message import SampleMessage
from too_ingest.samples.neutrino import icecube_track

SAMPLES: dict[str, Callable[[datetime, int], list[SampleMessage]]] = {
    "bns": binary_neutron_star,
    "gbm": gbm_burst,
    "icecube": icecube_track,
    "retracted": retracted_event,
}
"""Makers by name."""
DESCRIPTIONS = {
    "bns": "Binary neutron star (igwn.gwalert): PRELIMINARY, INITIAL and UPDATE with 3-D maps",
    "gbm": "Fermi GBM burst (VOEvent): flight, ground and final position",
    "icecube": "IceCube gold track (VOEvent): first notice and revision",
    "retracted": "LVK event (igwn.gwalert) that is retracted after two minutes",
}


def make_sample(name: str, now: datetime, serial: int) -> list[SampleMessage]:
    """Messages of a sample alert.

    Parameters
    ----------
    name
        One of `SAMPLES`.
    now
        Stack time; the event is two minutes older.
    serial
        Makes the event's id unique.

    Raises
    ------
    KeyError
        If there is no such sample.
    """
    return SAMPLES[name](now, serial)


__all__ = ["DESCRIPTIONS", "SAMPLES", "SampleMessage", "make_sample"]
