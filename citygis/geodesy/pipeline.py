"""
Explicit pipelines between frames: grids of shifts, Helmert transformations at a date, and the motion of the ground between epochs.

Everything leads through NAD83(2011). PROJ is told each step, so that it has nothing to choose; the date of a point is its fourth
coordinate.
"""

from pathlib import Path
from typing import NamedTuple

from pyproj import CRS, Transformer

from citygis.errors import CRSError
from citygis.geodesy.frames import Frame
from citygis.geodesy.gridfiles import find_grid, grids_parameter
from citygis.geodesy.projection import label, projection_only
from citygis.geodesy.realizations import HUB, Helmert, Realization, way_to_hub
from citygis.geodesy.velocity import Vector

TO_RADIANS = "step proj=unitconvert xy_in=deg xy_out=rad"
TO_DEGREES = "step proj=unitconvert xy_in=rad xy_out=deg"

Date = float | str | None
"""When coordinates are of: a decimal year, `OBSERVED` (each point at its own date), or None where nobody has said it."""

OBSERVED = "observed"


class Route(NamedTuple):
    """The realizations gone through: up from the source, then down to the target, and the dates at both ends of the motion."""

    up: tuple[Realization, ...]
    down: tuple[Realization, ...]
    source_date: Date
    target_date: Date
    has_motion: bool


class Pipeline(NamedTuple):
    """What PROJ is told, in words too, whether it needs dates, and the grids it has and would rather have."""

    definition: str
    operation: str
    needs_dates: bool
    grids_used: tuple[str, ...]
    grids_missing: tuple[str, ...]


def route_between(source: Frame, target: Frame) -> Route:
    """
    The realizations between two frames.

    It turns round where the two ways to NAD83(2011) meet, or at NAD83(2011) itself where the ground moves in between.
    """
    up, down = way_to_hub(source.realization), way_to_hub(target.realization)
    source_date, target_date = _date(source, up), _date(target, down)
    has_motion = source_date is not None and target_date is not None and source_date != target_date
    joint = HUB if has_motion else next(each.name for each in up if each.name in {step.name for step in down})
    return Route(_until(up, joint), _until(down, joint), source_date, target_date, has_motion)


def build_pipeline(
    route: Route, source_crs: CRS, target_crs: CRS, *, vector: Vector | None, grids: Path | None, names: tuple[str, str]
) -> Pipeline:
    """
    The pipeline of a route.

    Parameters
    ----------
    route : Route
        Of `route_between`.
    source_crs, target_crs : CRS
        Two-dimensional, geographic in degrees or projected; only their projection and unit count.
    vector : Vector or None
        The motion of the ground in NAD83(2011); None leaves it out.
    grids : Path or None
        The City's folder of grids.
    names : (str, str)
        The two frames, for messages and the name of the operation.

    Raises
    ------
    CRSError
        If a grid is needed and not there.
    """
    found = [(each, _grid_files(each, grids, names)) for each in (*route.up, *route.down) if each.kind == "gridded"]
    files = {each.name: there for each, (there, _) in found}
    steps, words = [], []
    for each in route.up:
        if each.kind == "gridded":
            steps.append(f"step proj=gridshift grids={grids_parameter(files[each.name])}")
            words.append(f"{each.name} to {each.to} by {', '.join(grid.name for grid in files[each.name])}")
    middle, said = _geocentric(route, vector)
    ellipsoids = [_ellipsoid(route.up), _ellipsoid(route.down)]
    if middle or ellipsoids[0] != ellipsoids[1]:
        steps += [f"step proj=cart ellps={ellipsoids[0]}", *middle, f"step inv proj=cart ellps={ellipsoids[1]}"]
    words += said
    for each in reversed(route.down):
        if each.kind == "gridded":
            steps.append(f"step inv proj=gridshift grids={grids_parameter(files[each.name])}")
            words.append(f"{each.to} to {each.name} by {', '.join(grid.name for grid in files[each.name])}")
    if not steps:
        way = projection_only(source_crs, target_crs)
        return Pipeline(way.pipeline, f"projection alone ({way.operation})", False, (), ())
    joined = " ".join([*_unprojected(source_crs), *steps, *_projected(target_crs)])
    return Pipeline(
        f"proj=pipeline {joined}",
        ", then ".join(words) or f"{names[0]} to {names[1]}, the same to within its accuracy",
        "t_epoch" in joined,
        tuple(dict.fromkeys(grid.name for there in files.values() for grid in there)),
        tuple(name for _, (_, missing) in found for name in missing),
    )


def _date(frame: Frame, way: tuple[Realization, ...]) -> Date:
    gridded = [each.epoch for each in way if each.kind == "gridded" and each.epoch is not None]
    if gridded:
        return gridded[-1]
    return OBSERVED if frame.epoch is None and frame.is_moving else frame.epoch


