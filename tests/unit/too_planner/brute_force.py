"""The sky asked pixel by pixel with astropy, for tests: slow, and nothing of the planner in it."""

from dataclasses import dataclass
from datetime import datetime

import astropy.units as u
import numpy as np
from astropy.coordinates import AltAz, EarthLocation, HADec, SkyCoord, get_body, get_sun
from astropy.time import Time
from astropy.utils import iers
from too_common.astro import pixels
from too_common.astro.skymap import SkyMap

# no tables from the network, and dates beyond their predictions are no fault here
iers.conf.auto_download = False
iers.conf.auto_max_age = None
iers.conf.iers_degraded_accuracy = "warn"


def location(latitude_deg: float, longitude_deg: float, elevation_m: float) -> EarthLocation:
    return EarthLocation.from_geodetic(
        longitude_deg * u.deg, latitude_deg * u.deg, elevation_m * u.m
    )


def map_pixels(skymap: SkyMap, order: int, within: tuple[float, float, float]):
    """Centres and probability (sum 1) of a map's pixels of one order in a circle."""
    ra, dec, radius = within
    centre = SkyCoord(ra * u.deg, dec * u.deg)
    coarse = np.arange(12 * 4**5, dtype=np.int64)
    places = SkyCoord(*pixels.centres(np.full(len(coarse), 5), coarse), unit="deg")
    coarse = coarse[places.separation(centre).deg < radius + 2.0]
    below = 4 ** (order - 5)
    number = (coarse[:, None] * below + np.arange(below)[None, :]).ravel()
    ra, dec = pixels.centres(np.full(len(number), order), number)
    probability = skymap.density(ra, dec)
    return ra, dec, probability / probability.sum()


@dataclass(frozen=True)
class Sky:
    """What astropy says of places (n) at moments (t)."""

    altitude_deg: np.ndarray
    """(n, t)"""
    hour_angle_h: np.ndarray
    """(n, t)"""
    moon_deg: np.ndarray
    """(n, t), topocentric"""
    sun_altitude_deg: np.ndarray
    """(t,)"""
    galactic_latitude_deg: np.ndarray
    """(n,)"""


def sky_at(place: EarthLocation, epoch: datetime, seconds, ra_deg, dec_deg) -> Sky:
    """Every place at every moment."""
    times = Time(epoch) + np.asarray(seconds) * u.s
    stars = SkyCoord(np.asarray(ra_deg) * u.deg, np.asarray(dec_deg) * u.deg)
    wide, here = stars[:, None], times[None, :]
    moon = get_body("moon", times, place)
    # topocentric direction against that of the stars: both from the site
    moon = SkyCoord(moon.ra, moon.dec)
    return Sky(
        altitude_deg=wide.transform_to(AltAz(obstime=here, location=place)).alt.deg,
        hour_angle_h=wide.transform_to(HADec(obstime=here, location=place)).ha.hour,
        moon_deg=moon[None, :].separation(wide).deg,
        sun_altitude_deg=get_sun(times).transform_to(AltAz(obstime=times, location=place)).alt.deg,
        galactic_latitude_deg=stars.galactic.b.deg,
    )


def each_at(place: EarthLocation, times: Time, ra_deg, dec_deg) -> Sky:
    """Places (n), each at its own moment (n): everything (n,)."""
    stars = SkyCoord(np.asarray(ra_deg) * u.deg, np.asarray(dec_deg) * u.deg)
    moon = get_body("moon", times, place)
    return Sky(
        altitude_deg=stars.transform_to(AltAz(obstime=times, location=place)).alt.deg,
        hour_angle_h=stars.transform_to(HADec(obstime=times, location=place)).ha.hour,
        moon_deg=SkyCoord(moon.ra, moon.dec).separation(stars).deg,
        sun_altitude_deg=get_sun(times).transform_to(AltAz(obstime=times, location=place)).alt.deg,
        galactic_latitude_deg=stars.galactic.b.deg,
    )
