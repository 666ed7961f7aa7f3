"""Realizations of datums as data: what each is called, whether the plate moves through it, how NAD83(2011) is reached from it."""

from functools import cache
from importlib import resources
from typing import Literal, NamedTuple

from citygis.settings import Settings, load

HUB = "NAD83(2011)"
"""The realization that every way leads through, and that velocities are relative to."""

Triple = tuple[float, float, float]


class Helmert(Settings):
    """
    The fourteen parameters that take geocentric coordinates of a moving frame to NAD83(2011), by the coordinate-frame convention
    (EPSG method 1056).

    Translations in millimetres, rotations in milliarcseconds, scale in parts per billion, each with its change a year; ``epoch`` is
    the decimal year they are stated for.
    """

    translation_mm: Triple
    rotation_mas: Triple
    scale_ppb: float
    translation_mm_yr: Triple
    rotation_mas_yr: Triple
    scale_ppb_yr: float
    epoch: float

    def at(self, epoch: float) -> "Parameters":
        """The seven parameters at a date, by their rates (EPSG Guidance Note 7-2, section 4.3.5)."""
        years = epoch - self.epoch
        moved = tuple(v + r * years for v, r in zip(self.translation_mm, self.translation_mm_yr, strict=True))
        turned = tuple(v + r * years for v, r in zip(self.rotation_mas, self.rotation_mas_yr, strict=True))
        return Parameters(moved, turned, self.scale_ppb + self.scale_ppb_yr * years)


class Parameters(NamedTuple):
    """Seven parameters of one date: millimetres, milliarcseconds, parts per billion."""

    translation_mm: Triple
    rotation_mas: Triple
    scale_ppb: float


class Realization(Settings):
    """One realization; the keys are explained in ``realizations.toml``."""

    name: str
    kind: Literal["hub", "moving", "plate", "gridded"]
    source: str
    to: str | None = None
    accuracy_m: float = 0.0
    ellipsoid: Literal["GRS80", "WGS84", "clrk66"] = "GRS80"
    helmert: Helmert | None = None
    grids: tuple[tuple[str, ...], ...] = ()
    epoch: float | None = None
    first_epoch: float | None = None
    least_ft: float = 0.0
    without_grid: str = ""
    aliases: tuple[str, ...] = ()
    datums: tuple[str, ...] = ()


class NamedEpoch(Settings):
    """A name that states a realization and an epoch at once, and where that is published."""

    realization: str
    epoch: float
    source: str


class Realizations(Settings):
    """All that ``realizations.toml`` says."""

    realization: tuple[Realization, ...]
    refused: dict[str, str]
    epochs: dict[str, NamedEpoch]


@cache
def realizations() -> Realizations:
    """The realizations that come with citygis."""
    with resources.as_file(resources.files("citygis.geodesy") / "realizations.toml") as path:
        return load(path, Realizations)


@cache
def realization(name: str) -> Realization:
    """
    A realization by its canonical name.

    Raises
    ------
    ValueError
        If there is none of that name (`citygis.geodesy.parse_frame` reads other spellings).
    """
    for each in realizations().realization:
        if each.name == name:
            return each
    names = ", ".join(each.name for each in realizations().realization)
    raise ValueError(f"Invalid realization {name!r}. Must be one of: {names}.")


def way_to_hub(name: str) -> tuple[Realization, ...]:
    """The realizations from `name` to NAD83(2011), both included."""
    way = [realization(name)]
    while way[-1].to is not None:
        way.append(realization(way[-1].to))
    return tuple(way)
