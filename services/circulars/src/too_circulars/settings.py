"""Settings of circulars, read from ``TOO_CIRCULARS_<NAME>``."""

from pydantic import Field
from too_common.settings import ServiceSettings, service_config


class CircularsSettings(ServiceSettings):
    """Where circulars go, and on whose behalf."""

    model_config = service_config("circulars")

    workers: int = Field(0, ge=0, le=16, description="Processes for CPU work; none is needed")
    gcn_form_url: str = Field(
        "https://gcn.nasa.gov/circulars/new", description="GCN's form for a new circular"
    )
    collaboration: str = Field("", description="On whose behalf the authors report")
    acknowledgements: dict[str, str] = Field(
        default_factory=lambda: {
            "ZTF": "ZTF observations were obtained with the Samuel Oschin 48-inch Telescope at "
            "Palomar Observatory as part of the Zwicky Transient Facility project.",
            "DECam": "DECam observations were obtained with the Victor M. Blanco 4-meter Telescope "
            "at Cerro Tololo Inter-American Observatory, NSF NOIRLab.",
            "KPED": "KPED observations were obtained with the Kitt Peak 2.1-m Telescope.",
            "Gattini": "Palomar Gattini-IR observations were obtained at Palomar Observatory.",
            "GROWTH-India": "GROWTH-India Telescope observations were obtained at the Indian "
            "Astronomical Observatory, Hanle.",
        },
        description="Fixed sentence of each telescope, by its name",
    )
