"""What stands on the ground: parks and their entrances, hydrants, stations, buildings."""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.samples.addresses import Situs
from citygis.samples.cadastre import Lots, tract_of
from citygis.samples.fabric import TURN, Fabric, on_ground
from citygis.samples.layers import Sources, city_layer
from citygis.samples.plan import Plan
from citygis.samples.streets import along, stations_of

HYDRANT_SPACING_FT = 420.0
CURB_FT = 8.0
"""How far inside the right of way a hydrant stands."""


def parks(plan: Plan, fabric: Fabric, lots: Lots, sources: Sources) -> gpd.GeoDataFrame:
    """The park layer: the parks' lots and the river lands."""
    rows = np.flatnonzero(np.isin(lots.use, ["PARK", "RIVER"]))
    names = site_names(plan, fabric)
    titles = [names.get(int(face)) or f"River Park, reach {k + 1}" for k, face in enumerate(lots.face[rows])]
    ids = [f"P-{k:02d}" for k in range(1, len(rows) + 1)]
    return city_layer("park", {"park_id": ids, "name": titles}, fabric.faces[lots.face[rows]], sources=np.asarray(sources)[rows])


def park_accesses(parks: gpd.GeoDataFrame, fabric: Fabric) -> gpd.GeoDataFrame:
    """The park_access layer: the middle of the longest frontage that each park has on each street."""
    number = {face.wkb: k for k, face in enumerate(parks.geometry)}
    park_of = {k: number[face.wkb] for k, face in enumerate(fabric.faces) if face.wkb in number}
    longest: dict[tuple[int, int], tuple[float, np.ndarray]] = {}
    for course in fabric.courses:
        for lot, way in ((course.left, course.right), (course.right, course.left)):
            if lot in park_of and way >= 0 and fabric.street[way] >= 0 and course.role == "edge":
                length = float(np.hypot(*np.diff(course.points, axis=0).T).sum())
                key = park_of[lot], int(fabric.street[way])
                longest[key] = max(longest.get(key, (0.0, course.points)), (length, course.points), key=lambda pair: pair[0])
    keys = sorted(longest)
    lines = [shapely.linestrings(longest[key][1]) for key in keys]
    points = shapely.get_coordinates(shapely.line_interpolate_point(lines, 0.5, normalized=True)).round(4)
    park = [key[0] for key in keys]
    return city_layer(
        "park_access",
        {"access_id": [f"PA-{k:03d}" for k in range(1, len(keys) + 1)], "park_id": parks["park_id"].to_numpy()[park]},
        shapely.points(points),
        sources=parks["source_id"].to_numpy()[park],
    )


def hydrants(plan: Plan, fabric: Fabric, rng: np.random.Generator, sources: Sources) -> gpd.GeoDataFrame:
    """The hydrant layer: along every street inside its right of way, on alternate sides."""
    points, installed = [], []
    tract = tract_of(plan, fabric)
    years = {k: planned.recorded for k, planned in enumerate(plan.tracts)}
    ways = shapely.STRtree(fabric.faces)
    for number, street in enumerate(plan.streets):
        if street.kind in ("alley", "canal"):
            continue
        end = stations_of(street.path)[-1]
        for k, station in enumerate(np.arange(min(150.0, end / 2), end, HYDRANT_SPACING_FT)):
            point, u = along(street.path, float(station))
            place = point + u * 1j * (1 if k % 2 else -1) * (street.half_width_ft - CURB_FT)
            face = ways.query(shapely.Point(*on_ground([place])[0]), predicate="within")
            if len(face) and fabric.street[face[0]] == number:
                points.append(place)
                installed.append(max(years.get(int(tract[face[0]]), "1958-01-06"), "1938-05-02"))
    return city_layer(
        "hydrant",
        {
            "hydrant_id": [f"H-{k:04d}" for k in range(1, len(points) + 1)],
            "flow_gpm": rng.integers(18, 61, len(points)) * 50.0,
            "owner_kind": rng.choice(["CITY", "CITY", "CITY", "DISTRICT"], len(points)),
            "installed_on": np.array(installed, dtype="datetime64[s]"),
            "method": "GNSS_MAP",
            "h_accuracy_ft": 1.0,
        },
        shapely.points(on_ground(points)),
        sources=sources,
    )


def stations(plan: Plan, fabric: Fabric, sources: Sources) -> gpd.GeoDataFrame:
    """The station layer: two fire stations and the police, each on a site of the plan."""
    faces = {name: face for face, name in site_names(plan, fabric).items()}
    placed = [
        ("FIRE", "Fire Station 1", "City Hall"),
        ("FIRE", "Fire Station 2", "Heron Crossing Shops"),
        ("POLICE", "Police Department", "City Hall"),
    ]
    middles = [shapely.get_coordinates(shapely.point_on_surface(fabric.faces[faces[site]]))[0] for _, _, site in placed]
    points = np.round(np.array(middles) + np.array([[-60.0, 0.0], [0.0, 0.0], [60.0, 0.0]]), 4)
    return city_layer(
        "station",
        {
            "station_id": ["FS-1", "FS-2", "PD-1"],
            "kind": [kind for kind, _, _ in placed],
            "name": [name for _, name, _ in placed],
        },
        shapely.points(points),
        sources=sources,
    )


