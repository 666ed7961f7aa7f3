"""
Structures that stand on easements: how much ground, how far in, by which document, and whether the maps are good enough to say so.
"""

import datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.answer import Answer, MapPlan, Method, SecondWay, excluded, second_way, unanswered
from citygis.analysis.arcs import arcs_of, with_arcs
from citygis.analysis.layers import load_first, require_layers, sources_of
from citygis.analysis.overlay import areal, measurable, names_of
from citygis.analysis.questions import Parameter, Question
from citygis.analysis.rulepack import rule_pack
from citygis.city import City
from citygis.errors import AnalysisError
from citygis.quality.accuracy import accuracy_ft, combined_accuracy_ft
from citygis.topology import threaded

SURE, DOUBTFUL, TOUCHES = "encroaches", "within accuracy", "touches"
_COLUMNS = ["easement_id", "structure_id", "class", "area_sqft", "depth_ft", "accuracy_ft"]
_DEPTH_FT = 0.01
_DEPTH_SHARE = 0.01


def easement_encroachments(
    easements: gpd.GeoDataFrame,
    structures: gpd.GeoDataFrame,
    *,
    boundary_line: gpd.GeoDataFrame | None = None,
    source_document: pd.DataFrame | None = None,
    proposed: gpd.GeoDataFrame | None = None,
    purpose: list[str] | None = None,
    tolerance_ft: float | None = None,
    date: datetime.date | None = None,
    city: City | None = None,
) -> Answer:
    """
    The structures that stand on easements.

    Parameters
    ----------
    easements : GeoDataFrame, polygons
        ``easement_id``, and as far as there ``purpose, grantee, blanket, expires, doc_id, source_id, status``, and
        ``h_accuracy_ft, method``.
    structures : GeoDataFrame, polygons
        ``building_id`` where it is there.
    boundary_line : GeoDataFrame, optional
        ``radius_ft, curve_side``: the arcs that sides of either layer follow. Without it curves count by their chords.
    source_document : DataFrame, optional
        ``doc_id, doc_type, doc_number, book, page, recorded_on``.
    proposed : GeoDataFrame, optional
        Structures of a project, looked at in place of `structures`.
    purpose : list of str, optional
        Only easements of these purposes.
    tolerance_ft : float, optional
        Held against the depth in place of the accuracy of the two layers.
    date : date, optional
        Easements that ended before this day are left out; today when not given.
    city : City, optional
        Its classes of accuracy.

    Returns
    -------
    Answer
        ``table``: one row per easement and structure that share ground or touch: ``easement_id, structure_id, class,
        area_sqft, depth_ft`` (the farthest that a point of the shared ground lies from the easement's side), ``accuracy_ft`` (of
        both at 95 %), ``purpose, grantee, document, doc_id``. ``class`` is ``encroaches`` (deeper than the accuracy), ``within
        accuracy`` (deeper than contact, but a survey has to decide) or ``touches``. Table ``near``: pairs that are clear of each
        other by less than the accuracy. ``geometry``: the shared ground, empty where they touch.

    Raises
    ------
    AnalysisError
        If a layer lacks a column or is empty, or no easement of the purposes asked for is there.
    CRSError
        If a layer is not in feet of one system.

    Notes
    -----
    Ground at least d from the sides of an easement is the easement shrunk by d. The corners of the shared ground give a first
    depth; where the easement shrunk by more still meets it, the depth is found by halving. True to 0.01 ft or 1 %, and exact
    where a corner is deepest.
    """
    structures = structures if proposed is None else proposed
    require_layers(
        {"easement": easements, "structures": structures, "boundary_line": boundary_line},
        {"easement": ["easement_id"], "boundary_line": ["radius_ft", "curve_side"]},
    )
    if tolerance_ft is not None and not (np.isfinite(tolerance_ft) and tolerance_ft >= 0):
        raise AnalysisError(f"The tolerance is {tolerance_ft:g} ft. Give one of 0 or above.")
    pack = rule_pack("encroachments", city)
    day = date or datetime.date.today()
    touch, stroke = float(pack["touch_ft"]), float(pack["stroke_ft"])
    easements, left_out = _asked_for(easements, purpose, day)
    open_ = pack.overdue()
    easements, blankets, told = _with_place(easements)
    left_out += blankets
    open_ += told
    rights, things = measurable(easements, "easement", key="easement_id"), measurable(structures, "structures", key="building_id")
    left_out += [*rights.left_out, *things.left_out]
    remarks = [*rights.remarks, *things.remarks]
    easements = easements.iloc[rights.rows].reset_index(drop=True)
    structures = structures.iloc[things.rows].reset_index(drop=True)
    one, other = accuracy_ft(easements, city), accuracy_ft(structures, city)
    pairs = _near(rights.shapes, things.shapes, one, other, tolerance_ft, stroke)
    right, thing = pairs.T
    at_most = combined_accuracy_ft(one[right], other[thing]) if tolerance_ft is None else np.full(len(right), float(tolerance_ft))

    own, theirs = rights.shapes.copy(), things.shapes.copy()
    if boundary_line is None:
        open_.append(
            (
                "The true curves of easements and structures",
                "No boundary lines were given: curves count by the chords that stand for them.",
                f"The boundary lines with their radii tell. {load_first('boundary_line')}",
            )
        )
    elif len(pairs):
        arcs, misfits = arcs_of(boundary_line, stroke_ft=stroke)
        for shapes, rows, name in ((own, np.unique(right), "easements"), (theirs, np.unique(thing), "structures")):
            shapes[rows], curved = with_arcs(shapes[rows], arcs, stroke_ft=stroke)
            if curved.any():
                remarks.append(
                    f"{int((curved > 0).sum()):,} {name} have curved sides, {curved.sum():,.0f} ft in all, taken as arcs."
                )
        if misfits:
            remarks.append(f"{misfits:,} boundary lines do not follow the radius they state; their sides count by their chords.")
    common = shapely.intersection(own[right], theirs[thing])
    area = shapely.area(common)
    gap = shapely.distance(own[right], theirs[thing])
    depth, place = _depths(common, own[right], rights.shapes[right], area > 0)
    kind = np.select(
        [(area > 0) & (depth > np.maximum(at_most, touch)), (area > 0) & (depth > touch), gap <= touch], _KINDS, "near"
    )
    names, thing_names = names_of(easements, "easement_id"), names_of(structures, "building_id")
    frame = pd.DataFrame(
        {
            "easement_id": names[right],
            "structure_id": thing_names[thing],
            "class": kind,
            "area_sqft": area,
            "depth_ft": depth,
            "accuracy_ft": at_most,
            "clear_ft": gap,
        }
    )
    for column in ("purpose", "grantee"):
        if column in easements.columns:
            frame[column] = easements[column].astype("object").to_numpy()[right]
    frame["document"], frame["doc_id"] = (values[right] for values in _documents(easements, source_document))
    rank = pd.Series(kind).map({SURE: 0, DOUBTFUL: 1, TOUCHES: 2, "near": 3}).to_numpy()
    order = np.lexsort((frame["structure_id"], frame["easement_id"], -np.round(depth, 6), rank))
    found, near = order[rank[order] < 3], order[rank[order] == 3]
    check = _checks(own[right][found], theirs[thing][found], area[found], depth[found], place[found])
    table = frame.iloc[found].drop(columns="clear_ft").reset_index(drop=True)
    drawn = np.array([areal(each) for each in common[found]], dtype=object)
    geometry = gpd.GeoDataFrame(table[_COLUMNS], geometry=drawn, crs=easements.crs)
    if source_document is None:
        open_.append(
            (
                "Book and page of the documents",
                "No source documents were given: only their identifiers are told.",
                "Ask of the City's store, which keeps source_document beside its layers.",
            )
        )
    doubtful = int((kind == DOUBTFUL).sum())
    if doubtful or len(near):
        open_.append(
            (
                f"Whether {doubtful:,} structures that seem to stand on an easement do, and {len(near):,} that seem clear are",
                "The accuracy of the two layers is larger than the depth or the clearance.",
                "Have these surveyed, or load footprints of a better accuracy.",
            )
        )
    parts = geometry[~geometry.geometry.is_empty].reset_index(drop=True)
    return Answer(
        question="encroachment",
        title=f"Structures on easements: {int((kind == SURE).sum()):,} sure, {doubtful:,} within accuracy",
        table=table,
        geometry=geometry,
        excluded=excluded(left_out),
        method=Method(
            steps=_steps(boundary_line is not None, tolerance_ft),
            citations=pack.cited(),
            parameters={"purpose": ", ".join(purpose or ()), "tolerance_ft": tolerance_ft, "date": day},
            sources=sources_of({"easement": easements, "structures": structures, "boundary_line": boundary_line}),
            remarks=tuple(remarks),
        ),
        check=check,
        unanswered=unanswered(open_),
        tables={"near": frame.iloc[near].drop(columns=["area_sqft", "depth_ft"]).reset_index(drop=True)},
        layers={
            "easements": gpd.GeoDataFrame(
                {"easement_id": names[np.unique(right[found])]}, geometry=rights.shapes[np.unique(right[found])], crs=easements.crs
            ),
            "structures": gpd.GeoDataFrame(
                {"structure_id": thing_names[np.unique(thing[found])]},
                geometry=things.shapes[np.unique(thing[found])],
                crs=easements.crs,
            ),
            "encroachments": parts,
        },
        map=MapPlan("Structures on easements", f"{len(found):,} places", _STYLES, base=("right_of_way", "street_centerline")),
    )


