"""
Who is within a ten-minute walk of a park: along the walks from its entrances, barriers respected, with the people there.
"""

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.answer import Answer, MapPlan, Method, excluded, second_way, unanswered
from citygis.analysis.apportionment import Apportioned, apportioned
from citygis.analysis.layers import in_force, require_layers, sources_of, without_ground
from citygis.analysis.network import feature_ids, numbers_in, street_network
from citygis.analysis.positions import Places, barred, facilities, snap, with_stubs
from citygis.analysis.questions import Parameter, Question
from citygis.analysis.reach import costs_at, lengths, proof, reach, within
from citygis.analysis.rulepack import rule_pack
from citygis.analysis.stretches import stretches
from citygis.city import City
from citygis.errors import AnalysisError

_FEET_PER_MILE = 5280.0
_BLOCK_IDS = ("block_id", "GEOID20", "GEOID", "global_id")


def park_walk(
    park_access: gpd.GeoDataFrame,
    street_centerline: gpd.GeoDataFrame,
    *,
    parcels: gpd.GeoDataFrame | None = None,
    walk: gpd.GeoDataFrame | None = None,
    blocks: gpd.GeoDataFrame | None = None,
    barriers: gpd.GeoDataFrame | None = None,
    population: str = "population",
    dwellings: str = "dwellings",
    miles: float | None = None,
    without: Sequence[str] = (),
    noding: str = "refuse",
    snap_ft: float | None = None,
    city: City | None = None,
) -> Answer:
    """
    Parcels and people within a walk of a park entrance.

    Parameters
    ----------
    park_access : GeoDataFrame, points
        Where the public enters: ``access_id`` and ``park_id`` as far as there. In feet.
    street_centerline : GeoDataFrame, lines
        Walked along, both ways, unless `walk` is given.
    parcels : GeoDataFrame, optional
        ``apn``, and `dwellings` as far as there. Without them the blocks are what is reached or not.
    walk : GeoDataFrame, optional
        Lines of the walk network, in place of the streets.
    blocks : GeoDataFrame, optional
        Polygons with people, such as census blocks; they are put on their parcels by dwellings, by ground where there are none.
    barriers : GeoDataFrame, optional
        Lines or polygons that nobody walks across: rivers, rails, freeways. A bridge is a gap in them.
    population : str
        Column of `blocks`, or without those of `parcels`, with people.
    dwellings : str
        Column of `parcels`.
    miles : float, optional
        Half a mile when not given.
    without : sequence of str
        Values of ``RoadClass`` that nobody walks along.
    noding : str
        ``refuse``, ``bridges`` or ``split``, where lines meet without a shared end.
    snap_ft : float, optional
        What stands farther from every walk is off the network.
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per parcel (block without parcels) on the network: its id, ``walk_ft`` from the nearest entrance
        (null where none can be walked to), ``straight_ft, access_id, park_id, is_served, people``. ``tables``: ``parks``,
        the parcels and people each park is the nearest to; ``blocks`` with the share of each that is served.

    Raises
    ------
    AnalysisError
        If there are neither parcels nor blocks, lines are not noded, or no entrance is on the network.
    CRSError
        If a layer is not in feet of one system.
    """
    layers = {
        "park_access": park_access,
        "street_centerline": None if walk is not None else street_centerline,
        "walk": walk,
        "parcel": parcels,
        "blocks": blocks,
        "barriers": barriers,
    }
    require_layers(layers)
    if parcels is None and blocks is None:
        raise AnalysisError("There is nobody to walk: give parcels, or blocks with people.")
    if blocks is not None and population not in blocks.columns:
        raise AnalysisError(f"The blocks have no column {population!r}. They have: {', '.join(map(str, blocks.columns))}.")
    pack = rule_pack("walking", city)
    far = float(pack["park_miles"] if miles is None else miles)
    if not far > 0:
        raise AnalysisError(f"The walk is {far:g} miles. Give one above zero.")
    limit_ft, max_ft = far * _FEET_PER_MILE, float(pack["snap_ft"] if snap_ft is None else snap_ft)
    name = "walk" if walk is not None else "street_centerline"
    base = street_network(walk if walk is not None else street_centerline, noding=noding, without=without, name=name)
    network, cuts = barred(base, barriers) if barriers is not None else (base, 0)
    placed = facilities(network, park_access, "park_access", id_columns=("access_id",), max_ft=max_ft)
    entrances = np.asarray(park_access.geometry.values, dtype=object)[placed.row]
    barrier_lines = np.array([], dtype=object) if barriers is None else np.asarray(barriers.geometry.values, dtype=object)
    network, node = with_stubs(placed.at, entrances, barrier_lines)
    cost = lengths(network)
    found = reach(network, node, cost)

    place_name, places_layer = ("parcel", parcels) if parcels is not None else ("block", blocks)
    key = "apn" if parcels is not None else "block_id"
    ids = feature_ids(places_layer, *(("apn",) if parcels is not None else _BLOCK_IDS))
    frame = places_layer.reset_index(drop=True)
    bare, live = without_ground(frame).to_numpy(), frame.index.isin(in_force(frame).index)
    shapes = np.where(bare | ~live, None, np.asarray(frame.geometry.values, dtype=object))
    # The straight ways from entrances to the walks are walked too, but nobody lives on them.
    places = snap(network, shapes, max_ft=max_ft, usable=network.street >= 0)
    foot = np.full(len(shapes), None, dtype=object)
    foot[places.is_on] = shapely.line_interpolate_point(network.line[places.edge[places.is_on]], places.along_ft[places.is_on])
    last = shapely.shortest_line(foot, shapes)
    cut_off = _meets(last, barrier_lines)
    is_on = places.is_on & ~cut_off
    on = np.flatnonzero(is_on)
    on = on[np.argsort(ids[on].astype(str), kind="stable")]
    cost_on, whose = costs_at(found, Places(places.edge[on], places.along_ft[on], places.away_ft[on]))
    walk_ft = cost_on[0] + shapely.length(last[on])
    straight = shapely.STRtree(entrances).query_nearest(shapes[on], return_distance=True, all_matches=False)
    straight_ft = np.full(len(on), np.inf)
    straight_ft[straight[0][0]] = straight[1]
    served = walk_ft <= limit_ft + 0.005
    parks = feature_ids(park_access, "park_id", "access_id")[placed.row]
    table = pd.DataFrame(
        {
            key: ids[on],
            "walk_ft": np.where(np.isfinite(walk_ft), walk_ft.round(2), np.nan),
            "straight_ft": straight_ft.round(2),
            "access_id": np.where(whose[0] >= 0, placed.ids[np.maximum(whose[0], 0)], None),
            "park_id": np.where(whose[0] >= 0, parks[np.maximum(whose[0], 0)], None),
            "is_served": served,
        }
    )
    off = f"off the network: farther than {max_ft:g} ft from every walk"
    reason = np.select([~live, bare, cut_off, ~places.is_on], ["not in force", "no geometry", "a barrier in front of it", off], "")
    left_out = [*base.excluded, *placed.excluded]
    left_out += [(place_name, str(ids[k]), str(reason[k])) for k in np.flatnonzero(reason != "")]
    open_ = [*pack.overdue(), *base.told]
    tables: dict[str, pd.DataFrame] = {}
    proven, reached = proof(found)
    checks = [
        second_way("places with their least walk", reached, "Ford's conditions, edge by edge", proven),
        second_way(
            f"{place_name}s nearer along the walks than straight",
            0,
            "straight distances to every entrance",
            int((walk_ft < straight_ft - 0.01).sum()),
        ),
    ]
    remarks = [
        f"{served.sum():,} of {len(table):,} {place_name}s are within the walk; straight, {(straight_ft <= limit_ft).sum():,} are.",
    ]
    if barriers is not None:
        remarks.append(f"Barriers cut the walks at {cuts:,} places.")
    else:
        remarks.append("No barriers were given: rivers, rails and freeways are respected only as far as no line crosses them.")
    people, total, by_block = _people(blocks, frame, parcels is not None, population, dwellings, live & ~bare)
    if people is None:
        open_.append(
            (
                "How many people are served",
                f"Neither blocks nor a column {population!r} of the parcels were given.",
                "Give census blocks with people: blocks.",
            )
        )
    else:
        table["people"] = people[on].round(4)
        lost = total - float(people[on].sum())
        checks.append(
            second_way(
                "people on the list, off the network and nowhere",
                round(float(table["people"].sum() + people[~is_on].sum() + by_block.nowhere.sum()), 2),
                "the sum of what was given",
                round(total, 2),
                tolerance=0.01 + 1e-4 * len(table),
                unit="people",
            )
        )
        share = table.loc[served, "people"].sum() / total if total else 0.0
        remarks.append(
            f"{table.loc[served, 'people'].sum():,.0f} of {total:,.0f} people ({100 * share:.1f} %) are within the walk."
        )
        if lost > 0.5:
            open_.append(
                (
                    f"Whether {lost:,.0f} people are served",
                    "They are on blocks without a parcel, or on what is off the network.",
                    "See excluded; load the parcels or walks there, or give a greater snap_ft.",
                )
            )
        if blocks is not None and parcels is not None:
            is_served = np.isin(np.arange(len(frame)), on[served])
            tables["blocks"] = _blocks(blocks, by_block, is_served, numbers_in(blocks, population))
    by_park = table[table["is_served"]].groupby("park_id")
    tables["parks"] = pd.DataFrame(
        {f"{place_name}s": by_park.size(), **({"people": by_park["people"].sum().round(2)} if people is not None else {})}
    )
    tables["parks"] = tables["parks"].reindex(sorted(set(parks.astype(str)))).fillna(0).rename_axis("park_id").reset_index()
    ground = gpd.GeoDataFrame(table, geometry=shapes[on], crs=park_access.crs)
    edge, low, high = within(found, limit_ft)
    covered = gpd.GeoDataFrame(
        {"street_id": network.street_id[edge], "length_ft": (high - low).round(2)},
        geometry=stretches(network.line[edge], low, high),
        crs=park_access.crs,
    )
    return Answer(
        question="park_walk",
        title=f"Within {far:g} miles' walk of a park entrance",
        table=table,
        geometry=ground,
        excluded=excluded(left_out),
        method=Method(
            steps=(
                f"Walks were joined where they share an end: {len(base.line):,} edges, walked both ways, cut by barriers.",
                f"Each entrance was joined to the nearest walk, straight, by at most {max_ft:g} ft and across no barrier.",
                f"A {place_name} is reached at the place on its nearest walk abreast of its middle, and straight on from there.",
                f"It is served when the whole way is {far:g} miles ({limit_ft:,.0f} ft) or less.",
                *(
                    ["People of a block are on its parcels by dwellings, by ground where it has none."]
                    if blocks is not None
                    else []
                ),
            ),
            citations=pack.cited("park_miles", "snap_ft", park_miles=far, snap_ft=max_ft),
            parameters={
                "miles": far,
                "population": population,
                "dwellings": dwellings,
                "without": ", ".join(without),
                "noding": noding,
                "snap_ft": max_ft,
            },
            sources=sources_of(layers),
            remarks=tuple(remarks),
        ),
        check=tuple(checks),
        unanswered=unanswered(open_),
        tables=tables,
        layers={
            "not_served": ground[~ground["is_served"]].reset_index(drop=True),
            "served": ground[ground["is_served"]].reset_index(drop=True),
            "walked": covered,
            "entrance": gpd.GeoDataFrame({"access_id": placed.ids}, geometry=entrances, crs=park_access.crs),
        },
        map=MapPlan(
            "Walk to a park",
            f"Within {far:g} miles of an entrance, along the walks",
            {
                "not_served": {"title": "Not served", "legend": "Farther", "fill": "#f3c6a5"},
                "served": {"title": "Served", "legend": f"Within {far:g} miles", "fill": "#cfe3c4"},
                "walked": {
                    "title": "Walks",
                    "legend": "Walk within the distance",
                    "line": {"color": "#2f7d4f", "width_pt": 0.9},
                },
                "entrance": {
                    "title": "Entrances",
                    "legend": "Park entrance",
                    "marker": {"shape": "circle", "size_pt": 4.0, "fill": "#1f4e9c"},
                },
            },
            base=("right_of_way", "street_centerline"),
        ),
    )


