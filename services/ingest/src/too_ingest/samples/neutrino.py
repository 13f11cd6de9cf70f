"""A sample track of IceCube as VOEvents: the prompt notice and its revision."""

from datetime import datetime, timedelta

from too_ingest.samples.message import SampleMessage
from too_ingest.samples.observable import choose_galaxy
from too_ingest.samples.skymaps import offset
from too_ingest.samples.voevent_text import Param, iso, tjd_sod, voevent

EVENT_AGE_S = 120.0
REVISION_DELAY_S = 240.0
STREAM = "ivo://nasa.gsfc.gcn/AMON"
TOPIC = "gcn.classic.voevent.ICECUBE_ASTROTRACK_GOLD"
_FIRST_RUN = 140_300
"""Run of 2025-04-15, roughly; three runs a day follow."""
_RUN_EPOCH_DAY = 20_780
_FIRST_EVENT = 30_000_000


def icecube_track(now: datetime, serial: int) -> list[SampleMessage]:
    """A gold track of probable astrophysical origin."""
    event_time = now - timedelta(seconds=EVENT_AGE_S)
    galaxy = choose_galaxy(now, serial + 3)
    day, seconds = tjd_sod(event_time)
    run = _FIRST_RUN + 3 * max(0, int(day) - _RUN_EPOCH_DAY)
    event = _FIRST_EVENT + 7919 * serial + int(float(seconds))
    steps = (
        (0, 0.0, (0.10, -0.06), 0.62, 0.26),
        (1, REVISION_DELAY_S, (0.03, 0.02), 0.91, 0.52),
    )
    messages = []
    for revision, delay, (east, north), error90, error50 in steps:
        params: list[Param] = [
            ("Packet_Type", "173", ""),
            ("Pkt_Ser_Num", str(revision + 1), ""),
            ("AMON_ID", f"{run}{event}", ""),
            ("run_id", str(run), ""),
            ("event_id", str(event), ""),
            ("Event_TJD", day, "days"),
            ("Event_SOD", seconds, "sec"),
            ("Stream", "24", "dn"),
            ("Rev", str(revision), "dn"),
            ("signalness", "0.6120", "dn"),
            ("FAR", "0.7420", "yr^-1"),
            ("energy", "214.5000", "TeV"),
            ("src_error_90", f"{error90:.4f}", "deg"),
            ("src_error_50", f"{error50:.4f}", "deg"),
        ]
        body = voevent(
            ivorn=f"{STREAM}#ICECUBE_GOLD_Event{iso(event_time)}_24_{run}_{event:09d}_{revision}",
            date=now + timedelta(seconds=delay),
            author="IceCube (sample)",
            params=params,
            groups={
                "Trigger_ID": [
                    ("Test", "false", ""),
                    ("Retraction", "false", ""),
                    ("InternalTest", "false", ""),
                ]
            },
            event_time=event_time,
            position=(*offset(galaxy.ra_deg, galaxy.dec_deg, east, north), error90),
            concept="process.variation.burst;phys.particle.neutrino",
        )
        messages.append(SampleMessage(TOPIC, f"{run}_{event}", body, delay, f"{run}_{event}"))
    return messages
