"""
Meters against parcels: meters that stand on none, parcels without service, several meters on one, and totals that reconcile.
"""

from collections.abc import Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.answer import Answer, MapPlan, Method, SecondWay, excluded, second_way, unanswered
from citygis.analysis.joined import listed_together
from citygis.analysis.layers import in_force, load_first, require_layers, sources_of, without_ground
from citygis.analysis.parcels import bare
from citygis.analysis.questions import Parameter, Question
from citygis.city import City
from citygis.errors import AnalysisError

REACH_FT = 30.0
"""How far off a parcel a meter may stand and still be its own when nothing else is asked: boxes lie in the walk before the lot."""

_TIE_FT = 1.0
_LINE_FT = 0.01
_BLOCK = 2_000_000
_ROOM_FT = 1000.0
_WAYS = ("stated", "on", "near", "on_line", "between", "off", "no_place")
_SERVED = ("stated", "on", "near")
_NAMES = ("meter_id", "meter", "meter_no", "meter_number", "serial", "asset_id", "facility_id", "global_id", "id")


def meters_check(
    parcels: gpd.GeoDataFrame,
    *,
    meters: gpd.GeoDataFrame,
    id_column: str | None = None,
    apn_column: str | None = None,
    reach_ft: float = REACH_FT,
    buildings: gpd.GeoDataFrame | None = None,
    kinds: Sequence[str] = (),
    city: City | None = None,
) -> Answer:
    """
    Which parcel each meter serves, which meters serve none, and which parcels have none.

    Parameters
    ----------
    parcels : GeoDataFrame, polygons
        Columns ``apn``, and as far as there ``status, parcel_kind``. In feet.
    meters : GeoDataFrame, points
        In the system of `parcels`.
    id_column : str, optional
        That names the meters; one that is called so when not given, else their number in the file.
    apn_column : str, optional
        Of the meters, with the number of the parcel they serve; ``apn`` when there is such.
    reach_ft : float
        A meter on no parcel belongs to the nearest one within this distance, when no other is as near to a foot.
    buildings : GeoDataFrame, optional
        Building footprints, to tell a parcel that is built on from a vacant one.
    kinds : sequence of str
        Only parcels of these kinds (``FEE``) are asked to have a meter; all in force when none is named.
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per meter: ``meter, way, apn, distance_ft`` (from that parcel), ``candidates, note``. ``way``: stated
        (its number names a parcel in force), on, near, on_line (on the line between parcels), between (two are as near), off
        (none within reach), no_place. ``tables``: ``parcels_without_meter`` (``apn, parcel_kind, built_on, nearest_meter,
        distance_ft``), ``several_meters``, ``stated_elsewhere`` (the number names one parcel, the meter stands on another),
        ``totals``.

    Raises
    ------
    AnalysisError
        If a layer is empty, the meters are no points, or a column is not there.
    CRSError
        If a layer is not in feet of one system.
    ValueError
        If the reach is negative or not finite.
    """
    if not np.isfinite(reach_ft) or reach_ft < 0:
        raise ValueError(f"Invalid reach_ft {reach_ft!r}. Must be 0 or more.")
    require_layers({"parcel": parcels, "meters": meters, "building_footprint": buildings}, {"parcel": ["apn"]})
    parcels, meters = parcels.reset_index(drop=True), meters.reset_index(drop=True)
    name = _names(meters, id_column)
    apn_column = _apn_column(meters, apn_column)
    live = parcels.index.isin(in_force(parcels).index)
    nowhere = without_ground(parcels).to_numpy()
    ground = np.flatnonzero(live & ~nowhere)
    if not len(ground):
        raise AnalysisError("No parcel in force has geometry. Map the parcels first.")
    ground = ground[np.argsort(parcels["apn"].iloc[ground].astype("str").to_numpy(dtype=object).astype(str), kind="stable")]
    apn = parcels["apn"].iloc[ground].astype("str").to_numpy(dtype=object)
    shapes = parcels.geometry.values[ground]
    at = _placed(meters, shapes, reach_ft)
    stated = _stated(meters, apn_column, apn)
    way = np.where(stated >= 0, "stated", at.way).astype(object)
    of = np.where(stated >= 0, stated, at.parcel)
    points = meters.geometry.values
    distance = np.full(len(meters), np.nan)
    joined = (of >= 0) & (at.way != "no_place")
    distance[joined] = shapely.distance(points[joined], shapes[of[joined]])
    elsewhere = (stated >= 0) & (at.way == "on") & (stated != at.parcel)
    far = (stated >= 0) & (distance > reach_ft) & ~elsewhere
    note = np.where(elsewhere, "it stands on another parcel than the one its number names", "").astype(object)
    note[far] = [f"it stands {ft:,.0f} ft off the parcel its number names" for ft in distance[far]]
    if apn_column is not None:
        unknown = (stated < 0) & meters[apn_column].notna().to_numpy()
        note[unknown] = "the parcel number it states is none in force"
    table = pd.DataFrame(
        {
            "meter": name,
            "way": way,
            "apn": pd.Series([apn[k] if k >= 0 else None for k in of], dtype="str"),
            "distance_ft": distance.round(2),
            "candidates": pd.Series([", ".join(apn[list(each)]) or None for each in at.candidates], dtype="str"),
            "note": pd.Series(note, dtype="str").replace("", None),
        }
    )
    order = np.lexsort((np.arange(len(table)), table["meter"].to_numpy(dtype=object).astype(str)))
    table, points = table.iloc[order].reset_index(drop=True), points[order]
    asked = (
        np.isin(parcels["parcel_kind"].iloc[ground].astype("str"), list(kinds)) if len(kinds) else np.ones(len(ground), dtype=bool)
    )
    without = _without(parcels.iloc[ground], shapes, apn, np.setdiff1d(np.flatnonzero(asked), of), points, table, buildings)
    joined_to = table[table["way"].isin(_SERVED)]
    several = listed_together(joined_to["apn"], joined_to["meter"], columns=("apn", "meters", "which"))
    counts = table["way"].value_counts().reindex(list(_WAYS), fill_value=0)
    place = {each: k for k, each in enumerate(apn)}
    place_missing = shapely.is_missing(points) | shapely.is_empty(points)
    ground_of = gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(np.where(place_missing, None, points), crs=parcels.crs))
    settled = table["way"].isin(_SERVED).to_numpy()
    west, south, east, north = shapely.total_bounds(shapes)
    shown = shapely.intersects(points, shapely.box(west - _ROOM_FT, south - _ROOM_FT, east + _ROOM_FT, north + _ROOM_FT))
    beyond = int((~shown & ~place_missing).sum())
    served = len(np.intersect1d(np.flatnonzero(asked), of))
    return Answer(
        question="meters",
        title=f"{len(meters):,} meters against {len(ground):,} parcels",
        table=table,
        geometry=ground_of[~place_missing].reset_index(drop=True),
        excluded=excluded(_left_out(parcels, live, nowhere, apn[~asked])),
        method=Method(
            steps=(
                "A meter belongs to the parcel in force that its number names, where it names one.",
                "Else to the one it stands on; on the line between parcels (to 0.01 ft) all of them are candidates.",
                f"Else to the nearest within {reach_ft:g} ft, unless another is as near to {_TIE_FT:g} ft: those are candidates.",
                "A parcel without a meter is one that none of these gives; candidates do not count as service.",
            ),
            parameters={"reach_ft": reach_ft, "id_column": id_column, "apn_column": apn_column, "kinds": ", ".join(kinds)},
            sources=sources_of({"parcel": parcels, "meters": meters, "building_footprint": buildings}),
            remarks=(
                f"{int(settled.sum()):,} meters serve {served:,} of {int(asked.sum()):,} parcels; {len(without):,} have none, "
                f"{len(several):,} have several.",
            ),
        ),
        check=_checks(meters, shapes, at, table, counts, served, without, int(asked.sum())),
        unanswered=unanswered(_open(counts, without, buildings)),
        tables={
            "parcels_without_meter": without,
            "several_meters": several,
            "stated_elsewhere": table.loc[
                np.isin(table["meter"], name[elsewhere | far]), ["meter", "apn", "distance_ft", "note"]
            ].reset_index(drop=True),
            "totals": _totals(counts, len(meters), served, len(without), int(asked.sum())),
        },
        layers={
            "without_meter": gpd.GeoDataFrame(
                without, geometry=gpd.GeoSeries(shapes[[place[each] for each in without["apn"]]], crs=parcels.crs)
            ),
            "meter": ground_of[settled & ~place_missing].reset_index(drop=True),
            "meter_off": ground_of[~settled & ~place_missing & shown].reset_index(drop=True),
        },
        map=MapPlan(
            "Meters and parcels",
            f"{len(without):,} parcels without a meter",
            {
                "without_meter": {
                    "legend": "Parcel without a meter",
                    "fill": "#fbe3b5",
                    "line": {"color": "#9a6b12", "width_pt": 0.5},
                },
                "meter": {"legend": "Meter", "marker": {"shape": "circle", "size_pt": 2.5, "fill": "#2f5d8a"}},
                "meter_off": {"legend": "Meter of no one parcel", "marker": {"shape": "circle", "size_pt": 4.5, "fill": "#b3261e"}},
            },
            notes=(f"{beyond:,} meters lie beyond the map.",) if beyond else (),
            base=("right_of_way", "street_centerline"),
        ),
    )


