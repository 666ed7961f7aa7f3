"""
How soon an engine is there: response areas of stations along the streets, by minutes and by road miles, and whose each street is.
"""

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.answer import Answer, MapPlan, Method, SecondWay, excluded, second_way, unanswered
from citygis.analysis.first_due import FEET_PER_MILE, street_pieces
from citygis.analysis.layers import in_force, require_layers, sources_of, without_ground
from citygis.analysis.network import Network, feature_ids, numbers_in, street_network
from citygis.analysis.positions import Facilities, Places, facilities, snap
from citygis.analysis.questions import Parameter, Question
from citygis.analysis.reach import Reach, Turns, costs_at, lengths, proof, reach, within
from citygis.analysis.rulepack import RulePack, rule_pack
from citygis.analysis.stretches import stretches
from citygis.city import City
from citygis.errors import AnalysisError

_FEET_PER_MINUTE = FEET_PER_MILE / 60.0  # at one mile per hour
_HAIR_FT = 0.02


def response_areas(
    stations: gpd.GeoDataFrame,
    street_centerline: gpd.GeoDataFrame,
    *,
    parcels: gpd.GeoDataFrame | None = None,
    population: str = "population",
    minutes: float | None = None,
    road_miles: float | None = None,
    speed_mph: float | None = None,
    kind: str = "FIRE",
    left_turn_s: float = 0.0,
    right_turn_s: float = 0.0,
    u_turn_s: float = 0.0,
    without: Sequence[str] = (),
    noding: str = "refuse",
    snap_ft: float | None = None,
    city: City | None = None,
) -> Answer:
    """
    What stations reach in time, and which of them is first due where.

    Parameters
    ----------
    stations : GeoDataFrame, points
        ``station_id``, and as far as there ``kind, name``. In feet.
    street_centerline : GeoDataFrame, lines
        See `citygis.analysis.network.street_network`. Engines keep to one-way streets, and drive at ``SpeedLimit``.
    parcels : GeoDataFrame, optional
        ``apn``, and the column `population` where the share of people is asked for.
    population : str
        Column of `parcels` with people, or dwellings.
    minutes, road_miles : float, optional
        The law's when not given.
    speed_mph : float, optional
        Of streets that do not say theirs; without it they have the lowest speed that any street says.
    kind : str
        Stations of this kind count, where the layer has the column.
    left_turn_s, right_turn_s, u_turn_s : float
        Seconds that turns cost.
    without : sequence of str
        Values of ``RoadClass`` that are no part of the network.
    noding : str
        ``refuse``, ``bridges`` or ``split``, where streets meet without a shared end.
    snap_ft : float, optional
        What stands farther from every street is off the network.
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per station that is on the network: ``station_id, name, first_due_miles`` (of streets, each once),
        ``within_minutes_miles, within_road_miles_miles`` of them, and with parcels ``parcels`` (first due),
        ``parcels_within_minutes, parcels_within_road_miles``, and people likewise. ``geometry``: the streets of each. ``tables``:
        ``parcels``, one row each with its station, minutes, road miles and the minutes of the ISO curve; ``streets``, one
        row per piece.

    Raises
    ------
    AnalysisError
        If the streets are not noded, or no station is on the network.
    CRSError
        If a layer is not in feet of one system.
    """
    layers = {"station": stations, "street_centerline": street_centerline, "parcel": parcels}
    require_layers(layers, {"parcel": ["apn"]})
    pack = rule_pack("fire", city)
    limit_min = float(pack["minutes"] if minutes is None else minutes)
    limit_miles = float(pack["road_miles"] if road_miles is None else road_miles)
    for name, value in (("minutes", limit_min), ("road_miles", limit_miles)):
        if not value > 0:
            raise AnalysisError(f"{name} is {value:g}. Give one above zero.")
    if min(left_turn_s, right_turn_s, u_turn_s) < 0:
        raise AnalysisError("A turn cannot take less than no time. Give seconds of zero or more.")
    max_ft = float(pack["snap_ft"] if snap_ft is None else snap_ft)
    streets = street_network(street_centerline, noding=noding, without=without)
    streets, open_ = _with_speeds(streets, speed_mph)
    of_kind = (
        stations["kind"].astype("str").eq(kind).to_numpy() if "kind" in stations.columns else np.ones(len(stations), dtype=bool)
    )
    if not of_kind.any():
        raise AnalysisError(f"No station is of kind {kind!r}. There are: {', '.join(sorted(set(stations['kind'].astype('str'))))}.")
    others = [("station", str(name), f"not of kind {kind}") for name in feature_ids(stations, "station_id")[~of_kind]]
    placed = facilities(streets, stations[of_kind], "station", id_columns=("station_id",), max_ft=max_ft)
    twice = sorted({str(each) for each in placed.ids[1:][placed.ids[1:] == placed.ids[:-1]]})
    if twice:
        raise AnalysisError(f"Stations share the id {', '.join(twice)}, so nobody can tell which is first due. Give each its own.")
    network = placed.at.network
    ways = np.stack([network.forth, network.back], axis=1)
    cost_min = np.where(ways, (network.length_ft / (network.speed_mph * _FEET_PER_MINUTE))[:, None], np.inf)
    has_turns = max(left_turn_s, right_turn_s, u_turn_s) > 0
    turns = Turns(left_turn_s / 60, right_turn_s / 60, u_turn_s / 60) if has_turns else None
    is_timed = bool(np.isfinite(network.speed_mph).all())
    by_ft = reach(network, placed.at.node, lengths(network, is_directed=True))
    by_min = reach(network, placed.at.node, cost_min, turns=turns) if is_timed else None
    found = by_min if is_timed else by_ft
    pieces = street_pieces(found, by_ft, placed, limit_min if is_timed else None, limit_miles)
    table = _table(placed, stations[of_kind], pieces, is_timed)
    left_out = [*streets.excluded, *others, *placed.excluded]
    tables = {"streets": pd.DataFrame(pieces.drop(columns="geometry"))}
    checks = [*_proofs(by_min, by_ft)]
    if parcels is None:
        open_.append(("Which parcels and people are covered", "No parcels were given.", "Load parcel, or give parcels."))
    else:
        rows, places, gone = _parcels(parcels, network, placed, by_min, by_ft, pack, population, max_ft, limit_min, limit_miles)
        tables["parcels"] = rows
        table = table.merge(_of_parcels(rows, is_timed), on="station_id", how="left")
        counts = [name for name in table.columns if name.startswith("parcels")]
        table[counts] = table[counts].fillna(0).astype(int)
        left_out += gone
        checks += _again(rows, places, network, by_min, by_ft, limit_min, limit_miles)
        if "people" not in rows:
            open_.append(
                (
                    "How many people are covered",
                    f"Parcels have no column {population!r}.",
                    "Join the people or dwellings of each parcel first, and name the column: population.",
                )
            )
    told = _remarks(tables.get("parcels"), pack, limit_min, limit_miles, is_timed)
    geometry = _ground(table, pieces)
    return Answer(
        question="response",
        title=f"First-due areas of {len(placed.ids):,} stations",
        table=table,
        geometry=geometry,
        excluded=excluded(left_out),
        method=Method(
            steps=_steps(streets, limit_min, limit_miles, has_turns, max_ft, is_timed),
            citations=(
                *pack.cited("minutes", "road_miles", minutes=limit_min, road_miles=limit_miles),
                *pack.cited("share_percent", "iso_fixed_min", "iso_min_per_mile", "snap_ft", snap_ft=max_ft),
            ),
            parameters={
                "minutes": limit_min,
                "road_miles": limit_miles,
                "speed_mph": speed_mph,
                "kind": kind,
                "left_turn_s": left_turn_s,
                "right_turn_s": right_turn_s,
                "u_turn_s": u_turn_s,
                "without": ", ".join(without),
                "noding": noding,
                "snap_ft": max_ft,
            },
            sources=sources_of(layers),
            remarks=told,
        ),
        check=tuple(checks),
        unanswered=unanswered([*pack.overdue(), *streets.told, *open_]),
        tables=tables,
        layers=_layers(pieces, stations[of_kind], placed, is_timed),
        map=_map_plan(limit_min, limit_miles, is_timed),
    )