def buildings(plan: Plan, fabric: Fabric, lots: Lots, situs: Situs, rng: np.random.Generator, sources: Sources) -> gpd.GeoDataFrame:
    """The building_footprint layer: one L-shaped outline on each lot of use, square to its street and clear of its lines."""
    rows = np.flatnonzero(np.isin(lots.use, ["LOT", "COMMERCIAL", "WAREHOUSE", "SCHOOL", "CIVIC", "CONDO"]) & (situs.street >= 0))
    yards = shapely.buffer(fabric.faces[lots.face[rows]], -5.0)
    middles = shapely.get_coordinates(shapely.centroid(yards))
    turns = np.array([_square_to(plan, situs, k) for k in rows]) * TURN
    root = np.sqrt(shapely.area(fabric.faces[lots.face[rows]]))
    wide, deep, notch = (
        rng.uniform(0.55, 0.8, len(rows)) * root,
        rng.uniform(0.5, 0.75, len(rows)) * root,
        rng.uniform(0.2, 0.5, len(rows)),
    )
    outlines = np.full(len(rows), None, dtype=object)
    for scale in (1.0, 0.85, 0.7, 0.55, 0.45):
        left = np.flatnonzero(outlines == None)  # noqa: E711  an array of objects
        shapes = _l_shapes(middles[left], turns[left], scale * wide[left], scale * deep[left], notch[left])
        fits = shapely.within(shapes, yards[left])
        outlines[left[fits]] = shapes[fits]
    built = np.flatnonzero([outline is not None for outline in outlines])
    use = lots.use[rows[built]]
    height = np.where(use == "LOT", rng.integers(14, 28, len(built)), np.where(use == "WAREHOUSE", 38, 24)).astype(float)
    return city_layer(
        "building_footprint",
        {
            "building_id": [f"B-{k:05d}" for k in range(1, len(built) + 1)],
            "height_ft": height,
            "method": "DIGITIZED",
            "h_accuracy_ft": 2.0,
        },
        outlines[built],
        sources=sources,
    )


def owners(parcels: gpd.GeoDataFrame) -> pd.DataFrame:
    """The parcel_owner table: numbered sample owners at post office boxes; nobody real, and nobody to mistake for somebody."""
    n = len(parcels)
    is_city = parcels["city_owned"].to_numpy(dtype=bool)
    numbers = np.arange(1, n + 1)
    return city_layer(
        "parcel_owner",
        {
            "apn": parcels["apn"],
            "owner_name": np.where(is_city, "City of Riverbend", [f"Sample Owner {k:04d}" for k in numbers]),
            "mail_1": [f"PO Box {k}" for k in numbers],
            "mail_city": np.where(numbers % 9 == 0, "Eastvale", "Riverbend"),
            "mail_state": "CA",
            "mail_zip": "95000",
            "roll_year": parcels["roll_year"],
            "confidential": numbers % 250 == 0,
        },
    )


def site_names(plan: Plan, fabric: Fabric) -> dict[int, str]:
    """The name of each face that is a site of the plan."""
    middles = shapely.get_coordinates(shapely.centroid([site.outline for site in plan.sites])) @ (1, 1j)
    sites, faces = shapely.STRtree(fabric.faces).query(shapely.points(on_ground(middles)), predicate="within")
    return {int(face): plan.sites[site].name for site, face in zip(sites, faces, strict=True)}


def _square_to(plan: Plan, situs: Situs, row: int) -> complex:
    _, u = along(plan.streets[situs.street[row]].path, float(situs.station_ft[row]))
    return u


def _l_shapes(middles: np.ndarray, turns: np.ndarray, wide: np.ndarray, deep: np.ndarray, notch: np.ndarray) -> np.ndarray:
    """Rectangles with one corner left out, about their middles."""
    corners = np.array([(-1, -1), (1, -1), (1, 0), (0, 0), (0, 1), (-1, 1)], dtype=float)
    local = np.empty((len(middles), 6), dtype=complex)
    for k, (e, n) in enumerate(corners):
        across = np.where(e == 0, 1 - 2 * notch, e) * wide / 2
        inward = np.where(n == 0, 1 - 2 * notch, n) * deep / 2
        local[:, k] = across + 1j * inward
    ground = local * turns[:, None] + (middles @ (1, 1j))[:, None]
    return shapely.polygons(np.round(np.stack([ground.real, ground.imag], axis=-1), 4))
