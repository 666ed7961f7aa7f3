"""
Who gets notice of a hearing: the owners within a distance of the subject property, exactly, with the proof of the line.

The distance is from the boundary of the subject to that of each parcel, in the plane of the City's system. A drawn buffer is never
asked: its arcs are chords, and it misses parcels.
"""

import datetime
from collections.abc import Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.answer import Answer, MapPlan, Method, excluded, second_way, unanswered
from citygis.analysis.layers import require_columns, require_layers, sources_of
from citygis.analysis.mailing import Mailing, mailing
from citygis.analysis.nearness import polygon_distance_ft
from citygis.analysis.parcels import ground_of, rows_of, spelt_numbers, standing
from citygis.analysis.questions import Parameter, Question
from citygis.analysis.rulepack import RulePack, rule_pack
from citygis.city import City
from citygis.errors import AnalysisError
from citygis.topology import connected

_NEAREST_OUT = 10
_CASES = ("general", "zoning_uses")


def hearing_notice(
    parcels: gpd.GeoDataFrame,
    subject: Sequence[str],
    *,
    distance_ft: float | None = None,
    roll: pd.DataFrame | None = None,
    addresses: gpd.GeoDataFrame | None = None,
    city_limit: gpd.GeoDataFrame | None = None,
    date: datetime.date | None = None,
    mailed: datetime.date | None = None,
    case: str = "general",
    contiguous_owner: bool = False,
    occupants: bool = False,
    public: bool = False,
    ground_factor: float | None = None,
    city: City | None = None,
) -> Answer:
    """
    The owners who get notice of a hearing.

    Parameters
    ----------
    parcels : GeoDataFrame, polygons
        Columns ``apn``, and as far as there ``apn_display, status, stack_id, parcel_kind``. In feet.
    subject : sequence of str
        Parcel numbers of the property that the hearing is about.
    distance_ft : float, optional
        The law's radius when not given (rule ``radius_ft`` of pack ``notice``).
    roll : DataFrame, optional
        The assessment roll: ``apn, owner_name, mail_1 ... mail_zip``, as far as there ``confidential, roll_year``.
    addresses : GeoDataFrame, optional
        Address points, for `occupants`.
    city_limit : GeoDataFrame, optional
        To tell whether the radius leaves the ground that the parcels cover.
    date : date, optional
        Of the hearing.
    mailed : date, optional
        When the notices are mailed.
    case : str
        ``general``, or ``zoning_uses``: a planning commission's hearing on an ordinance that affects permitted uses.
    contiguous_owner : bool
        Whether land of the subject's owner that adjoins the subject counts as subject.
    occupants : bool
        Whether each address on a parcel of the list gets a piece of mail for its occupant.
    public : bool
        Whether the answer is to be shown: no names and no mailing addresses then, and no labels.
    ground_factor : float, optional
        Combined factor, grid over ground: distances are then on the ground.
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per parcel within the distance: ``apn, distance_ft, relation`` (subject, contiguous, within),
        ``parcel_kind, owners`` (on the roll), and without `public` ``owner_name`` and the mailing address. ``tables``:
        ``mail`` (one row per piece), ``nearest_out``, ``also_notify``, ``affidavit``. ``documents``: labels for 30-up sheets.

    Raises
    ------
    AnalysisError
        If a number is unknown or retired, the distance is not above zero, the roll is empty or lacks a column.
    CRSError
        If a layer is not in feet of one system.
    """
    require_layers({"parcel": parcels, "address_point": addresses, "city_limit": city_limit}, {"parcel": ["apn"]})
    _require_roll(roll)
    if case not in _CASES:
        raise ValueError(f"Invalid case {case!r}. Must be one of: {', '.join(_CASES)}.")
    pack = rule_pack("notice", city)
    radius = float(pack["radius_ft"] if distance_ft is None else distance_ft)
    if not np.isfinite(radius) or radius <= 0:
        raise AnalysisError(f"The distance is {radius:g} ft. Give one above zero.")
    factor = 1.0 if ground_factor is None else float(ground_factor)
    if not 0.99 < factor < 1.01:
        raise AnalysisError(f"A combined factor of {factor:g} is not one: near the ground it is within a few thousandths of 1.")

    layer, rows = parcels, rows_of(parcels, subject)
    open_ = unanswered(_open_questions(pack, roll))
    parcels = parcels.reset_index(drop=True)
    shapes, nowhere, boxes, tree = ground_of(layer)
    if nowhere[rows].any():
        gone = ", ".join(parcels["apn"].iloc[rows[nowhere[rows]]].astype("str"))
        raise AnalysisError(f"Subject parcel {gone} has no geometry, so no distance can be had from it. Map it first.")
    held = standing(layer)
    enlarged = _with_adjoining(parcels, shapes, rows, held, roll) if contiguous_owner else rows
    ground = shapely.union_all(shapes[enlarged])

    limit = radius * factor + float(pack["rounding_ft"]) / 2
    # A tree finds who may be near; the distance itself decides.
    near = np.sort(tree.query(ground, predicate="dwithin", distance=limit))
    beyond = np.sort(tree.query(ground, predicate="dwithin", distance=3 * limit))
    distance = np.full(len(parcels), np.nan)
    distance[beyond] = shapely.distance(shapes[beyond], ground) / factor
    inside = np.zeros(len(parcels), dtype=bool)
    inside[near] = held[near]
    inside[rows] = True

    table, at = _table(parcels, distance, inside, rows, enlarged)
    lost = np.flatnonzero(nowhere & held)
    left_out = [
        ("parcel", str(apn), "not in force: retired, proposed or recorded only in part")
        for apn in parcels["apn"][near[~held[near]]]
    ]
    left_out += [("parcel", str(apn), "no geometry, and no other parcel of its stack has one") for apn in parcels["apn"].iloc[lost]]
    if len(lost):
        why = "They have no geometry, so their distance cannot be had."
        open_.loc[len(open_)] = (
            f"Whether {len(lost):,} parcels without geometry are within {radius:g} ft",
            why,
            "Map them, or look at each by hand.",
        )
    mail = mailing(table, roll, addresses if occupants else None, parcels=layer, shapes=shapes, inside=inside, public=public)
    for line in mail.open:
        open_.loc[len(open_)] = line
    reach = shapely.buffer(ground, radius * factor, quad_segs=90)
    if city_limit is not None and not shapely.covers(shapely.union_all(city_limit.geometry.values), reach):
        open_.loc[len(open_)] = (
            f"Owners within {radius:g} ft outside the City",
            "The radius leaves the City limit; parcels beyond it are known only as far as the layer has them.",
            "Ask the county for the parcels there, and add them to the layer.",
        )
    days = _days(pack, case, date, mailed)
    if days.late:
        open_.loc[len(open_)] = ("Whether the notice is in time", days.text, "Mail earlier, or set another day for the hearing.")
    outside = np.flatnonzero(np.isfinite(distance) & held & ~inside)
    outside = outside[np.lexsort((parcels["apn"].iloc[outside].fillna("").astype("str"), distance[outside]))][:_NEAREST_OUT]
    nearest_out = pd.DataFrame(
        {"apn": parcels["apn"].iloc[outside].astype("str").to_numpy(), "distance_ft": distance[outside].round(3)}
    )
    geometry = gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(shapes[at], crs=parcels.crs))
    number = "apn_display" if "apn_display" in table.columns else "apn"
    kept = list(dict.fromkeys(["apn", number]))
    layers = {
        "within": geometry[geometry["relation"] == "within"][[*kept, "distance_ft", "geometry"]].reset_index(drop=True),
        "subject": geometry[geometry["relation"] != "within"][[*kept, "relation", "geometry"]].reset_index(drop=True),
        "radius": gpd.GeoDataFrame({"distance_ft": [radius]}, geometry=gpd.GeoSeries([reach], crs=parcels.crs)),
    }
    owners = int(mail.owners)
    display_ad = owners > float(pack["owners_before_display_ad"])
    remarks = [
        f"A drawn circle of 16 chords a quarter would have found {_by_buffer(tree, ground, radius * factor, held):,} parcels.",
        "The line on the map is drawn for the eye; distances are those of the list.",
    ]
    if display_ad:
        limit_said = f"more than {pack['owners_before_display_ad']:,}"
        remarks.append(f"{owners:,} owners: {limit_said}, so that a display advertisement may stand in place of mail.")
    if public:
        remarks.append("Made to be shown: names and mailing addresses are left out.")
    around = ", ".join(_shown(parcels, rows))
    affidavit = _affidavit(around, radius, mail, roll, date, mailed, days.text)
    return Answer(
        question="notice",
        title=f"Notice list, {radius:g} ft around {around}",
        table=table,
        geometry=geometry,
        excluded=excluded(left_out),
        method=Method(
            steps=_steps(radius, factor, pack, enlarged, rows, roll, occupants, days.text),
            citations=pack.cited(radius_ft=radius),
            parameters={
                "subject": around,
                "distance_ft": radius,
                "hearing": date,
                "mailed": mailed,
                "case": case,
                "contiguous_owner": contiguous_owner,
                "occupants": occupants,
                "public": public,
                "ground_factor": ground_factor,
            },
            sources=sources_of({"parcel": layer, "roll": roll, "address_point": addresses}),
            remarks=tuple(remarks),
        ),
        check=_checks(
            shapes,
            boxes,
            ground,
            held,
            rows,
            inside,
            outside,
            distance,
            limit,
            factor,
        ),
        unanswered=open_,
        tables={
            "mail": mail.pieces,
            "nearest_out": nearest_out,
            "also_notify": pd.DataFrame({"who": list(pack["also_notify"]), "name": "", "address": ""}),
            "affidavit": affidavit,
        },
        layers=layers,
        map=MapPlan(
            f"Notice within {radius:g} feet",
            around,
            {
                # Numbers are for those who get notice: those of the rest of the town would crowd them out.
                "around": {
                    "layer": "parcel",
                    "title": "Parcels",
                    "legend": "Other parcel",
                    "line": {"color": "#8c8c8c", "width_pt": 0.35},
                },
                "within": {
                    "title": "Notified",
                    "legend": "Parcel that gets notice",
                    "fill": "#fdf0cf",
                    "line": {"color": "#8a6d1f", "width_pt": 0.5},
                    "label": _numbered(number),
                },
                "subject": {
                    "title": "Subject",
                    "legend": "Subject property",
                    "fill": "#f3c6a5",
                    "line": {"color": "#9c2f2f", "width_pt": 1.2},
                    "label": _numbered(number),
                },
                "radius": {
                    "title": "Radius",
                    "legend": f"{radius:g} ft from the subject",
                    "line": {"color": "#9c2f2f", "width_pt": 0.9, "dash_pt": [6.0, 3.0], "break_at_labels": True},
                },
            },
            base=("right_of_way", "street_centerline"),
            profile="notice_exhibit",
        ),
        documents=mail.documents,
    )


