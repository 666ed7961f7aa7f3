"""
Vacant and underused land by zoning: what buildings cover of each parcel, and what the roll says they are worth.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.answer import Answer, MapPlan, Method, SecondWay, excluded, second_way, unanswered
from citygis.analysis.land_classes import OUTSIDE, dissolved_labels, planar_classes, split_by
from citygis.analysis.layers import require_columns, require_layers, sources_of
from citygis.analysis.overlay import covered, measurable, names_of, once_per_stack, shoelace_sqft
from citygis.analysis.parcels import spelling
from citygis.analysis.questions import Parameter, Question
from citygis.analysis.rulepack import RulePack, rule_pack
from citygis.city import City
from citygis.errors import AnalysisError
from citygis.units import SQFT_PER_ACRE

VACANT, UNDERUSED, REVIEW, USED = "vacant", "underused", "needs review", "used"
_ORDER = [VACANT, UNDERUSED, REVIEW, USED]


def vacant_land(
    parcels: gpd.GeoDataFrame,
    *,
    building_footprint: gpd.GeoDataFrame | None = None,
    zoning: gpd.GeoDataFrame | None = None,
    roll: pd.DataFrame | None = None,
    zone: list[str] | None = None,
    land_field: str = "land_value",
    improvement_field: str = "improvement_value",
    coverage_share: float | None = None,
    improvement_ratio: float | None = None,
    least_parcel_sqft: float | None = None,
    city: City | None = None,
) -> Answer:
    """
    Which parcels are vacant or underused, by zoning.

    Parameters
    ----------
    parcels : GeoDataFrame, polygons
        ``apn``, and as far as there ``parcel_kind, zoning_code, stack_id, city_owned, use_code``.
    building_footprint : GeoDataFrame, optional
        Polygons. Without it the roll alone tells.
    zoning : GeoDataFrame, optional
        ``code``: the zone with the most of a parcel is its zone. Without it the parcels' ``zoning_code``.
    roll : DataFrame, optional
        ``apn``, `land_field` and `improvement_field`: assessed values in dollars. Units of one stack add up.
    zone : list of str, optional
        Only parcels of these zones.
    land_field, improvement_field : str
    coverage_share, improvement_ratio, least_parcel_sqft : float, optional
        In place of the rules of pack ``vacant_land``.
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per parcel looked at: ``apn, zone, zone_share, verdict, basis, area_sqft, acres, covered_sqft, coverage,
        land_value, improvement_value, improvement_ratio`` (as far as a roll was given), ``city_owned, use_code``. ``verdict`` is
        ``vacant``, ``underused``, ``needs review`` (map and roll do not agree, or neither tells) or ``used``. Table
        ``by_zone``: parcels and acres by zone and verdict. ``geometry``: the parcels.

    Raises
    ------
    AnalysisError
        If neither buildings nor a roll are given, the roll lacks a column or is empty, or no parcel is of the zones asked for.
    CRSError
        If a layer is not in feet of one system.
    """
    require_layers(
        {"parcel": parcels, "building_footprint": building_footprint, "zoning": zoning}, {"parcel": ["apn"], "zoning": ["code"]}
    )
    if building_footprint is None and roll is None:
        raise AnalysisError(
            "Nothing tells what stands on the parcels. Give building footprints, or the roll's values: --roll FILE."
        )
    pack = rule_pack("vacant_land", city)
    given = {"coverage_share": coverage_share, "improvement_ratio": improvement_ratio, "least_parcel_sqft": least_parcel_sqft}
    figures = {key: float(pack[key] if value is None else value) for key, value in given.items()}
    for key, value in figures.items():
        if not (np.isfinite(value) and value >= 0):
            raise AnalysisError(f"{key} is {value:g}. Give a number of 0 or above.")
    open_ = pack.overdue()
    ground = measurable(parcels, "parcel", key="apn")
    left_out, remarks = list(ground.left_out), list(ground.remarks)
    rows, shapes = ground.rows, ground.shapes
    names = names_of(parcels, "apn")[rows]
    why = _not_looked_at(parcels, rows, shapes, pack, figures["least_parcel_sqft"])
    left_out += [("parcel", str(names[k]), str(why[k])) for k in np.flatnonzero(why != "")]
    keep = np.flatnonzero(why == "")
    keep = keep[np.lexsort((shapely.bounds(shapes)[keep, 0], names[keep]))]
    rows, shapes, names = rows[keep], shapes[keep], names[keep]
    if zoning is not None:
        zones, share, said = _by_zoning(shapes, zoning)
        remarks += said
    elif "zoning_code" in parcels.columns:
        zones, share = dissolved_labels(parcels["zoning_code"].iloc[rows]), np.ones(len(rows))
    else:
        raise AnalysisError("The zone of a parcel is nowhere. Give a layer of zoning, or parcels with the column zoning_code.")
    if zone:
        mine = np.isin(zones, [str(each) for each in zone])
        if not mine.any():
            there = ", ".join(sorted(set(zones)))
            raise AnalysisError(f"No parcel is zoned {', '.join(zone)}. There are: {there}.")
        left_out += [("parcel", str(each), "of another zone than asked for") for each in names[~mine]]
        rows, shapes, names, zones, share = (each[mine] for each in (rows, shapes, names, zones, share))

    area = shapely.area(shapes)
    table = pd.DataFrame({"apn": names, "zone": zones, "zone_share": share, "area_sqft": area, "acres": area / SQFT_PER_ACRE})
    checks = [
        second_way(
            "acres looked at",
            round(float(table["acres"].sum()), 4),
            "the parcels from their coordinates",
            round(float(shoelace_sqft(shapes).sum()) / SQFT_PER_ACRE, 4),
            tolerance=0.0002,
            unit="acres",
        )
    ]
    if building_footprint is not None:
        found = measurable(building_footprint, "building_footprint", key="building_id")
        left_out, remarks = left_out + found.left_out, remarks + list(found.remarks)
        roofs = covered(gpd.GeoSeries(shapes, crs=parcels.crs), found.shapes)
        table["covered_sqft"] = np.bincount(roofs["left"].to_numpy(), weights=roofs["area_sqft"], minlength=len(rows))
        table["coverage"] = table["covered_sqft"] / area
        checks += _uncovered(shapes, roofs)
    else:
        open_.append(("What buildings cover", "No building footprints were given: the roll alone tells.", "Load the footprints."))
    if roll is not None:
        values, said = _values(parcels, rows, names, roll, land_field, improvement_field)
        table = pd.concat([table, values], axis=1)
        open_ += said
    else:
        open_.append(
            (
                "What the improvements are worth",
                "No values of the roll were given: underused land is told by coverage alone.",
                f"Give a table with the columns apn, {land_field}, {improvement_field}: --roll FILE.",
            )
        )
    verdict, basis = _judged(table, figures, float(pack["least_building_sqft"]))
    table.insert(3, "verdict", verdict)
    table.insert(4, "basis", basis)
    for column in ("city_owned", "use_code"):
        if column in parcels.columns:
            table[column] = parcels[column].iloc[rows].astype("object").to_numpy()
    if (doubt := int((verdict == REVIEW).sum())) > 0:
        open_.append(
            (
                f"Whether {doubt:,} parcels are vacant",
                "Map and roll do not agree on whether anything stands there, or neither tells.",
                "Look at them against a picture: the column basis says what each shows.",
            )
        )
    by_zone = table.groupby(["zone", "verdict"], sort=True).agg(parcels=("apn", "size"), acres=("acres", "sum")).reset_index()
    if "city_owned" in table.columns:
        own = int((table["city_owned"].isin([True, "True"]) & (table["verdict"] == VACANT)).sum())
        if own:
            remarks.append(
                f"{own:,} of the vacant parcels are the City's own, parks and the like among them: see city_owned, use_code."
            )
    order = np.lexsort((table["apn"], table["zone"], [_ORDER.index(each) for each in table["verdict"]]))
    table = table.iloc[order].reset_index(drop=True)
    geometry = gpd.GeoDataFrame(table[["apn", "zone", "verdict"]], geometry=shapes[order], crs=parcels.crs)
    counts = {each: int((table["verdict"] == each).sum()) for each in _ORDER}
    return Answer(
        question="vacant",
        title=f"Vacant: {counts[VACANT]:,} parcels; underused: {counts[UNDERUSED]:,}",
        table=table,
        geometry=geometry,
        excluded=excluded(left_out),
        method=Method(
            steps=_steps(building_footprint is not None, roll is not None, zoning is not None, figures, pack),
            citations=pack.cited(**figures),
            parameters={"zone": ", ".join(zone or ()), **figures},
            sources=sources_of({"parcel": parcels, "building_footprint": building_footprint, "zoning": zoning, "roll": roll}),
            remarks=tuple(remarks),
        ),
        check=tuple(checks),
        unanswered=unanswered(open_),
        tables={"by_zone": by_zone},
        layers={"land": geometry},
        map=MapPlan(
            "Vacant and underused land",
            f"{counts[VACANT]:,} vacant, {counts[UNDERUSED]:,} underused parcels",
            {"land": _STYLE},
            base=("right_of_way",),
        ),
    )


_STYLE = {
    "title": "Vacant and underused land",
    "field": "verdict",
    "line": {"color": "#6b6b6b", "width_pt": 0.3},
    "classes": [
        {"values": [VACANT], "legend": "Vacant", "fill": "#f0c36d"},
        {"values": [UNDERUSED], "legend": "Underused", "fill": "#fae8c0"},
        {"values": [REVIEW], "legend": "Needs review", "fill": "#d8d2e6"},
        {"values": [USED], "legend": "Used"},
    ],
}


def _not_looked_at(
    parcels: gpd.GeoDataFrame, rows: np.ndarray, shapes: np.ndarray, pack: RulePack, least_sqft: float
) -> np.ndarray:
    """Why a parcel is no land to judge; empty where it is."""
    kinds = parcels["parcel_kind"].iloc[rows] if "parcel_kind" in parcels.columns else pd.Series("", index=range(len(rows)))
    return np.select(
        [
            kinds.isin(list(pack["not_land"])).to_numpy(dtype=bool),
            ~once_per_stack(parcels, rows),
            shapely.area(shapes) < least_sqft,
        ],
        [
            "no land of its own to build on (" + kinds.astype("str").str.lower().to_numpy(dtype=object) + ")",
            "a unit on the footprint of its stack, which counts once",
            f"smaller than {least_sqft:g} sq ft",
        ],
        "",
    ).astype(object)


def _by_zoning(shapes: np.ndarray, zoning: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The zone that most of each parcel lies in, and how much of it does."""
    if "overlay" in zoning.columns:
        zoning = zoning[~zoning["overlay"].astype("object").isin([True, "True", "true", 1]).to_numpy()]
    held = measurable(zoning, "zoning", key="zone_id")
    if not len(held.rows):
        raise AnalysisError("No zoning that holds now has ground. Load it first, or ask without it.")
    classes = planar_classes(held.shapes, dissolved_labels(zoning["code"].iloc[held.rows]), "zoning")
    parts = pd.DataFrame(split_by(shapes, classes)[["of", "label", "area_sqft"]])
    # Ground in no zone names a parcel only where there is nothing else.
    parts["rank"] = parts["label"] == OUTSIDE
    first = parts.sort_values(["of", "rank", "area_sqft", "label"], ascending=[True, True, False, True], kind="stable")
    first = first.drop_duplicates("of").set_index("of").reindex(range(len(shapes)))
    share = (first["area_sqft"] / shapely.area(shapes)).to_numpy()
    return first["label"].to_numpy(dtype=object), share, [*held.remarks, *classes.remarks]