def _until(way: tuple[Realization, ...], joint: str) -> tuple[Realization, ...]:
    return way[: [each.name for each in way].index(joint)]


def _ellipsoid(steps: tuple[Realization, ...]) -> str:
    """The ellipsoid of the coordinates where the geocentric steps begin; a grid leads to GRS80."""
    return steps[0].ellipsoid if steps and steps[0].kind != "gridded" else "GRS80"


def _geocentric(route: Route, vector: Vector | None) -> tuple[list[str], list[str]]:
    """The steps in geocentric coordinates, and their words."""
    steps, words = [], []
    for each in route.up:
        if each.helmert:
            steps.append(f"step {_helmert(each.helmert, route.source_date)}")
            words.append(f"{route.up[0].name} to {HUB} (Helmert {_at(route.source_date)}: {each.source.partition(';')[0]})")
    if route.has_motion and vector is not None:
        steps.append(f"step {_motion(vector, route.source_date, route.target_date)}")
        words.append(f"motion of the ground {_at(route.source_date)} to {_at(route.target_date).removeprefix('at ')}")
    for each in reversed(route.down):
        if each.helmert:
            steps.append(f"step inv {_helmert(each.helmert, route.target_date)}")
            words.append(
                f"{HUB} to {route.down[0].name} (inverse Helmert {_at(route.target_date)}: {each.source.partition(';')[0]})"
            )
    return steps, words


def _helmert(helmert: Helmert, date: Date) -> str:
    """A PROJ step; with its rates where each point has a date, else evaluated at the one date."""
    stated = helmert if date == OBSERVED else helmert.at(float(date))
    x, y, z = (value / 1000 for value in stated.translation_mm)
    rx, ry, rz = (value / 1000 for value in stated.rotation_mas)
    text = f"proj=helmert x={x!r} y={y!r} z={z!r} rx={rx!r} ry={ry!r} rz={rz!r} s={stated.scale_ppb / 1000!r}"
    if date == OBSERVED:
        dx, dy, dz = (value / 1000 for value in helmert.translation_mm_yr)
        drx, dry, drz = (value / 1000 for value in helmert.rotation_mas_yr)
        text += f" dx={dx!r} dy={dy!r} dz={dz!r} drx={drx!r} dry={dry!r} drz={drz!r} ds={helmert.scale_ppb_yr / 1000!r}"
        text += f" t_epoch={helmert.epoch!r}"
    return f"{text} convention=coordinate_frame"


def _motion(vector: Vector, source: Date, target: Date) -> str:
    """
    Velocity times (target - source) as a translation; where one end is each point's own date, one that grows with it.
    """
    if OBSERVED not in (source, target):
        x, y, z = (each * (target - source) for each in vector)
        return f"proj=helmert x={x!r} y={y!r} z={z!r}"
    sign, fixed = (1, source) if target == OBSERVED else (-1, target)
    dx, dy, dz = (sign * each for each in vector)
    return f"proj=helmert x=0 y=0 z=0 dx={dx!r} dy={dy!r} dz={dz!r} t_epoch={fixed!r}"


def _unprojected(crs: CRS) -> list[str]:
    """Steps from coordinates to longitude and latitude in radians."""
    if not crs.is_projected:
        return [TO_RADIANS]
    inverse = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).definition.removeprefix("proj=pipeline").strip()
    return [inverse.removesuffix(TO_DEGREES).strip()] if inverse.endswith(TO_DEGREES) else [inverse, TO_RADIANS]


def _projected(crs: CRS) -> list[str]:
    """Steps from longitude and latitude in radians to coordinates."""
    if not crs.is_projected:
        return [TO_DEGREES]
    forward = Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True).definition.removeprefix("proj=pipeline").strip()
    return [forward.removeprefix(TO_RADIANS).strip()] if forward.startswith(TO_RADIANS) else [TO_DEGREES, forward]


def _grid_files(each: Realization, folder: Path | None, names: tuple[str, str]) -> tuple[list[Path], list[str]]:
    """The grids of a step that are there, of the best group that has any, and the names of those that are better."""
    for i, group in enumerate(each.grids):
        there = [path for path in (find_grid(name, folder) for name in group) if path is not None]
        if there:
            return there, [name for better in each.grids[:i] for name in better]
    raise CRSError(
        f"{names[0]} to {names[1]} needs a grid of shifts from {each.name}, and none is there:"
        f" {' or '.join(name for group in each.grids for name in group)}. {each.without_grid}. Put the file (NOAA, public"
        " domain; in PROJ-data) into the City's grids/ folder, or ask the sender for NAD83(2011) with its epoch."
    )


def _at(date: Date) -> str:
    return "at the date of each point" if date == OBSERVED else f"at {date:.2f}"


def describe_crs(crs: CRS, frame: Frame) -> str:
    """A frame and the form its coordinates have, as lineages call them."""
    return f"{frame} in the form of {label(crs)}" if frame.realization not in label(crs) else label(crs)