def _numbered(column: str) -> dict:
    """A label with the parcel's number, or where that finds no room a number that the key explains."""
    return {
        "placement": "inside",
        "priority": 30,
        "key_numbers": True,
        "rows": [{"text": f"{{{column}}}", "size_pt": 6.0, "color": "#1d3f72"}],
    }


class _Days(NamedTuple):
    text: str
    late: bool


def _require_roll(roll: pd.DataFrame | None) -> None:
    if roll is None:
        return
    first = "Load the assessor's roll first, or ask without it for the parcels alone."
    require_columns(roll, ("apn", "owner_name"), "The roll", if_empty=first)


def _open_questions(pack: RulePack, roll: pd.DataFrame | None) -> list[tuple[str, str, str]]:
    rows = pack.overdue()
    if roll is None:
        rows.append(
            (
                "Who the owners are",
                "No roll was given: the list has parcels only.",
                "Load the assessor's roll (parcel_owner), or name it: --roll FILE.",
            )
        )
    return rows


def _with_adjoining(
    parcels: gpd.GeoDataFrame, shapes: np.ndarray, rows: np.ndarray, held: np.ndarray, roll: pd.DataFrame | None
) -> np.ndarray:
    """The subject with the parcels of its owners that adjoin it, from one to the next: sharing a line, not a corner."""
    if roll is None:
        raise AnalysisError("Adjoining land of one owner cannot be told without the roll. Give it: --roll FILE.")
    spelt, _ = spelt_numbers(parcels)
    owner = pd.DataFrame({"apn": spelt(roll["apn"]), "owner": _key(roll["owner_name"])}).dropna()
    ours = set(owner.loc[owner["apn"].isin(set(spelt(parcels["apn"].iloc[rows]))), "owner"])
    same = spelt(parcels["apn"]).isin(set(owner.loc[owner["owner"].isin(ours), "apn"])).to_numpy() & held
    same[rows] = True
    at = np.flatnonzero(same & ~shapely.is_missing(shapes))
    first, second = shapely.STRtree(shapes[at]).query(shapes[at], predicate="intersects")
    pair = first < second
    first, second = first[pair], second[pair]
    common = shapely.length(shapely.intersection(shapely.boundary(shapes[at[first]]), shapely.boundary(shapes[at[second]])))
    group = connected(len(at), first[common > 0], second[common > 0])
    return at[np.isin(group, group[np.isin(at, rows)])]


