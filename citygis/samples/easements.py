"""Easements of the sample city: strips along rear lines, sewers across large parcels, levees, poles of flag lots, blankets."""

from collections.abc import Iterator
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely

from citygis.samples.cadastre import Lots
from citygis.samples.fabric import Fabric, on_ground
from citygis.samples.layers import city_layer, document_ids
from citygis.samples.plan import Plan

POWER = "Delta Light and Power (fictional)"
IRRIGATION = "Riverbend Irrigation District"
CITY = "City of Riverbend"
SMALLEST_SQFT = 200.0


class Easement(NamedTuple):
    """One easement before it becomes a row; `deed` is the title of its document."""

    purpose: str
    geometry: shapely.Polygon
    grantee: str
    deed: str
    width_ft: float | None = None
    strip_side: str | None = None
    blanket: bool = False
    exclusive: bool = False


def easements(plan: Plan, fabric: Fabric, lots: Lots) -> tuple[gpd.GeoDataFrame, list[str]]:
    """
    The easement layer, and the titles of the deeds it rests on.

    Every easement lies on parcels; coordinates are rounded to 1e-4 ft.
    """
    found = [
        *_rear_strips(plan, fabric, lots),
        *_sewers(fabric, lots),
        *_levees(plan, fabric, lots),
        *_blankets(fabric, lots),
        *_irregular(fabric, lots),
    ]
    parts = [
        (easement, shapely.orient_polygons(part))
        for easement in found
        for part in shapely.get_parts(shapely.transform(easement.geometry, lambda en: en.round(4)))
        if part.geom_type == "Polygon" and part.is_valid and part.area > SMALLEST_SQFT
    ]
    rows = [easement for easement, _ in parts]
    ids = document_ids([row.deed for row in rows])
    layer = city_layer(
        "easement",
        {
            "easement_id": [f"E-{k:04d}" for k in range(1, len(rows) + 1)],
            "purpose": [row.purpose for row in rows],
            "grantee": [row.grantee for row in rows],
            "exclusive": [row.exclusive for row in rows],
            "width_ft": [row.width_ft for row in rows],
            "strip_side": [row.strip_side for row in rows],
            "blanket": [row.blanket for row in rows],
            "doc_id": ids,
        },
        np.array([part for _, part in parts]),
        sources=ids,
    )
    return layer, list(dict.fromkeys(row.deed for row in rows))


def _rear_strips(plan: Plan, fabric: Fabric, lots: Lots) -> Iterator[Easement]:
    """Ten feet along the rear lines of a block: poles in the old town, everything underground in the newer tracts."""
    tract = dict(zip(lots.face.tolist(), lots.tract.tolist(), strict=True))
    lines: dict[int, list] = {}
    for course in fabric.courses:
        if course.role == "rear" and course.left in tract and course.right in tract:
            lines.setdefault(int(fabric.block[course.left]), []).append(shapely.linestrings(course.points))
    for block, parts in sorted(lines.items()):
        face = int(np.flatnonzero(fabric.block == block)[0])
        planned = plan.tracts[tract[face]] if tract[face] >= 0 else None
        if planned is None or planned.zoning == "M-1":
            continue
        ground = shapely.coverage_union_all(fabric.faces[fabric.block == block])
        is_old = planned.tract_no in ("101", "118")
        purpose, grantee, width = ("POWER", POWER, 12.0) if is_old else ("PUE", CITY, 10.0)
        merged = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(parts)))
        for line in merged[shapely.length(merged) > 150]:
            strip = shapely.buffer(line, width / 2, cap_style="flat", join_style="mitre")
            deed = f"Grant of easement to {grantee}, {planned.name}"
            yield Easement(purpose, shapely.intersection(strip, ground), grantee, deed, width, "CENTERED")


def _sewers(fabric: Fabric, lots: Lots) -> Iterator[Easement]:
    """Twenty feet for a sewer or storm drain across schools, shops and warehouses."""
    large = lots.face[np.isin(lots.use, ["SCHOOL", "COMMERCIAL", "WAREHOUSE", "REMAINDER"])]
    large = large[shapely.area(fabric.faces[large]) > 100_000]
    for number, face in enumerate(large.tolist()):
        lot = fabric.faces[face]
        middle = shapely.get_coordinates(shapely.point_on_surface(lot))[0]
        angle = np.radians((37 * number) % 180)
        reach = 3000 * np.array([np.cos(angle), np.sin(angle)])
        strip = shapely.buffer(shapely.linestrings([middle - reach, middle + reach]), 10, cap_style="flat")
        purpose = ("SEWER", "STORM", "WATER")[number % 3]
        deed = f"Easement deed 2003-{1200 + number}"
        yield Easement(purpose, shapely.intersection(strip, lot), CITY, deed, 20.0, "CENTERED", exclusive=True)


def _levees(plan: Plan, fabric: Fabric, lots: Lots) -> Iterator[Easement]:
    """Room to keep the banks: 25 ft along the canal on either side, 60 ft along Levee Road in the river lands."""
    canals = np.array([street.kind == "canal" for street in plan.streets])
    canal = shapely.coverage_union_all(fabric.faces[(fabric.street >= 0) & canals[fabric.street]])
    for tract in np.unique(lots.tract[lots.tract >= 0]):
        ground = shapely.coverage_union_all(fabric.faces[lots.face[lots.tract == tract]])
        if shapely.dwithin(ground, canal, 1.0):
            strip = shapely.intersection(shapely.buffer(canal, 25.0, join_style="mitre"), ground)
            yield Easement("LEVEE", strip, IRRIGATION, "Canal easement deed, 1931", 25.0, "LEFT")
    road = next(street for street in plan.streets if street.name == "Levee Road")
    line = shapely.linestrings(on_ground([road.path[0].start, road.path[-1].end]))
    strip = shapely.buffer(line, road.half_width_ft + 60, cap_style="flat")
    for face in lots.face[lots.use == "RIVER"]:
        yield Easement(
            "FLOOD",
            shapely.intersection(strip, fabric.faces[face]),
            "Reclamation District (fictional)",
            "Levee easement deed, 1956",
            60.0,
            "LEFT",
        )


def _blankets(fabric: Fabric, lots: Lots) -> Iterator[Easement]:
    """Rights over a whole parcel, whose place in it no deed says."""
    for number, face in enumerate(lots.face[lots.use == "WAREHOUSE"][:4].tolist()):
        yield Easement(
            "GAS", fabric.faces[face], "Valley Gas (fictional)", f"Blanket easement deed 1964-{310 + number}", blanket=True
        )


def _irregular(fabric: Fabric, lots: Lots) -> Iterator[Easement]:
    """Ground that no strip describes: ponding in basins and parks, and landscape at the corners of shops."""
    for number, face in enumerate(lots.face[np.isin(lots.use, ["BASIN", "PARK", "COMMERCIAL"])].tolist()):
        lot = fabric.faces[face]
        middle = shapely.get_coordinates(shapely.point_on_surface(lot))[0]
        size = 0.3 * np.sqrt(lot.area)
        turns = np.linspace(0, 2 * np.pi, 14, endpoint=False)
        radii = size * (1 + 0.25 * np.sin(3 * turns + number) + 0.1 * np.cos(5 * turns))
        outline = shapely.polygons(middle + radii[:, None] * np.column_stack([np.cos(turns), np.sin(turns)]))
        purpose = "STORM" if lots.use[lots.face == face][0] == "BASIN" else "LANDSCAPE"
        yield Easement(purpose, shapely.intersection(outline, lot), CITY, f"Easement deed 2009-{640 + number}", None, "IRREGULAR")
