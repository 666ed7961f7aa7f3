"""
Warehouses and the homes, schools and parks near them (AB 98): exact distances from bay, building and lot; truck routes too near.
"""

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.answer import Answer, MapPlan, Method, excluded, second_way, unanswered
from citygis.analysis.layers import in_force, require_layers, sources_of, without_ground
from citygis.analysis.nearness import polygon_distance_ft
from citygis.analysis.questions import Parameter, Question
from citygis.analysis.rulepack import rule_pack
from citygis.city import City
from citygis.errors import AnalysisError

_MEASURED = ("bay", "building", "lot")


def warehouse_distances(
    parcels: gpd.GeoDataFrame,
    *,
    warehouses: gpd.GeoDataFrame,
    receptors: gpd.GeoDataFrame | None = None,
    receptor_use: Sequence[str] = (),
    loading_bays: gpd.GeoDataFrame | None = None,
    truck_routes: gpd.GeoDataFrame | None = None,
    distance_ft: float | None = None,
    city: City | None = None,
) -> Answer:
    """
    The distance of each warehouse from sensitive receptors, and of truck routes from them.

    Parameters
    ----------
    parcels : GeoDataFrame, polygons
        Columns ``apn``, and ``use_code`` for `receptor_use`. In feet.
    warehouses : GeoDataFrame, polygons
        Buildings: ``name`` or ``building_id``, and as far as there ``floor_sqft`` (its footprint is taken where it is not).
    receptors : GeoDataFrame, polygons, optional
        The property of receptors, with ``name`` as far as there.
    receptor_use : sequence of str
        Use codes of `parcels` that are receptors, besides or in place of `receptors`.
    loading_bays : GeoDataFrame, optional
        Bays: points, lines or polygons; each belongs to the nearest warehouse.
    truck_routes : GeoDataFrame, lines, optional
        The routes the circulation element names.
    distance_ft : float, optional
        The law's when not given (rule ``receptor_ft``).
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per warehouse: ``warehouse, floor_sqft, tier, bay_ft, building_ft, lot_ft`` (to the nearest receptor),
        ``within`` (yes or no), ``measured_from, receptors_within, nearest``. ``tables``: ``receptors``, one row per warehouse
        and receptor within the distance of any of the three; ``route_conflicts``.

    Raises
    ------
    AnalysisError, CRSError
        If a layer cannot be used, or there are no receptors.
    """
    layers = {
        "parcel": parcels,
        "warehouses": warehouses,
        "receptors": receptors,
        "loading_bays": loading_bays,
        "truck_routes": truck_routes,
    }
    require_layers(layers, {"parcel": ["apn"]})
    pack = rule_pack("warehouses", city)
    limit = float(pack["receptor_ft"] if distance_ft is None else distance_ft)
    if not np.isfinite(limit) or limit <= 0:
        raise AnalysisError(f"The distance is {limit:g} ft. Give one above zero.")
    near = limit + float(pack["rounding_ft"]) / 2
    left_out: list[tuple[str, str, str]] = []
    homes = _receptors(parcels, receptors, receptor_use, left_out)
    built = _with_ground(warehouses, "warehouses", left_out)
    names = _names(built)
    shapes = np.asarray(built.geometry.values, dtype=object)
    lots = _lots(parcels, shapes)
    bays = _bays(loading_bays, shapes, left_out)
    ground = np.asarray(homes.geometry.values, dtype=object)
    floor = pd.to_numeric(built["floor_sqft"], errors="coerce").to_numpy() if "floor_sqft" in built else np.full(len(built), np.nan)
    footprint = shapely.area(shapes)
    floor = np.where(np.isfinite(floor), floor, footprint)

    measured = dict(zip(_MEASURED, (bays, shapes, lots), strict=True))
    distances = {what: shapely.distance(some[:, None], ground[None, :]) for what, some in measured.items()}
    nearest = {what: _least(table) for what, table in distances.items()}
    # The bay decides; where none is mapped nothing is known but that it lies on the lot, so the lot does.
    decides = np.where(np.isnan(nearest["bay"]), nearest["lot"], nearest["bay"])
    decides = np.where(np.isnan(decides), nearest["building"], decides)
    inside = decides <= near
    by = np.where(
        ~np.isnan(nearest["bay"]),
        "bay",
        np.where(~np.isnan(nearest["lot"]), "lot: no bay is mapped", "building: it stands on no parcel"),
    )
    pairs = _pairs(names, homes, distances, near)
    table = pd.DataFrame(
        {
            "warehouse": names,
            "floor_sqft": floor.round(0),
            "tier": np.where(floor >= float(pack["large_sqft"]), f"{pack['large_sqft']:,} sq ft or more", "smaller"),
            **{f"{what}_ft": nearest[what].round(2) for what in _MEASURED},
            "within": np.where(inside, "yes", "no"),
            "measured_from": by,
            "receptors_within": [int((pairs["warehouse"] == name).sum()) for name in names],
            "nearest": homes["name"].to_numpy()[
                np.nanargmin(np.where(np.isnan(distances["building"]), np.inf, distances["building"]), axis=1)
            ],
        }
    )
    order = np.lexsort((table["warehouse"], decides))
    table = table.iloc[order].reset_index(drop=True)
    geometry = gpd.GeoDataFrame(table, geometry=shapes[order], crs=parcels.crs)
    conflicts = _route_conflicts(truck_routes, homes, float(pack["route_near_ft"]), left_out)
    open_ = pack.overdue()
    without = int(np.isnan(nearest["bay"]).sum())
    if without:
        why = "The law measures from the bay; these were measured from the lot, which is never farther."
        open_.append(
            (
                f"Where the loading bays of {without:,} warehouses are",
                why,
                "Map them, or take them from the site plan (--loading-bays).",
            )
        )
    if truck_routes is None:
        open_.append(
            (
                "Truck routes that pass receptors",
                "No truck routes were given.",
                "Give the circulation element's routes (--truck-routes).",
            )
        )
    if "floor_sqft" not in warehouses.columns:
        open_.append(
            (
                "The floor of the warehouses",
                "Only footprints are known; a mezzanine counts too.",
                "Give floor_sqft from the permits.",
            )
        )
    first = int(np.argmin(decides))
    home = int(np.nanargmin(distances["building"][first]))
    brute = polygon_distance_ft(shapes[first], ground[home])
    whole = [shapely.union_all([some[k] for some in measured.values() if some[k] is not None]) for k in range(len(names))]
    again = shapely.STRtree(ground).query(whole, predicate="dwithin", distance=near).shape[1]
    homes_shown = homes.assign(near=np.isin(np.arange(len(homes)), pairs["row"].to_numpy(dtype=int)))
    return Answer(
        question="warehouse",
        title=f"Warehouses within {limit:g} ft of sensitive receptors",
        table=table,
        geometry=geometry,
        excluded=excluded(left_out),
        method=Method(
            steps=(
                "The least distance of each warehouse's bays, building and lot from the property line of every receptor.",
                f"To the hundredth of a foot, {limit:g} ft or less is within. The bay decides; where none is mapped, the lot does.",
                f"A truck route is in conflict where it passes within {pack['route_near_ft']:g} ft of a receptor's property line.",
            ),
            citations=pack.cited(receptor_ft=limit),
            parameters={"distance_ft": limit, "receptor_use": ", ".join(receptor_use)},
            sources=sources_of(layers),
            remarks=("What is a sensitive receptor and a loading bay, and to which projects the law applies, is for counsel.",),
        ),
        check=(
            second_way(
                "nearest building to its receptor",
                round(float(distances["building"][first, home]), 3),
                "vertices against edges",
                round(brute, 3),
                tolerance=0.002,
                unit="ft",
            ),
            second_way("pairs within the distance", len(pairs), "a search around bays, building and lot joined", again),
        ),
        unanswered=unanswered(open_),
        tables={"receptors": pairs.drop(columns="row"), "route_conflicts": pd.DataFrame(conflicts.drop(columns="geometry"))},
        layers={
            "receptors": homes_shown,
            "warehouses": geometry,
            "conflicts": conflicts,
            "reach": gpd.GeoDataFrame(
                {"distance_ft": [limit]}, geometry=[shapely.union_all(shapely.buffer(shapes, limit, quad_segs=60))], crs=parcels.crs
            ),
        },
        map=MapPlan(
            "Warehouses and receptors",
            f"{limit:g} feet around the buildings",
            {
                "receptors": {
                    "title": "Receptors",
                    "legend": "Sensitive receptor",
                    "fill": "#f6e2c4",
                    "line": {"color": "#8a6d1f", "width_pt": 0.5},
                },
                "warehouses": {
                    "title": "Warehouses",
                    "legend": "Warehouse",
                    "fill": "#c9ced6",
                    "line": {"color": "#2b2b2b", "width_pt": 0.8},
                    "label": {"rows": [{"text": "{warehouse}", "size_pt": 7.0}]},
                },
                "reach": {
                    "title": "Distance",
                    "legend": f"{limit:g} ft from a building",
                    "line": {"color": "#9c2f2f", "width_pt": 0.9, "dash_pt": [6.0, 3.0]},
                },
                "conflicts": {
                    "title": "Truck routes in conflict",
                    "legend": "Truck route near a receptor",
                    "line": {"color": "#9c2f2f", "width_pt": 2.0},
                },
            },
        ),
    )


