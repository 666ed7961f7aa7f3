"""
A day of GPS captures in Riverbend, 15 to 17 October 2026, and the truth of it.

The corrections of the region's network are in NAD83(2011) at 2017.50, a third of a foot from the City's 2010.00; a receiver without
them works in WGS 84 of the date, five feet away; the correction service by satellite in ITRF2014 of the date. No file says so.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from citygis.samples.control import GEOID_SEPARATION_M, elevation_ft, ellipsoid_height_ft
from citygis.samples.drafting import Arc, heading, length_ft, point_at, reverse
from citygis.samples.fabric import ORIGIN, TURN
from citygis.samples.handheld import write_gpx, write_photos
from citygis.samples.nmea_log import write_nmea
from citygis.samples.riverbend import SEED, Riverbend
from citygis.samples.rover import evening, session
from citygis.samples.sky import CITY_FRAME, NETWORK_FRAME, PPP_FRAME, VELOCITY
from citygis.samples.survey_points import Coded, Shot, write_emlid, write_plain, write_pnezd

ROVER_NMEA, EMLID_CSV, PNEZD_TXT = "rover_20261015.nmea", "emlid_20261016.csv", "points_pnezd_20261016.txt"
TRACK_GPX, PLAIN_CSV, PHOTOS = "track_20261015.gpx", "plain_capture.csv", "asset_photos"
GPS_TRUTH = "truth.json"

_ALONE_FT = 25.0
"""No other corner lies nearer to one that is occupied, so that it is clear which one was."""
_APART_FT = 100.0
_BROADCAST = "WGS 84 of the date (ITRF2020)"
_ROLES = {"RIV-07": "abcdk", "RIV-01": "ef", "RIV-08": "g"}
"""The corners that are occupied from each control station; k is the one that a wrong mark is taken for."""
_TANGENT_FT, _WIDER_BY_FT = 60.0, 10.0
"""How much of the lines at a corner is measured, and how much larger the radius will be."""


def write_gps_day(folder: Path, city: Riverbend, *, seed: int = SEED) -> Path:
    """
    The day's files and ``truth.json``.

    Parameters
    ----------
    folder : Path
        Made when missing; files in it are replaced.
    city : Riverbend
    seed : int
        Of the errors of the receivers.

    Returns
    -------
    Path
        ``truth.json``: ``city`` (frame, CRS, velocity, separation of the geoid), ``marks`` (what was occupied of the City's, true
        positions in City feet, ellipsoid heights in feet), ``new_points``, and ``files``: for each its true frame, how many
        records and positions it has, what a reader must reject by reason and a gate by purpose, and every planted case with
        its place, lines and rows counted from 1 (a header is not a row).
    """
    folder.mkdir(parents=True, exist_ok=True)
    control = city.layers["control_station"]
    places = dict(zip(control["pid"], shapely.get_coordinates(control.geometry), strict=True))
    role = corners_of_the_day(city)
    corner = city.layers["corner"]
    of_corner = dict(zip(corner["corner_id"], shapely.get_coordinates(corner.geometry), strict=True))
    places |= {mark: of_corner[mark] for mark in role.values()}
    rngs = [np.random.default_rng([seed, k]) for k in range(6)]

    told = session(evening(role), places, rngs[0])
    new = _new_points(city, places)
    shots = _shots(city, role, places, new)
    ppp = {pid: places[pid] for pid in ("RIV-02", "RIV-03", "RIV-04", "RIV-05")}
    coded, figures = _coded(city, places["RIV-07"])
    ring, way_back, waypoints = _walk(city)
    walked = write_gpx(folder / TRACK_GPX, ring, way_back, waypoints, "2026-10-15T21:04:10Z", rngs[3])
    pictured = {name: waypoints[name] for name in ("Drinking fountain", "Outfall", "Gate")}
    photos = write_photos(folder / PHOTOS, pictured, "2026-10-15T21:20:00Z", rngs[5])
    files: dict[str, dict[str, Any]] = {
        ROVER_NMEA: _framed(write_nmea(folder / ROVER_NMEA, told, rngs[1]), str(NETWORK_FRAME)),
        EMLID_CSV: _framed(write_emlid(folder / EMLID_CSV, shots, rngs[2]), str(NETWORK_FRAME)),
        PNEZD_TXT: {"frame": str(CITY_FRAME), "order": "PNEZD", "figures": figures} | write_pnezd(folder / PNEZD_TXT, coded),
        TRACK_GPX: {"frame": _BROADCAST} | walked,
        PLAIN_CSV: {"frame": str(PPP_FRAME)} | write_plain(folder / PLAIN_CSV, ppp, "2026-10-17T17:12:00Z", rngs[4]),
        PHOTOS: {"frame": _BROADCAST} | photos,
    }
    _add_gates(files, told.epochs["case"].value_counts().to_dict())
    truth = {
        "city": {
            "frame": str(CITY_FRAME),
            "crs": "EPSG:6420",
            "north_mm_yr": VELOCITY.north_mm_yr,
            "east_mm_yr": VELOCITY.east_mm_yr,
            "up_mm_yr": VELOCITY.up_mm_yr,
            "geoid_separation_m": GEOID_SEPARATION_M,
        },
        "marks": _marks(files, places, set(control["pid"])),
        "new_points": [{"name": name, "code": code} | _place(place) for name, (code, place) in new.items()],
        "files": files,
    }
    path = folder / GPS_TRUTH
    path.write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8", newline="\n")
    return path


def corners_of_the_day(city: Riverbend) -> dict[str, str]:
    """
    The corners that the crew occupies, by role (a letter): monuments that stand alone, the nearest to a control station first.
    """
    layer = city.layers["corner"]
    points, places = layer.geometry.to_numpy(), shapely.get_coordinates(layer.geometry)
    beside = shapely.STRtree(points).query(points, predicate="dwithin", distance=_ALONE_FT)[0]
    fit = (np.bincount(beside, minlength=len(points)) == 1) & layer["kind"].isin(["FOUND", "SET"]).to_numpy()
    control = city.layers["control_station"].set_index("pid").geometry
    chosen: dict[str, int] = {}
    for pid, letters in _ROLES.items():
        away = np.hypot(*(places - shapely.get_coordinates(control[pid])[0]).T)
        near = iter(np.flatnonzero(fit)[np.argsort(away[fit], kind="stable")])
        for letter in letters:
            chosen[letter] = next(k for k in near if all(np.hypot(*(places[k] - places[o])) >= _APART_FT for o in chosen.values()))
    return {letter: str(layer["corner_id"].iloc[k]) for letter, k in chosen.items()}


def _place(place: np.ndarray) -> dict[str, float]:
    return {
        "easting": round(float(place[0]), 4),
        "northing": round(float(place[1]), 4),
        "ellipsoid_height_ft": round(float(ellipsoid_height_ft(place[None])[0]), 4),
        "elevation_ft": round(float(elevation_ft(place[None])[0]), 4),
    }


def _marks(files: dict[str, dict[str, Any]], places: dict[str, np.ndarray], control: set[str]) -> list[dict[str, Any]]:
    """The City's marks that somebody stood on, and in which files."""
    stood: dict[str, list[str]] = {}
    for name, truth in files.items():
        for mark in {one["mark"] for one in truth.get("occupations", ())} & set(places):
            stood.setdefault(mark, []).append(name)
    return [
        {"mark": mark, "layer": "control_station" if mark in control else "corner"} | _place(places[mark]) | {"files": stood[mark]}
        for mark in sorted(stood)
    ]


