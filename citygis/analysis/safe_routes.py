"""
Safe routes to school: the least-stress way of each home, the streets that many children share, and sidewalks that are missing.
"""

from collections.abc import Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.analysis.answer import Answer, MapPlan, Method, excluded, second_way, unanswered
from citygis.analysis.layers import in_force, require_layers, sources_of, without_ground
from citygis.analysis.network import Network, feature_ids, numbers_in, street_network, texts_in
from citygis.analysis.positions import Places, facilities, snap
from citygis.analysis.questions import Parameter, Question
from citygis.analysis.reach import Reach, lengths, proof, reach
from citygis.analysis.rulepack import rule_pack
from citygis.analysis.stress import sidewalks_of, stress_of
from citygis.city import City
from citygis.errors import AnalysisError

_FEET_PER_MILE = 5280.0
_CHUNK = 200
_CITED = (
    "school_miles",
    "detour",
    "snap_ft",
    "stress_speed_mph",
    "stress_factor",
    "stress_factor_faster",
    "no_sidewalk_factor",
    "sidewalk_ft",
)


def school_routes(
    street_centerline: gpd.GeoDataFrame,
    schools: gpd.GeoDataFrame,
    *,
    homes: gpd.GeoDataFrame | None = None,
    parcels: gpd.GeoDataFrame | None = None,
    sidewalks: gpd.GeoDataFrame | None = None,
    sidewalk: str = "sidewalk",
    students: str = "students",
    miles: float | None = None,
    detour: float | None = None,
    without: Sequence[str] = (),
    noding: str = "refuse",
    snap_ft: float | None = None,
    city: City | None = None,
) -> Answer:
    """
    Suggested routes to school, and streets where a sidewalk is missing.

    Parameters
    ----------
    street_centerline : GeoDataFrame, lines
        ``SpeedLimit`` and the column `sidewalk` as far as there. In feet.
    schools : GeoDataFrame, points or polygons
        ``school_id`` as far as there.
    homes : GeoDataFrame, optional
        Points or polygons; the parcels when not given. Column `students` as far as there, else each counts one; ``school_id``, the
        school they go to, else the nearest along the streets.
    parcels : GeoDataFrame, optional
        ``apn``.
    sidewalks : GeoDataFrame, optional
        Lines, where the streets do not say whether they have one.
    sidewalk : str
        Column of the streets: BOTH, LEFT, RIGHT or yes; NONE or no.
    students : str
        Column of `homes`.
    miles : float, optional
        Homes farther along the streets are not looked at. The City's when not given.
    detour : float, optional
        How many times longer the way round a street without a sidewalk may be. The City's when not given.
    without : sequence of str
        Values of ``RoadClass`` that nobody walks along.
    noding : str
        ``refuse``, ``bridges`` or ``split``, where streets meet without a shared end.
    snap_ft : float, optional
        What stands farther from every street is off the network.
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per edge and school that a suggested route goes along from end to end: ``street_id, school_id, students,
        length_ft, stress`` (what a foot counts as), ``has_sidewalk`` (null where unknown). ``tables``: ``homes``, one
        row each with its route; ``missing_links``, streets without a sidewalk that shortest routes go along and that cannot be
        gone round.

    Raises
    ------
    AnalysisError
        If there are neither homes nor parcels, streets are not noded, or no school is on the network.
    CRSError
        If a layer is not in feet of one system.
    """
    layers = {"street_centerline": street_centerline, "schools": schools, "homes": homes, "sidewalks": sidewalks}
    if homes is None:
        layers["parcel"] = parcels
    require_layers(layers)
    if homes is None and parcels is None:
        raise AnalysisError("There is nobody to go to school: give homes, or parcels.")
    pack = rule_pack("walking", city)
    far_ft = float(pack["school_miles"] if miles is None else miles) * _FEET_PER_MILE
    most = float(pack["detour"] if detour is None else detour)
    max_ft = float(pack["snap_ft"] if snap_ft is None else snap_ft)
    if not (far_ft > 0 and most >= 1):
        raise AnalysisError(
            f"miles is {far_ft / _FEET_PER_MILE:g} and detour {most:g}. Give miles above zero and a detour of 1 or more."
        )
    base = street_network(street_centerline, noding=noding, without=without)
    placed = facilities(base, schools, "school", id_columns=("school_id", "POLYID"), max_ft=max_ft)
    network = placed.at.network
    walked = sidewalks_of(network, street_centerline, sidewalks, sidewalk, pack)
    stress, open_ = stress_of(network, walked, pack)
    by_ft = reach(network, placed.at.node, lengths(network), is_each=True)
    ease = (network.length_ft * stress)[:, None].repeat(2, axis=1)
    by_stress = reach(network, placed.at.node, ease, is_each=True)

    name = "home" if homes is not None else "parcel"
    layer = homes if homes is not None else parcels
    ids = feature_ids(layer, "home_id", "apn")
    layer = layer.reset_index(drop=True)
    bare, live = without_ground(layer).to_numpy(), layer.index.isin(in_force(layer).index)
    shapes = np.where(bare | ~live, None, np.asarray(layer.geometry.values, dtype=object))
    places = snap(network, shapes, max_ft=max_ft)
    count = np.nan_to_num(numbers_in(layer, students)) if students in layer.columns else np.ones(len(layer))
    on = np.flatnonzero(places.is_on)
    on = on[np.argsort(ids[on].astype(str), kind="stable")]
    at = Places(places.edge[on], places.along_ft[on], places.away_ft[on])
    shortest, by_end = _ways(by_ft, at)
    own = texts_in(layer, "school_id")[on]
    known = {school: k for k, school in reversed(list(enumerate(placed.ids)))}
    unknown = np.array([bool(each) and each not in known for each in own], dtype=bool)
    school = np.array([known.get(each, -1) for each in own], dtype=int)
    nearest = np.argmin(shortest, axis=0) if len(on) else np.zeros(0, dtype=int)
    school = np.where((school < 0) & ~unknown, nearest, school)
    rows = np.arange(len(on))
    shortest_ft = np.where(unknown, np.inf, shortest[school, rows])
    keep = shortest_ft <= far_ft
    reason = np.full(len(layer), "", dtype=object)
    reason[~places.is_on] = f"off the network: farther than {max_ft:g} ft from every street"
    reason[bare], reason[~live] = "no geometry", "not in force"
    reason[on[~keep]] = f"farther than {far_ft / _FEET_PER_MILE:g} miles from the school along the streets"
    reason[on[~keep & ~np.isfinite(shortest_ft)]] = "no way to the school along the streets"
    reason[on[unknown]] = "of a school that is not on the network"
    on, school, shortest_ft = on[keep], school[keep], shortest_ft[keep]
    at = Places(at.edge[keep], at.along_ft[keep], at.away_ft[keep])
    cost, ends = _ways(by_stress, at)
    rows = np.arange(len(on))
    cost, is_end = cost[school, rows], ends[school, rows]
    routes = _Routes(by_stress, network)
    going, route_ft = routes.carried(at, school, is_end, count[on])
    short_going, _ = _Routes(by_ft, network).carried(at, school, by_end[:, keep][school, rows], count[on])
    lines = _lines(network, placed.ids, going, stress, walked)
    missing, gone_round = _missing(network, short_going.sum(axis=0), walked, most)
    if not np.isfinite(walked).all():
        silent = len(set(network.street_id[~np.isfinite(walked)]))
        open_.append(
            (
                f"Whether {silent:,} streets have a sidewalk",
                f"No column {sidewalk!r} says so, and no sidewalks were given.",
                "Load the sidewalks, or say it of each street. They count as streets without one, but are no missing links.",
            )
        )
    table_homes = pd.DataFrame(
        {
            "home": ids[on],
            "school_id": placed.ids[school],
            "students": count[on],
            "route_ft": route_ft.round(2),
            "shortest_ft": shortest_ft.round(2),
            "stress_ft": cost.round(2),
            "street_id": network.street_id[at.edge],
        }
    )
    part = np.where(is_end, network.length_ft[at.edge] - at.along_ft, at.along_ft) * stress[at.edge]
    by_street = float((going * (network.length_ft * stress)).sum() + (count[on] * part).sum())
    by_home = float((count[on] * cost).sum())
    proven, reached = proof(by_stress)
    return Answer(
        question="school_routes",
        title=f"Routes to {len(placed.ids):,} schools",
        table=pd.DataFrame(lines.drop(columns="geometry")),
        geometry=lines,
        excluded=excluded(
            [
                *base.excluded,
                *placed.excluded,
                *((name, str(ids[k]), str(reason[k])) for k in np.flatnonzero(reason != "")),
            ]
        ),
        method=Method(
            steps=(
                f"Streets were joined where they share an end: {len(base.line):,} edges, walked both ways.",
                "A foot of street counts as more feet beside faster traffic, and without a sidewalk; the factors are the City's.",
                "A home goes to the school it names, or to the nearest along the streets.",
                "Its route is the one with the least of such feet; it is suggested for as many students as live there.",
                "A street without a sidewalk is a missing link where shortest routes go along it, and the way from its one end to "
                f"the other on sidewalks is more than {most:g} times as long, or there is none.",
            ),
            citations=pack.cited(*_CITED, school_miles=far_ft / _FEET_PER_MILE, detour=most, snap_ft=max_ft),
            parameters={
                "miles": far_ft / _FEET_PER_MILE,
                "detour": most,
                "sidewalk": sidewalk,
                "students": students,
                "without": ", ".join(without),
                "noding": noding,
                "snap_ft": max_ft,
            },
            sources=sources_of(layers),
            remarks=(
                f"{count[on].sum():,.0f} students of {len(on):,} homes; {len(missing):,} missing links; {gone_round:,} more "
                "streets without a sidewalk on the shortest routes can be gone round.",
                "Crossings, crossing guards, signals and lighting are not in the stress: walk each route before it is printed.",
            ),
        ),
        check=(
            second_way(
                "feet by stress that all students walk",
                round(by_street, 1),
                "home by home, from the costs and not from the streets",
                round(by_home, 1),
                tolerance=0.1 + 1e-9 * by_home,
                unit="ft",
            ),
            second_way("places with their least stress", reached, "Ford's conditions, edge by edge", proven),
            second_way(
                "homes with a route shorter than the shortest",
                0,
                "lengths without stress",
                int((route_ft < shortest_ft - 0.01).sum()),
            ),
        ),
        unanswered=unanswered([*pack.overdue(), *base.told, *open_]),
        tables={"homes": table_homes, "missing_links": pd.DataFrame(missing.drop(columns="geometry"))},
        layers={
            "routes": lines,
            "missing_links": missing,
            "school": gpd.GeoDataFrame({"school_id": placed.ids}, geometry=schools.geometry.values[placed.row], crs=schools.crs),
        },
        map=MapPlan(
            "Suggested routes to school",
            "Least-stress ways of the homes",
            {
                "routes": {"title": "Routes", "legend": "Suggested route", "line": {"color": "#2f7d4f", "width_pt": 1.6}},
                "missing_links": {
                    "title": "Missing links",
                    "legend": "Sidewalk missing",
                    "line": {"color": "#b3261e", "width_pt": 2.4, "dash_pt": [5.0, 3.0]},
                },
                "school": {
                    "title": "Schools",
                    "legend": "School",
                    "marker": {"shape": "star", "size_pt": 9.0, "fill": "#1f4e9c"},
                },
            },
            base=("right_of_way", "street_centerline"),
        ),
    )


