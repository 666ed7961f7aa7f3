"""
An assessment or special tax roll: which parcels are in the district, and what each pays, to the cent.

Membership is by the record where there is one and by the greater part of the ground where not. Shares are worked out in whole
cents, and sum to the levy.
"""

import csv
import io
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.answer import Answer, MapPlan, Method, SecondWay, excluded, second_way, unanswered
from citygis.analysis.layers import in_force, require_columns, require_layers, sources_of
from citygis.analysis.membership import (
    FILL_IN,
    Land,
    Membership,
    district_shapes,
    ground_inside,
    land_of,
    membership,
    positions_of,
    recorded,
    some_of,
)
from citygis.analysis.parcels import bare
from citygis.analysis.questions import Parameter, Question
from citygis.analysis.rulepack import RulePack, rule_pack
from citygis.analysis.shares import Shares, cents_of, dollars, shared
from citygis.city import City
from citygis.errors import AnalysisError
from citygis.topology import followed_ft, polygon_parts

METHODS = {
    "equal": "each parcel alike",
    "area": "by area",
    "units": "by benefit units of the table",
    "frontage": "by frontage on the right of way",
}
_UNIT_COLUMNS = ("units", "edu", "benefit_units")
_MEASURED = ("area", "frontage")
_AT_ENDS = 4
_CUT = 200