def _framed(truth: dict[str, Any], frame: str) -> dict[str, Any]:
    return {"frame": frame, "uncorrected": _BROADCAST} | truth


def _add_gates(files: dict[str, dict[str, Any]], cases: dict[str, int]) -> None:
    """What the gates of two purposes must keep out, by the slug of their reason."""
    uncorrected = cases["autonomous"] + cases["sbas"]
    parcel = {"fix_type": cases["float"] + uncorrected, "hdop": cases["poor_geometry"], "satellites": cases["few_satellites"]}
    parcel |= {"correction_age": cases["old_corrections"], "stated_accuracy": cases["large_stated_error"]}
    files[ROVER_NMEA]["gates"] = {"parcel": parcel, "asset": {"fix_type": uncorrected}}
    for name in (EMLID_CSV, PLAIN_CSV):
        solutions = files[name]["solutions"]
        loose = {"fix_type": solutions["FLOAT"] + solutions["SINGLE"]}
        files[name]["gates"] = {"parcel": loose, "asset": {"fix_type": solutions["SINGLE"]}}


def _new_points(city: Riverbend, places: dict[str, np.ndarray]) -> dict[str, tuple[str, np.ndarray]]:
    """What the City has no record of: found pipes, and hydrants along the plaza. Name, code and place."""
    plaza = places["RIV-07"]
    pipes = [(231.40, 40.12), (-226.75, -61.33), (52.18, 244.06), (-70.91, -238.85)]
    hydrants = [(205.15, 160.44), (-190.02, 171.63), (188.57, -201.96)]
    made = {f"F-{201 + k}": ("FIP", plaza + np.array(step)) for k, step in enumerate(pipes)}
    made |= {f"H-{901 + k:04d}": ("FH", plaza + np.array(step)) for k, step in enumerate(hydrants)}
    near = shapely.STRtree(city.layers["corner"].geometry.to_numpy())
    return {name: (code, _clear_of(place, near)) for name, (code, place) in made.items()}