_KINDS = [SURE, DOUBTFUL, TOUCHES]
_STYLES = {
    "easements": {
        "title": "Easements",
        "legend": "Easement with a structure on it",
        "fill": "#dcefe6",
        "line": {"color": "#1c7458", "width_pt": 0.6, "dash_pt": [5.0, 2.2]},
    },
    "structures": {
        "title": "Structures",
        "legend": "Structure",
        "line": {"color": "#4d4d4d", "width_pt": 0.6},
    },
    "encroachments": {
        "title": "Shared ground",
        "field": "class",
        "line": {"color": "#9c2f2f", "width_pt": 0.8},
        "classes": [
            {"values": [SURE], "legend": "Encroaches, deeper than the accuracy", "fill": "#e0564f"},
            {"values": [DOUBTFUL], "legend": "Within accuracy: a survey decides", "fill": "#f6c9a0"},
            {"values": [TOUCHES], "legend": "Touches", "fill": "#fdf0cf"},
        ],
    },
}


def _asked_for(easements: gpd.GeoDataFrame, purpose: list[str] | None, day: datetime.date) -> tuple[gpd.GeoDataFrame, list]:
    names = names_of(easements, "easement_id")
    why = np.full(len(easements), "", dtype=object)
    if purpose:
        if "purpose" not in easements.columns:
            raise AnalysisError("The easements have no column 'purpose'. Ask without one.")
        known = easements["purpose"].astype("object")
        wanted = {each.upper() for each in purpose}
        if not known.isin(wanted).any():
            there = ", ".join(sorted(known.dropna().unique()))
            raise AnalysisError(f"No easement is for {', '.join(purpose)}. There are: {there}.")
        why[~known.isin(wanted).to_numpy()] = "of another purpose than asked for"
    if "expires" in easements.columns:
        ended = pd.to_datetime(easements["expires"], utc=True).dt.date
        over = np.array([isinstance(each, datetime.date) and each == each and each < day for each in ended], dtype=bool)
        why[over & (why == "")] = f"ended before {day.isoformat()}"
    out = np.flatnonzero(why != "")
    return easements[why == ""], [("easement", str(names[k]), str(why[k])) for k in out]