def _receptors(parcels, receptors, receptor_use, left_out) -> gpd.GeoDataFrame:
    some = []
    if receptors is not None:
        given = _with_ground(receptors, "receptors", left_out)
        some.append(gpd.GeoDataFrame({"name": _names(given)}, geometry=given.geometry.values, crs=parcels.crs))
    if len(receptor_use):
        if "use_code" not in parcels.columns:
            raise AnalysisError(
                "Layer 'parcel' has no column 'use_code', to tell receptors by. Give them as a layer: --receptors FILE."
            )
        wanted = in_force(parcels)
        wanted = _with_ground(
            wanted[wanted["use_code"].astype("str").isin([str(code) for code in receptor_use])], "parcel", left_out
        )
        some.append(
            gpd.GeoDataFrame({"name": wanted["apn"].astype("str").to_numpy()}, geometry=wanted.geometry.values, crs=parcels.crs)
        )
    homes = gpd.GeoDataFrame(pd.concat(some, ignore_index=True), crs=parcels.crs) if some else None
    if homes is None or not len(homes):
        raise AnalysisError(
            "There are no sensitive receptors to measure to. Give a layer of them (--receptors) or use codes (--receptor-use)."
        )
    return homes.sort_values("name", kind="stable").reset_index(drop=True)


def _with_ground(layer: gpd.GeoDataFrame, name: str, left_out: list) -> gpd.GeoDataFrame:
    nowhere = without_ground(layer).to_numpy()
    left_out += [(name, str(index), "no geometry") for index in layer.index[nowhere]]
    return layer[~nowhere].reset_index(drop=True)