def _clear_of(place: np.ndarray, corners: shapely.STRtree) -> np.ndarray:
    """The place, moved eastward by two feet at a time until no corner of the City could be meant by it."""
    while len(corners.query(shapely.Point(place), predicate="dwithin", distance=12.0)):
        place = place + (2.0, 0.0)
    return np.round(place, 4)


def _shots(city: Riverbend, role: dict[str, str], places: dict, new: dict) -> list[Shot]:
    """The points of 16 October: everything of the evening before again, by name, and what is new."""
    plaza = shapely.Point(places["RIV-07"])
    hydrant = city.layers["hydrant"]
    nearest = hydrant.iloc[np.argsort(shapely.distance(hydrant.geometry.to_numpy(), plaza), kind="stable")[:3]]
    order = [("base", places["RIV-07"] + np.array([-31.5, 22.8]), "", "SINGLE", None)]
    order += [(mark, places[mark], "FMON", "FIX", None) for mark in ("RIV-07", *(role[k] for k in "abcd"))]
    order += [(role["k"], places[role["k"]], "FMON", "FIX", "wrong_mark")]
    order += [(mark, places[mark], "FMON", "FIX", None) for mark in ("RIV-01", role["e"], role["f"], "RIV-08", role["g"])]
    floating = ("F-204", "H-0902", "H-0903")
    order += [(name, place, code, "FLOAT" if name in floating else "FIX", None) for name, (code, place) in new.items()]
    order += [(row.hydrant_id, shapely.get_coordinates(row.geometry)[0], "FH", "FIX", None) for row in nearest.itertuples()]
    morning = [Shot(name, place, _clock(15, 5 + 4 * k), code, fix, case) for k, (name, place, code, fix, case) in enumerate(order)]
    return [
        *morning,
        Shot("RIV-01", places["RIV-01"], _clock(21, 2), "FMON"),
        Shot(role["e"], places[role["e"]], _clock(21, 9), "FMON", case="double_antenna"),
        Shot("RIV-07", places["RIV-07"], _clock(21, 31), "FMON"),
    ]


def _clock(hour: int, minute: int) -> str:
    return f"2026-10-16T{hour + minute // 60:02d}:{minute % 60:02d}:11Z"


