"""
The map frame: which ground lies where on the paper, exactly.

The scale is a fraction of ground feet per paper inch and the map is drawn in page points by an affine rule; no plotting
axes stand between, because those may move the box they are given.
"""

import re
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pyproj

from citygis.errors import SheetError
from citygis.sheets.scene import POINTS_PER_INCH

STANDARD_SCALES = tuple(
    Fraction(n)
    for n in (10, 20, 30, 40, 50, 60, 100, 200, 300, 400, 500, 600, 800, 1000, 2000, 3000, 4000, 5000, 6000, 8000, 10000)
)
"""Feet per inch an engineer's scale can measure: 10, 20, 30, 40, 50 and 60 divisions per inch and their tens, and 800."""

_SCALE = re.compile(r"""\s*1\s*(?:in|inch|")\s*=\s*(\d[\d,]*(?:\.\d+)?)\s*(?:ft|feet|')\s*""", re.IGNORECASE)


class Extent(NamedTuple):
    """A box on the ground, feet of the frame's CRS."""

    easting_min: float
    northing_min: float
    easting_max: float
    northing_max: float

    @property
    def width_ft(self) -> float:
        """West to east."""
        return self.easting_max - self.easting_min

    @property
    def height_ft(self) -> float:
        """South to north."""
        return self.northing_max - self.northing_min

    @property
    def centre(self) -> tuple[float, float]:
        """Easting and northing of the middle."""
        return (self.easting_min + self.easting_max) / 2, (self.northing_min + self.northing_max) / 2


class Frame(NamedTuple):
    """
    A rectangle of paper and the ground drawn in it.

    Parameters
    ----------
    crs : pyproj.CRS
        Projected, in feet.
    scale : Fraction
        Ground feet per paper inch.
    easting, northing : float
        Of the centre, feet.
    left_pt, bottom_pt, width_pt, height_pt : float
        The rectangle on the page.
    rotation_deg : float
        The ground is turned by this on the page, counter-clockwise: 90 lays grid north to the left.
    """

    crs: pyproj.CRS
    scale: Fraction
    easting: float
    northing: float
    left_pt: float
    bottom_pt: float
    width_pt: float
    height_pt: float
    rotation_deg: float = 0.0

    @property
    def points_per_foot(self) -> float:
        """Page points that one foot of ground takes."""
        return float(POINTS_PER_INCH / self.scale)

    @property
    def box_pt(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top on the page."""
        return self.left_pt, self.bottom_pt, self.left_pt + self.width_pt, self.bottom_pt + self.height_pt

    @property
    def extent(self) -> Extent:
        """The ground the frame shows; of a rotated frame the box around it."""
        corners = self.corners
        return Extent(*(float(v) for v in (*corners.min(axis=0), *corners.max(axis=0))))

    @property
    def corners(self) -> np.ndarray:
        """Eastings and northings of the frame's lower left, lower right, upper right and upper left corner, 4 x 2."""
        left, bottom, right, top = self.box_pt
        return self.to_ground(np.array([(left, bottom), (right, bottom), (right, top), (left, top)]))

    def to_page(self, ground: np.ndarray) -> np.ndarray:
        """Page points of ``n x 2`` eastings and northings."""
        away = np.asarray(ground)[:, :2] - (self.easting, self.northing)
        return _turned(away, self.rotation_deg) * self.points_per_foot + self._centre_pt

    def to_ground(self, points: np.ndarray) -> np.ndarray:
        """Eastings and northings of ``n x 2`` page points."""
        away = (np.asarray(points) - self._centre_pt) / self.points_per_foot
        return _turned(away, -self.rotation_deg) + (self.easting, self.northing)

    @property
    def _centre_pt(self) -> np.ndarray:
        return np.array([self.left_pt + self.width_pt / 2, self.bottom_pt + self.height_pt / 2])


def _turned(points: np.ndarray, angle_deg: float) -> np.ndarray:
    """Points turned counter-clockwise around the origin. A product with a matrix of two columns takes ten times as long."""
    if not angle_deg:
        return points
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.stack([points[:, 0] * c - points[:, 1] * s, points[:, 0] * s + points[:, 1] * c], axis=1)


class North(NamedTuple):
    """
    Grid against true north at a place.

    Parameters
    ----------
    convergence_deg : float
        Grid azimuth = geodetic azimuth - convergence (Stem, NOAA Manual NOS NGS 5, section 2.5): true north lies
        ``-convergence`` clockwise of grid north.
    scale_factor : float
        Grid length over ellipsoid length.
    """

    convergence_deg: float
    scale_factor: float


def scale_of(text: str) -> Fraction:
    """
    Ground feet per paper inch of a scale such as ``1in=100ft`` or ``1" = 100'``.

    Raises
    ------
    ValueError
        If `text` is not such a scale, or is zero.
    """
    match = _SCALE.fullmatch(text)
    if match is None or Fraction(match[1].replace(",", "")) <= 0:
        raise ValueError(f"Invalid scale {text!r}. Must look like 1in=100ft, or be fit.")
    return Fraction(match[1].replace(",", ""))


def scale_text(scale: Fraction) -> str:
    """The scale in words, as in ``1 inch = 100 feet``."""
    return f"1 inch = {feet_text(scale)} feet"


def feet_text(feet: Fraction) -> str:
    """A length in feet with thousands separators, and decimals only where there are any."""
    return f"{feet.numerator:,}" if feet.denominator == 1 else f"{float(feet):,}"


def standard_scale(width_ft: float, height_ft: float, width_pt: float, height_pt: float) -> Fraction:
    """
    The largest standard scale at which a box of ground fits a box of paper.

    Raises
    ------
    SheetError
        If it does not fit even at the smallest standard scale.
    """
    needed = max(width_ft / width_pt, height_ft / height_pt) * POINTS_PER_INCH
    for scale in STANDARD_SCALES:
        if scale >= needed * (1 - 1e-12):
            return scale
    raise SheetError(
        f"{width_ft:,.0f} x {height_ft:,.0f} ft does not fit the paper at 1 inch = {feet_text(STANDARD_SCALES[-1])} feet. "
        "Look for a feature far from the City, or take a larger paper."
    )


def north(crs: pyproj.CRS, easting: float, northing: float) -> North:
    """Convergence and grid scale factor of `crs` at a place, by PROJ."""
    to_degrees = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    factors = pyproj.Proj(crs).get_factors(*to_degrees.transform(easting, northing))
    return North(float(factors.meridian_convergence), float(factors.meridional_scale))