def _values(
    parcels: gpd.GeoDataFrame, rows: np.ndarray, names: np.ndarray, roll: pd.DataFrame, land_field: str, improvement_field: str
) -> tuple[pd.DataFrame, list[tuple[str, str, str]]]:
    """Land and improvements of each parcel by the roll, those of a stack together."""
    values = "Give the assessor's values, or ask without it."
    require_columns(roll, ("apn", land_field, improvement_field), "The roll", if_empty=values)
    spelt = spelling(parcels["apn"])
    numbers = pd.DataFrame({"apn": spelt(roll["apn"])})
    for column, name in ((land_field, "land_value"), (improvement_field, "improvement_value")):
        text = roll[column].astype("object").where(roll[column].notna(), "").astype("str").str.replace(r"[$,\s]", "", regex=True)
        numbers[name] = pd.to_numeric(text.where(text != "", "nan"), errors="coerce").to_numpy()
    unread = int(numbers[["land_value", "improvement_value"]].isna().any(axis=1).sum())
    held = pd.DataFrame({"apn": spelt(parcels["apn"]).to_numpy(), "own": spelt(parcels["apn"]).to_numpy()})
    if "stack_id" in parcels.columns:
        stack = parcels["stack_id"].astype("object").reset_index(drop=True)
        held["own"] = stack.where(stack.notna(), held["own"])
    joined = numbers.merge(held.drop_duplicates("apn"), on="apn", how="inner")
    sums = joined.groupby("own")[["land_value", "improvement_value"]].sum(min_count=1)
    out = sums.reindex(held["own"].iloc[rows]).reset_index(drop=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        out["improvement_ratio"] = np.where(out["land_value"] > 0, out["improvement_value"] / out["land_value"], np.nan)
    said = []
    lost = int((~numbers["apn"].isin(held["apn"])).sum())
    absent = int(out[["land_value", "improvement_value"]].isna().any(axis=1).sum())
    for count, what, why, remedy in (
        (
            lost,
            "Where {} rows of the roll lie",
            "Their numbers are on no parcel of the layer.",
            "Join them by history: citygis lineage.",
        ),
        (unread, "The values of {} rows of the roll", "They are blank or no numbers.", "Correct the table."),
        (absent, "What stands on {} parcels by the roll", "The roll has no values for them.", "Look them up at the assessor's."),
    ):
        if count:
            said.append((what.format(f"{count:,}"), why, remedy))
    return out, said


def _judged(table: pd.DataFrame, figures: dict[str, float], least_building: float) -> tuple[np.ndarray, np.ndarray]:
    """The verdict on each parcel, and what it rests on."""
    n = len(table)
    roofs = table["covered_sqft"].to_numpy() if "covered_sqft" in table else np.full(n, np.nan)
    worth = table["improvement_value"].to_numpy() if "improvement_value" in table else np.full(n, np.nan)
    ratio = table["improvement_ratio"].to_numpy() if "improvement_ratio" in table else np.full(n, np.nan)
    # To the hundredth of a square foot: what lies exactly on a limit is not to hang on the last bit.
    roofs = np.round(roofs, 2)
    coverage = roofs / table["area_sqft"].to_numpy().round(2)
    seen, valued = ~np.isnan(roofs), ~np.isnan(worth)
    bare_map, bare_roll = seen & (roofs < least_building), valued & (worth <= 0)
    low, thin = ratio < figures["improvement_ratio"], coverage < figures["coverage_share"]
    cases = [
        (bare_map & bare_roll, VACANT, "no building, no improvements on the roll"),
        (bare_map & ~valued, VACANT, "no building; no value to judge by"),
        (~seen & bare_roll, VACANT, "no improvements on the roll; buildings not known"),
        (bare_map, REVIEW, "no building, but improvements on the roll"),
        (bare_roll, REVIEW, "a building, but no improvements on the roll"),
        (valued & low, UNDERUSED, f"improvements below {figures['improvement_ratio']:g} of the land"),
        (valued & ~np.isnan(ratio), USED, f"improvements at least {figures['improvement_ratio']:g} of the land"),
        (seen & thin, UNDERUSED, f"buildings on less than {figures['coverage_share']:.0%} of the parcel; no value to judge by"),
        (seen, USED, f"buildings on at least {figures['coverage_share']:.0%} of the parcel; no value to judge by"),
    ]
    verdict = np.select([each[0] for each in cases], [each[1] for each in cases], REVIEW).astype(object)
    basis = np.select([each[0] for each in cases], [each[2] for each in cases], "neither map nor roll tells").astype(object)
    return verdict, basis


def _uncovered(shapes: np.ndarray, roofs: gpd.GeoDataFrame) -> list[SecondWay]:
    own = shapes[roofs["left"].to_numpy()]
    if not len(own):
        return []
    bare_sqft = shapely.area(shapely.difference(own, roofs.geometry.values))
    whole = float(shapely.area(own).sum())
    return [
        second_way(
            "square feet that buildings cover",
            round(float(roofs["area_sqft"].sum()), 2),
            "the parcels less the ground that none covers",
            round(whole - float(bare_sqft.sum()), 2),
            tolerance=max(0.02, 1e-9 * whole),
            unit="sq ft",
        )
    ]


def _steps(has_roofs: bool, has_roll: bool, has_zoning: bool, figures: dict[str, float], pack: RulePack) -> tuple[str, ...]:
    steps = [
        f"Parcels that hold now, are land of their own and have {figures['least_parcel_sqft']:g} sq ft or more were looked at."
    ]
    steps.append(
        "The zone is the one that most of the parcel lies in." if has_zoning else "The zone is the parcel's own zoning_code."
    )
    if has_roofs:
        steps.append(
            f"A parcel is bare where buildings cover less than {pack['least_building_sqft']:g} sq ft of it; roofs count once."
        )
    if has_roll:
        steps.append("Values are those of the roll by parcel number, units of a stack together.")
        steps.append(f"Underused: improvements worth less than {figures['improvement_ratio']:g} of the land.")
    steps.append(f"Where no value tells, underused is a coverage below {figures['coverage_share']:.0%}.")
    steps.append("Where map and roll do not agree on whether anything stands there, the parcel needs review.")
    return tuple(steps)


QUESTIONS = (
    Question(
        name="vacant",
        department="Economic development",
        summary="Vacant and underused parcels by zoning, from building coverage and the roll's values, and where the two disagree.",
        answer=vacant_land,
        layers=("parcel",),
        optional={"building_footprint": "building_footprint", "zoning": "zoning"},
        parameters=(
            Parameter("roll", "table", "Assessed values: a file with apn, land_value, improvement_value."),
            Parameter("zone", "text", "Only parcels of this zone; several times for several.", many=True),
            Parameter("land_field", "text", "Column of the roll for the land."),
            Parameter("improvement_field", "text", "Column of the roll for the improvements."),
            Parameter("coverage_share", "number", "Buildings on less than this share leave a parcel underused."),
            Parameter("improvement_ratio", "number", "Improvements below this share of the land leave a parcel underused."),
            Parameter("least_parcel_sqft", "number", "Smaller parcels are not looked at."),
        ),
    ),
)