def _with_place(easements: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, list, list[tuple[str, str, str]]]:
    """The easements but the blanket ones: these burden a whole parcel, so that what stands on it need not be in their way."""
    if "blanket" not in easements.columns:
        return easements, [], []
    whole = easements["blanket"].astype("object").isin([True, "True", 1]).to_numpy()
    if not whole.any():
        return easements, [], []
    names = sorted(map(str, names_of(easements, "easement_id")[whole]))
    open_ = (
        f"What stands on {len(names):,} blanket easements, such as {', '.join(names[:5])}",
        "They cover a parcel without a place of their own.",
        "Read their deeds against the parcel that they burden.",
    )
    return (
        easements[~whole],
        [("easement", name, "blanket: it covers a parcel and has no place of its own") for name in names],
        [open_],
    )


def _near(rights, things, one, other, tolerance_ft, stroke) -> np.ndarray:
    """Pairs that meet, or are clear of each other by no more than the accuracy: array (n, 2)."""
    if not len(rights) or not len(things):
        return np.empty((0, 2), dtype=int)
    reach = np.hypot(one, other.max()) if tolerance_ft is None else np.full(len(rights), float(tolerance_ft))
    right, thing = shapely.STRtree(things).query(rights, predicate="dwithin", distance=reach + stroke)
    limit = combined_accuracy_ft(one[right], other[thing]) if tolerance_ft is None else reach[right]
    close = shapely.distance(rights[right], things[thing]) <= limit
    return np.column_stack([right[close], thing[close]])


