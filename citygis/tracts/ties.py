"""
Ties: the same points in a map's own coordinates and in the City's, and the fit between the two with what it hides.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.city import City
from citygis.cogo import Fit, helmert
from citygis.errors import CRSError, ReadError
from citygis.findings import findings_frame
from citygis.geodesy import combined_factor, convergence_deg
from citygis.readers.guard import require_local_file
from citygis.tracts.plat import Plat
from citygis.units import US_SURVEY_FOOT, unit_of

COLUMNS = ("name", "easting", "northing", "control", "city_easting", "city_northing")
"""
Columns of a file of ties: the point on the map, by its coordinates there or its name; the City's monument, or its coordinates.
"""

TIE_TOLERANCE_FT = 0.10
"""How far the fit to all other ties may miss one: what a parcel's place is held to, `citygis.city.Tolerances.parcel_ft`."""

SCALE_TOLERANCE_PPM = 20.0
"""
How far the scale may be from 1 or from the combined factor: 0.02 ft in 1,000 ft, the repeatability of a good tie (reference 5.4).
"""

ROTATION_TOLERANCE_DEG = 1 / 60
"""A rotation this near to none, or to the convergence, is taken for it: one minute."""

HEIGHT_DOUBT_PPM = 10.0
"""What the elevation factor may change in California's valleys and foothills by, where no monument says a height: 200 ft."""

_LARGEST_BYTES = 2**20


class TieFit(NamedTuple):
    """
    The fit of a map to the City by its ties.

    ``ties``: GeoDataFrame, a row per tie: ``name``, ``control``, ``easting``, ``northing`` (of the map, in feet),
    ``residual_easting_ft``, ``residual_northing_ft``, ``residual_ft``, ``left_out_ft`` (null without redundancy), the City's place
    as geometry. ``fit``: as `citygis.cogo.helmert`. ``expected_factor``: the combined factor there. ``convergence_deg``: of the
    grid there. ``is_ground``: the map's lengths are on the ground.
    """

    ties: gpd.GeoDataFrame
    fit: Fit
    expected_factor: float
    convergence_deg: float
    is_ground: bool
    findings: gpd.GeoDataFrame


def read_ties(path: Path | str, plat: Plat, *, city: City, held: Mapping[str, pd.DataFrame]) -> gpd.GeoDataFrame:
    """
    Ties of a map from a CSV file.

    Parameters
    ----------
    path : path
        A CSV file with the columns of `COLUMNS` it needs: name; easting and northing as the map's file has them, blank where the
        name is that of a point of the map (a CgPoint of LandXML, "12/3" of a plat table); control, the id of a control station or
        corner of the City's, or city_easting and city_northing in the City's feet.
    plat : Plat
    city : City
    held : mapping of layer name to frame
        What the City has of ``control_station`` and ``corner``.

    Returns
    -------
    GeoDataFrame
        ``name``, ``control``, ``easting``, ``northing`` (in the feet of `plat`), the City's place as geometry.

    Raises
    ------
    ReadError
        If the file cannot be used, or a row names what is not there; the message names the line.
    """
    path = require_local_file(path)
    if path.stat().st_size > _LARGEST_BYTES:
        raise ReadError(f"{path} is larger than 1 MB, which no list of ties is. Ask what it is.")
    try:
        table = pd.read_csv(path, dtype="str", encoding="utf-8-sig", skipinitialspace=True)
    except (ValueError, UnicodeDecodeError) as error:
        raise ReadError(f"{path} cannot be read as CSV ({error!s:.100}). It must have the columns {', '.join(COLUMNS)}.") from None
    table.columns = [str(name).strip().lower() for name in table.columns]
    unknown = [name for name in table.columns if name not in COLUMNS]
    if unknown or "name" not in table:
        wrong = f"has a column {unknown[0]!r}" if unknown else "has no column name"
        raise ReadError(f"{path} {wrong}. It must have the columns {', '.join(COLUMNS)}.")
    table = table.reindex(columns=list(COLUMNS))
    factor = float(plat.unit) / float(unit_of(city.crs))
    points = plat.points.drop_duplicates("name", keep=False).set_index("name")
    monuments = _monuments(held)
    rows = []
    for line, row in enumerate(table.to_dict("records"), 2):
        where = f"{path.name}, line {line}"
        name = row["name"] if isinstance(row["name"], str) else ""
        source = _pair(row["easting"], row["northing"], where)
        if source is not None:
            source = source * factor
        elif name in points.index:
            source = points.loc[name, ["easting", "northing"]].to_numpy(dtype=float)
        else:
            raise ReadError(f"{where}: {plat.name} has no single point named {name!r}. Give its easting and northing on the map.")
        target = _pair(row["city_easting"], row["city_northing"], where)
        control = row["control"].strip() if isinstance(row["control"], str) else None
        if target is None and control not in monuments:
            raise ReadError(
                f"{where}: the City has no monument {control!r}. Name one of its control stations or corners, or give"
                " city_easting and"
                " city_northing in the City's feet."
            )
        if target is not None and control in monuments:
            raise ReadError(f"{where} has both a monument of the City's and coordinates. Give one of them.")
        rows.append((name, control, *source, *(target if target is not None else monuments[control])))
    if len(rows) < 2:
        raise ReadError(
            f"{path} has {len(rows)} ties. Give three at least, far apart: two fit any drawing, with nothing left over."
        )
    made = pd.DataFrame(rows, columns=["name", "control", "easting", "northing", "city_easting", "city_northing"])
    places = gpd.points_from_xy(made.pop("city_easting"), made.pop("city_northing"), crs=city.crs)
    return gpd.GeoDataFrame(made.astype({"name": "str", "control": "str"}), geometry=places)


