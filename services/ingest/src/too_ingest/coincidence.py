"""Coincidences between missions: time windows per pair of kinds, and the joint false-alarm rate.

A coincidence is a link between two events, never a merge. The formulas are RAVEN's, the search of
LIGO, Virgo and KAGRA for external triggers (Urban 2016, PhD thesis, University of
Wisconsin-Milwaukee; Cho 2019, PhD thesis, Syracuse University; Piotrzkowski 2022, PhD thesis,
University of Wisconsin-Milwaukee; and the ``ligo-raven`` package, `search.coinc_far`):

* of two streams that do not know of each other
  FAR_t = FAR_1 * R_2 * dt, where R_2 is the rate of the other stream and dt the window's length;
* of a search in the other's data because of the first event (sub-threshold, with a FAR of its own)
  Z = FAR_1 * FAR_2 * dt, FAR_t = Z * (1 + ln(Z_max / Z)), the distribution of a product of two
  uniform variables, where Z_max is made of the limits down to which the search goes;
* in time and place FAR_c = FAR_t / I, with the overlap integral I of the two maps
  (`too_common.astro.overlap`).
"""

import math
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from too_common.contracts.ingest import EventKind, FarMethod

from too_ingest.attachment import family_of

YEAR_S = 3.15576e7
_LEADS = (
    EventKind.GW,
    EventKind.NEUTRINO,
    EventKind.GRB,
    EventKind.SUPERNOVA,
    EventKind.FRB,
    EventKind.XRAY,
    EventKind.OTHER,
)
"""Whose side a pair is told from: the first of the two in this list."""


@dataclass(frozen=True, slots=True)
class Window:
    """Allowed times of the second kind of event minus those of the first."""

    begin_s: float
    end_s: float
    source: str

    @property
    def length_s(self) -> float:
        """Length of the window."""
        return self.end_s - self.begin_s

    def holds(self, offset_s: float) -> bool:
        """Tell whether an offset lies within, ends included."""
        return self.begin_s <= offset_s <= self.end_s

    def seen_from_other(self) -> "Window":
        """The same window for the offset with its sign reversed."""
        return Window(-self.end_s, -self.begin_s, self.source)


_RAVEN = "RAVEN (GWCelery's conf: raven_coincidence_windows, there with the sign reversed)"
_BARET = "Baret et al. 2011, Astroparticle Physics 35, 1: bound on the delay, +-500 s"
_OURS = "this marshal's choice"
CBC_GRB = Window(-1.0, 5.0, _RAVEN)
BURST_GRB = Window(-60.0, 600.0, f"{_RAVEN}, GRB_Burst")
SUB_FERMI = Window(-1.0, 11.0, f"{_RAVEN}, GRB_CBC_SubFermi")
SUB_SWIFT = Window(-10.0, 20.0, f"{_RAVEN}, GRB_CBC_SubSwift")
WINDOWS: dict[tuple[EventKind, EventKind], Window] = {
    (EventKind.GW, EventKind.GRB): CBC_GRB,
    (EventKind.GW, EventKind.NEUTRINO): Window(-500.0, 500.0, _BARET),
    (EventKind.GW, EventKind.SUPERNOVA): Window(-10.0, 10.0, f"{_RAVEN}, SNEWS"),
    (EventKind.GW, EventKind.FRB): Window(
        -2.0,
        10.0,
        "Abbott et al. 2023, ApJ 955, 155: binary coalescences from 10 s before to 2 s after a "
        "CHIME burst",
    ),
    (EventKind.GW, EventKind.XRAY): Window(
        -60.0, 7200.0, f"{_OURS}: early X-ray emission of a merger within two hours"
    ),
    (EventKind.NEUTRINO, EventKind.GRB): Window(-500.0, 500.0, _BARET),
    (EventKind.NEUTRINO, EventKind.NEUTRINO): Window(
        -500.0, 500.0, f"{_OURS}: as for a neutrino and a burst"
    ),
    (EventKind.NEUTRINO, EventKind.XRAY): Window(
        -500.0, 500.0, f"{_OURS}: as for a neutrino and a burst"
    ),
    (EventKind.NEUTRINO, EventKind.FRB): Window(
        -100.0, 100.0, f"{_OURS}: the medium one of IceCube's windows for FRBs (ApJ 890, 111)"
    ),
    (EventKind.GRB, EventKind.GRB): Window(
        -60.0, 60.0, f"{_OURS}: trigger lags of long bursts, light time to Wind (5 s) included"
    ),
    (EventKind.GRB, EventKind.XRAY): Window(
        -600.0,
        3600.0,
        f"{_OURS}: X-rays of EP240315a began 372 s before its gamma rays; early afterglows",
    ),
    (EventKind.GRB, EventKind.FRB): Window(-60.0, 60.0, f"{_OURS}: flares of magnetars"),
    (EventKind.SUPERNOVA, EventKind.SUPERNOVA): Window(-10.0, 10.0, "SNEWS: 10 s"),
    (EventKind.SUPERNOVA, EventKind.NEUTRINO): Window(
        -500.0, 500.0, f"{_OURS}: as for a neutrino and a burst"
    ),
    (EventKind.XRAY, EventKind.XRAY): Window(
        -600.0, 600.0, f"{_OURS}: one transient in two wide-field monitors"
    ),
}
MAX_WINDOW_S = max(max(-w.begin_s, w.end_s) for w in (*WINDOWS.values(), BURST_GRB))