def _depths(common: np.ndarray, rights: np.ndarray, chords: np.ndarray, shared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far the deepest point of each piece of shared ground lies from the side of its easement, and that point."""
    depth, place = np.zeros(len(common)), np.full((len(common), 2), np.nan)
    at = np.flatnonzero(shared)
    if not len(at):
        return depth, place
    sides = shapely.boundary(rights)
    shapely.prepare(sides[at])
    points, of = shapely.get_coordinates(common[at], return_index=True)
    _deepen(depth, place, at[of], points, shapely.distance(shapely.points(points), sides[at[of]]))
    # A place deeper by d lies in the easement shrunk by d: most are settled by the first question, some by halving.
    # Its chords are near enough to find the place; the distance there is to the true sides.
    slack = np.maximum(_DEPTH_FT, _DEPTH_SHARE * depth[at])
    at = at[_reaches_core(common[at], chords[at], depth[at] + slack)]
    bounds = shapely.bounds(common[at])
    low, high = depth[at].copy(), depth[at] + np.hypot(*(bounds[:, 2:] - bounds[:, :2]).T)
    while len(at):
        middle = (low + high) / 2
        core = threaded(_core, common[at], chords[at], middle, chunk=500)
        inside = ~shapely.is_empty(core)
        spot = shapely.get_coordinates(shapely.point_on_surface(core[inside]))
        _deepen(depth, place, at[inside], spot, shapely.distance(shapely.points(spot), sides[at[inside]]))
        low, high = np.where(inside, np.maximum(middle, depth[at]), low), np.where(inside, high, middle)
        open_ = high - low > np.maximum(_DEPTH_FT, _DEPTH_SHARE * low)
        at, low, high = at[open_], low[open_], high[open_]
    return depth, place


def _core(common: np.ndarray, rights: np.ndarray, depth_ft: np.ndarray) -> np.ndarray:
    """What of shared ground lies at least so far from the sides of its easement."""
    return shapely.intersection(common, shapely.buffer(rights, -depth_ft, quad_segs=16))


def _reaches_core(common: np.ndarray, rights: np.ndarray, depth_ft: np.ndarray) -> np.ndarray:
    return ~shapely.is_empty(threaded(_core, common, rights, depth_ft, chunk=500))


def _deepen(depth: np.ndarray, place: np.ndarray, pair: np.ndarray, points: np.ndarray, away: np.ndarray) -> None:
    """Keep the deepest of some points for each pair."""
    order = np.lexsort((points[:, 1], points[:, 0], -away, pair)) if len(pair) else np.empty(0, dtype=int)
    first = order[np.r_[True, np.diff(pair[order]) != 0]] if len(order) else order
    better = first[away[first] > depth[pair[first]]]
    depth[pair[better]], place[pair[better]] = away[better], points[better]


def _documents(easements: gpd.GeoDataFrame, documents: pd.DataFrame | None) -> tuple[np.ndarray, np.ndarray]:
    """A line on the document of each easement, and its identifier: the deed, or else the file it was read from."""
    ids = pd.Series(None, index=range(len(easements)), dtype=object)
    for column in ("doc_id", "source_id"):
        if column in easements.columns:
            ids = ids.where(ids.notna(), easements[column].astype("object").reset_index(drop=True))
    text = pd.Series("", index=ids.index, dtype=object)
    if documents is not None and len(documents):
        known = documents.drop_duplicates("doc_id").set_index(documents.drop_duplicates("doc_id")["doc_id"].astype("str"))
        lines = {name: _document_line(row) for name, row in zip(known.index, known.to_dict("records"), strict=True)}
        text = ids.astype("str").map(lines).fillna("")
    return text.to_numpy(dtype=object), ids.where(ids.notna(), "").astype("str").to_numpy(dtype=object)


def _document_line(row: dict) -> str:
    def said(name: str) -> str:
        value = row.get(name)
        return "" if value is None or pd.isna(value) else str(value)

    place = f"book {said('book')}, page {said('page')}" if said("book") else ""
    recorded = f"recorded {said('recorded_on')[:10]}" if said("recorded_on") else ""
    kind = said("doc_type").replace("_", " ").lower()
    return ", ".join(
        each for each in (kind, said("doc_number"), said("map_book_kind").replace("_", " ").lower(), place, recorded) if each
    )


def _checks(rights, things, area, depth, place) -> tuple[SecondWay, ...]:
    if not (area > 0).any():
        return ()
    joined = shapely.area(rights) + shapely.area(things) - shapely.area(shapely.union(rights, things))
    checks = [
        second_way(
            "square feet of all shared ground",
            round(float(area.sum()), 4),
            "easement and structure less the two joined, pair by pair",
            round(float(joined.sum()), 4),
            tolerance=max(0.001, 1e-9 * float(shapely.area(rights).sum())),
            unit="sq ft",
        )
    ]
    worst = int(np.argmax(depth))
    if np.isfinite(place[worst]).all():
        checks.append(
            second_way(
                "the greatest depth",
                round(float(depth[worst]), 4),
                "from the deepest point to each side, by coordinates",
                round(_to_sides_ft(place[worst], rights[worst]), 4),
                tolerance=0.0005,
                unit="ft",
            )
        )
    return tuple(checks)


def _to_sides_ft(point: np.ndarray, polygon: shapely.Geometry) -> float:
    rings = shapely.get_rings(shapely.get_parts(polygon))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    whole = ring[:-1] == ring[1:]
    start, along = points[:-1][whole] - point, (points[1:] - points[:-1])[whole]
    part = np.clip(-(start * along).sum(axis=1) / np.maximum((along**2).sum(axis=1), 1e-300), 0.0, 1.0)
    return float(np.hypot(*(start + part[:, None] * along).T).min())


def _steps(curved: bool, tolerance_ft: float | None) -> tuple[str, ...]:
    steps = ["Easements and structures that hold now were taken, and each pair that meets or comes near."]
    if curved:
        steps.append("Sides that follow an arc of the boundary lines, or one about the same centre, were taken as arcs.")
    steps.append("The ground that a pair shares was measured in the plane of the City's zone.")
    steps.append("Its depth is how far its deepest point lies from the nearest side of the easement, to 0.01 ft or 1 %.")
    if tolerance_ft is None:
        steps.append("The depth was held against the accuracy of both features at 95 %, stated or by their method.")
    else:
        steps.append(f"The depth was held against {tolerance_ft:g} ft, as asked for.")
    return tuple(steps)


QUESTIONS = (
    Question(
        name="encroachment",
        department="Public works",
        summary="Which structures stand on which easements: square feet, depth, document, and whether the maps can tell.",
        answer=easement_encroachments,
        layers=("easement", "building_footprint"),
        optional={"boundary_line": "boundary_line", "source_document": "source_document"},
        parameters=(
            Parameter("proposed", "layer", "Structures of a project, in place of the City's footprints."),
            Parameter("purpose", "text", "Only easements of this purpose, such as SEWER; several times for several.", many=True),
            Parameter("tolerance_ft", "number", "Depth that counts as sure; the accuracy of the layers when not given."),
            Parameter("date", "date", "Easements that ended before this day are left out; today when not given."),
        ),
    ),
)
