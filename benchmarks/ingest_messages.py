"""Notices for the throughput benchmark: many bursts of several missions, in the missions' forms.

Each burst has an id of its own and lies half an hour from the next, as bursts do: notices of one
moment would all be compared with each other as coincidences, which never happens.
"""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO

import numpy as np
from too_ingest.samples.skymaps import gravitational_wave_map
from too_ingest.samples.voevent_text import voevent

TOPICS = (
    "gcn.classic.voevent.FERMI_GBM_FLT_POS",
    "gcn.classic.voevent.FERMI_GBM_GND_POS",
    "gcn.classic.voevent.FERMI_GBM_FIN_POS",
    "gcn.classic.voevent.ICECUBE_ASTROTRACK_GOLD",
    "igwn.gwalert",
    "gcn.notices.einstein_probe.wxt.alert",
    "gcn.notices.chime.frb",
    "gcn.notices.dsa110.frb",
)
"""Eight topics; the first three speak of the same bursts."""
MAP_TOPICS = ("igwn.gwalert", "igwn.gwalert.second")
"""LVK's, and another one with the like: a topic has one partition, hence one consumer."""
SPACING = timedelta(minutes=30)
_SCHEMA = "https://gcn.nasa.gov/schema/v4.1.0/gcn/notices"
_NAME = b"S000000aaaaaa"


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def letters(number: int, width: int = 4) -> str:
    """A number as letters, of one width."""
    text = ""
    for _ in range(width):
        number, digit = divmod(number, 26)
        text = chr(97 + digit) + text
    return text


def superevent(serial: int, moment: datetime) -> str:
    """An id of LIGO, Virgo and KAGRA."""
    return f"S{moment:%y%m%d}{letters(serial)}"


def _sky(serial: int) -> tuple[float, float]:
    rng = np.random.default_rng(serial)
    return round(360 * rng.random(), 3), round(float(np.degrees(np.arcsin(rng.uniform(-1, 1)))), 3)


def _gbm(topic: str, serial: int, moment: datetime, run: int) -> bytes:
    kind = topic.rpartition("FERMI_GBM_")[2]
    packet = {"FLT_POS": "111", "GND_POS": "112", "FIN_POS": "115"}[kind]
    trigger = 400_000_000 + 10_000_000 * (run % 30) + serial
    ra, dec = _sky(serial)
    return voevent(
        ivorn=f"ivo://nasa.gsfc.gcn/Fermi#GBM_{kind}_{_iso(moment)}_{trigger}",
        date=moment + timedelta(seconds=20),
        author="Fermi (benchmark)",
        params=[
            ("Packet_Type", packet, ""),
            ("TrigID", str(trigger), ""),
            ("Data_Signif", "14.2", "sigma"),
            ("Most_Likely_Index", "4", "dn"),
            ("Coords_Type", "1", "dn"),
        ],
        groups={"Trigger_ID": [("Def_NOT_a_GRB", "false", ""), ("Test_Submission", "false", "")]},
        event_time=moment,
        position=(ra, dec, 5.0),
        concept="process.variation.burst;em.gamma",
        cites=[],
    )


def _icecube(serial: int, moment: datetime, run: int) -> bytes:
    ra, dec = _sky(serial + 1)
    return voevent(
        ivorn=f"ivo://nasa.gsfc.gcn/AMON#ICECUBE_GOLD_Event_{_iso(moment)}_{run}_{serial}",
        date=moment + timedelta(seconds=40),
        author="AMON (benchmark)",
        params=[
            ("Packet_Type", "173", ""),
            ("run_id", str(130_000 + run % 9000), ""),
            ("event_id", str(10_000_000 + serial), ""),
            ("Rev", "0", ""),
            ("FAR", "0.5", "yr^-1"),
            ("signalness", "0.6", ""),
            ("src_error_90", "0.6", "deg"),
        ],
        groups={"Trigger_ID": [("Retraction", "false", "")]},
        event_time=moment,
        position=(ra, dec, 0.6),
        concept="process.variation.burst;neutrino",
        cites=[],
    )