def iso_minutes(miles: float | np.ndarray, pack: RulePack) -> float | np.ndarray:
    """
    Travel time by the ISO curve, T = 0.65 + 1.7 D, for D in road miles: 3.2 minutes for 1.5 miles, 4.9 for 2.5.

    The two figures are those of `pack`, rules ``iso_fixed_min`` and ``iso_min_per_mile``.
    """
    return float(pack["iso_fixed_min"]) + float(pack["iso_min_per_mile"]) * miles


def _with_speeds(streets: Network, speed_mph: float | None) -> tuple[Network, list[tuple[str, str, str]]]:
    if speed_mph is not None and not speed_mph > 0:
        raise AnalysisError(f"A speed of {speed_mph:g} mph gets nowhere. Give one above zero.")
    silent = ~np.isfinite(streets.speed_mph)
    if not silent.any():
        return streets, []
    if speed_mph is None and silent.all():
        return streets, [
            (
                "Which places are reached in time",
                "No street says its speed (SpeedLimit), and none was given.",
                "Give speed_mph, or load the speeds. Road miles and the minutes of the ISO curve are told as they are.",
            )
        ]
    fill = float(np.nanmin(streets.speed_mph)) if speed_mph is None else float(speed_mph)
    told = (
        f"How fast engines go on {len(set(streets.street_id[silent])):,} streets that do not say their speed",
        f"{fill:g} mph was taken" + (", the lowest that any street says." if speed_mph is None else ", as asked."),
        "Load their SpeedLimit.",
    )
    return streets._replace(speed_mph=np.where(silent, fill, streets.speed_mph)), [told]