def _names(layer: gpd.GeoDataFrame) -> np.ndarray:
    for column in ("name", "building_id", "apn_display", "apn"):
        if column in layer.columns and layer[column].notna().all() and layer[column].is_unique:
            return layer[column].astype("str").to_numpy(dtype=object)
    return np.array([f"no. {k}" for k in range(1, len(layer) + 1)], dtype=object)


def _lots(parcels: gpd.GeoDataFrame, shapes: np.ndarray) -> np.ndarray:
    """The ground of the parcels that each building stands on by more than a square foot; None where it stands on none."""
    held = in_force(parcels)
    ground = np.asarray(held[~without_ground(held)].geometry.values, dtype=object)
    at, lot = shapely.STRtree(ground).query(shapes, predicate="intersects")
    stands = shapely.area(shapely.intersection(shapes[at], ground[lot])) > 1.0
    lots = np.full(len(shapes), None, dtype=object)
    for k in np.unique(at[stands]):
        lots[k] = shapely.union_all(ground[lot[stands & (at == k)]])
    return lots


def _bays(bays: gpd.GeoDataFrame | None, shapes: np.ndarray, left_out: list) -> np.ndarray:
    """The bays of each warehouse as one geometry; None where none is mapped."""
    out = np.full(len(shapes), None, dtype=object)
    if bays is None:
        return out
    some = np.asarray(_with_ground(bays, "loading_bays", left_out).geometry.values, dtype=object)
    of = shapely.STRtree(shapes).nearest(some)
    for k in np.unique(of):
        out[k] = shapely.union_all(some[of == k])
    return out