RATES_HZ: dict[EventKind, tuple[float, str]] = {
    EventKind.GRB: (
        325.0 / YEAR_S,
        "325 bursts a year (Fermi 236, Swift 65, SVOM 25: ligo-raven, LIGO-T2400116)",
    ),
    EventKind.NEUTRINO: (
        28.0 / YEAR_S,
        "28 track alerts a year (12 gold, 16 bronze: Blaufuss et al. 2019, PoS ICRC 1021)",
    ),
    EventKind.FRB: (536.0 / YEAR_S, "536 bursts a year (CHIME/FRB catalogue 1, ApJS 257, 59)"),
    EventKind.XRAY: (110.0 / YEAR_S, "0.3 alerts a day (Einstein Probe WXT notices)"),
    EventKind.SUPERNOVA: (0.01 / YEAR_S, "1 false alert a century (SNEWS design)"),
}
"""Rate of a stream by the kind of its events, with its source."""
SUBTHRESHOLD_GRB = (
    390.0 / YEAR_S,
    "390 bursts a year, 65 of them from sub-threshold searches (ligo-raven; LIGO-T1900297)",
)
TARGETED_LIMITS = {
    "fermi": (2.0 / 86_400.0, 1.0 / 10_000.0),
    "swift": (2.0 / 86_400.0, 1.0 / 1000.0),
}
"""FAR limits (Hz) of the gravitational waves and of the bursts in RAVEN's targeted searches
(ligo-raven, `search.coinc_far`; two a day is the limit of LVK's low-significance alerts)."""


@dataclass(frozen=True, slots=True)
class Side:
    """What a coincidence has to know of an event."""

    event_id: UUID
    name: str
    kind: EventKind
    mission: str
    time: datetime
    far_hz: float | None = None
    group: str | None = None
    is_subthreshold: bool = False
    map_sha256: str | None = None

    def basis(self) -> str:
        """Everything that the numbers depend on, in one line."""
        values = (self.kind, self.mission, self.time.isoformat(), self.far_hz, self.group)
        return "|".join(map(str, (*values, self.is_subthreshold, self.map_sha256)))


@dataclass(frozen=True, slots=True)
class Rate:
    """A joint false-alarm rate in time alone, and where it comes from."""

    method: FarMethod
    temporal_far_hz: float | None
    formula: str


def leads(one: Side, other: Side) -> bool:
    """Tell whether the first is the one from whose side a pair is told."""
    return (_LEADS.index(one.kind), one.event_id) < (_LEADS.index(other.kind), other.event_id)


def window_for(one: Side, other: Side) -> Window | None:
    """Window of (time of the other - time of the one); None if such a pair means nothing.

    Events of one mission are no coincidence: they are one event, or two.
    """
    if family_of(one.mission) == family_of(other.mission):
        return None
    if (one.kind, other.kind) in WINDOWS:
        return _refined(one, other) or WINDOWS[one.kind, other.kind]
    if (other.kind, one.kind) in WINDOWS:
        return (_refined(other, one) or WINDOWS[other.kind, one.kind]).seen_from_other()
    return None


def _refined(gw: Side, grb: Side) -> Window | None:
    if (gw.kind, grb.kind) != (EventKind.GW, EventKind.GRB):
        return None
    if grb.is_subthreshold:
        # whatever the group of the waves (GWCelery's `raven._time_window`)
        return SUB_SWIFT if family_of(grb.mission) == "swift" else SUB_FERMI
    return BURST_GRB if (gw.group or "").casefold() == "burst" else CBC_GRB


