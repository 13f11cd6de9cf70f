"""A sample burst of Fermi GBM: flight, ground and final position as VOEvents."""

from datetime import datetime, timedelta

from too_ingest.notices.times import LEAP_DAYS, MET_ORIGIN
from too_ingest.samples.message import SampleMessage
from too_ingest.samples.observable import choose_galaxy
from too_ingest.samples.skymaps import offset
from too_ingest.samples.voevent_text import Param, iso, tjd_sod, voevent

EVENT_AGE_S = 120.0
STREAM = "ivo://nasa.gsfc.gcn/Fermi"
_CONCEPT = "process.variation.burst;em.gamma"
_AUTHOR = "Fermi (sample)"


def trigger_number(event_time: datetime) -> int:
    """Trigger number: mission elapsed time in whole seconds."""
    leaps = sum(1 for day in LEAP_DAYS if event_time.date() >= day)
    return int((event_time - MET_ORIGIN).total_seconds()) + leaps


def gbm_burst(now: datetime, serial: int) -> list[SampleMessage]:
    """A short burst, ever better localized."""
    event_time = now - timedelta(seconds=EVENT_AGE_S + serial % 50)
    galaxy = choose_galaxy(now, serial + 2)
    trigger = trigger_number(event_time)
    day, seconds = tjd_sod(event_time)
    fraction = int(float(seconds) / 86.4)
    burst = f"bn{event_time:%y%m%d}{fraction:03d}"
    common: list[Param] = [
        ("TrigID", str(trigger), ""),
        ("Burst_TJD", day, "days"),
        ("Burst_SOD", seconds, "sec"),
    ]
    curve = (
        "https://heasarc.gsfc.nasa.gov/FTP/fermi/data/gbm/triggers/"
        f"{event_time:%Y}/{burst}/quicklook/glg_lc_medres34_{burst}.gif"
    )
    tail: list[Param] = [
        ("LightCurve_URL", curve, ""),
        ("Coords_Type", "1", "dn"),
        ("Coords_String", "source_object", ""),
    ]
    flags: list[Param] = [("Def_NOT_a_GRB", "false", ""), ("Test_Submission", "false", "")]
    steps: list[tuple[str, str, float, tuple[float, float, float], list[Param], list[Param]]] = [
        (
            "FLT_POS",
            "GBM_Flt_Pos_",
            0.0,
            (5.5, -4.0, 9.2),
            [
                ("Packet_Type", "111", ""),
                ("Sequence_Num", "46", ""),
                ("Data_Signif", "14.20", "sigma"),
                ("Most_Likely_Index", "4", "dn"),
                ("Most_Likely_Prob", "93", ""),
            ],
            [],
        ),
        (
            "GND_POS",
            "GBM_Gnd_Pos_",
            20.0,
            (2.4, -1.8, 4.6),
            [
                ("Packet_Type", "112", ""),
                ("Sequence_Num", "58", ""),
                ("Burst_Signif", "18.70", "sigma"),
            ],
            [("Long_short", "Short", "")],
        ),
        (
            "FIN_POS",
            "GBM_Fin_Pos",
            240.0,
            (0.9, -0.7, 2.9),
            [("Packet_Type", "115", ""), ("Sequence_Num", "0", "")],
            [("Long_short", "Short", ""), ("Robo_generated", "true", "")],
        ),
    ]
    messages = []
    first = f"{STREAM}#GBM_Alert_{iso(event_time)}_{trigger}_1-001"
    for number, (name, label, delay, (east, north, radius), params, more) in enumerate(steps):
        place = offset(galaxy.ra_deg, galaxy.dec_deg, east, north)
        body = voevent(
            ivorn=f"{STREAM}#{label}{iso(event_time)}_{trigger}_{number}-00{number + 2}",
            date=now + timedelta(seconds=delay),
            author=_AUTHOR,
            params=[*params, *common, *tail],
            groups={"Trigger_ID": [*flags, *more]},
            event_time=event_time,
            position=(*place, radius),
            concept=_CONCEPT,
            cites=[first],
        )
        topic = f"gcn.classic.voevent.FERMI_GBM_{name}"
        messages.append(SampleMessage(topic, str(trigger), body, delay, str(trigger)))
    return messages
