"""
A City: its coordinate system and epoch, its spellings and tolerances, and where its files lie.
"""

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import parse_qs

from pydantic import Field, PrivateAttr, field_validator, model_validator
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjCRSError

from citygis.errors import CRSError, SettingsError
from citygis.findings import Severity
from citygis.geodesy import Frame, LocalSystem, Velocity, parse_frame, require_foot_of_the_system
from citygis.schema import ApnProfile, Schema, apn_profiles, schema
from citygis.settings import Settings, check, read_toml
from citygis.units import METRE, unit_of

DATABASE_SCHEMES = ("postgresql://", "postgres://")
"""How the address of a PostGIS database begins."""


class Extent(Settings):
    """The box that every feature of the City lies in, in feet of its system."""

    easting_min: float
    northing_min: float
    easting_max: float
    northing_max: float


class Tolerances(Settings):
    """How far a transformation may be off, in feet, for a parcel, an asset, a sketch."""

    parcel_ft: float = Field(default=0.1, gt=0)
    asset_ft: float = Field(default=1.0, gt=0)
    sketch_ft: float = Field(default=10.0, gt=0)


PURPOSES = ("parcel", "asset", "sketch")
"""What positions are wanted for, from the strictest on; each has its tolerance."""


class Folders(Settings):
    """Where the City's own data files lie, below its folder."""

    crosswalks: str = "crosswalks"
    styles: str = "styles"
    sheets: str = "sheets"
    jobs: str = "jobs"
    grids: str = "grids"
    receivers: str = "receivers"
    cad_profiles: str = "cad_profiles"
    exceptions: str = "exceptions.toml"
    backups: str = "backups"
    reports: str = "reports"


class Retention(Settings):
    """How many backups stay: the newest of each of that many days, weeks and months that have one."""

    daily: int = Field(default=14, ge=0)
    weekly: int = Field(default=8, ge=0)
    monthly: int = Field(default=24, ge=0)


class RuleChange(Settings):
    """
    What a City says of one rule of validation; what it leaves out stays as the catalogue has it.

    ``severity``, ``tolerance`` and ``limit`` as in the catalogue (`citygis.quality.rule`), in the rule's unit. ``off`` puts the
    rule out of use and is the reason why.
    """

    severity: Severity | None = None
    tolerance: float | None = Field(default=None, ge=0)
    limit: float | None = Field(default=None, ge=0)
    off: str | None = Field(default=None, min_length=1)


class DataFile(NamedTuple):
    """A data file by name: where it is and whether it is the City's own or comes with citygis."""

    path: Path
    is_own: bool


