"""Telescopes as data: what a telescope file may say, in typed form.

One YAML file describes one telescope; an operator edits or adds files. Every number carries its
unit in its name; what a file does not say has a default that is written here.
"""

import math
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"
"""Names become parts of paths, queue names and addresses, so their alphabet is small."""


class TelescopeError(ValueError):
    """A telescope file that cannot be meant."""


class _Strict(BaseModel):
    """A typing error in a telescope file must not pass in silence."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Site(_Strict):
    """Where the telescope stands (geodetic, WGS84)."""

    latitude_deg: float = Field(ge=-90, le=90)
    longitude_deg: float = Field(ge=-180, le=180, description="East is positive")
    elevation_m: float = Field(ge=-450, le=9000)
    timezone: str = Field(description="IANA name, for pages and night names")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{value!r} is not an IANA time zone") from error
        return value


class FootprintModel(_Strict):
    """What one exposure sees, in the tangent plane: x to the east, y to the north, degrees."""

    type: Literal["circle", "square", "rectangles", "polygons"]
    radius_deg: float | None = Field(default=None, gt=0, le=30, description="circle")
    side_deg: float | None = Field(default=None, gt=0, le=60, description="square")
    rectangles_deg: tuple[tuple[float, float, float, float], ...] | None = Field(
        default=None, description="rectangles: centre x, centre y, half width, half height"
    )
    polygons_deg: tuple[tuple[tuple[float, float], ...], ...] | None = Field(
        default=None, description="polygons: corners x, y"
    )
    file: str | None = Field(
        default=None, description="rectangles in the grid file of this name (key 'rectangles')"
    )

    @model_validator(mode="after")
    def _complete(self) -> "FootprintModel":
        wanted = {
            "circle": self.radius_deg,
            "square": self.side_deg,
            "rectangles": self.rectangles_deg or self.file,
            "polygons": self.polygons_deg,
        }[self.type]
        if not wanted:
            raise ValueError(f"a footprint of type {self.type} needs its own measure")
        return self


class GridModel(_Strict):
    """Where the allowed fields come from."""

    file: str | None = Field(default=None, description="Compact grid file beside the telescopes")
    sets: tuple[str, ...] = Field(default=("primary",), description="Sets used unless asked else")
    free_pointing: bool = Field(
        default=False, description="Accepts pointings off its grid (galaxies, centred tiles)"
    )
    credit: str = ""


class ConstantRateSlew(_Strict):
    """Great-circle distance over one rate, plus settling."""

    model: Literal["rate"] = "rate"
    rate_deg_per_s: float = Field(gt=0)
    settle_s: float = Field(default=0.0, ge=0)


class AxisMotion(_Strict):
    """One axis: trapezoid of speed and acceleration."""

    max_speed_deg_per_s: float = Field(gt=0)
    acceleration_deg_per_s2: float = Field(gt=0)

    def seconds(self, distance_deg: float) -> float:
        """Time to move by `distance_deg` from rest to rest."""
        reach = self.max_speed_deg_per_s**2 / self.acceleration_deg_per_s2
        if distance_deg < reach:
            return 2.0 * math.sqrt(distance_deg / self.acceleration_deg_per_s2)
        return (
            distance_deg / self.max_speed_deg_per_s
            + self.max_speed_deg_per_s / self.acceleration_deg_per_s2
        )


class AxesSlew(_Strict):
    """Equatorial mount with a dome: the slowest axis counts, then settling."""

    model: Literal["axes"] = "axes"
    hour_angle: AxisMotion
    declination: AxisMotion
    dome_azimuth: AxisMotion | None = None
    settle_s: float = Field(default=0.0, ge=0)


SlewModel = Annotated[ConstantRateSlew | AxesSlew, Field(discriminator="model")]


class Timing(_Strict):
    """Dead time between exposures: max(overhead, slew + settle) + filter change."""

    overhead_s: float = Field(ge=0, description="Least time between two exposures, read-out in it")
    readout_s: float = Field(default=0.0, ge=0)
    filter_change_s: float = Field(default=0.0, ge=0)
    slew: SlewModel


class ForbiddenZone(_Strict):
    """Declinations at or below `dec_max_deg` are closed between two hour angles."""

    dec_max_deg: float
    hour_angle_min_h: float = Field(ge=-12, le=12)
    hour_angle_max_h: float = Field(ge=-12, le=12)


class Limits(_Strict):
    """Where the telescope can point, at every moment of an exposure."""

    altitude_min_deg: float = Field(default=0.0, ge=0, lt=90)
    hour_angle_h: tuple[float, float] | None = None
    dec_deg: tuple[float, float] = (-90.0, 90.0)
    forbidden: tuple[ForbiddenZone, ...] = ()
    sun_altitude_max_deg: float = Field(default=-12.0, ge=-90, le=0)
    moon_separation_min_deg: float = Field(default=20.0, ge=0, le=180)

    @field_validator("hour_angle_h", "dec_deg")
    @classmethod
    def _ordered(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and value[0] >= value[1]:
            raise ValueError("the lower limit must be below the upper one")
        return value


class Strategy(StrEnum):
    """What is pointed at."""

    TILING = "tiling"
    GALAXIES = "galaxies"
    FREE = "free"
    """Pointings of the planner's own, off the grid."""


