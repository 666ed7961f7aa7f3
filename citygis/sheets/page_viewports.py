"""
Geospatial viewports of a page: which ground lies where on it, as the file says it (ISO 32000-2, 12.10).
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pikepdf
import pyproj

from citygis.units import US_SURVEY_FOOT

POINTS_PER_INCH = 72


class PageViewport(NamedTuple):
    """
    One map frame of a page.

    Parameters
    ----------
    name : str
    box_pt : tuple of float
        Left, bottom, right, top on the page.
    crs : pyproj.CRS or None
        None when the file does not say it in a way that PROJ reads.
    crs_name : str
        Its name, or why there is none.
    apart_ft : float or None
        How far its corners lie apart by the EPSG code and by the WKT; None unless both are there.
    paper, ground : array, n x 2
        Its points in page points and in feet of `crs`.
    """

    name: str
    box_pt: tuple[float, float, float, float]
    crs: pyproj.CRS | None
    crs_name: str
    apart_ft: float | None
    paper: np.ndarray
    ground: np.ndarray

    @property
    def plane(self) -> np.ndarray | None:
        """The affine rule from page points to feet, 3 x 2 (``[x, y, 1] @ plane``), by least squares; None without points."""
        if self.crs is None or len(self.paper) < 3:
            return None
        return np.linalg.lstsq(np.column_stack([self.paper, np.ones(len(self.paper))]), self.ground, rcond=None)[0]

    @property
    def feet_per_inch(self) -> float | None:
        """Ground feet in an inch of paper, of both ways the mean."""
        plane = self.plane
        return None if plane is None else float(abs(np.linalg.det(plane[:2])) ** 0.5 * POINTS_PER_INCH)

    @property
    def misfit_ft(self) -> float | None:
        """How far its points are from one map at one scale, however turned."""
        if self.plane is None:
            return None
        paper, ground = (_complex(points - points.mean(axis=0)) for points in (self.paper, self.ground))
        turn = np.vdot(paper, ground) / np.vdot(paper, paper).real
        return float(np.abs(paper * turn - ground).max())

    @property
    def longest_in(self) -> float:
        """From corner to corner."""
        left, bottom, right, top = self.box_pt
        return float(np.hypot(right - left, top - bottom)) / POINTS_PER_INCH

    def to_ground(self, points: np.ndarray) -> np.ndarray:
        """Eastings and northings, feet, of ``n x 2`` page points."""
        return np.column_stack([points, np.ones(len(points))]) @ self.plane


def page_viewports(page: pikepdf.Page) -> tuple[PageViewport, ...]:
    """The geospatial viewports of a page, the largest first; those that are not geospatial are left out."""
    given = page.obj.get("/VP")
    left, bottom, *_ = (float(v) for v in page.mediabox)
    found = [_viewport(each, left, bottom) for each in given] if isinstance(given, pikepdf.Array) else []
    return tuple(sorted((each for each in found if each is not None), key=lambda each: -each.longest_in))


def _viewport(given: pikepdf.Object, left: float, bottom: float) -> PageViewport | None:
    try:
        measure = given["/Measure"]
        if str(measure.get("/Subtype", "")) != "/GEO":
            return None
        box = np.array([float(v) for v in given["/BBox"]]) - (left, bottom, left, bottom)
        degrees = np.array([float(v) for v in measure["/GPTS"]]).reshape(-1, 2)
        said = measure.get("/LPTS", measure.get("/Bounds", [0, 0, 0, 1, 1, 1, 1, 0]))
        square = np.array([float(v) for v in said]).reshape(-1, 2)
        system = measure["/GCS"]
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    name = str(given.get("/Name", ""))
    paper = box[:2] + square * (box[2:] - box[:2])
    # A box may be given from any corner to the opposite one.
    box_pt = (*np.minimum(box[:2], box[2:]).tolist(), *np.maximum(box[:2], box[2:]).tolist())
    nothing = np.empty((0, 2))
    by_code, by_text, why = _systems(system)
    crs = by_code or by_text
    if crs is None or not crs.is_projected or len(degrees) != len(paper):
        why = why if crs is None else "in degrees" if not crs.is_projected else "its points do not match"
        return PageViewport(name, box_pt, None, why, None, nothing, nothing)
    ground = _projected(crs, degrees)
    if not np.isfinite(ground).all():
        return PageViewport(name, box_pt, None, f"its points are not in {crs.name}", None, nothing, nothing)
    apart = None
    if by_code is not None and by_text is not None and by_text.is_projected:
        apart = float(np.hypot(*(_projected(by_text, degrees) - ground).T).max())
    return PageViewport(name, box_pt, crs, crs.name, apart, paper, ground)


def _systems(system: pikepdf.Object) -> tuple[pyproj.CRS | None, pyproj.CRS | None, str]:
    """The system by its EPSG code and by its WKT, and what went wrong."""
    by_code = by_text = None
    why = "its system is neither by EPSG code nor by WKT"
    try:
        if "/WKT" in system:
            by_text = _by_text(str(system["/WKT"]))
    except (pyproj.exceptions.CRSError, ValueError) as error:
        why = f"its WKT cannot be read: {str(error)[:80]}"
    try:
        if "/EPSG" in system:
            by_code = _by_code(int(system["/EPSG"]))
    except (pyproj.exceptions.CRSError, ValueError, TypeError):
        return None, None, f"there is no system EPSG:{system['/EPSG']}"
    return by_code, by_text, why


def _projected(crs: pyproj.CRS, degrees: np.ndarray) -> np.ndarray:
    """Feet: the system's own, or US survey feet of a system in metres."""
    ground = np.column_stack(_to_ground(crs).transform(degrees[:, 1], degrees[:, 0]))
    axis = crs.axis_info[0]
    return ground if "foot" in axis.unit_name.lower() else ground * (axis.unit_conversion_factor / float(US_SURVEY_FOOT))


# The pages of an atlas all state the same system.
_by_text = lru_cache(maxsize=32)(pyproj.CRS.from_wkt)
_by_code = lru_cache(maxsize=32)(pyproj.CRS.from_epsg)


@lru_cache(maxsize=32)
def _to_ground(crs: pyproj.CRS) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)


def _complex(points: np.ndarray) -> np.ndarray:
    return points[:, 0] + 1j * points[:, 1]