def _table(placed: Facilities, stations: gpd.GeoDataFrame, pieces: gpd.GeoDataFrame, is_timed: bool) -> pd.DataFrame:
    table = pd.DataFrame({"station_id": placed.ids})
    if "name" in stations.columns:
        table["name"] = stations["name"].iloc[placed.row].to_numpy(dtype=object)
    wanted = {"first_due_miles": np.ones(len(pieces), dtype=bool)}
    if is_timed:
        wanted["within_minutes_miles"] = pieces["is_within_minutes"].to_numpy()
    wanted["within_road_miles_miles"] = pieces["is_within_miles"].to_numpy()
    for name, rows in wanted.items():
        total = pieces[rows].groupby("station_id")["length_ft"].sum() / FEET_PER_MILE
        table[name] = total.reindex(table["station_id"]).fillna(0.0).round(3).to_numpy()
    return table


def _parcels(parcels, network: Network, placed: Facilities, by_min, by_ft, pack, population, max_ft, limit_min, limit_miles):
    ids, layer = feature_ids(parcels, "apn"), parcels.reset_index(drop=True)
    bare, live = without_ground(layer).to_numpy(), layer.index.isin(in_force(layer).index)
    shapes = np.where(bare | ~live, None, np.asarray(layer.geometry.values, dtype=object))
    places = snap(network, shapes, max_ft=max_ft)
    on = np.flatnonzero(places.is_on)
    on = on[np.argsort(ids[on].astype(str), kind="stable")]
    places_on = Places(places.edge[on], places.along_ft[on], places.away_ft[on])
    miles = costs_at(by_ft, places_on)[0][0] / FEET_PER_MILE
    cost, whose = costs_at(by_min if by_min is not None else by_ft, places_on)
    rows = pd.DataFrame({"apn": ids[on], "station_id": np.where(whose[0] >= 0, placed.ids[np.maximum(whose[0], 0)], None)})
    if by_min is not None:
        rows["minutes"] = np.where(np.isfinite(cost[0]), cost[0].round(4), np.nan)
        rows["is_within_minutes"] = cost[0] <= limit_min
    rows["road_miles"] = np.where(np.isfinite(miles), miles.round(5), np.nan)
    rows["is_within_miles"] = miles <= limit_miles
    rows["iso_minutes"] = iso_minutes(rows["road_miles"].to_numpy(), pack).round(3)
    rows["street_id"] = network.street_id[places_on.edge]
    if population in parcels.columns:
        rows["people"] = np.nan_to_num(numbers_in(parcels, population))[on]
    off = f"off the network: farther than {max_ft:g} ft from every street"
    reason = np.select([~live, bare, ~places.is_on], ["not in force", "no geometry", off], "").astype(object)
    return rows, places_on, [("parcel", str(ids[k]), str(reason[k])) for k in np.flatnonzero(reason != "")]


