"""
Hydrants: where a street frontage is farther from one than the fire code allows, and how far apart they are along the route.

All distances are along the streets, as an engine lays its hose; never straight across blocks.
"""

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis import topology
from citygis.analysis.answer import Answer, MapPlan, Method, SecondWay, excluded, second_way, unanswered
from citygis.analysis.fronts import farthest, fronts
from citygis.analysis.layers import require_layers, sources_of
from citygis.analysis.network import numbers_in, street_network
from citygis.analysis.positions import Facilities, facilities, two_sided
from citygis.analysis.questions import Parameter, Question
from citygis.analysis.reach import Reach, beyond, lengths, proof, reach
from citygis.analysis.rulepack import RulePack, rule_pack
from citygis.analysis.stretches import stretches
from citygis.city import City
from citygis.errors import AnalysisError

_LEAST_FT = 0.005  # less is no gap: lengths are told to the hundredth of a foot
_PLACES = 2_000_000  # that the length of gaps is had again by


def hydrant_coverage(
    hydrants: gpd.GeoDataFrame,
    street_centerline: gpd.GeoDataFrame,
    *,
    parcels: gpd.GeoDataFrame | None = None,
    building_footprint: gpd.GeoDataFrame | None = None,
    fire_flow_gpm: float | None = None,
    spacing_ft: float | None = None,
    reach_ft: float | None = None,
    dead_end_spacing_ft: float | None = None,
    dead_end_reach_ft: float | None = None,
    divided: Sequence[str] = (),
    without: Sequence[str] = (),
    noding: str = "refuse",
    snap_ft: float | None = None,
    city: City | None = None,
) -> Answer:
    """
    Street frontage beyond the reach of a hydrant, and the spacing of hydrants along the route.

    Parameters
    ----------
    hydrants : GeoDataFrame, points
        ``hydrant_id`` and ``flow_gpm`` as far as there. In feet.
    street_centerline : GeoDataFrame, lines
        See `citygis.analysis.network.street_network`. One-way streets are open both ways to an engine that lays hose.
    parcels : GeoDataFrame, optional
        ``apn``: whether each parcel's frontage, the part of its nearest street that it lies along, is within reach.
    building_footprint : GeoDataFrame, optional
        ``building_id``: along the street and straight on to the building.
    fire_flow_gpm : float, optional
        Picks the row of Table C102.1; its first row when not given.
    spacing_ft, reach_ft, dead_end_spacing_ft, dead_end_reach_ft : float, optional
        In place of the table's: spacing, distance to a hydrant, and what is taken off either on a dead end.
    divided : sequence of str
        Values of ``RoadClass`` of streets that hose is not laid across: each side counts for itself, up to where one crosses.
    without : sequence of str
        Values of ``RoadClass`` that are no fire apparatus road, such as a freeway.
    noding : str
        ``refuse``, ``bridges`` or ``split``, where streets meet without a shared end.
    snap_ft : float, optional
        A hydrant farther from every street is off the network.
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per gap, streets that lie together beyond reach: ``gap, length_ft, farthest_ft`` (null where no
        hydrant can be reached), ``limit_ft, side, dead_end, hydrant_id`` (the nearest), ``street_ids``. ``tables``: ``spacing``,
        one row per two hydrants that follow each other along the route; ``each_hydrant``; ``parcels`` and ``buildings``.

    Raises
    ------
    AnalysisError
        If the streets are not noded, no hydrant is on the network, or the fire flow is beyond the table.
    CRSError
        If a layer is not in feet of one system.
    """
    layers = {
        "hydrant": hydrants,
        "street_centerline": street_centerline,
        "parcel": parcels,
        "building_footprint": building_footprint,
    }
    require_layers(layers)
    pack = rule_pack("fire", city)
    row = _table_row(pack, fire_flow_gpm)
    spacing = float(pack["c102_spacing_ft"][row] if spacing_ft is None else spacing_ft)
    most = float(pack["c102_reach_ft"][row] if reach_ft is None else reach_ft)
    off_spacing = float(pack["dead_end_spacing_ft"] if dead_end_spacing_ft is None else dead_end_spacing_ft)
    off_reach = float(pack["dead_end_reach_ft"] if dead_end_reach_ft is None else dead_end_reach_ft)
    if not (spacing > off_spacing >= 0 and most > off_reach >= 0):
        raise AnalysisError(
            f"A spacing of {spacing:g} ft and a reach of {most:g} ft, less {off_spacing:g} and {off_reach:g} on dead ends, leave "
            "nothing. Give greater ones."
        )
    streets = street_network(street_centerline, noding=noding, without=without)
    streets = two_sided(streets, np.isin(streets.road_class, list(divided)))
    max_ft = float(pack["snap_ft"] if snap_ft is None else snap_ft)
    placed = facilities(streets, hydrants, "hydrant", id_columns=("hydrant_id",), max_ft=max_ft)
    network = placed.at.network
    found = reach(network, placed.at.node, lengths(network))
    ends_dead = _dead_ends(streets.start, streets.end, len(streets.node))[placed.at.edge]
    limit = np.where(ends_dead, most - off_reach, most)
    gaps, pieces = _gaps(found, placed, limit, ends_dead)
    pairs = _spacing(found, placed, np.where(ends_dead, spacing - off_spacing, spacing))
    left_out = [*streets.excluded, *placed.excluded]
    tables = {"spacing": pairs, "each_hydrant": _hydrants(hydrants, placed, pairs, fire_flow_gpm)}
    for name, layer in (("parcels", parcels), ("buildings", building_footprint)):
        if layer is not None:
            building_ft = None if name == "parcels" else float(pack["building_reach_ft"])
            tables[name], gone = fronts(layer, found, placed, streets, limit, max_ft=max_ft, building_ft=building_ft)
            left_out += gone
    open_ = [*pack.overdue(), *streets.told, *_open_questions(pack, row, fire_flow_gpm, tables, parcels, hydrants)]
    total = float(network.length_ft.sum())
    short = float(gaps["length_ft"].sum())
    flow = pack["c102_flow_gpm"][row]
    within = gpd.GeoDataFrame({"hydrant_id": placed.ids}, geometry=hydrants.geometry.values[placed.row], crs=hydrants.crs)
    return Answer(
        question="hydrants",
        title=f"Streets farther than {most:g} ft from a hydrant",
        table=pd.DataFrame(gaps.drop(columns="geometry")),
        geometry=gaps,
        excluded=excluded(left_out),
        method=Method(
            steps=(
                f"Streets were joined where they share an end: {len(streets.line):,} edges, {total:,.0f} ft of frontage line.",
                f"Each hydrant was put on the nearest street, at the place abreast of it, within {max_ft:g} ft.",
                "The distance from each place along the streets to the nearest hydrant was worked out along the streets.",
                f"What is farther than {most:g} ft is a gap; on a dead end, a street with one way in, {most - off_reach:g} ft. "
                "A gap is cut to the foot, and gaps that touch are one.",
                f"Two hydrants follow each other where the nearest one changes along a street; {spacing:g} ft apart is the most, "
                f"{spacing - off_spacing:g} ft on a dead end.",
                "Of a parcel the farthest place of its front counts; of a building the street abreast of it, and on to it.",
            ),
            citations=(
                *pack.cited("c102_flow_gpm", "c102_hydrants", "c102_spacing_ft", "c102_reach_ft"),
                *pack.cited(
                    "dead_end_spacing_ft", "dead_end_reach_ft", dead_end_spacing_ft=off_spacing, dead_end_reach_ft=off_reach
                ),
                *pack.cited("building_reach_ft", "snap_ft", snap_ft=max_ft),
            ),
            parameters={
                "fire_flow_gpm": fire_flow_gpm,
                "spacing_ft": spacing,
                "reach_ft": most,
                "dead_end_spacing_ft": off_spacing,
                "dead_end_reach_ft": off_reach,
                "divided": ", ".join(divided),
                "without": ", ".join(without),
                "noding": noding,
                "snap_ft": max_ft,
            },
            sources=sources_of(layers),
            remarks=(
                f"Table C102.1, row up to {flow:,} gpm: the spacing it limits is an average; each two hydrants over it are listed.",
                f"{short:,.0f} of {total:,.0f} ft are beyond reach ({100 * short / total:.1f} %).",
                "A hydrant counts for both sides of a street unless its class is given as divided; one crosses a divided street "
                "wherever two of its lines meet.",
            ),
        ),
        check=_checks(found, gaps, pieces, limit),
        unanswered=unanswered(open_),
        tables=tables,
        layers={"gap": gaps, "hydrant_used": within},
        map=MapPlan(
            "Hydrant coverage",
            f"Streets farther than {most:g} ft from a hydrant, along the street",
            {
                "gap": {
                    "title": "Gaps",
                    "legend": f"Farther than {most:g} ft from a hydrant",
                    "line": {"color": "#b3261e", "width_pt": 2.2},
                },
                "hydrant_used": {
                    "title": "Hydrants",
                    "legend": "Hydrant",
                    "marker": {"shape": "circle", "size_pt": 2.4, "fill": "#1f4e9c"},
                },
            },
            base=("right_of_way", "street_centerline"),
        ),
    )