def _meets(lines: np.ndarray, barriers: np.ndarray) -> np.ndarray:
    met = np.zeros(len(lines), dtype=bool)
    if len(barriers):
        met[shapely.STRtree(barriers).query(lines, predicate="intersects")[0]] = True
    return met


def _people(blocks, frame, has_parcels: bool, population: str, dwellings: str, usable: np.ndarray):
    """People on each place, all of them, and how blocks were apportioned; None for the first where nobody is known."""
    none = Apportioned(pd.DataFrame(), np.zeros(0), np.zeros(0, dtype=bool))
    if not has_parcels or blocks is None:
        if population not in frame.columns:
            return None, 0.0, none
        people = np.nan_to_num(numbers_in(frame, population))
        return people, float(people.sum()), none
    given = np.nan_to_num(numbers_in(blocks, population))
    # What is not in force has nobody on it.
    rows = np.flatnonzero(usable)
    made = apportioned(blocks.reset_index(drop=True), given, frame.iloc[rows].reset_index(drop=True), dwellings=dwellings)
    made = made._replace(shares=made.shares.assign(parcel=rows[made.shares["parcel"]]))
    people = np.bincount(made.shares["parcel"], weights=made.shares["people"], minlength=len(frame))
    return people, float(given.sum()), made


def _blocks(blocks, made: Apportioned, is_served: np.ndarray, total_of: np.ndarray) -> pd.DataFrame:
    """Blocks with the people of them that are served; `is_served` is by position of the parcel."""
    some = made.shares[is_served[made.shares["parcel"]]]
    reached = np.bincount(some["block"], weights=some["people"], minlength=len(blocks))
    people = np.nan_to_num(total_of)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(people > 0, 100 * reached / people, np.nan)
    table = pd.DataFrame(
        {
            "block_id": feature_ids(blocks, *_BLOCK_IDS),
            "people": people,
            "people_served": reached.round(2),
            "served_percent": share.round(1),
            "is_by_ground": made.by_area,
        }
    )
    return table.sort_values("block_id", kind="stable", ignore_index=True)


QUESTIONS = (
    Question(
        name="park_walk",
        department="Parks",
        summary="Which parcels and people are within a ten-minute walk of a park entrance, along the walks.",
        answer=park_walk,
        layers=("park_access", "street_centerline"),
        optional={"parcels": "parcel"},
        parameters=(
            Parameter("walk", "layer", "Lines of the walk network, in place of the streets."),
            Parameter("blocks", "layer", "Polygons with people, such as census blocks."),
            Parameter("barriers", "layer", "Lines or polygons that nobody walks across."),
            Parameter("population", "text", "Column with people, of the blocks or of the parcels."),
            Parameter("dwellings", "text", "Column of the parcels with dwellings."),
            Parameter("miles", "number", "Length of the walk; half a mile when not given."),
            Parameter("without", "text", "RoadClass that nobody walks along; several times.", many=True),
            Parameter("noding", "text", "Where lines meet without a shared end: refuse, bridges or split."),
            Parameter("snap_ft", "number", "What is farther from every walk is off the network."),
        ),
    ),
)