class City(Settings):
    """
    What makes one City's data different from another's; read from ``city.toml``, never changed.

    ``same_datum`` names datums whose coordinates the City holds to be its own, with the reason: a label that says NAD83 where the
    numbers are NAD83(2011), say. ``realization`` and ``epoch`` say what the City's coordinates are in, ``velocity`` how its ground
    moves against that, ``local`` its local (ground) systems by id. ``apn_profiles`` are ids of `citygis.schema.apn_profiles`, or
    of the City's own in ``apn_spelling``, in order of preference. ``rules`` changes rules of validation by their codes;
    `citygis.quality` knows which there are. ``accuracy`` says in feet at 95 % what a method is good for
    (`citygis.quality.accuracy`). ``city_owned`` names by layer the columns that no delivery may change
    (`citygis.changes.ownership`). ``retention`` says how many backups are kept.
    """

    name: str
    county: str
    state: str
    crs: CRS
    realization: str
    epoch: float
    velocity: Velocity | None = None
    local: dict[str, LocalSystem] = {}
    extent: Extent | None = None
    apn_profiles: tuple[str, ...]
    apn_spelling: dict[Annotated[str, Field(max_length=12)], ApnProfile] = {}
    same_datum: dict[str, str] = {}
    tolerances: Tolerances = Tolerances()
    folders: Folders = Folders()
    rules: dict[str, RuleChange] = {}
    accuracy: dict[str, Annotated[float, Field(gt=0)]] = {}
    city_owned: dict[str, tuple[str, ...]] = {}
    retention: Retention = Retention()
    store: str = "city.gpkg"
    agency_id: str = Field(default="", description="NENA agency id, used in NGUIDs")
    _folder: Path | None = PrivateAttr(default=None)

    @field_validator("crs", mode="before")
    @classmethod
    def _in_feet(cls, value: str) -> CRS:
        try:
            crs = CRS.from_user_input(value)
        except ProjCRSError:
            raise ValueError("not a coordinate system that PROJ knows. Must be like 'EPSG:6420'.") from None
        if not crs.is_projected or unit_of(crs) is METRE:
            raise ValueError("not in feet. Must be the City's State Plane zone in feet, like 'EPSG:6420'.")
        try:
            require_foot_of_the_system(crs)
        except CRSError as error:
            raise ValueError(str(error)) from None
        return crs

    @field_validator("realization")
    @classmethod
    def _reachable(cls, value: str) -> str:
        frame = parse_frame(value)
        if frame.epoch is not None or frame.is_moving or not frame.has_epoch or frame.realization == "NAD83":
            raise ValueError("Must be a realization of NAD83 without its epoch, like 'NAD83(2011)'; the epoch has its own key.")
        return frame.realization

    @field_validator("epoch")
    @classmethod
    def _possible(cls, value: float) -> float:
        parse_frame(f"NAD83(2011)@{value}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _spellings_by_name(cls, tables: Any) -> Any:
        """A spelling is named by its table; its county and state are the City's where it names no others."""
        own = tables.get("apn_spelling") if isinstance(tables, dict) else None
        if not isinstance(own, dict) or not all(isinstance(said, dict) for said in own.values()):
            return tables
        place = {key: tables[key] for key in ("county", "state") if key in tables}
        return tables | {"apn_spelling": {name: place | said | {"profile": name} for name, said in own.items()}}

    @model_validator(mode="after")
    def _known_spellings(self) -> "City":
        there = [*self.apn_spelling, *(name for name in apn_profiles() if name not in self.apn_spelling)]
        unknown = [name for name in self.apn_profiles if name not in there]
        if unknown:
            raise ValueError(
                f"`apn_profiles`: no such APN profile: {', '.join(unknown)}. There are: {', '.join(there)}. A county that"
                f" spells its numbers otherwise gets a table: [apn_spelling.{unknown[0]}] with groups, display, example, reference."
            )
        return self

    @property
    def folder(self) -> Path | None:
        """The folder that ``city.toml`` was read from; None for the packaged defaults."""
        return self._folder

    @property
    def spellings(self) -> tuple[ApnProfile, ...]:
        """How parcel numbers are spelt here, in the order of ``apn_profiles``; the City's own come before packaged ones."""
        return tuple(self.apn_spelling.get(name) or apn_profiles()[name] for name in self.apn_profiles)

    @property
    def frame(self) -> Frame:
        """What the City's coordinates are in: its realization and epoch."""
        return Frame(self.realization, self.epoch)

    def tolerance_ft(self, purpose: str) -> float:
        """
        How far a transformation may be off for a purpose, in feet.

        Raises
        ------
        ValueError
            If `purpose` is none of `PURPOSES`.
        """
        if purpose not in PURPOSES:
            raise ValueError(f"Invalid purpose {purpose!r}. Must be one of: {', '.join(PURPOSES)}.")
        return getattr(self.tolerances, f"{purpose}_ft")

    @property
    def grids_folder(self) -> Path | None:
        """The folder of the City's grids of shifts and geoid heights; None for the packaged defaults."""
        return self._folder / self.folders.grids if self._folder else None

    @property
    def receivers_folder(self) -> Path | None:
        """The folder of the City's own profiles of GPS receivers; None for the packaged defaults."""
        return self._folder / self.folders.receivers if self._folder else None

    @property
    def cad_profiles_folder(self) -> Path | None:
        """The folder of the City's own profiles of drawings' layers, where it has one."""
        folder = self._folder / self.folders.cad_profiles if self._folder else None
        return folder if folder and folder.is_dir() else None

    @property
    def exceptions_path(self) -> Path | None:
        """The City's register of accepted findings, whether it is there yet or not; None for the packaged defaults."""
        return self._folder / self.folders.exceptions if self._folder else None

    @property
    def backups_folder(self) -> Path:
        """The folder of the backups of the City's store; ``folders.backups`` may name one elsewhere. Errors as `store_path`."""
        return self._require_folder("backups") / self.folders.backups

    @property
    def reports_folder(self) -> Path | None:
        """The folder of the City's own saved queries; None for the packaged defaults."""
        return self._folder / self.folders.reports if self._folder else None

    @property
    def schema(self) -> Schema:  # type: ignore[override]  # pydantic's own `schema` is deprecated
        """The City's layers."""
        return schema()

    @property
    def store_path(self) -> Path:
        """
        The City's GeoPackage.

        Raises
        ------
        SettingsError
            For the packaged defaults, which have no store, and where the store is a database (`database`).
        """
        if self.database:
            raise SettingsError(f"The store of {self.name} is a database ({self.database}), not a file.")
        return self._require_folder("store") / self.store

    @property
    def database(self) -> str | None:
        """The address of the City's PostGIS database, without a password; None where the store is a GeoPackage."""
        return self.store if self.store.startswith(DATABASE_SCHEMES) else None

    @property
    def sheets_folder(self) -> Path:
        """The folder of the City's sheets. Errors as `store_path`."""
        return self._require_folder("sheets") / self.folders.sheets

    @property
    def styles_folder(self) -> Path | None:
        """The folder of the City's own styles; None for the packaged defaults."""
        return self._folder / self.folders.styles if self._folder else None

    def crosswalk(self, name: str) -> DataFile:
        """
        A crosswalk by name or path: the City's own, else the one that comes with citygis.

        Raises
        ------
        SettingsError
            If there is none; the message lists those there are.
        """
        if name.endswith(".toml"):
            return DataFile(Path(name), True)
        own = self._folder / self.folders.crosswalks if self._folder else None
        packaged = Path(str(resources.files("citygis.convert") / "crosswalks"))
        for folder, is_own in ((own, True), (packaged, False)):
            if folder and (folder / f"{name}.toml").is_file():
                return DataFile(folder / f"{name}.toml", is_own)
        there = sorted({path.stem for folder in (own, packaged) if folder for path in folder.glob("*.toml")})
        raise SettingsError(f"There is no crosswalk {name!r}. There are: {', '.join(there) or 'none'}. Or name a .toml file.")

    def _require_folder(self, what: str) -> Path:
        if self._folder is None:
            raise SettingsError(f"There is no City folder, so no {what}. Name one with --city DIR, or make one: citygis init DIR")
        return self._folder


def open_city(folder: Path | str) -> City:
    """
    The City whose folder this is.

    Parameters
    ----------
    folder : path
        A folder with a ``city.toml``, or that file itself.

    Raises
    ------
    SettingsError
        If the file is missing or says something it must not.
    """
    folder = Path(folder)
    path = folder if folder.suffix == ".toml" else folder / "city.toml"
    return _read(path, path.parent)


@cache
def default_city() -> City:
    """
    The packaged defaults, used where no City is named: California zone 3, NAD83(2011) in US survey feet, no extent, no store.
    """
    with resources.as_file(resources.files("citygis") / "default_city.toml") as path:
        return _read(path, None)


def _read(path: Path, folder: Path | None) -> City:
    tables = read_toml(path)
    _require_no_password(tables.get("store"), path)
    city = check(tables, City, str(path))
    city._folder = folder
    return city


def _require_no_password(address: object, path: Path) -> None:
    """Looked at before anything can repeat the address in a message."""
    if not isinstance(address, str) or not address.startswith(DATABASE_SCHEMES):
        return
    _, _, rest = address.partition("://")
    account = rest.partition("/")[0].rpartition("@")[0]
    if ":" in account or "password" in parse_qs(rest.partition("?")[2]):
        raise SettingsError(
            f"{path}: `store` holds a password, where everybody reads it. Take it out; give it by PGPASSWORD, ~/.pgpass or a "
            'service file (store = "postgresql:///?service=NAME").'
        )