def _table_row(pack: RulePack, flow: float | None) -> int:
    steps = np.asarray(pack["c102_flow_gpm"], dtype=float)
    if flow is None:
        return 0
    if not 0 < flow <= steps[-1]:
        raise AnalysisError(
            f"A fire flow of {flow:g} gpm is not in Table C102.1 as it is held here, which ends at {steps[-1]:g}. Lay its row over "
            "it in rules/fire.toml of the City, or give spacing_ft and reach_ft with a flow of the table."
        )
    return int(np.searchsorted(steps, flow))


def _dead_ends(start: np.ndarray, end: np.ndarray, nodes: int) -> np.ndarray:
    """Edges of streets with one way in: from a loose end back to the first node that three edges share."""
    met = np.bincount(np.concatenate([start, end]), minlength=nodes)
    through = np.flatnonzero((met[start] == 2) | (met[end] == 2))
    dead = (met[start] == 1) | (met[end] == 1)
    while True:
        reached = np.zeros(nodes, dtype=bool)
        reached[start[dead]], reached[end[dead]] = True, True
        more = through[~dead[through]]
        more = more[((met[start[more]] == 2) & reached[start[more]]) | ((met[end[more]] == 2) & reached[end[more]])]
        if not len(more):
            return dead
        dead[more] = True