def _coded(city: Riverbend, plaza: np.ndarray) -> tuple[list[Coded], dict[str, Any]]:
    """
    A right-of-way line around a corner, the ground that a rounder corner will take, a building, hydrants, found monuments.

    Also the truth of the two figures with curves.
    """
    returns = [course.curve for course in city.fabric.courses if course.role == "return" and isinstance(course.curve, Arc)]
    arc = min(returns, key=lambda curve: abs(_ground(curve.centre) - complex(*plaza)))
    wider = _rounder(arc, arc.radius + _WIDER_BY_FT)
    before, after = arc.start - _TANGENT_FT * heading(arc, 0), arc.end + _TANGENT_FT * heading(arc, 1)
    shots = [(before, "RW1 B"), *_curve(arc, "RW1"), (after, "RW1 E")]
    shots += [(arc.start, "RW2 B"), *_curve(wider, "RW2"), *_curve(reverse(arc), "RW2")]
    shots[-1] = (arc.start, "RW2 EC CLS")
    line = [(_ground(place), code) for place, code in shots]
    points = [Coded(np.array([place.real, place.imag]), code) for place, code in line]
    building = city.layers["building_footprint"].geometry.to_numpy()
    outline = shapely.get_coordinates(building[np.argmin(shapely.distance(building, shapely.Point(plaza)))])[:-1]
    verbs = [" B", *[""] * (len(outline) - 2), " CLS"]
    points += [Coded(place, f"BLD1{verb}") for place, verb in zip(outline, verbs, strict=True)]
    hydrant = shapely.get_coordinates(city.layers["hydrant"].geometry)
    corner = city.layers["corner"]
    found = shapely.get_coordinates(corner.geometry[corner["kind"] == "FOUND"])
    hydrant, found = (layer[np.argsort(np.hypot(*(layer - plaza).T), kind="stable")] for layer in (hydrant, found))
    cases = (None, "swapped_axes", None, "in_metres")
    points += [Coded(place, "FH", case) for place, case in zip(hydrant[:4], cases, strict=True)]
    points += [Coded(place, code) for place, code in zip(found[:3], ("FIP", "FRB LS0000", "FNT"), strict=True)]
    points += [Coded(plaza + np.array([120.0, 18.0]), '"TREE 12 OAK"')]
    gutter = [plaza + np.array([-150.0 + 25 * k, 152.0 + 3 * k]) for k in range(3)]
    points += [Coded(place, code) for place, code in zip(gutter[:2], ("FL1 B", "FL1"), strict=True)]
    points += [Coded(gutter[2], "FL1 BC", "unfinished_figure")]
    half = abs(arc.sweep) / 2
    area = (wider.radius**2 - arc.radius**2) * (np.tan(half) - half)
    figures = {
        "RW1": {"curves": [_told(arc)]},
        "RW2": {"curves": [_told(wider), _told(reverse(arc))], "area_sqft": round(float(area), 3)},
    }
    return points, figures


def _rounder(arc: Arc, radius: float) -> Arc:
    """The arc of another radius that touches the same two lines."""
    inward = (arc.centre - arc.start) / arc.radius
    start = arc.start - heading(arc, 0) * (radius - arc.radius) * np.tan(abs(arc.sweep) / 2)
    return Arc(complex(start + inward * radius), radius, arc.from_angle, arc.sweep)


def _curve(arc: Arc, name: str) -> list[tuple[complex, str]]:
    """The three shots of an arc."""
    return [(arc.start, f"{name} BC"), (point_at(arc, 0.5), name), (arc.end, f"{name} EC")]


def _told(arc: Arc) -> dict[str, Any]:
    centre = _ground(arc.centre)
    return {
        "radius_ft": arc.radius,
        "delta_deg": round(abs(float(np.degrees(arc.sweep))), 6),
        "length_ft": round(length_ft(arc), 4),
        "hand": "L" if arc.sweep > 0 else "R",
        "centre": [round(centre.real, 4), round(centre.imag, 4)],
    }


def _ground(point: complex) -> complex:
    return complex(point * TURN + ORIGIN)


def _walk(city: Riverbend) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Around Landing Park eight feet inside its lines, back to the truck, and what stands in the park."""
    park = city.layers["park"]
    lawn = park.geometry[park["name"] == "Landing Park"].iloc[0]
    ring = shapely.get_coordinates(shapely.buffer(lawn, -8.0, join_style="mitre").exterior)
    middle = shapely.get_coordinates(lawn.centroid)[0]
    steps = {"Bench": (31.2, -44.8), "Drinking fountain": (-62.5, 18.3), "Outfall": (-98.1, -71.6), "Gate": (104.4, 87.9)}
    way_back = np.array([ring[0], ring[0] + (140.0, -95.0), ring[0] + (420.0, -121.0)])
    return ring, way_back, {name: np.round(middle + np.array(step), 4) for name, step in steps.items()}