def _gwalert(serial: int, moment: datetime, skymap: str | None) -> bytes:
    name = superevent(serial, moment)
    return json.dumps(
        {
            "alert_type": "PRELIMINARY",
            "time_created": _iso(moment + timedelta(seconds=30)),
            "superevent_id": name,
            "urls": {"gracedb": f"https://gracedb.ligo.org/superevents/{name}/view/"},
            "event": {
                "significant": True,
                "time": _iso(moment),
                "far": 1e-9,
                "instruments": ["H1", "L1"],
                "group": "CBC",
                "pipeline": "gstlal",
                "search": "AllSky",
                "properties": {"HasNS": 0.5, "HasRemnant": 0.1, "HasMassGap": 0.0},
                "classification": {"BNS": 0.2, "NSBH": 0.3, "BBH": 0.4, "Terrestrial": 0.1},
                "duration": None,
                "central_frequency": None,
                "skymap": skymap,
            },
            "external_coinc": None,
        }
    ).encode()


def _unified(topic: str, serial: int, moment: datetime, run: int) -> bytes:
    ra, dec = _sky(serial + 2)
    path = topic.removeprefix("gcn.notices.").replace(".", "/")
    number = f"0{run % 1000:03d}{serial:07d}"
    return json.dumps(
        {
            "$schema": f"{_SCHEMA}/{path}.schema.json",
            "alert_type": "initial",
            "alert_datetime": _iso(moment + timedelta(seconds=60)),
            "trigger_time": _iso(moment),
            "id": [number],
            "ra": ra,
            "dec": dec,
            "ra_dec_error": 0.05,
        }
    ).encode()


def small_notices(number: int, run: int, now: datetime) -> Iterator[tuple[str, bytes]]:
    """Topic and bytes of `number` notices without maps, round the topics."""
    for index in range(number):
        topic = TOPICS[index % len(TOPICS)]
        serial = index // len(TOPICS)
        # missions lie apart by minutes, bursts by half an hour
        moment = now - serial * SPACING - timedelta(minutes=4 * max(index % len(TOPICS) - 2, 0))
        if "FERMI_GBM" in topic:
            yield topic, _gbm(topic, serial, moment, run)
        elif "ICECUBE" in topic:
            yield topic, _icecube(serial, moment, run)
        elif topic == "igwn.gwalert":
            yield topic, _gwalert(serial, moment, None)
        else:
            yield topic, _unified(topic, serial, moment, run)


def notices_with_maps(number: int, run: int, now: datetime) -> Iterator[tuple[str, bytes]]:
    """Alerts with a map of 2 MB each; every map is another file."""
    del run
    file = big_map()
    for serial in range(number):
        moment = now - serial * SPACING
        name = superevent(serial, moment).encode().ljust(len(_NAME))
        skymap = base64.b64encode(file.replace(_NAME, name)).decode()
        yield MAP_TOPICS[serial % len(MAP_TOPICS)], _gwalert(serial, moment, skymap)


def big_map(size_bytes: int = 2_000_000) -> bytes:
    """A multi-order map with distances of about this size: a smooth one, refined further."""
    from astropy.io import fits

    small = gravitational_wave_map(
        150.0,
        20.0,
        semi_axes_deg=(25.0, 6.0),
        position_angle_deg=30.0,
        distance_mpc=100.0,
        event_time=midnight(),
        name=_NAME.decode(),
    )
    with fits.open(BytesIO(small)) as hdus:
        rows, header = np.array(hdus[1].data), hdus[1].header
        primary = hdus[0].copy()
    wanted = size_bytes // rows.dtype.itemsize
    while len(rows) < wanted:
        # of the densest rows each becomes four of the same density
        count = min(len(rows), -(-(wanted - len(rows)) // 3))
        order = np.argsort(-rows["PROBDENSITY"], kind="stable")
        split, kept = rows[order[:count]], rows[order[count:]]
        children = np.repeat(split, 4)
        children["UNIQ"] = 4 * children["UNIQ"] + np.tile(np.arange(4), count)
        rows = np.concatenate([kept, children])
    buffer = BytesIO()
    fits.HDUList([primary, fits.BinTableHDU(np.sort(rows, order="UNIQ"), header)]).writeto(buffer)
    made = buffer.getvalue()
    assert _NAME in made
    return made


def midnight() -> datetime:
    """The newest burst's time."""
    return datetime.now(UTC).replace(microsecond=0)