def assessment_roll(
    parcels: gpd.GeoDataFrame,
    district: gpd.GeoDataFrame | None = None,
    *,
    levy: Decimal | int | float | str,
    method: str = "equal",
    district_id: str | None = None,
    members: pd.DataFrame | None = None,
    units: pd.DataFrame | None = None,
    exempt: Sequence[str] = (),
    right_of_way: gpd.GeoDataFrame | None = None,
    city: City | None = None,
) -> Answer:
    """
    The roll of a district, with shares that sum to its levy.

    Parameters
    ----------
    parcels : GeoDataFrame, polygons
        Columns ``apn``, and as far as there ``apn_display, status, stack_id, parcel_kind``. In feet. Rows of one number are one
        parcel: their ground is joined.
    district : GeoDataFrame, polygons, optional
        One district, or with column ``district_id`` several. Needed unless `members` says who is in.
    levy : Decimal, int, float or str
        Dollars, to the cent.
    method : str
        ``equal``, ``area``, ``units`` or ``frontage``: what the shares are in proportion to. Units of a stack share its ground
        alike.
    district_id : str, optional
        Which district of the layer.
    members : DataFrame, optional
        Membership by record: ``apn``, and ``member`` (yes or no) where the record is of some parcels only. Without that column it
        is whole: who is not on it is out.
    units : DataFrame, optional
        ``apn`` and ``units`` (or ``edu``), for the method ``units``.
    exempt : sequence of str
        Kinds of parcel (``parcel_kind``) that pay nothing.
    right_of_way : GeoDataFrame, optional
        For the method ``frontage``.
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per parcel assessed, by parcel number: ``assessment_no, apn, parcel_kind, area_sqft, inside_share``
        (null without `district`), ``membership`` (record, majority), ``weight, proportion, amount`` (dollars), ``amount_cents``
        (exact). ``tables``: ``straddlers``, ``totals``. ``documents``: ``roll.csv``, for the county.

    Raises
    ------
    AnalysisError
        If neither a district nor members are given, the district is not the one, a table lacks a column or has a number twice, the
        levy is not to the cent, or nobody is left to pay it.
    CRSError
        If a layer is not in feet of one system.
    ValueError
        If `method` is none of `METHODS`.

    Notes
    -----
    Parcel numbers of assessment diagrams: Calif. Streets and Highways Code 3114.
    """
    if method not in METHODS:
        raise ValueError(f"Invalid method {method!r}. Must be one of: {', '.join(METHODS)}.")
    require_layers({"parcel": parcels, "district": district, "right_of_way": right_of_way}, {"parcel": ["apn"]})
    total = cents_of(levy, "The levy")
    if not total:
        raise AnalysisError("The levy is zero: there is nothing to share.")
    pack = rule_pack("assessment", city)
    open_ = pack.overdue()
    land = land_of(parcels)
    inside, ground = ground_inside(land, district_shapes(district, district_id, members))
    record, said = recorded(members, land)
    open_ += said
    held = membership(land, inside, record, majority=float(pack["majority_share"]), sliver_sqft=float(pack["sliver_sqft"]))
    left_out = [*land.left_out, *held.left_out]
    off = [land.apn[k] for k in np.flatnonzero(held.member & (inside == 0))]
    if off:
        what = f"Whether {len(off):,} members by record belong to the district ({some_of(off)})"
        open_.append(
            (what, "None of their ground lies in it. They are on the roll.", "Look at the record and at the district's line.")
        )
    nowhere = [feature for _, feature, reason in land.left_out if not reason.startswith("its number")]
    if nowhere:
        what = f"Whether {len(nowhere):,} parcels without ground or number belong to the district ({some_of(nowhere)})"
        open_.append((what, "They can neither be laid over it nor found in a record.", "Map and number them."))
    paying = np.flatnonzero(held.member)
    kind = land.frame["parcel_kind"].astype("object") if "parcel_kind" in land.frame.columns else None
    if exempt:
        if kind is None:
            raise AnalysisError("Layer 'parcel' has no column 'parcel_kind', so that no kind can be exempt. Leave `exempt` out.")
        spared = kind.iloc[paying].isin(list(exempt)).to_numpy()
        left_out += [("parcel", land.apn[k], f"exempt: {kind.iloc[k]}") for k in paying[spared]]
        paying = paying[~spared]
    weights, why = _weights(method, land, paying, units, right_of_way, pack)
    zero = np.array([not weight for weight in weights], dtype=bool)
    left_out += [("parcel", land.apn[k], reason) for k, reason in zip(paying[zero], np.array(why, dtype=object)[zero], strict=True)]
    lacking = [land.apn[k] for k, reason in zip(paying, why, strict=True) if reason.startswith("no ")]
    if lacking:
        what = f"What {len(lacking):,} parcels of the district pay ({some_of(lacking)})"
        remedy = "Complete what is missing and ask again: the others now carry their share."
        open_.append((what, "What the shares are in proportion to is not known for them.", remedy))
    if method == "units":
        open_ += _units_elsewhere(units, land, held.member)
    weights = [weight for weight in weights if weight]
    paying = paying[~zero]
    if not len(paying):
        raise AnalysisError("No parcel is left to carry the levy. Look at the district, the exempt kinds and the table of units.")
    shares = shared(total, weights, [land.apn[k] for k in paying])
    table = _table(land, inside, held, paying, method, weights, shares)
    roll = _roll_csv(table)
    straddlers = _straddlers(land, inside, held)
    geometry = gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(land.shapes[paying], crs=parcels.crs))
    layers = {"assessed": geometry[["assessment_no", "apn", "amount", "geometry"]]}
    if len(straddlers):
        at = pd.Index(land.apn).get_indexer(straddlers["apn"])
        layers["straddlers"] = gpd.GeoDataFrame(straddlers, geometry=gpd.GeoSeries(land.shapes[at], crs=parcels.crs))
    if ground is not None:
        layers["district"] = gpd.GeoDataFrame({"name": [district_id or "district"]}, geometry=[ground], crs=parcels.crs)
    touched = int(held.looked_at.sum())
    return Answer(
        question="assessment",
        title=f"Assessment roll{f' of {district_id}' if district_id else ''}, ${total / 100:,.2f} over {len(table):,} parcels",
        table=table,
        geometry=geometry,
        excluded=excluded(left_out),
        method=Method(
            steps=_steps(method, members, district, exempt, pack),
            citations=pack.cited(),
            parameters={
                "levy": dollars(total),
                "method": method,
                "district_id": district_id,
                "exempt": ", ".join(exempt),
            },
            sources=sources_of(
                {"parcel": parcels, "district": district, "members": members, "units": units, "right_of_way": right_of_way}
            ),
            remarks=_remarks(land.remarks, straddlers, exempt, lacking),
        ),
        check=_checks(total, shares, roll, touched, held, left_out[len(land.left_out) :], land, inside, ground),
        unanswered=unanswered(open_),
        tables={"straddlers": straddlers, "totals": _totals(parcels, land, held, table, total, touched)},
        layers=layers,
        map=_map(total, len(table), district_id),
        documents={"roll.csv": roll},
    )