def _least(distances: np.ndarray) -> np.ndarray:
    """The least of each row; NaN where all are."""
    there = ~np.isnan(distances).all(axis=1)
    out = np.full(len(distances), np.nan)
    out[there] = np.nanmin(distances[there], axis=1)
    return out


def _pairs(names: np.ndarray, homes: gpd.GeoDataFrame, distances: dict[str, np.ndarray], near: float) -> pd.DataFrame:
    least = np.fmin(np.fmin(distances["bay"], distances["building"]), distances["lot"])
    at, home = np.nonzero(least <= near)
    pairs = pd.DataFrame({"warehouse": names[at], "receptor": homes["name"].to_numpy()[home], "row": home})
    for what, table in distances.items():
        pairs[f"{what}_ft"] = table[at, home].round(2)
    return pairs.sort_values(["warehouse", "building_ft", "receptor"], kind="stable").reset_index(drop=True)


def _route_conflicts(routes: gpd.GeoDataFrame | None, homes: gpd.GeoDataFrame, near_ft: float, left_out: list) -> gpd.GeoDataFrame:
    """The pieces of truck routes within a distance of receptors, one row per route: name, feet of it, receptors."""
    columns = {"route": [], "length_ft": [], "receptors": []}
    if routes is None:
        return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries([], crs=homes.crs))
    given = _with_ground(routes, "truck_routes", left_out)
    lines, ground = np.asarray(given.geometry.values, dtype=object), np.asarray(homes.geometry.values, dtype=object)
    at, home = shapely.STRtree(ground).query(lines, predicate="dwithin", distance=near_ft)
    names, shapes = _route_names(given), []
    for k in np.unique(at):
        # Drawn with chords inside the true arcs: the piece is never longer than it is.
        around = shapely.union_all(shapely.buffer(ground[home[at == k]], near_ft, quad_segs=60))
        piece = shapely.intersection(lines[k], around)
        columns["route"].append(names[k])
        columns["length_ft"].append(round(float(shapely.length(piece)), 1))
        columns["receptors"].append(", ".join(sorted(homes["name"].iloc[home[at == k]])))
        shapes.append(piece)
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(shapes, crs=homes.crs))


def _route_names(routes: gpd.GeoDataFrame) -> np.ndarray:
    for column in ("name", "St_Name", "route"):
        if column in routes.columns:
            return routes[column].astype("str").fillna("unnamed").to_numpy(dtype=object)
    return np.array([f"no. {k}" for k in range(1, len(routes) + 1)], dtype=object)


QUESTIONS = (
    Question(
        name="warehouse",
        department="Planning",
        summary="How far warehouses stand from homes, schools and parks (AB 98), and which truck routes pass them.",
        answer=warehouse_distances,
        layers=("parcel",),
        parameters=(
            Parameter("warehouses", "layer", "The warehouses' buildings.", required=True),
            Parameter("receptors", "layer", "The property of sensitive receptors."),
            Parameter("receptor_use", "text", "A use code whose parcels are receptors; several times for several.", many=True),
            Parameter("loading_bays", "layer", "Loading bays, each of the nearest warehouse."),
            Parameter("truck_routes", "layer", "Designated truck routes."),
            Parameter("distance_ft", "number", "Distance in feet; the law's when not given."),
        ),
    ),
)