class _Placed(NamedTuple):
    way: np.ndarray
    parcel: np.ndarray
    candidates: list[np.ndarray]
    at_edge: np.ndarray


def _placed(meters: gpd.GeoDataFrame, shapes: np.ndarray, reach_ft: float) -> _Placed:
    """Of each meter how it lies to the parcels, the one it is on or nearest to (-1 for none), and candidates where several are."""
    points = meters.geometry.values
    n = len(points)
    missing = without_ground(meters).to_numpy()
    kind = shapely.get_type_id(points)
    if not np.isin(kind[~missing], [0]).all():
        raise AnalysisError(
            "The meters are not all points. Give one point for each: citygis convert FILE draws the centre of others."
        )
    way = np.full(n, "off", dtype=object)
    way[missing] = "no_place"
    parcel = np.full(n, -1)
    candidates: list[np.ndarray] = [np.zeros(0, dtype=int)] * n
    rows = np.flatnonzero(~missing)
    tree = shapely.STRtree(shapes)
    hit, by = tree.query(points[rows], predicate="dwithin", distance=max(reach_ft + _TIE_FT, _LINE_FT))
    hit = rows[hit]
    far = shapely.distance(points[hit], shapes[by])
    edge = np.full(len(hit), np.inf)
    close = far <= _LINE_FT
    edge[close] = shapely.distance(points[hit[close]], shapely.boundary(shapes[by[close]]))
    inside, on_line = (far == 0) & (edge > _LINE_FT), edge <= _LINE_FT
    least = np.full(n, np.inf)
    np.minimum.at(least, hit, far)
    near = (far < least[hit] + _TIE_FT) & (least[hit] <= reach_ft)
    n_in, n_line, n_near = (np.bincount(hit[which], minlength=n) for which in (inside, on_line, near))
    alone_in, alone_line = n_in == 1, (n_in == 0) & (n_line == 1)
    shared = (n_in > 1) | ((n_in == 0) & (n_line > 1))
    others = ~(alone_in | alone_line | shared)
    for name, of, which in (
        ("on", alone_in, inside),
        ("on", alone_line, on_line),
        ("near", others & (n_near == 1), near),
    ):
        taken = of[hit] & which
        way[of], parcel[hit[taken]] = name, by[taken]
    for name, of, which in (("on_line", shared, inside | on_line), ("between", others & (n_near > 1), near)):
        way[of] = name
        taken = np.flatnonzero(of[hit] & which)
        taken = taken[np.lexsort((by[taken], hit[taken]))]
        for meter, some in zip(*_runs(hit[taken], by[taken]), strict=True):
            candidates[meter] = some
    return _Placed(way, parcel, candidates, n_line > 0)