def _weights(
    method: str, land: Land, at: np.ndarray, units: pd.DataFrame | None, right_of_way: gpd.GeoDataFrame | None, pack: RulePack
) -> tuple[list[Fraction | int], list[str]]:
    """What each share is in proportion to, exactly, and why it is zero where it is."""
    if method == "equal":
        return [1] * len(at), [""] * len(at)
    if method == "units":
        return _units(units, land, at)
    if method == "area":
        measure, what = land.area[at], "no area"
    else:
        if right_of_way is None:
            raise AnalysisError("Frontage cannot be had without the right of way. Load it (right_of_way), or share another way.")
        streets = in_force(right_of_way)
        if "row_kind" in streets.columns:
            streets = streets[~streets["row_kind"].isin(pack["frontage_kinds_left_out"])]
        measure = _frontage_ft(land.shapes[at], streets, float(pack["frontage_tolerance_ft"]))
        what = "zero frontage: no line of it is on the right of way"
    # Hundredths, as plats carry them, are whole numbers: from here on nothing is rounded.
    hundredths = np.rint(measure * 100).astype(np.int64)
    weights: list[Fraction | int] = hundredths.tolist()
    if "stack_id" in land.frame.columns:
        stack = land.frame["stack_id"].iloc[at].reset_index(drop=True)
        held = np.flatnonzero(stack.notna())
        for group in stack.iloc[held].groupby(stack.iloc[held].to_numpy()).indices.values():
            members = held[group]
            if len(members) > 1:
                # Units over one piece of ground share it alike; of several footprints the greatest is the stack's.
                each = Fraction(int(hundredths[members].max()), len(members))
                for k in members:
                    weights[k] = each
    return weights, ["" if weight else what for weight in weights]


def _frontage_ft(shapes: np.ndarray, streets: gpd.GeoDataFrame, tolerance_ft: float) -> np.ndarray:
    """The length of each polygon's lines that follow the streets; of a side line that only ends there, nothing."""
    parts, owner = polygon_parts(shapes)
    rings, part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    whole = np.flatnonzero(ring[:-1] == ring[1:])
    edges = shapely.linestrings(np.stack([points[whole], points[whole + 1]], axis=1))
    followed = followed_ft(gpd.GeoSeries(edges, crs=streets.crs), streets, tolerance_ft=tolerance_ft)
    # A side line lies within the tolerance of the street for about the tolerance at each end.
    followed[followed <= _AT_ENDS * tolerance_ft] = 0.0
    return np.bincount(owner[part[ring[whole]]], weights=followed, minlength=len(shapes))


def _units(units: pd.DataFrame | None, land: Land, at: np.ndarray) -> tuple[list[Fraction], list[str]]:
    if units is None:
        raise AnalysisError("Shares by units need the table of units: --units FILE with the columns apn and units.")
    require_columns(units, ["apn"], "The table of units", if_empty=FILL_IN)
    column = next((name for name in _UNIT_COLUMNS if name in units.columns), None)
    if column is None:
        raise AnalysisError(f"The table of units has no column {' or '.join(_UNIT_COLUMNS)}. It has: {', '.join(map(str, units))}.")
    found = positions_of(units["apn"], land)
    twice = sorted({land.apn[k] for k, count in enumerate(np.bincount(found[found >= 0])) if count > 1})
    if twice:
        raise AnalysisError(
            f"The table of units has {len(twice):,} parcels more than once ({some_of(twice)}). Leave one row of each."
        )
    said = dict(zip(found.tolist(), units[column], strict=True))
    weights, why = [], []
    for k in at:
        number = said.get(k)
        weight = Fraction(0)
        reason = "no units: it is not in the table of units"
        if number is not None and not pd.isna(number):
            try:
                weight = Fraction(Decimal(str(number).strip().replace(",", "")))
                reason = "" if weight > 0 else "zero units" if weight == 0 else f"no units that can be used: {number} is below zero"
            except (InvalidOperation, ValueError, OverflowError):
                reason = f"no units that can be used: {number!r} is no number"
        elif k in said:
            reason = "no units: the table leaves it blank"
        weights.append(max(weight, Fraction(0)))
        why.append(reason)
    return weights, why