def _key(names: pd.Series) -> pd.Series:
    return names.astype("str").str.upper().str.replace(r"[^0-9A-Z]+", " ", regex=True).str.strip().replace("", None)


def _table(
    parcels: gpd.GeoDataFrame, distance: np.ndarray, inside: np.ndarray, rows: np.ndarray, enlarged: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray]:
    """The parcels that are told, the nearest first, and their places in the layer."""
    at = np.flatnonzero(inside)
    relation = np.where(np.isin(at, rows), "subject", np.where(np.isin(at, enlarged), "contiguous", "within"))
    table = pd.DataFrame({"apn": parcels["apn"].iloc[at].astype("str").to_numpy()})
    if "apn_display" in parcels.columns:
        table["apn_display"] = parcels["apn_display"].iloc[at].astype("str").to_numpy()
    table["distance_ft"] = distance[at].round(3)
    table["relation"] = relation
    if "parcel_kind" in parcels.columns:
        table["parcel_kind"] = parcels["parcel_kind"].iloc[at].astype("str").to_numpy()
    order = np.lexsort(
        (table["apn"].fillna(""), table["distance_ft"], table["relation"].map({"subject": 0, "contiguous": 1, "within": 2}))
    )
    return table.iloc[order].reset_index(drop=True), at[order]


