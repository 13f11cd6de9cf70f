"""``too iers``."""

import importlib.metadata
from datetime import UTC, datetime
from typing import Annotated

import typer

from too_common.cli.errors import CommandError

_OLD_DAYS = 180
_SHORT_DAYS = 30


def command(
    *,
    check: Annotated[
        bool, typer.Option("--check", help=f"fail if predictions end within {_SHORT_DAYS} days")
    ] = False,
) -> None:
    """Tell how old the Earth orientation data are, and how far their predictions reach.

    They come with the package astropy-iers-data and are never fetched while observing. Newer ones:
    `make lock LOCK_ARGS="--upgrade-package astropy-iers-data"`, then `make install`.
    """
    import astropy_iers_data
    from astropy.time import Time
    from astropy.utils import iers

    table = iers.IERS_A.open(str(astropy_iers_data.IERS_A_FILE))
    now_mjd = float(Time(datetime.now(UTC)).mjd)
    measured = Time(float(table.meta["predictive_mjd"]), format="mjd")
    end = Time(float(table["MJD"][-1].value), format="mjd")
    leap = iers.LeapSeconds.from_iers_leap_seconds(str(astropy_iers_data.IERS_LEAP_SECOND_FILE))
    age_days, left_days = now_mjd - float(measured.mjd), float(end.mjd) - now_mjd
    version = importlib.metadata.version("astropy-iers-data")
    typer.echo(f"astropy-iers-data {version}")
    typer.echo(f"  measured until   {measured.strftime('%Y-%m-%d')} ({age_days:.0f} days ago)")
    typer.echo(f"  predicted until  {end.strftime('%Y-%m-%d')} ({left_days:.0f} days ahead)")
    typer.echo(f"  leap seconds     known until {leap.expires.strftime('%Y-%m-%d')}")
    if age_days > _OLD_DAYS:
        typer.echo("  old data: airmasses stay right, times of rising are off by under a second")
    if check and left_days < _SHORT_DAYS:
        raise CommandError(f"the predictions end within {_SHORT_DAYS} days")