def _units_elsewhere(units: pd.DataFrame, land: Land, member: np.ndarray) -> list[tuple[str, str, str]]:
    found = positions_of(units["apn"], land)
    stray = sorted(set(units["apn"][~(np.append(member, False)[found])].dropna().astype("str")))
    if not stray:
        return []
    what = f"Whether {len(stray):,} parcels of the table of units belong to the district ({some_of(stray)})"
    return [(what, "They have units, but are not members.", "Look at the record of the district, or take them off the table.")]


def _table(land: Land, inside, held: Membership, at: np.ndarray, method: str, weights: list, shares: Shares) -> pd.DataFrame:
    table = pd.DataFrame({"assessment_no": np.arange(1, len(at) + 1), "apn": [land.apn[k] for k in at]})
    for column in ("apn_display", "parcel_kind"):
        if column in land.frame.columns:
            table[column] = land.frame[column].iloc[at].astype("str").to_numpy()
    area = land.area[at]
    table["area_sqft"] = area.round(2)
    table["inside_share"] = (inside[at] / area).round(6)
    table["membership"] = np.where(held.by_record[at], "record", "majority")
    total, unit = sum(weights), 100 if method in _MEASURED else 1
    table["weight"] = [float(Fraction(each) / unit) for each in weights]
    table["proportion"] = [float(Fraction(each) / total) for each in weights]
    table["amount"] = shares.cents / 100
    table["amount_cents"] = shares.cents
    return table


def _roll_csv(table: pd.DataFrame) -> bytes:
    """The roll as the county takes it: parcel number, assessment number, dollars with two places."""
    text = io.StringIO(newline="")
    lines = csv.writer(text, quoting=csv.QUOTE_ALL)
    lines.writerow(["apn", "assessment_no", "amount"])
    apns, amounts = bare(table["apn"]), map(dollars, table["amount_cents"])
    if apns.duplicated().any():
        # Numbers that run together to the same keep their dashes; none begins like a formula.
        apns = table["apn"].str.replace(r"^[^0-9A-Za-z]+", "", regex=True)
    lines.writerows(zip(apns, table["assessment_no"], amounts, strict=True))
    return text.getvalue().encode()


def _straddlers(land: Land, inside: np.ndarray, held: Membership) -> pd.DataFrame:
    at = np.flatnonzero(held.straddles)
    return pd.DataFrame(
        {
            "apn": [land.apn[k] for k in at],
            "area_sqft": land.area[at].round(2),
            "inside_sqft": inside[at].round(2),
            "inside_share": (inside[at] / land.area[at]).round(6),
            "member": np.where(held.member[at], "in", "out"),
            "membership": np.where(held.by_record[at], "record", "majority"),
        }
    )


def _totals(parcels, land: Land, held: Membership, table: pd.DataFrame, total: int, touched: int) -> pd.DataFrame:
    facts = [
        ("rows of the parcel layer", f"{len(parcels):,}"),
        ("parcels in force, by number", f"{len(land.apn):,}"),
        ("of these elsewhere", f"{len(land.apn) - touched:,}"),
        ("of these in the district or on its record", f"{touched:,}"),
        ("assessed", f"{len(table):,}"),
        ("looked at and left out", f"{touched - len(table):,}"),
        ("straddling the line", f"{int(held.straddles.sum()):,}"),
        ("levy", dollars(total)),
        ("sum of the shares", dollars(int(table["amount_cents"].sum()))),
    ]
    return pd.DataFrame(facts, columns=["what", "value"])


def _checks(total, shares: Shares, roll: bytes, touched, held: Membership, left_out, land, inside, ground) -> tuple[SecondWay, ...]:
    read = list(csv.DictReader(io.StringIO(roll.decode(), newline="")))
    summed = sum((Decimal(row["amount"]) for row in read), Decimal(0))
    checks = [
        second_way("levy in dollars", dollars(total), "the sum of roll.csv, read back as decimals", f"{summed:.2f}"),
        second_way(
            "cents given to the largest remainders",
            int(shares.raised.sum()),
            "the sum of all remainders, as fractions",
            float(sum(shares.remainder)),
            unit="cents",
        ),
        second_way(
            "parcels in the district or on its record",
            touched,
            "lines of roll.csv and parcels left out",
            len(read) + len(left_out),
        ),
    ]
    if ground is not None and held.straddles.any():
        at = np.flatnonzero(held.straddles)[:_CUT]
        outside = float(shapely.area(shapely.difference(land.shapes[at], ground)).sum())
        checks.append(
            second_way(
                f"ground of {len(at):,} straddlers inside",
                round(float(inside[at].sum()), 2),
                "their area less what is left when the whole district is cut away",
                round(float(land.area[at].sum()) - outside, 2),
                tolerance=0.02,
                unit="sq ft",
            )
        )
    return tuple(checks)


