"""What the simulated file telescopes can do: sites, dead times, limits, depths."""

from dataclasses import dataclass

from too_simulators.core.sky import CERRO_TOLOLO, HANLE, KITT_PEAK, PALOMAR, Site
from too_simulators.files.readers import Reader, queue_json_reader, read_decam, read_growth_india
from too_simulators.settings import FileTelescope


@dataclass(frozen=True)
class TelescopeModel:
    """One telescope. Its limits are a little wider than those a planner should keep."""

    name: FileTelescope
    site: Site
    reader: Reader
    suffix: str
    overhead_s: float
    """Readout and a usual slew."""
    filter_change_s: float
    altitude_limit_deg: float
    hour_angle_limit_h: float
    depth_mag: dict[str, float]
    """5 sigma in `depth_exposure_s` at the zenith."""
    depth_exposure_s: float
    reports_to_database: bool = False


MODELS: dict[FileTelescope, TelescopeModel] = {
    FileTelescope.DECAM: TelescopeModel(
        name=FileTelescope.DECAM,
        site=CERRO_TOLOLO,
        reader=read_decam,
        suffix=".json",
        overhead_s=28.0,
        filter_change_s=8.0,
        altitude_limit_deg=22.5,
        hour_angle_limit_h=5.3,
        depth_mag={"u": 23.0, "g": 24.1, "r": 24.0, "i": 23.6, "z": 22.9, "Y": 21.8, "VR": 24.2},
        depth_exposure_s=90.0,
    ),
    FileTelescope.KPED: TelescopeModel(
        name=FileTelescope.KPED,
        site=KITT_PEAK,
        reader=queue_json_reader({1: "g", 2: "r", 3: "i"}),
        suffix=".json",
        overhead_s=10.0,
        filter_change_s=1.0,
        altitude_limit_deg=20.0,
        hour_angle_limit_h=12.0,
        depth_mag={"g": 21.2, "r": 21.0, "i": 20.5},
        depth_exposure_s=300.0,
    ),
    FileTelescope.GATTINI: TelescopeModel(
        name=FileTelescope.GATTINI,
        site=PALOMAR,
        reader=queue_json_reader({5: "J"}),
        suffix=".json",
        overhead_s=10.0,
        filter_change_s=0.0,
        altitude_limit_deg=20.0,
        hour_angle_limit_h=12.0,
        depth_mag={"J": 16.5},
        depth_exposure_s=300.0,
        reports_to_database=True,
    ),
    FileTelescope.GROWTH_INDIA: TelescopeModel(
        name=FileTelescope.GROWTH_INDIA,
        site=HANLE,
        reader=read_growth_india,
        suffix=".csv",
        overhead_s=30.0,
        filter_change_s=8.0,
        altitude_limit_deg=19.0,
        hour_angle_limit_h=12.0,
        depth_mag={"u": 19.5, "g": 20.8, "r": 20.6, "i": 20.2, "z": 19.6, "x": 20.6},
        depth_exposure_s=600.0,
    ),
}