def _gaps(
    found: Reach, placed: Facilities, limit: np.ndarray, is_dead: np.ndarray
) -> tuple[gpd.GeoDataFrame, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    network = found.network
    edge, low, high = beyond(found, limit)
    told = high - low >= _LEAST_FT
    edge, low, high = edge[told], low[told], high[told]
    lines = stretches(network.line[edge], low, high)
    # Gaps that go through a node are one.
    begins = np.where(low <= 0, network.start[edge], -1)
    ends = np.where(high >= network.length_ft[edge], network.end[edge], -1)
    at, node = np.tile(np.arange(len(edge)), 2), np.concatenate([begins, ends])
    at, node = at[node >= 0], node[node >= 0]
    order = np.argsort(node, kind="stable")
    at, node = at[order], node[order]
    same = np.flatnonzero(node[1:] == node[:-1])
    group = topology.connected(len(edge), at[same], at[same + 1])
    far = farthest(found, edge, low, high)
    peak = np.lexsort((edge, -far, group))
    first = peak[np.r_[True, group[peak][1:] != group[peak][:-1]][: len(peak)]]
    near = found.entry_facility[0, edge[first]].max(axis=1)
    sides = pd.Series(network.side[edge]).map({0: "both", 1: "left", -1: "right"})
    by_group = pd.DataFrame(
        {
            "group": group,
            "length_ft": high - low,
            "street": network.street_id[edge].astype(str),
            "side": sides,
            "dead": is_dead[edge],
            "limit": limit[edge],
        }
    ).groupby("group", sort=True)
    joined = [shapely.line_merge(shapely.multilinestrings(list(lines[rows]))) for rows in by_group.indices.values()]
    table = gpd.GeoDataFrame(
        {
            "length_ft": by_group["length_ft"].sum().round(2).to_numpy(),
            "farthest_ft": np.where(np.isfinite(far[first]), far[first].round(2), np.nan),
            "limit_ft": by_group["limit"].min().to_numpy(),
            "side": by_group["side"].agg(lambda values: ", ".join(sorted(set(values)))).to_numpy(dtype=object),
            "dead_end": by_group["dead"].any().to_numpy(dtype=bool),
            "hydrant_id": np.where(near >= 0, placed.ids[np.maximum(near, 0)], None),
            "street_ids": by_group["street"].agg(lambda values: ", ".join(sorted(set(values)))).to_numpy(dtype=object),
        },
        geometry=np.array(joined, dtype=object),
        crs=network.crs,
    )
    south = shapely.bounds(np.asarray(table.geometry.values)).reshape(-1, 4)
    table = table.iloc[np.lexsort((south[:, 0], south[:, 1], table["street_ids"], -table["length_ft"]))].reset_index(drop=True)
    table.insert(0, "gap", np.arange(1, len(table) + 1))
    return table, (edge, low, high)


def _spacing(found: Reach, placed: Facilities, most: np.ndarray) -> pd.DataFrame:
    """Hydrants that follow each other along the route: the nearest one changes from the one to the other along an edge."""
    network = found.network
    one, other = found.entry_facility[0].T
    ahead, back = found.entry[0].T
    rows = np.flatnonzero((one >= 0) & (other >= 0) & (one != other))
    pairs = pd.DataFrame(
        {
            "one": np.minimum(one[rows], other[rows]),
            "other": np.maximum(one[rows], other[rows]),
            "distance_ft": ahead[rows] + network.length_ft[rows] + back[rows],
            "limit_ft": most[rows],
            "street_id": network.street_id[rows],
        }
    )
    pairs = pairs.sort_values(["one", "other", "distance_ft", "street_id"]).drop_duplicates(["one", "other"])
    return pd.DataFrame(
        {
            "hydrant_id": placed.ids[pairs["one"]],
            "next_hydrant_id": placed.ids[pairs["other"]],
            "distance_ft": pairs["distance_ft"].round(2).to_numpy(),
            "limit_ft": pairs["limit_ft"].to_numpy(),
            "is_over": (pairs["distance_ft"] > pairs["limit_ft"] + 0.005).to_numpy(),
            "street_id": pairs["street_id"].to_numpy(),
        }
    )


def _hydrants(hydrants: gpd.GeoDataFrame, placed: Facilities, pairs: pd.DataFrame, flow: float | None) -> pd.DataFrame:
    both = pd.concat(
        [
            pairs[["hydrant_id", "distance_ft"]],
            pairs[["next_hydrant_id", "distance_ft"]].set_axis(["hydrant_id", "distance_ft"], axis=1),
        ]
    )
    told = both.groupby("hydrant_id")["distance_ft"].agg(["size", "mean", "max"]).reindex(placed.ids)
    return pd.DataFrame(
        {
            "hydrant_id": placed.ids,
            "flow_gpm": numbers_in(hydrants, "flow_gpm")[placed.row],
            "neighbours": told["size"].fillna(0).astype(int).to_numpy(),
            "mean_spacing_ft": told["mean"].round(2).to_numpy(),
            "widest_spacing_ft": told["max"].to_numpy(),
        }
    )


def _open_questions(pack: RulePack, row: int, flow, tables, parcels, hydrants) -> list[tuple[str, str, str]]:
    rows = [
        (
            "Whether Appendix C is the City's law",
            "It binds only where it was adopted, and its figures are given from memory here.",
            "Ask the fire marshal; lay the adopted figures over these in rules/fire.toml of the City's folder.",
        )
    ]
    if flow is None:
        rows.append(
            (
                "Which fire flow holds for which building",
                f"None was given: the row up to {pack['c102_flow_gpm'][0]:,} gpm was taken for all.",
                "Ask again with fire_flow_gpm for the buildings that need more.",
            )
        )
    if pack["c102_hydrants"][row] > 1:
        rows.append(
            (
                f"Whether {pack['c102_hydrants'][row]} hydrants serve each building",
                "Only the nearest is looked for.",
                "See tables hydrants and spacing around the buildings concerned.",
            )
        )
    silent = int(tables["each_hydrant"]["flow_gpm"].isna().sum())
    if silent:
        rows.append((f"What {silent:,} hydrants give", "Their flow_gpm is not stated.", "Have them tested, and load the figures."))
    if parcels is None:
        rows.append(("Which parcels are beyond reach", "No parcels were given.", "Load parcel, or give parcels."))
    return rows


def _checks(found: Reach, gaps: gpd.GeoDataFrame, pieces, limit: np.ndarray) -> tuple[SecondWay, ...]:
    """The length of the gaps by places a foot apart, each held against its own distance, and the proof of the distances."""
    network = found.network
    most = max(1.0, float(network.length_ft.sum()) / _PLACES)
    count = np.maximum(1, np.ceil(network.length_ft / most)).astype(int)
    edge = np.repeat(np.arange(len(count)), count)
    step = (network.length_ft / count)[edge]
    at = (np.arange(len(edge)) - np.repeat(np.r_[0, np.cumsum(count)[:-1]], count) + 0.5) * step
    away = np.minimum(found.entry[0, edge, 0] + at, found.entry[0, edge, 1] + network.length_ft[edge] - at)
    again = float(step[away > limit[edge]].sum())
    # An end of a gap within an edge falls between two places: half a step, at most, is lost or won there.
    ends = int((pieces[1] > 0).sum() + (pieces[2] < network.length_ft[pieces[0]]).sum())
    proven, reached = proof(found)
    return (
        second_way(
            "length of the gaps",
            round(float(gaps["length_ft"].sum()), 2),
            f"places every {most:.3g} ft along every street, each by its own distance",
            round(again, 2),
            tolerance=most * ends / 2 + 0.01 * (len(gaps) + 1),
            unit="ft",
        ),
        second_way("junctions and hydrants with their least distance", reached, "Ford's conditions, edge by edge", proven),
    )


QUESTIONS = (
    Question(
        name="hydrants",
        department="Fire",
        summary="Where streets, parcels and buildings are too far from a hydrant along the route, and how far apart hydrants are.",
        answer=hydrant_coverage,
        layers=("hydrant", "street_centerline"),
        optional={"parcels": "parcel", "building_footprint": "building_footprint"},
        parameters=(
            Parameter("fire_flow_gpm", "number", "Fire flow in gallons per minute, which picks the row of Table C102.1."),
            Parameter("spacing_ft", "number", "Most between two hydrants along the route, in place of the table's."),
            Parameter("reach_ft", "number", "Most from a frontage to a hydrant, in place of the table's."),
            Parameter("dead_end_spacing_ft", "number", "Taken off the spacing on a dead end."),
            Parameter("dead_end_reach_ft", "number", "Taken off the reach on a dead end."),
            Parameter("divided", "text", "RoadClass of streets that hose is not laid across; several times.", many=True),
            Parameter("without", "text", "RoadClass that is no fire apparatus road; several times.", many=True),
            Parameter("noding", "text", "Where streets meet without a shared end: refuse, bridges or split."),
            Parameter("snap_ft", "number", "What is farther from every street is off the network."),
        ),
    ),
)