def _runs(keys: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Each key of an ordered array once, and its values."""
    start = np.flatnonzero(np.r_[True, np.diff(keys) != 0]) if len(keys) else np.zeros(0, dtype=int)
    return keys[start], np.split(values, start[1:]) if len(keys) else []


def _names(meters: gpd.GeoDataFrame, id_column: str | None) -> np.ndarray:
    if id_column is not None and id_column not in meters.columns:
        raise AnalysisError(f"The meters have no column {id_column!r}. They have: {', '.join(map(str, meters.columns))}.")
    lower = {str(name).lower(): name for name in meters.columns}
    column = id_column or next((lower[name] for name in _NAMES if name in lower and meters[lower[name]].is_unique), None)
    number = np.array([f"#{k + 1}" for k in range(len(meters))], dtype=object)
    if column is None:
        return number
    text = meters[column].astype("str")
    return np.where(text.isna(), number, text.to_numpy(dtype=object))


def _apn_column(meters: gpd.GeoDataFrame, apn_column: str | None) -> str | None:
    if apn_column is None:
        return next((name for name in meters.columns if str(name).lower() == "apn"), None)
    if apn_column not in meters.columns:
        raise AnalysisError(f"The meters have no column {apn_column!r}. They have: {', '.join(map(str, meters.columns))}.")
    return apn_column


def _stated(meters: gpd.GeoDataFrame, apn_column: str | None, apn: np.ndarray) -> np.ndarray:
    """The parcel whose number each meter states, -1 for none or one that is not in force."""
    if apn_column is None:
        return np.full(len(meters), -1)
    held = pd.Series(np.arange(len(apn)), index=bare(pd.Series(apn, dtype="str")))
    held = held[~held.index.duplicated(keep=False)]
    return bare(meters[apn_column]).map(held).fillna(-1).to_numpy(dtype=int)


def _without(frame, shapes, apn, rows: np.ndarray, points: np.ndarray, table: pd.DataFrame, buildings) -> pd.DataFrame:
    """Parcels without a meter, with the nearest one, and whether a building stands on them."""
    there = np.flatnonzero(~(shapely.is_missing(points) | shapely.is_empty(points)))
    out = pd.DataFrame({"apn": apn[rows]})
    out["parcel_kind"] = frame["parcel_kind"].iloc[rows].astype("str").to_numpy() if "parcel_kind" in frame.columns else None
    out["built_on"] = None
    if buildings is not None:
        held = in_force(buildings)
        centres = shapely.point_on_surface(held.geometry.values[~without_ground(held).to_numpy()])
        built = np.unique(shapely.STRtree(shapes[rows]).query(centres, predicate="intersects")[1])
        out["built_on"] = np.isin(np.arange(len(rows)), built)
    out["nearest_meter"], out["distance_ft"] = None, np.nan
    if len(there) and len(rows):
        (one, by), far = shapely.STRtree(points[there]).query_nearest(shapes[rows], return_distance=True)
        order = np.lexsort((by, one))
        first = order[np.flatnonzero(np.r_[True, np.diff(one[order]) != 0])]
        out["nearest_meter"] = table["meter"].iloc[there[by[first]]].to_numpy(dtype=object)
        out["distance_ft"] = far[first].round(2)
    return out


def _totals(counts: pd.Series, meters: int, served: int, without: int, asked: int) -> pd.DataFrame:
    rows = [(f"meters, {each.replace('_', ' ')}", int(counts[each])) for each in _WAYS]
    rows += [("meters in the layer", meters), ("meters, all ways", int(counts.sum()))]
    rows += [("parcels with a meter", served), ("parcels without a meter", without), ("parcels asked", asked)]
    return pd.DataFrame(rows, columns=["what", "count"])


def _left_out(
    parcels: gpd.GeoDataFrame, live: np.ndarray, nowhere: np.ndarray, other_kinds: np.ndarray
) -> list[tuple[str, str, str]]:
    number = parcels["apn"].astype("str")
    rows = [("parcel", str(apn), "not in force") for apn in sorted(number[~live])]
    rows += [("parcel", str(apn), "no geometry: service cannot be told from it") for apn in sorted(number[live & nowhere])]
    return rows + [("parcel", str(apn), "of a kind that was not asked for") for apn in sorted(other_kinds)]


def _checks(meters, shapes, at: _Placed, table, counts, served: int, without: pd.DataFrame, asked: int) -> tuple[SecondWay, ...]:
    """Meters on a parcel had again by counting the edges that a ray crosses; and that meters and parcels add up."""
    clear = np.flatnonzero(np.isin(at.way, ["on", "near", "between", "off"]) & ~at.at_edge)
    points = shapely.get_coordinates(meters.geometry.values[clear]).reshape(-1, 2)
    inside = len(np.unique(_crossed(points, shapes)))
    value = int((at.way[clear] == "on").sum())
    way = "meters from which a ray to the east crosses the edges of a parcel an odd number of times"
    return (
        second_way("meters that stand clear of lines on a parcel", value, way, inside, unit="meters"),
        second_way("meters of all ways", int(counts.sum()), "rows of the layer", len(meters), unit="meters"),
        second_way(
            "parcels with and without a meter", served + len(without), "parcels in force that were asked", asked, unit="parcels"
        ),
    )


def _crossed(points: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """Positions of points inside a polygon by the even-odd rule; the geometry engine only tells in whose box each lies."""
    rings, polygon = shapely.get_rings(shapes, return_index=True)
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    whole = ring[:-1] == ring[1:]
    start, end, of = corners[:-1][whole], corners[1:][whole], polygon[ring[:-1][whole]]
    begin, stop = (np.searchsorted(of, np.arange(len(shapes)), side) for side in ("left", "right"))
    at, by = shapely.STRtree(shapes).query(shapely.points(points))
    inside = np.zeros(len(at), dtype=bool)
    edges = stop[by] - begin[by]
    total = np.cumsum(edges)
    block = np.searchsorted(total, np.arange(_BLOCK, (total[-1] if len(total) else 0) + _BLOCK, _BLOCK))
    for some in np.split(np.arange(len(at)), np.unique(np.minimum(block, len(at)))):
        pair = np.repeat(some, edges[some])
        within = np.arange(len(pair)) - np.repeat(np.cumsum(edges[some]) - edges[some], edges[some])
        edge = begin[by[pair]] + within
        a, b, place = start[edge], end[edge], points[at[pair]]
        spans = (a[:, 1] <= place[:, 1]) != (b[:, 1] <= place[:, 1])
        a, b, place, pair = a[spans], b[spans], place[spans], pair[spans]
        east = a[:, 0] + (place[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0]) / (b[:, 1] - a[:, 1])
        inside |= np.bincount(pair[east > place[:, 0]], minlength=len(at)) % 2 == 1
    return at[inside]


def _open(counts: pd.Series, without: pd.DataFrame, buildings) -> list[tuple[str, str, str]]:
    rows = []
    if counts["on_line"] + counts["between"]:
        what = f"Which parcel {int(counts['on_line'] + counts['between']):,} meters serve"
        rows.append(
            (what, "They stand on a line or as near to two parcels.", "Look at each in the field, and enter its parcel number.")
        )
    if counts["off"] + counts["no_place"]:
        what = f"What {int(counts['off'] + counts['no_place']):,} meters serve"
        rows.append(
            (
                what,
                "No parcel is within reach, or they have no place.",
                "Look at each in the field; it may serve a median or a park.",
            )
        )
    if len(without) and buildings is None:
        what = f"Which of {len(without):,} parcels without a meter are built on"
        rows.append((what, "No building footprints were given.", load_first("building_footprint")))
    return rows


QUESTIONS = (
    Question(
        name="meters",
        department="Utilities",
        summary="Meters that stand on no parcel, parcels without a meter, several on one, and totals that reconcile.",
        answer=meters_check,
        layers=("parcel",),
        optional={"buildings": "building_footprint"},
        parameters=(
            Parameter("meters", "layer", "The meters, a file of points.", required=True),
            Parameter("id_column", "text", "Their column that names each; found by its name when not given."),
            Parameter("apn_column", "text", "Their column with the parcel served; apn when there is such."),
            Parameter("reach_ft", "number", "How far off its parcel a meter may stand, in feet; 30 when not given."),
            Parameter("kinds", "text", "Only parcels of this kind are asked to have a meter.", many=True, option="kind"),
        ),
    ),
)
