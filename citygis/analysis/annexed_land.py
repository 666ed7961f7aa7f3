"""
The land of an annexation: its ground from parcels or an outline, the lines that its description calls to, and its rings as figures.
"""

from collections.abc import Mapping, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.layers import in_force, without_ground
from citygis.analysis.legal_description import Figure, figure_from
from citygis.analysis.outline import Adjoiner, boundary_of
from citygis.analysis.parcels import rows_of
from citygis.analysis.street_side import with_streets
from citygis.city import City
from citygis.errors import AnalysisError

_HAIRLINE_FT = 0.10

Layers = Mapping[str, gpd.GeoDataFrame | None]


def land_of(parcels: gpd.GeoDataFrame, subject: Sequence[str], outline: gpd.GeoDataFrame | None) -> tuple[shapely.Geometry, int]:
    """
    The land of parcels or of an outline, and how many hairline gaps inside it were closed.

    Raises
    ------
    AnalysisError
        If it is named both ways or neither, has no ground, or is drawn invalid.
    """
    if (outline is None) == (not len(subject)):
        raise AnalysisError("Name the land one way: parcel numbers (--apn), or an outline (--outline FILE).")
    if outline is not None:
        shapes = outline.geometry.values[~without_ground(outline).to_numpy()]
    else:
        rows = rows_of(parcels, subject)
        nowhere = without_ground(parcels).to_numpy()[rows]
        shapes = parcels.geometry.values[rows[~nowhere]]
        if nowhere.any() and "stack_id" not in parcels.columns:
            gone = ", ".join(parcels["apn"].iloc[rows[nowhere]].astype("str"))
            raise AnalysisError(f"Parcel {gone} has no geometry, so the land has a hole there. Map it first.")
    if not len(shapes):
        raise AnalysisError("The land has no ground: nothing that was named has a geometry. Map it first.")
    if not shapely.is_valid(shapes).all():
        raise AnalysisError(
            "The land is drawn with an outline that crosses itself. Repair it first: citygis validate, citygis repair."
        )
    ground = shapely.union_all(np.asarray(shapes))
    kept, filled = [], 0
    for part in shapely.get_parts(ground):
        if part.geom_type != "Polygon":
            continue
        holes = [hole for hole in part.interiors if 2 * shapely.Polygon(hole).area / hole.length > _HAIRLINE_FT]
        filled += len(part.interiors) - len(holes)
        kept.append(shapely.Polygon(part.exterior, holes))
    return shapely.union_all(kept), filled


def to_centerline(ground: shapely.Geometry, layers: Layers, open_: list[tuple[str, str, str]]) -> shapely.Geometry:
    """The land with its sides of the streets; where a layer for that is missing, as it is, and that is told in `open_`."""
    ways, lines = layers["right_of_way"], layers["street_centerline"]
    if ways is None or lines is None:
        gone = "right_of_way" if ways is None else "street_centerline"
        open_.append(
            (
                "A boundary on the centreline of the streets",
                f"There is no layer {gone}; the boundary is on the line of the parcels.",
                f"Load {gone}, or give the land as an outline.",
            )
        )
        return ground
    return with_streets(ground, ways, lines)


def adjoiners_of(limit: shapely.Geometry, city: City, layers: Layers) -> list[Adjoiner]:
    """The lines that a description calls to, the City's first."""
    names = in_force(layers["city_limit"]).get("name")
    own = str(names.dropna().iloc[0]) if names is not None and names.notna().any() else city.name
    named = own if own.lower().startswith(("city of", "town of")) else f"City of {own}"
    found = [Adjoiner(shapely.boundary(limit), f"the existing limit of the {named}", limit, "city_limit")]
    earlier, tract, lines = layers["annexation"], layers["tract"], layers["street_centerline"]
    if earlier is not None:
        held = in_force(earlier)
        names = held["name"] if "name" in held.columns else held["annexation_id"]
        found += [
            Adjoiner(shapely.boundary(shape), f"the {{side}} line of {said}", shape, "annexation")
            for said, shape in sorted(zip(names.astype("str"), held.geometry.values, strict=True), key=lambda each: each[0])
        ]
    if tract is not None:
        held = in_force(tract)
        for n in np.argsort(held["tract_no"].astype("str").to_numpy()):
            row = held.iloc[n]
            kind = "Parcel Map" if row.get("map_kind") == "PARCEL_MAP" else "Tract"
            filed = f", filed at {row['map_ref']}" if isinstance(row.get("map_ref"), str) else ""
            words = f"the {{side}} line of {kind} No. {row['tract_no']}{filed}".replace("Parcel Map No. PM ", "Parcel Map No. ")
            found.append(Adjoiner(shapely.boundary(row.geometry), words, row.geometry, "tract"))
    if lines is not None and "St_Name" in lines.columns:
        held = in_force(lines)
        parts = [held[name].astype("object") for name in ("St_PreDir", "St_Name", "St_PosTyp", "St_PosDir") if name in held.columns]
        full = pd.Series(
            [" ".join(str(v) for v in each if isinstance(v, str)) for each in zip(*parts, strict=True)], index=held.index
        )
        for street, rows in full.groupby(full, sort=True):
            shape = shapely.union_all(held.loc[rows.index].geometry.values)
            found.append(Adjoiner(shape, f"the centerline of {street}", None, "centerline"))
    return found


def figures_of(ground: shapely.Geometry, adjoiners: list[Adjoiner], layers: Layers, begin_at: str | None) -> list[Figure]:
    """Each area by its size, and what is excepted from it."""
    window = shapely.buffer(ground, 1.0)
    near = [each for each in adjoiners if shapely.intersects(each.line, window)]
    near = [each._replace(line=shapely.intersection(each.line, shapely.envelope(window))) for each in near]
    figures = []
    parts = sorted(shapely.get_parts(ground), key=lambda part: (-round(part.area, 3), part.bounds))
    for part in parts:
        for k, ring in enumerate([part.exterior, *sorted(part.interiors, key=lambda ring: ring.bounds)]):
            boundary = boundary_of(shapely.get_coordinates(ring), adjoiners=near, lines=layers["boundary_line"])
            figures.append(figure_from(boundary, layers["corner"], corner=begin_at, is_exception=k > 0))
    return figures


def outside_sqft(ground: shapely.Geometry, sphere: gpd.GeoDataFrame | None, least_sqft: float) -> float | None:
    """Square feet of the land outside the sphere of influence; None where there is no sphere."""
    if sphere is None:
        return None
    area = shapely.area(shapely.difference(ground, shapely.union_all(in_force(sphere).geometry.values)))
    return float(area) if area > least_sqft else 0.0


def annexed_before(ground: shapely.Geometry, earlier: gpd.GeoDataFrame | None, least_sqft: float) -> list[str]:
    """The names of annexations in force that the land lies over."""
    if earlier is None:
        return []
    held = in_force(earlier)
    if "detached_on" in held.columns:
        held = held[held["detached_on"].isna()]
    over = shapely.area(shapely.intersection(np.asarray(held.geometry.values), ground)) > least_sqft
    names = held["name"] if "name" in held.columns else held["annexation_id"]
    return sorted(names[over].astype("str"))