class FilterOrder(StrEnum):
    """How the filters of a sequence follow each other."""

    BLOCK = "block"
    """Many fields in the first filter, then the same fields in the second, ..."""
    INTEGRATED = "integrated"
    """All filters of a field directly one after another; the gap does not apply."""


class PlanDefaults(_Strict):
    """What a plan asks for if nobody says otherwise."""

    filters: tuple[str, ...] = Field(min_length=1)
    exposure_times_s: tuple[float, ...] = Field(min_length=1)
    min_gap_s: float = Field(default=1800.0, ge=0)
    airmass_max: float = Field(default=2.5, gt=1)
    probability: float = Field(default=0.9, gt=0, le=1)
    max_fields: int | None = Field(default=None, ge=1)
    require_references: bool = False
    dither: bool = Field(default=False, description="Two exposures a visit, the second offset")
    filter_order: FilterOrder = FilterOrder.BLOCK
    strategy: Strategy = Strategy.TILING

    @model_validator(mode="after")
    def _same_length(self) -> "PlanDefaults":
        if len(self.filters) != len(self.exposure_times_s):
            raise ValueError("filters and exposure_times_s must be of the same length")
        if any(not 0 < value <= 7200 for value in self.exposure_times_s):
            raise ValueError("exposure times must lie between 0 and 7200 s")
        return self


class Depth(_Strict):
    """How deep one exposure goes (5 sigma, AB)."""

    magnitude: float
    filter: str
    exposure_s: float = Field(gt=0)
    report_magnitude: float | None = Field(
        default=None, description="What is told to Treasure Map for this instrument"
    )


class FilterDepth(_Strict):
    """How deep one exposure in one filter goes, at the zenith in a dark night (5 sigma, AB)."""

    magnitude: float
    exposure_s: float = Field(gt=0)
    extinction_mag: float | None = Field(
        default=None, ge=0, description="Per airmass; left out: typical of the filter"
    )
    sky_mag_arcsec2: float | None = Field(
        default=None, description="Dark sky at the zenith, AB; left out: typical of the filter"
    )
    source: str = Field(default="", description="Where the number comes from")