def _of_parcels(rows: pd.DataFrame, is_timed: bool) -> pd.DataFrame:
    """Parcels, and people where they are known, by the station that is first due."""
    limits = {"": None, "_within_road_miles": "is_within_miles", **({"_within_minutes": "is_within_minutes"} if is_timed else {})}
    out = {}
    for end, column in limits.items():
        some = (rows if column is None else rows[rows[column]]).groupby("station_id")
        out[f"parcels{end}"] = some.size()
        if "people" in rows:
            out[f"people{end}"] = some["people"].sum().round(2)
    return pd.DataFrame(out).rename_axis("station_id").reset_index()


def _proofs(by_min: Reach | None, by_ft: Reach) -> list[SecondWay]:
    checks = []
    for each, what in ((by_ft, "road miles"), (by_min, "minutes")):
        if each is not None:
            proven, reached = proof(each)
            checks.append(second_way(f"places with their least {what}", reached, "Ford's conditions, edge by edge", proven))
    return checks


def _again(rows: pd.DataFrame, places: Places, network: Network, by_min, by_ft, limit_min: float, limit_miles: float):
    """Parcels within a limit by the drawn streets: whether the place abreast of them lies on a stretch that was cut out."""
    foot = shapely.line_interpolate_point(network.line[places.edge], places.along_ft)
    for each, limit, column, what in (
        (by_ft, limit_miles * FEET_PER_MILE, "is_within_miles", f"{limit_miles:g} road miles"),
        (by_min, limit_min, "is_within_minutes", f"{limit_min:g} minutes"),
    ):
        if each is None:
            continue
        edge, low, high = within(each, limit)
        lines = stretches(network.line[edge], low, high)
        at, by = shapely.STRtree(lines).query(foot, predicate="dwithin", distance=_HAIR_FT)
        covered = np.unique(at[edge[by] == places.edge[at]])
        # A parcel at the limit to a hair may fall either way.
        slack = np.nanmin(np.where(np.isfinite(each.cost), each.cost, np.nan) / network.length_ft[:, None]) * 2 * _HAIR_FT
        cost = costs_at(each, places)[0][0]
        yield second_way(
            f"parcels within {what}",
            int(rows[column].sum()),
            "the place abreast of each, looked for on the stretches drawn on the map",
            len(covered),
            tolerance=int((np.abs(cost - limit) <= slack).sum()),
        )


