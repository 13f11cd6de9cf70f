"""Where in the sky all five telescopes can observe within the next 24 hours."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from too_common.astro import site as sky
from too_common.astro.sphere import separation_deg

from too_ingest.samples.galaxies import GALAXIES, SampleGalaxy

SITES = (
    (sky.Site("ZTF", 33.3563, -116.8648, 1742.0, "America/Los_Angeles"), 30.0),
    (sky.Site("DECam", -30.1691, -70.8062, 2241.4, "America/Santiago"), 30.0),
    (sky.Site("KPED", 31.9599, -111.5997, 2096.0, "America/Phoenix"), 30.0),
    (sky.Site("Gattini", 33.3563, -116.8648, 1742.0, "America/Los_Angeles"), 30.0),
    (sky.Site("GROWTH-India", 32.779444, 78.964167, 4500.0, "Asia/Kolkata"), 30.0),
)
"""Sites of the five telescopes with their altitude limits (DECam's own is lower)."""
NIGHT_SUN_ALTITUDE_DEG = -12.0
MOON_SEPARATION_DEG = 35.0
"""Wider than the telescopes' own 20 deg: the map reaches beyond the galaxy."""
STEP_MIN = 10.0
_MJD_UNIX = 40587.0


def mjd_of(moment: datetime) -> float:
    """Modified Julian date of an aware time."""
    return _MJD_UNIX + moment.astimezone(UTC).timestamp() / 86400.0


def observable_minutes(galaxies: Sequence[SampleGalaxy], now: datetime) -> list[list[float]]:
    """Minutes within 24 h in which each site can observe: dark, high enough, off the Moon.

    Returns
    -------
    list of list of float
        For each galaxy, the minutes at each of `SITES`.
    """
    mjd = mjd_of(now) + np.arange(0.0, 1.0, STEP_MIN / 1440.0)
    minutes: list[list[float]] = [[] for _ in galaxies]
    for site, limit in SITES:
        dark = mjd[sky.sun_altitude_deg(mjd, site) < NIGHT_SUN_ALTITUDE_DEG]
        moon_ra, moon_dec = sky.moon_radec_topocentric_deg(dark, site)
        for galaxy, found in zip(galaxies, minutes, strict=True):
            altitude = sky.altitude_deg(galaxy.ra_deg, galaxy.dec_deg, dark, site)
            away = separation_deg(galaxy.ra_deg, galaxy.dec_deg, moon_ra, moon_dec)
            good = (altitude > limit) & (away > MOON_SEPARATION_DEG)
            found.append(float(good.sum() * STEP_MIN))
    return minutes


def choose_galaxy(now: datetime, serial: int = 0) -> SampleGalaxy:
    """A galaxy that every site can observe long enough; the serial varies the choice.

    Among the best ones (at least three quarters of the longest time that all sites have).
    """
    worst = [min(minutes) for minutes in observable_minutes(GALAXIES, now)]
    longest = max(worst)
    good = [g for g, time in zip(GALAXIES, worst, strict=True) if time >= 0.75 * longest]
    return good[serial % len(good)]
