"""
Square feet of pavement, landscape or any other surface, by street or by zone, so that the parts add up to the whole.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.answer import Answer, MapPlan, Method, SecondWay, excluded, second_way, unanswered
from citygis.analysis.land_classes import OUTSIDE, Classes, dissolved_labels, palette, planar_classes, split_by
from citygis.analysis.layers import require_layers, sources_of
from citygis.analysis.overlay import measurable, names_of, overlaid_area, shoelace_sqft
from citygis.analysis.questions import Parameter, Question
from citygis.city import City
from citygis.errors import AnalysisError
from citygis.units import SQFT_PER_ACRE

_EVERYWHERE = "(everywhere)"
_CELLS = 2_000_000
_TELLING_SQFT = 1.0


def surface_areas(
    surfaces: gpd.GeoDataFrame,
    *,
    zones: gpd.GeoDataFrame | None = None,
    kind_field: str = "kind",
    zone_field: str = "street_name",
    city: City | None = None,
) -> Answer:
    """
    How many square feet of each kind of surface lie in each street or zone.

    Parameters
    ----------
    surfaces : GeoDataFrame, polygons
        Pavement, landscape and the like, with `kind_field`. What two features of a kind both cover counts once.
    zones : GeoDataFrame, optional
        Right of way by street, maintenance districts, or any polygons with `zone_field`.
    kind_field, zone_field : str
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per zone and kind: ``zone, kind, area_sqft, acres, features``; ``(outside)`` is what lies in no zone.
        Table ``features``: each feature's square feet by zone, the ids behind the figures. ``geometry``: the ground of the rows.

    Raises
    ------
    AnalysisError
        If a layer lacks its column or is empty, or no surface has ground.
    CRSError
        If a layer is not in feet of one system.

    Notes
    -----
    The second way counts the cells of a raster whose centres lie on a kind. Where a line crosses a cell, less than half of it is
    taken wrongly, and a line of length L crosses no more than about 1.42 L cells' widths: the count is off by less than perimeter
    times cell.
    """
    wanted = {"surfaces": [kind_field], "zones": [zone_field]}
    require_layers({"surfaces": surfaces, "zones": zones}, wanted)
    found = measurable(surfaces, "surfaces", key="global_id")
    left_out, remarks = list(found.left_out), list(found.remarks)
    if not len(found.rows):
        raise AnalysisError("No surface that holds now has ground. Give polygons of pavement, landscape and the like.")
    labels = dissolved_labels(surfaces[kind_field].iloc[found.rows])
    kinds = planar_classes(found.shapes, labels, "surfaces")
    remarks += kinds.remarks
    if zones is None:
        box = shapely.box(*shapely.total_bounds(found.shapes)).buffer(1.0, join_style="mitre")
        areas = Classes(np.array([_EVERYWHERE], dtype=object), np.array([box], dtype=object), ())
    else:
        held = measurable(zones, "zones", key=next((c for c in ("row_id", "zone_id", "district_id") if c in zones.columns), ""))
        left_out, remarks = left_out + held.left_out, remarks + list(held.remarks)
        if not len(held.rows):
            raise AnalysisError("No zone that holds now has ground. Ask without zones, or load them first.")
        areas = planar_classes(held.shapes, dissolved_labels(zones[zone_field].iloc[held.rows]), "zones")
        remarks += areas.remarks
    parts = split_by(kinds.shapes, areas)
    parts.insert(0, "kind", kinds.labels[parts["of"].to_numpy()].astype(str))
    parts = parts.rename(columns={"label": "zone"})
    features = _features(found.shapes, names_of(surfaces, "global_id")[found.rows], labels, areas)
    counts = features.groupby(["zone", "kind"]).size()
    table = pd.DataFrame(parts[["zone", "kind", "area_sqft"]])
    table["acres"] = table["area_sqft"] / SQFT_PER_ACRE
    table["features"] = [
        int(sum(counts.get((zone, one), 0) for one in kind.split(" + ")))
        for zone, kind in zip(table["zone"], table["kind"], strict=True)
    ]
    order = np.lexsort((table["kind"], table["zone"]))
    table = table.iloc[order].reset_index(drop=True)
    geometry = gpd.GeoDataFrame(table, geometry=np.asarray(parts.geometry.values)[order], crs=surfaces.crs)
    outside = float(table.loc[table["zone"] == OUTSIDE, "area_sqft"].sum())
    open_ = []
    if outside > _TELLING_SQFT:
        open_.append(
            (
                f"The street or zone of {outside:,.0f} sq ft",
                "No zone covers them.",
                "Look at them on the map: surfaces on private ground, or zones that end too early.",
            )
        )
    return Answer(
        question="surfaces",
        title="Surfaces" if zones is None else f"Surfaces by {zone_field}",
        table=table,
        geometry=geometry,
        excluded=excluded(left_out),
        method=Method(
            steps=(
                f"Surfaces of one {kind_field} were dissolved, so that what two features cover counts once.",
                "Zones were dissolved likewise, and each kind cut by them; what lies in none is told as (outside).",
                "Ground that two kinds, or two zones, both claim stands as a class of its own with both names.",
                "Areas are in the plane of the City's zone, in US survey feet.",
            ),
            parameters={"kind_field": kind_field, "zone_field": zone_field if zones is not None else None},
            sources=sources_of({"surfaces": surfaces, "zones": zones}),
            remarks=tuple(remarks),
        ),
        check=_checks(table, kinds),
        unanswered=unanswered(open_),
        tables={"features": features},
        layers={"surfaces": geometry},
        map=MapPlan(
            "Surfaces",
            f"{table['area_sqft'].sum():,.0f} sq ft",
            {
                "surfaces": {
                    "title": "Surfaces",
                    "field": "kind",
                    "line": {"color": "#8a8a8a", "width_pt": 0.25},
                    "classes": palette(np.array(sorted(set(table["kind"])), dtype=object)),
                }
            },
            base=("right_of_way",),
        ),
    )


def counted_sqft(shapes: np.ndarray, *, cells: int = _CELLS) -> tuple[np.ndarray, np.ndarray, float]:
    """
    Areas by counting the cells of a raster whose centres lie on a polygon.

    Parameters
    ----------
    shapes : array of n polygons
        That do not overlap.
    cells : int
        About how many cells there are to be.

    Returns
    -------
    area_sqft, bound_sqft : array of float, n
        The count, and by how much it may be off: perimeter times cell.
    cell_ft : float
    """
    from rasterio.features import rasterize
    from rasterio.transform import from_origin

    west, south, east, north = shapely.total_bounds(shapes)
    cell = max(float(np.sqrt((east - west) * (north - south) / cells)), 0.01)
    shape = (int(np.ceil((north - south) / cell)) + 1, int(np.ceil((east - west) / cell)) + 1)
    burnt = rasterize(
        [(each, k + 1) for k, each in enumerate(shapes)],
        out_shape=shape,
        transform=from_origin(west, north, cell, cell),
        dtype="int32",
    )
    count = np.bincount(burnt.ravel(), minlength=len(shapes) + 1)[1:]
    return count * cell**2, shapely.length(shapes) * cell, cell


def _features(shapes: np.ndarray, ids: np.ndarray, kinds: np.ndarray, areas: Classes) -> pd.DataFrame:
    """The square feet of each feature by zone, those outside included."""
    inside = overlaid_area(shapes, areas.shapes)
    of = inside["left"].to_numpy()
    rest = shapely.area(shapes) - np.bincount(of, weights=inside["area_sqft"], minlength=len(shapes))
    out = np.flatnonzero(rest > 1e-4)
    rows = np.r_[of, out]
    zone = np.r_[areas.labels[inside["right"]], np.full(len(out), OUTSIDE, dtype=object)]
    table = pd.DataFrame(
        {"feature": ids[rows], "kind": kinds[rows], "zone": zone, "area_sqft": np.r_[inside["area_sqft"], rest[out]]}
    )
    return table.sort_values(["feature", "kind", "zone", "area_sqft"], kind="stable", ignore_index=True)


def _checks(table: pd.DataFrame, kinds: Classes) -> tuple[SecondWay, ...]:
    total = float(table["area_sqft"].sum())
    checks = [
        second_way(
            "square feet of all rows",
            round(total, 3),
            "the dissolved kinds from their coordinates, before they were cut",
            round(float(shoelace_sqft(kinds.shapes).sum()), 3),
            tolerance=max(0.01, 1e-9 * total),
            unit="sq ft",
        )
    ]
    counted, bound, cell = counted_sqft(kinds.shapes)
    for label, area, again, off in zip(kinds.labels, shapely.area(kinds.shapes), counted, bound, strict=True):
        checks.append(
            second_way(
                f"square feet of {label}",
                round(float(area), 1),
                f"cells of {cell:.2f} ft whose centres lie on it; off by less than perimeter times cell",
                round(float(again), 1),
                tolerance=float(off),
                unit="sq ft",
            )
        )
    return tuple(checks)


QUESTIONS = (
    Question(
        name="surfaces",
        department="Public works",
        summary="Square feet of pavement, landscape or other surfaces by street or zone, with a raster count beside each.",
        answer=surface_areas,
        layers=(),
        optional={"zones": "right_of_way"},
        parameters=(
            Parameter("surfaces", "layer", "Polygons of surfaces, with a column for their kind.", required=True),
            Parameter("zones", "layer", "Other zones, in place of the City's right of way."),
            Parameter("kind_field", "text", "Column of the surfaces that names the kind."),
            Parameter("zone_field", "text", "Column of the zones that names the street or zone."),
        ),
    ),
)