def _shown(parcels: gpd.GeoDataFrame, rows: np.ndarray) -> list[str]:
    column = "apn_display" if "apn_display" in parcels.columns else "apn"
    return parcels[column].iloc[rows].fillna(parcels["apn"].iloc[rows]).astype("str").tolist()


def _days(pack: RulePack, case: str, date: datetime.date | None, mailed: datetime.date | None) -> _Days:
    least = int(pack["days_before_zoning_uses" if case == "zoning_uses" else "days_before"])
    if date is None:
        return _Days(f"Notices are mailed at least {least} days before the hearing.", False)
    last = date - datetime.timedelta(days=least)
    if mailed is None:
        return _Days(f"Hearing on {date.isoformat()}: mail on or before {last.isoformat()}, {least} days before.", False)
    before = (date - mailed).days
    verdict = "in time" if before >= least else f"NOT in time: {least} are required"
    return _Days(f"Mailed {mailed.isoformat()}, {before} days before the hearing on {date.isoformat()}: {verdict}.", before < least)


def _by_buffer(tree: shapely.STRtree, ground: shapely.Geometry, distance_ft: float, held: np.ndarray) -> int:
    found = tree.query(shapely.buffer(ground, distance_ft, quad_segs=16), predicate="intersects")
    return int(held[found].sum())