def _ways(found: Reach, places: Places) -> tuple[np.ndarray, np.ndarray]:
    """For each school and home the least cost, and whether the way leaves the home's edge at its end."""
    share = places.along_ft / found.network.length_ft[places.edge]
    start = found.entry[:, places.edge, 0] + share * found.cost[places.edge, 0]
    end = found.entry[:, places.edge, 1] + (1.0 - share) * found.cost[places.edge, 1]
    return np.minimum(start, end), end < start


class _Routes(NamedTuple):
    """Shortest-path trees of schools, to be walked along."""

    found: Reach
    network: Network

    def carried(self, places: Places, school: np.ndarray, is_end: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Students on each edge from end to end, (schools, n), and the length of each home's route in feet."""
        network, nodes = self.network, len(self.network.node)
        tail = np.concatenate([network.start, network.end])
        key = tail * nodes + np.concatenate([network.end, network.start])
        order = np.lexsort((np.concatenate([self.found.cost[:, 0], self.found.cost[:, 1]]), key))
        ranked = key[order]
        node = np.where(is_end, network.end[places.edge], network.start[places.edge])
        part = np.where(is_end, network.length_ft[places.edge] - places.along_ft, places.along_ft)
        going = np.zeros((len(self.found.state), len(network.line)))
        route_ft = np.zeros(len(node))
        for row, (least, before) in enumerate(zip(self.found.state, self.found.before, strict=True)):
            here = np.flatnonzero(school == row)
            reached = np.flatnonzero((before >= 0) & np.isfinite(least))
            edge = np.full(nodes, -1)
            edge[reached] = order[np.searchsorted(ranked, before[reached] * nodes + reached)] % len(network.line)
            outward = reached[np.lexsort((reached, least[reached]))]
            load, walked = np.zeros(nodes), np.zeros(nodes)
            np.add.at(load, node[here], count[here])
            for k in outward:
                walked[k] = walked[before[k]] + network.length_ft[edge[k]]
            for k in outward[::-1]:
                load[before[k]] += load[k]
            np.add.at(going[row], edge[outward], load[outward])
            route_ft[here] = walked[node[here]] + part[here]
        return going, route_ft


def _lines(network: Network, ids: np.ndarray, going: np.ndarray, stress: np.ndarray, walked: np.ndarray) -> gpd.GeoDataFrame:
    school, edge = np.nonzero(going > 0)
    table = gpd.GeoDataFrame(
        {
            "street_id": network.street_id[edge],
            "school_id": ids[school],
            "students": going[school, edge].round(2),
            "length_ft": network.length_ft[edge].round(2),
            "stress": stress[edge],
            "has_sidewalk": _known(walked[edge]),
        },
        geometry=network.line[edge],
        crs=network.crs,
    )
    order = np.lexsort((edge, table["street_id"].astype(str), -table["students"], table["school_id"].astype(str)))
    return table.iloc[order].reset_index(drop=True)


def _known(walked: np.ndarray) -> pd.Series:
    return pd.Series(np.where(np.isfinite(walked), walked == 1.0, None), dtype="boolean")


def _missing(network: Network, going: np.ndarray, walked: np.ndarray, most: float) -> tuple[gpd.GeoDataFrame, int]:
    """Edges without a sidewalk on shortest routes that cannot be gone round on sidewalks, and how many others can."""
    wanted = np.flatnonzero((going > 0) & (walked == 0.0))
    cost = np.where((walked == 1.0)[:, None], lengths(network), np.inf)
    way = np.full(len(wanted), np.inf)
    for low in range(0, len(wanted), _CHUNK):
        some = wanted[low : low + _CHUNK]
        found = reach(network, network.start[some], cost, limit=most * float(network.length_ft[some].max()), is_each=True)
        way[low : low + _CHUNK] = found.state[np.arange(len(some)), network.end[some]]
    is_missing = way > most * network.length_ft[wanted]
    edge = wanted[is_missing]
    table = gpd.GeoDataFrame(
        {
            "street_id": network.street_id[edge],
            "length_ft": network.length_ft[edge].round(2),
            "students": going[edge].round(2),
            "way_round_ft": np.where(np.isfinite(way[is_missing]), way[is_missing].round(2), np.nan),
        },
        geometry=network.line[edge],
        crs=network.crs,
    )
    order = np.lexsort((edge, table["street_id"].astype(str), -table["students"]))
    return table.iloc[order].reset_index(drop=True), int((~is_missing).sum())


QUESTIONS = (
    Question(
        name="school_routes",
        department="Schools and public works",
        summary="The least-stress way to school of each home, the streets they share, and the sidewalks that are missing.",
        answer=school_routes,
        layers=("street_centerline",),
        optional={"parcels": "parcel"},
        parameters=(
            Parameter("schools", "layer", "Schools, points or polygons.", required=True),
            Parameter("homes", "layer", "Homes, in place of the parcels; students and school_id as far as there."),
            Parameter("sidewalks", "layer", "Lines of sidewalks, where the streets do not say whether they have one."),
            Parameter("sidewalk", "text", "Column of the streets that says it."),
            Parameter("students", "text", "Column of the homes with students."),
            Parameter("miles", "number", "Homes farther along the streets are left out."),
            Parameter("detour", "number", "How many times longer the way round a missing sidewalk may be."),
            Parameter("without", "text", "RoadClass that nobody walks along; several times.", many=True),
            Parameter("noding", "text", "Where streets meet without a shared end: refuse, bridges or split."),
            Parameter("snap_ft", "number", "What is farther from every street is off the network."),
        ),
    ),
)