def offset_s(one: Side, other: Side) -> float:
    """Time of the other minus that of the one."""
    return (other.time - one.time).total_seconds()


def is_coincident(one: Side, other: Side) -> bool:
    """Tell whether two events are close enough in time for their kinds."""
    window = window_for(one, other)
    return window is not None and window.holds(offset_s(one, other))


def rate_of(side: Side) -> tuple[float, str] | None:
    """Rate of the stream that an event belongs to; None if nobody knows."""
    if side.mission == "manual":
        return None
    if side.kind is EventKind.GRB and side.is_subthreshold:
        return SUBTHRESHOLD_GRB
    return RATES_HZ.get(side.kind)


def targeted_far_hz(far_hz: float, other_far_hz: float, length_s: float, *, z_max: float) -> float:
    """FAR of a pair from a search that goes down to limits in both streams.

    Parameters
    ----------
    z_max
        Product of the two limits and the window's length, in Hz.
    """
    z = far_hz * other_far_hz * length_s
    if z <= 0.0:
        return 0.0
    # beyond its limits the search says nothing more; the product alone is the safe side
    return z if z >= z_max else z * (1.0 + math.log(z_max / z))


def temporal_far(one: Side, other: Side) -> Rate:
    """Joint false-alarm rate in time; symmetric in its arguments."""
    first, second = (one, other) if leads(one, other) else (other, one)
    window = window_for(first, second)
    nothing = Rate(FarMethod.NONE, None, "")
    if window is None:
        return nothing
    dt = window.length_s
    limits = TARGETED_LIMITS.get(family_of(second.mission))
    if (
        first.kind is EventKind.GW
        and second.is_subthreshold
        and limits is not None
        and first.far_hz is not None
        and second.far_hz is not None
    ):
        far = targeted_far_hz(first.far_hz, second.far_hz, dt, z_max=limits[0] * limits[1] * dt)
        return Rate(
            FarMethod.TARGETED,
            far,
            f"Z (1 + ln(Z_max / Z)), Z = FAR_{first.name} * FAR_{second.name} * {dt:g} s",
        )
    for with_far, with_rate in ((first, second), (second, first)):
        rate = rate_of(with_rate)
        if with_far.far_hz is not None and rate is not None:
            return Rate(
                FarMethod.RATE_TIMES_FAR,
                with_far.far_hz * rate[0] * dt,
                f"FAR_{with_far.name} * R * {dt:g} s, R = {rate[1]}",
            )
    rates = rate_of(first), rate_of(second)
    if first.kind is not EventKind.GW and rates[0] is not None and rates[1] is not None:
        return Rate(
            FarMethod.RATE_TIMES_RATE,
            rates[0][0] * rates[1][0] * dt,
            f"R_1 * R_2 * {dt:g} s, R_1 = {rates[0][1]}, R_2 = {rates[1][1]}",
        )
    return nothing


def joint_far_hz(temporal_far_hz: float | None, overlap: float | None) -> float | None:
    """Joint false-alarm rate in time and place; None if unknown, or if the maps exclude it."""
    if temporal_far_hz is None or overlap is None or overlap <= 0.0:
        return None
    return temporal_far_hz / overlap


def _how_often(far_hz: float) -> str:
    per_year = far_hz * YEAR_S
    if per_year >= 1.0:
        return f"{per_year:.3g} times a year"
    if per_year <= 0.0:
        return "never"
    return f"once in {1.0 / per_year:.3g} years"


def meaning(one: Side, other: Side, rate: Rate, overlap: float | None) -> str:
    """Put a coincidence in a sentence."""
    offset = offset_s(one, other)
    text = f"{other.name} is {abs(offset):.3g} s {'after' if offset >= 0 else 'before'} {one.name}"
    if overlap is None:
        text += "; not both have a map yet"
    elif overlap <= 0.0:
        return f"{text}; their maps exclude each other: chance"
    elif overlap < 1.0:
        text += f"; their maps speak against one place (overlap {overlap:.2g}, 1 is indifferent)"
    else:
        text += f"; their maps speak for one place (overlap {overlap:.3g}, 1 is indifferent)"
    joint = joint_far_hz(rate.temporal_far_hz, overlap)
    if joint is not None:
        return f"{text}; by chance {_how_often(joint)}"
    if rate.temporal_far_hz is not None:
        return f"{text}; by chance {_how_often(rate.temporal_far_hz)} by time alone"
    return f"{text}; how often by chance is not known"