def _checks(shapes, boxes, ground, held, rows, inside, outside, distance, limit, factor) -> tuple:
    """The list had again by looking at every parcel, and its edge by distances worked out vertex against edge, without GEOS."""
    # No parcel is nearer than its box is to the subject's; the rest would be 200,000 distances that cannot matter.
    west, south, east, north = boxes.T
    own = shapely.bounds(ground)
    across = np.maximum(west - own[2], own[0] - east).clip(min=0)
    along = np.maximum(south - own[3], own[1] - north).clip(min=0)
    # A hair more than the limit: what is worked out in another order may differ in its last digit.
    close = np.flatnonzero(np.hypot(across, along) <= limit * (1 + 1e-9))
    every = np.full(len(shapes), np.inf)
    every[close] = shapely.distance(shapes[close], ground)
    again = held & (every <= limit)
    again[rows] = True
    checks = [
        second_way(
            "parcels on the list",
            int(inside.sum()),
            "every parcel of the layer, by its box and then by its distance, without an index",
            int(again.sum()),
        )
    ]
    within = np.flatnonzero(inside)
    edge = [("farthest parcel on the list", within[np.argmax(distance[within])])]
    if len(outside):
        edge.append(("nearest parcel left out", outside[0]))
    for figure, at in edge:
        own = polygon_distance_ft(shapes[at], ground) / factor
        checks.append(
            second_way(figure, round(float(distance[at]), 4), "vertices against edges", round(own, 4), tolerance=0.0005, unit="ft")
        )
    return tuple(checks)


def _steps(radius, factor, pack, enlarged, rows, roll, occupants, days: str) -> tuple[str, ...]:
    steps = ["The subject is the ground of its parcels, joined."]
    if len(enlarged) > len(rows):
        steps.append(f"{len(enlarged) - len(rows)} parcels of the same owner that adjoin it by a line count as subject.")
    plane = "in the plane of the City's State Plane zone"
    steps.append(
        f"For each parcel the least distance between its boundary and the subject's was worked out {plane}, in US survey feet."
    )
    if factor != 1.0:
        steps.append(f"Distances were brought to the ground by the combined factor {factor:.8f}.")
    steps.append(f"A parcel is on the list when that distance, to the hundredth of a foot, is {radius:g} ft or less.")
    steps.append("Units without ground of their own stand on the footprint of their stack.")
    if roll is not None:
        steps.append(
            "Owners are those of the roll by parcel number; one piece of mail goes to each mailing address, with at most two names."
        )
    if occupants:
        steps.append("Each address point on a parcel of the list gets a piece for its occupant, unless an owner is reached there.")
    return (*steps, days)


def _affidavit(around: str, radius, mail: Mailing, roll, date, mailed, days: str) -> pd.DataFrame:
    year = (
        int(roll["roll_year"].dropna().astype(int).max())
        if roll is not None and "roll_year" in roll and roll["roll_year"].notna().any()
        else None
    )
    facts = [
        ("Subject", around),
        ("Radius, ft", f"{radius:g}"),
        ("Roll", str(year) if year else "not stated"),
        ("SHA-256 of the roll's rows used", mail.roll_sha256),
        ("Owners", f"{mail.owners:,}"),
        ("Pieces of mail", f"{len(mail.pieces):,}"),
        ("Hearing", date.isoformat() if date else ""),
        ("Mailed", mailed.isoformat() if mailed else ""),
        ("Days", days),
        ("Mailed by (name, signature)", ""),
        ("At (place)", ""),
    ]
    return pd.DataFrame(facts, columns=["what", "value"])


QUESTIONS = (
    Question(
        name="notice",
        department="Planning",
        summary="Who gets notice of a hearing: owners within the radius, exactly, with labels and the proof of the line.",
        answer=hearing_notice,
        layers=("parcel",),
        optional={"roll": "parcel_owner", "addresses": "address_point", "city_limit": "city_limit"},
        parameters=(
            Parameter(
                "subject",
                "text",
                "Parcel number of the subject; several times for several parcels.",
                many=True,
                required=True,
                option="apn",
            ),
            Parameter("distance_ft", "number", "Radius in feet; the law's when not given."),
            Parameter("roll", "table", "The assessor's roll as CSV or XLSX, in place of the store's parcel_owner."),
            Parameter("date", "date", "Day of the hearing."),
            Parameter("mailed", "date", "Day the notices are mailed."),
            Parameter("case", "text", "general, or zoning_uses for an ordinance that affects permitted uses."),
            Parameter("contiguous_owner", "flag", "Count adjoining land of the same owner as subject."),
            Parameter("occupants", "flag", "A piece of mail for the occupant of each address too."),
            Parameter("public", "flag", "Made to be shown: no names and addresses."),
            Parameter("ground_factor", "number", "Combined factor, for distances on the ground."),
        ),
    ),
)