def _steps(method: str, members, district, exempt, pack: RulePack) -> tuple[str, ...]:
    steps = []
    if members is not None and "member" in members.columns:
        steps.append("A parcel that the record names is in or out as it says.")
    elif members is not None:
        steps.append("The record of members is taken as whole: a parcel is in when it is on it, and out when not.")
    if district is not None and (members is None or "member" in members.columns):
        other = "Any other parcel" if members is not None else "A parcel"
        steps.append(f"{other} is in when more than {pack['majority_share']:.0%} of its ground lies in the district.")
    if exempt:
        steps.append(f"Parcels of the kinds {', '.join(exempt)} pay nothing.")
    steps.append(f"The levy is shared {METHODS[method]}; the whole parcel counts, also where it straddles the line.")
    if method in _MEASURED:
        steps.append("Measures are taken to the hundredth; units of a stack share those of its ground alike.")
    steps.append(
        "Each share is rounded down to the cent; the cents left over go one each to the largest remainders, ties by parcel number. "
        "The sum is worked in whole numbers, so that it is the levy exactly and no share is a cent off."
    )
    steps.append("Assessment numbers run from 1 in the order of parcel numbers, as the diagram shows them.")
    return tuple(steps)


def _remarks(remarks: tuple[str, ...], straddlers: pd.DataFrame, exempt: Sequence[str], lacking: list[str]) -> tuple[str, ...]:
    said = list(remarks)
    if len(straddlers):
        said.append(
            f"{len(straddlers):,} parcels straddle the district's line: see the table of straddlers before the roll is filed."
        )
    if "GOVT" in exempt:
        said.append("Public parcels were left out as asked; the citation on public parcels says when an assessment may do so.")
    if lacking:
        said.append("The shares change when the parcels that lack what they are shared by are completed: this roll is provisional.")
    return tuple(said)


def _map(total: int, count: int, district_id: str | None) -> MapPlan:
    return MapPlan(
        f"Assessment district {district_id}" if district_id else "Assessment district",
        f"{count:,} parcels, ${total / 100:,.2f}",
        {
            "assessed": {
                "title": "Assessed",
                "legend": "Parcel assessed, with its number on the roll",
                "fill": "#fdf0cf",
                "line": {"color": "#8a6d1f", "width_pt": 0.5},
                "label": {
                    "placement": "inside",
                    "priority": 20,
                    "leader": True,
                    "rows": [{"text": "{assessment_no}", "size_pt": 6.0}],
                },
            },
            "straddlers": {
                "title": "Straddlers",
                "legend": "Parcel across the district's line",
                "line": {"color": "#2f5a9c", "width_pt": 1.0, "dash_pt": [3.0, 2.0]},
            },
            "district": {"title": "District", "legend": "District", "line": {"color": "#9c2f2f", "width_pt": 1.4}},
        },
        base=("right_of_way", "street_centerline"),
    )


QUESTIONS = (
    Question(
        name="assessment",
        department="Finance",
        summary="Who is in an assessment or facilities district and what each parcel pays: shares that sum to the levy.",
        answer=assessment_roll,
        layers=("parcel",),
        optional={"district": "district", "right_of_way": "right_of_way"},
        parameters=(
            Parameter("levy", "text", "Dollars to share, to the cent, such as 125000.00.", required=True),
            Parameter("method", "text", "equal, area, units or frontage; equal when not given."),
            Parameter("district_id", "text", "Which district of the layer."),
            Parameter("district", "layer", "The district's ground as a file, in place of the store's layer."),
            Parameter("members", "table", "Membership by record: apn, and member (yes or no) where it is of some parcels only."),
            Parameter("units", "table", "Benefit units: apn, units."),
            Parameter(
                "exempt", "text", "A kind of parcel that pays nothing, such as COMMON; several times for several.", many=True
            ),
        ),
    ),
)