def _ground(table: pd.DataFrame, pieces: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    by_station = {name: shapely.multilinestrings(list(rows.geometry.values)) for name, rows in pieces.groupby("station_id")}
    shapes = np.array([by_station.get(name, shapely.MultiLineString()) for name in table["station_id"]], dtype=object)
    return gpd.GeoDataFrame(table, geometry=shapes, crs=pieces.crs)


def _remarks(rows: pd.DataFrame | None, pack: RulePack, limit_min: float, limit_miles: float, is_timed: bool) -> tuple[str, ...]:
    told = [
        f"By the ISO curve {limit_miles:g} road miles take {iso_minutes(limit_miles, pack):.2f} minutes.",
        "Travel time alone: the call, its handling and turning out are not in it, nor traffic, signals and hills.",
    ]
    if rows is None or not len(rows):
        return tuple(told)
    shares = [("is_within_miles", f"{limit_miles:g} road miles")]
    if is_timed:
        shares.append(("is_within_minutes", f"{limit_min:g} minutes"))
    for column, what in shares:
        told.append(f"{rows[column].sum():,} of {len(rows):,} parcels ({100 * rows[column].mean():.1f} %) are within {what}.")
        if "people" in rows and rows["people"].sum() > 0:
            told.append(
                f"{rows.loc[rows[column], 'people'].sum():,.0f} of {rows['people'].sum():,.0f} people "
                f"({100 * rows.loc[rows[column], 'people'].sum() / rows['people'].sum():.1f} %) are within {what}."
            )
    if is_timed:
        apart = (rows["minutes"] - rows["iso_minutes"]).abs().median()
        told.append(f"Minutes at posted speeds and those of the ISO curve are {apart:.2f} apart at the middle parcel.")
        told.append(
            f"The standard asks for {pack['share_percent']:g} % of incidents; here it is parcels, not incidents, that are counted."
        )
    return tuple(told)


def _steps(
    streets: Network, limit_min: float, limit_miles: float, has_turns: bool, max_ft: float, is_timed: bool
) -> tuple[str, ...]:
    steps = [
        f"Streets were joined where they share an end: {len(streets.line):,} edges. Streets that only cross are not joined.",
        f"Each station was put on the nearest street, abreast of it and within {max_ft:g} ft, and the street was split there.",
        "One-way streets are kept to.",
    ]
    if is_timed:
        steps.append(
            "The time along a street is its length at its posted speed" + (", and turns take what was said." if has_turns else ".")
        )
        steps.append("The station with the least time is first due; a street is parted where two take as long.")
    else:
        steps.append("The station with the fewest road miles is first due; a street is parted where two are as far.")
    steps.append("A parcel is reached at the place on its nearest street abreast of its middle.")
    within_said = f"{limit_min:g} minutes and {limit_miles:g} road miles" if is_timed else f"{limit_miles:g} road miles"
    steps.append(f"Streets within {within_said} are cut where the limit ends, to the foot.")
    return tuple(steps)


def _layers(
    pieces: gpd.GeoDataFrame, stations: gpd.GeoDataFrame, placed: Facilities, is_timed: bool
) -> dict[str, gpd.GeoDataFrame]:
    used = gpd.GeoDataFrame({"station_id": placed.ids}, geometry=stations.geometry.values[placed.row], crs=stations.crs)
    layers = {
        "beyond": pieces[~pieces["is_within_miles"]].reset_index(drop=True),
        "within_miles": pieces[pieces["is_within_miles"]].reset_index(drop=True),
    }
    if is_timed:
        layers["within_minutes"] = pieces[pieces["is_within_minutes"]].reset_index(drop=True)
    return {**layers, "station_used": used}


def _map_plan(limit_min: float, limit_miles: float, is_timed: bool) -> MapPlan:
    styles = {
        "beyond": {
            "title": "Beyond",
            "legend": f"Beyond {limit_miles:g} road miles",
            "line": {"color": "#b3261e", "width_pt": 1.6},
        },
        "within_miles": {
            "title": "Within road miles",
            "legend": f"Within {limit_miles:g} road miles",
            "line": {"color": "#e0a030", "width_pt": 1.6},
        },
    }
    if is_timed:
        styles["within_minutes"] = {
            "title": "Within minutes",
            "legend": f"Within {limit_min:g} minutes",
            "line": {"color": "#2f7d4f", "width_pt": 0.8},
        }
    styles["station_used"] = {
        "title": "Stations",
        "legend": "Station",
        "marker": {"shape": "diamond", "size_pt": 9.0, "fill": "#b3261e"},
    }
    return MapPlan("Response areas", "Streets by the time and the way of the first-due station", styles, base=("right_of_way",))


QUESTIONS = (
    Question(
        name="response",
        department="Fire",
        summary="Which streets, parcels and people an engine reaches in minutes and road miles, and which station is first due.",
        answer=response_areas,
        layers=("station", "street_centerline"),
        optional={"parcels": "parcel"},
        parameters=(
            Parameter("population", "text", "Column of the parcels with people or dwellings."),
            Parameter("minutes", "number", "Travel time; the standard's when not given."),
            Parameter("road_miles", "number", "Distance along streets; ISO's when not given."),
            Parameter("speed_mph", "number", "Of streets that do not say theirs."),
            Parameter("kind", "text", "Kind of station; FIRE when not given."),
            Parameter("left_turn_s", "number", "Seconds a left turn costs."),
            Parameter("right_turn_s", "number", "Seconds a right turn costs."),
            Parameter("u_turn_s", "number", "Seconds a turn back costs."),
            Parameter("without", "text", "RoadClass that is no part of the network; several times.", many=True),
            Parameter("noding", "text", "Where streets meet without a shared end: refuse, bridges or split."),
            Parameter("snap_ft", "number", "What is farther from every street is off the network."),
        ),
    ),
)
