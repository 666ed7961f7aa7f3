"""
Projections taken alone, and what coordinate systems have in common: shared by the ways between datums.
"""

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import pyproj
from pyproj import CRS, Transformer

from citygis.errors import CRSError
from citygis.units import US_SURVEY_FOOT

SAME_LENGTH = 0.0005
"""EPSG rounds the false easting of zone 3 to 6561666.667 ft where Esri writes 6561666.666666666: one definition, written twice."""


class Way(NamedTuple):
    """An operation chosen: its name, the pipeline that carries it out, its accuracy and grids."""

    operation: str
    pipeline: str
    accuracy_ft: float = 0.0
    grids: tuple[str, ...] = ()


@contextlib.contextmanager
def offline() -> Iterator[None]:
    """PROJ without the network, so that the answer does not depend on the machine."""
    was = pyproj.network.is_network_enabled()
    pyproj.network.set_network_enabled(False)
    try:
        yield
    finally:
        pyproj.network.set_network_enabled(was)


def horizontal(crs: CRS) -> CRS:
    """The two-dimensional part of a CRS, without a shift that a file may have bound to it."""
    if crs.is_bound:
        crs = crs.source_crs
    if crs.is_compound:
        crs = crs.sub_crs_list[0]
    if crs.is_bound:
        crs = crs.source_crs
    if crs.geodetic_crs is None or not (crs.is_projected or crs.is_geographic):
        raise CRSError(f"{crs.name} is not tied to the earth (a local or engineering system). Georeference the data first.")
    return crs.to_2d()


def feet(metres: float) -> float:
    """Metres as US survey feet."""
    return metres / float(US_SURVEY_FOOT)


def label(crs: CRS) -> str:
    """A coordinate system by name and code, as messages and lineages call it."""
    authority = crs.to_authority()
    return f"{crs.name} ({':'.join(authority)})" if authority else crs.name


def projection_only(source: CRS, target: CRS) -> Way:
    """From `source` to `target` as if both had one datum: exact."""
    if _same_projection(source, target):
        return Way("none: the same projection and unit", "proj=noop")
    steps = []
    if source.is_projected:
        steps.append(Transformer.from_crs(source, source.geodetic_crs, always_xy=True).definition)
    if target.is_projected:
        steps.append(Transformer.from_crs(target.geodetic_crs, target, always_xy=True).definition)
    names = [f"inverse of {source.coordinate_operation.name}"] if source.is_projected else []
    names += [target.coordinate_operation.name] if target.is_projected else []
    joined = " ".join(step.removeprefix("proj=pipeline").strip() for step in steps)
    if joined and not joined.startswith("step"):
        joined = f"step {joined}"
    return Way(" + ".join(names) or "none: both geographic", f"proj=pipeline {joined}" if joined else "proj=noop")


def _same_projection(source: CRS, target: CRS) -> bool:
    if not (source.is_projected and target.is_projected):
        return source.is_projected == target.is_projected
    if source.coordinate_operation.method_name != target.coordinate_operation.method_name:
        return False
    mine, its = _definition(source), _definition(target)
    if mine.keys() != its.keys():
        return False
    return all(abs(mine[key] - its[key]) <= (SAME_LENGTH if key[1] == "linear" else 1e-11) for key in mine)


def _definition(crs: CRS) -> dict[tuple[str, str, str], float]:
    """
    The numbers that a projection is made of, by name, kind and unit. Which of two standard parallels comes first does not matter.
    """
    parameters = crs.coordinate_operation.params
    parallels = sorted(p.value for p in parameters if "standard parallel" in p.name)
    numbers = {("parallel", "angular", str(i)): value for i, value in enumerate(parallels)}
    numbers |= {(p.name, p.unit_category, p.unit_name.casefold()): p.value for p in parameters if "standard parallel" not in p.name}
    numbers["axis unit", "ratio", ""] = crs.axis_info[0].unit_conversion_factor
    numbers["ellipsoid", "ratio", ""] = crs.ellipsoid.inverse_flattening
    return numbers