def fit_ties(ties: gpd.GeoDataFrame, *, city: City, held: Mapping[str, pd.DataFrame]) -> TieFit:
    """
    The similarity that brings a map to the City, judged.

    Parameters
    ----------
    ties : GeoDataFrame
        Of `read_ties`.
    city : City
    held : mapping of layer name to frame
        ``control_station``: the median ellipsoid height of its stations gives the elevation factor.

    Returns
    -------
    TieFit
        Findings: N04 a tie that the others contradict (error), N05 two ties prove nothing, N06 a scale that is neither 1 nor the
        combined factor (error), N07 the rotation, N08 what was taken.

    Raises
    ------
    CRSError
        If the map is mirrored, its axes are exchanged, it is in another unit than stated, or the ties lie on one place.
    """
    source, target = ties[["easting", "northing"]].to_numpy(dtype=float), np.column_stack([ties.geometry.x, ties.geometry.y])
    try:
        fit = helmert(source, target)
    except ValueError as error:
        raise CRSError(f"The ties do not place the map: {error}") from None
    told = {
        "mirrored": "The map is mirrored: its mirror image fits the ties ten times better. Ask for it as it reads on paper.",
        "axes_swapped": "Easting and northing of the map are exchanged: swapped, it fits the ties ten times better. Ask"
        " for the file with"
        " easting first, or exchange the columns of the ties.",
        "metres": f"The scale is {fit.scale:.5f}, that between metres and feet. State the unit of the file: --unit m.",
    }
    for flag, message in told.items():
        if flag in fit.flags:
            raise CRSError(f"{message} Nothing was placed.")
    middle = target.mean(axis=0)
    height, doubt = _ellipsoid_height_ft(held)
    factor = float(combined_factor(city.crs, *middle, height))
    turn = float(convergence_deg(city.crs, *middle))
    baseline = float(np.hypot(*np.ptp(target, axis=0)))
    spread = fit.s0_ft if fit.redundancy else TIE_TOLERANCE_FT / 2
    tolerance = max(SCALE_TOLERANCE_PPM, 2e6 * spread / baseline) + doubt
    of_ground, of_grid = abs(fit.scale_ppm(factor)), abs(fit.scale_ppm(1.0))
    is_ground = of_ground < of_grid
    rows = [
        *_tie_rows(ties, fit),
        *_scale_rows(fit, factor, is_ground, min(of_ground, of_grid), tolerance),
        _rotation_row(fit, turn),
    ]
    made = ties.assign(
        residual_easting_ft=fit.residuals_ft[:, 0],
        residual_northing_ft=fit.residuals_ft[:, 1],
        residual_ft=np.hypot(*fit.residuals_ft.T),
        left_out_ft=fit.left_out_ft,
    )
    return TieFit(made, fit, factor, turn, is_ground, findings_frame(rows, crs=city.crs))