class TelescopeDefinition(_Strict):
    """One telescope."""

    schema_version: Literal[1] = 1
    name: str = Field(pattern=NAME_PATTERN)
    long_name: str
    site: Site
    footprint: FootprintModel
    grid: GridModel = GridModel()
    filters: tuple[str, ...] = Field(min_length=1)
    timing: Timing
    limits: Limits = Limits()
    defaults: PlanDefaults
    depth: Depth | None = None
    depths: dict[str, FilterDepth] = Field(
        default_factory=dict, description="By filter, for plans that have to reach a target"
    )
    dither_offset_arcsec: float = Field(default=60.0, description="To the north and to the east")
    provisional: str | None = Field(
        default=None, description="What in this file is not confirmed; shown to people"
    )
    program: dict[str, Any] = Field(default_factory=dict, description="Hints for the queue")
    queue: dict[str, Any] = Field(default_factory=dict, description="Hints for the queue")
    treasure_map_instrument_id: int | None = None

    @model_validator(mode="after")
    def _filters_known(self) -> "TelescopeDefinition":
        if len(set(self.filters)) != len(self.filters):
            raise ValueError("a filter is named twice")
        unknown = [name for name in self.defaults.filters if name not in self.filters]
        if unknown:
            raise ValueError(f"default filters {unknown} are not among {list(self.filters)}")
        strange = [name for name in self.depths if name not in self.filters]
        if strange:
            raise ValueError(f"depths of filters {strange} that are not among the filters")
        free = self.grid.free_pointing
        if self.grid.file is None and not free:
            raise ValueError("a telescope without a grid must allow free pointing")
        return self

    def depth_in(self, name: str) -> FilterDepth | None:
        """How deep an exposure in a filter goes, if that is known."""
        known = self.depths.get(name)
        if known is None and self.depth is not None and self.depth.filter == name:
            known = FilterDepth(magnitude=self.depth.magnitude, exposure_s=self.depth.exposure_s)
        return known


def parse_definition(
    raw: dict[str, Any], lines: Callable[[tuple[int | str, ...]], int | None] = lambda _: None
) -> TelescopeDefinition:
    """Read a definition from JSON-like data.

    Parameters
    ----------
    lines
        Line of the file in which the item at a path stands, if that is known.

    Raises
    ------
    TelescopeError
        With every problem and where it stands.
    """
    from pydantic import ValidationError

    try:
        return TelescopeDefinition.model_validate(raw)
    except ValidationError as error:
        problems = []
        for item in error.errors():
            line = lines(item["loc"])
            place = ".".join(str(part) for part in item["loc"]) or "file"
            words = item["msg"].removeprefix("Value error, ")
            problems.append(f"{'' if line is None else f'line {line}, '}{place}: {words}")
        name = raw.get("name", "?") if isinstance(raw, dict) else "?"
        raise TelescopeError(f"telescope {name}: {'; '.join(problems)}") from error


def parse_text(text: str, where: str = "file") -> TelescopeDefinition:
    """Read a definition from YAML (or JSON, which is YAML); problems are told with their line.

    Raises
    ------
    TelescopeError
        If it is no YAML, or no telescope.
    """
    try:
        raw = yaml.safe_load(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise TelescopeError(f"{where}: not YAML: {_yaml_words(error)}") from error
    if not isinstance(raw, dict) or root is None:
        raise TelescopeError(f"{where}: a telescope file holds one mapping")
    return parse_definition(raw, lambda path: _line_of(root, path))


def _yaml_words(error: yaml.YAMLError) -> str:
    """What is wrong and in which line, without the parser's drawing of the place."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None or problem is None:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}"


def _line_of(node: yaml.Node, path: tuple[int | str, ...]) -> int:
    """Line of the item at a path, or of the nearest thing around it."""
    line = node.start_mark.line + 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            # a part that is no key is pydantic's name for one of several models
            found = next((pair for pair in node.value if pair[0].value == str(part)), None)
            if found is not None:
                line, node = found[0].start_mark.line + 1, found[1]
        elif (
            isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value)
        ):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


def read_definition(path: Path) -> TelescopeDefinition:
    """Read one telescope file (YAML or JSON, which is YAML)."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise TelescopeError(f"{path.name}: not UTF-8: {error}") from error
    try:
        return parse_text(text, path.name)
    except TelescopeError as error:
        known = str(error)
        raise TelescopeError(
            known if known.startswith(path.name) else f"{path.name}: {known}"
        ) from error


BUILT_IN = Path(__file__).parent / "telescopes"
"""The five telescopes that come with the program."""


def read_definitions(*folders: Path) -> dict[str, TelescopeDefinition]:
    """Read all telescope files of some folders; a later folder overrides an earlier one."""
    found: dict[str, TelescopeDefinition] = {}
    for folder in folders:
        for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
            definition = read_definition(path)
            found[definition.name] = definition
    return found