def _tie_rows(ties: gpd.GeoDataFrame, fit: Fit) -> list[dict]:
    if not fit.redundancy:
        return [
            _row(
                "N05",
                "no_redundancy",
                "error",
                "There are two ties, and two points fit anything: their residuals of 0.000 ft prove nothing.",
                "Tie the map to a third monument. If the scale and the rotation below convince you, accept N05 with that reason.",
            )
        ]
    worst = int(np.argmax(fit.left_out_ft))
    if fit.left_out_ft[worst] <= TIE_TOLERANCE_FT:
        return []
    name = ties["name"].iloc[worst] or ties["control"].iloc[worst]
    return [
        _row(
            "N04",
            "tie_contradicted",
            "error",
            f"The fit to all other ties misses {name} by {fit.left_out_ft[worst]:.3f} ft (its residual in the fit to all is"
            f" {math.hypot(*fit.residuals_ft[worst]):.3f} ft, which hides it).",
            "Look whether it is the monument that was meant, and its coordinates on both sides.",
            feature=name,
            measure=float(fit.left_out_ft[worst]),
            unit="ft",
            tolerance=TIE_TOLERANCE_FT,
            geometry=ties.geometry.iloc[worst],
        )
    ]


def _scale_rows(fit: Fit, factor: float, is_ground: bool, off: float, tolerance: float) -> list[dict]:
    said = (
        f"The scale of the fit is {fit.scale:.8f}; the combined factor here is {factor:.8f}, so the map differs from lengths on the"
    )
    said += f" ground by {fit.scale_ppm(factor):+.1f} ppm and from grid lengths by {fit.scale_ppm():+.1f} ppm"
    if off > tolerance:
        return [
            _row(
                "N06",
                "scale_unexpected",
                "error",
                f"{said}: it is neither (tolerance {tolerance:.0f} ppm).",
                "Ask the surveyor for the scale of the drawing and its unit, and look at the ties. Distances of a map at"
                " this scale would"
                " not be those on the ground.",
                measure=off,
                unit="ppm",
                tolerance=tolerance,
            )
        ]
    what = "lengths on the ground" if is_ground else "grid lengths"
    return [_row("N08", "scale_taken", "info", f"{said}: its lengths are taken for {what}.", "Nothing.", measure=off, unit="ppm")]


def _rotation_row(fit: Fit, turn: float) -> dict:
    against = {"grid north": 0.0, "true north": -turn}
    name, angle = min(against.items(), key=lambda item: abs(fit.rotation_deg - item[1]))
    off = abs(fit.rotation_deg - angle)
    said = f"The map is turned by {fit.rotation_deg:+.5f}° to the grid; the convergence here is {turn:+.5f}°"
    if off <= ROTATION_TOLERANCE_DEG:
        return _row("N07", "rotation", "info", f"{said}: its bearings are from {name}.", "Nothing.", measure=off, unit="degrees")
    return _row(
        "N07",
        "rotation",
        "review",
        f"{said}: its bearings are from neither grid north nor true north.",
        "Compare with the basis of bearings on the map. An assumed one is allowed; a wrong pair of ties looks the same.",
        measure=off,
        unit="degrees",
        tolerance=ROTATION_TOLERANCE_DEG,
    )


def _row(code: str, rule: str, severity: str, message: str, remedy: str, **more) -> dict:
    told = {"code": code, "rule": rule, "severity": severity, "layer": "tract", "message": message, "remedy": remedy}
    return told | more


def _monuments(held: Mapping[str, pd.DataFrame]) -> dict[str, np.ndarray]:
    """The City's monuments by id; control stations before corners."""
    found: dict[str, np.ndarray] = {}
    for layer, key in (("control_station", "pid"), ("corner", "corner_id")):
        frame = held.get(layer)
        if frame is not None and len(frame):
            places = np.column_stack([frame.geometry.x, frame.geometry.y])
            for name, place in zip(frame[key], places, strict=True):
                found.setdefault(name, place)
    return found


def _pair(first: object, second: object, where: str) -> np.ndarray | None:
    first, second = (value.strip() if isinstance(value, str) else "" for value in (first, second))
    if not first and not second:
        return None
    try:
        pair = np.array([float(first), float(second)])
    except ValueError:
        raise ReadError(f"{where}: {first!r}, {second!r} is no easting and northing. Give both as numbers, or neither.") from None
    if not np.isfinite(pair).all():
        raise ReadError(f"{where}: {first!r}, {second!r} is no place. Give finite numbers.")
    return pair


def _ellipsoid_height_ft(held: Mapping[str, pd.DataFrame]) -> tuple[float, float]:
    """The height above the ellipsoid that the City's stations have, US survey feet, and what it leaves open in ppm."""
    stations = held.get("control_station")
    if stations is not None and len(stations) and stations["ellip_ht"].notna().any():
        return float(stations["ellip_ht"].median()) * float(unit_of(stations.crs)) / float(US_SURVEY_FOOT), 0.0
    return 0.0, HEIGHT_DOUBT_PPM
