"""
Which parcels may be split under SB 9: each criterion by itself, with its reason, its law and the features it rests on.

Nobody gets a bare yes. A parcel is *ineligible* when one criterion is, *eligible* when every criterion is decided for it, and else
*needs review*: what no layer can tell (who lived there, who splits it) is left to a person.
"""

from collections.abc import Callable, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.analysis.answer import Answer, MapPlan, Method, excluded, second_way, unanswered
from citygis.analysis.layers import in_force, require_columns, require_layers, sources_of, without_ground
from citygis.analysis.overlay import mended, overlaid_area, shoelace_sqft, told_mended
from citygis.analysis.parcels import rows_of, spelling
from citygis.analysis.questions import Parameter, Question
from citygis.analysis.rulepack import RulePack, rule_pack
from citygis.city import City
from citygis.errors import AnalysisError

ELIGIBLE, INELIGIBLE, REVIEW = "eligible", "ineligible", "needs review"
CRITERIA = ("zone", "size", "kind", "earlier split", "flood", "constraints", "occupancy")
CRITERION_COLUMNS = ["apn", "criterion", "verdict", "reason", "law", "features"]


def lot_split_screening(
    parcels: gpd.GeoDataFrame,
    *,
    subject: Sequence[str] | None = None,
    zoning: gpd.GeoDataFrame | None = None,
    flood_zone: gpd.GeoDataFrame | None = None,
    constraints: gpd.GeoDataFrame | None = None,
    earlier_splits: pd.DataFrame | None = None,
    occupancy: pd.DataFrame | None = None,
    city: City | None = None,
) -> Answer:
    """
    Parcels held against the criteria for an urban lot split.

    Parameters
    ----------
    parcels : GeoDataFrame, polygons
        Columns ``apn``, and as far as there ``apn_display, status, parcel_kind``. In feet.
    subject : sequence of str, optional
        Parcel numbers to look at; all that are in force when not given.
    zoning : GeoDataFrame, optional
        Column ``code``; ``overlay`` true on overlays, which decide nothing here.
    flood_zone : GeoDataFrame, optional
        Columns ``sfha_zone``, ``flood_id``.
    constraints : GeoDataFrame, optional
        Mapped areas with a column ``kind`` (as in the rule pack) and, as far as there, ``name``.
    earlier_splits : DataFrame, optional
        Column ``apn``: parcels that came of such a split, or whose owner split the parcel beside.
    occupancy : DataFrame, optional
        Columns ``apn``, ``allowed`` (yes or no): what somebody found out about tenants, rent limits and withdrawals from rent.
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per parcel: ``apn, verdict, area_sqft``, and a column for each of `CRITERIA`. ``tables["criteria"]``:
        `CRITERION_COLUMNS`, one row per parcel and criterion.

    Raises
    ------
    AnalysisError, CRSError
        If a layer cannot be used, or a number is unknown.
    """
    layers = {"parcel": parcels, "zoning": zoning, "flood_zone": flood_zone, "constraints": constraints}
    require_layers(layers, {"parcel": ["apn"], "zoning": ["code"], "flood_zone": ["sfha_zone"], "constraints": ["kind"]})
    pack = rule_pack("lot_split", city)
    chosen = parcels.iloc[rows_of(parcels, subject)] if subject else in_force(parcels)
    nowhere = without_ground(chosen).to_numpy()
    left_out = [("parcel", str(apn), "no geometry") for apn in chosen["apn"][nowhere]]
    lots = chosen[~nowhere].sort_values("apn", kind="stable").reset_index(drop=True)
    shapes, is_mended = mended(lots.geometry.values)
    lots = lots.set_geometry(gpd.GeoSeries(shapes, index=lots.index, crs=lots.crs))
    if not len(lots):
        raise AnalysisError("None of the parcels has geometry. Map them first.")
    spelt = spelling(parcels["apn"])
    number = spelt(lots["apn"])
    area = lots.geometry.area.to_numpy()
    parts = [
        _zone(lots, zoning, pack),
        _size(area, pack),
        _kind(lots),
        _earlier(number, earlier_splits, spelt),
        _flood(lots, flood_zone, pack),
        _constraints(lots, constraints, pack),
        _occupancy(number, occupancy, spelt),
    ]
    criteria = pd.concat(
        [part.assign(apn=lots["apn"].astype("str").to_numpy(), criterion=name) for name, part in zip(CRITERIA, parts, strict=True)],
        ignore_index=True,
    )[CRITERION_COLUMNS]
    verdicts = pd.DataFrame({name: part["verdict"].to_numpy() for name, part in zip(CRITERIA, parts, strict=True)})
    overall = np.where(
        (verdicts == INELIGIBLE).any(axis=1), INELIGIBLE, np.where((verdicts == ELIGIBLE).all(axis=1), ELIGIBLE, REVIEW)
    )
    table = pd.DataFrame({"apn": lots["apn"].astype("str"), "verdict": overall, "area_sqft": area.round(1)})
    if "apn_display" in lots.columns:
        table.insert(1, "apn_display", lots["apn_display"].astype("str"))
    table = pd.concat([table, verdicts], axis=1)
    geometry = gpd.GeoDataFrame(table, geometry=lots.geometry.values, crs=parcels.crs)
    open_ = pack.overdue() + [
        (f"The criterion {name!r}", "No layer or table tells it.", f"Give {given}.")
        for name, given, there in (
            ("zone", "the zoning layer", zoning),
            ("earlier split", "a table of earlier splits (--earlier-splits)", earlier_splits),
            ("flood", "the flood_zone layer", flood_zone),
            ("constraints", "a layer of mapped constraints (--constraints)", constraints),
            ("occupancy", "a table of what was found out about tenants (--occupancy)", occupancy),
        )
        if there is None
    ]
    counts = table["verdict"].value_counts()
    again = float(shoelace_sqft(np.asarray(lots.geometry.values, dtype=object)).sum())
    return Answer(
        question="sb9",
        title=f"Lot splits under SB 9: {len(table):,} parcels looked at",
        table=table,
        geometry=geometry,
        excluded=excluded(left_out),
        method=Method(
            steps=(
                "Each parcel in force, or each that was named, was held against every criterion by itself.",
                f"Zone: the districts that share more than {pack['overlap_sqft']:g} sq ft with it; all must be single-family.",
                f"Size: two lots of {pack['least_new_lot_sqft']:g} sq ft or more, neither below {pack['least_share']:.0%} of it.",
                "Flood and constraints: mapped areas that share ground with the parcel.",
                "Ineligible where one criterion is; eligible only where every one is decided; else a person must look.",
            ),
            citations=pack.cited(),
            parameters={"subject": ", ".join(subject) if subject else "all parcels in force"},
            sources=sources_of(layers | {"earlier splits": earlier_splits, "occupancy": occupancy}),
            remarks=(
                *told_mended(lots.loc[is_mended, "apn"].to_numpy(), "parcel"),
                "A screening, not a decision: objective standards of the City, setbacks, access and utilities are not looked at.",
                *(f"Watch {bill}." for bill in pack["bills_to_watch"]),
            ),
        ),
        check=(
            second_way("parcels by verdict", len(table), "the sum over the verdicts", int(counts.sum())),
            second_way(
                "area of the parcels",
                float(area.sum()),
                "the shoelace of their rings",
                again,
                tolerance=0.01 * len(lots),
                unit="sq ft",
            ),
        ),
        unanswered=unanswered(open_),
        tables={
            "criteria": criteria,
            "verdicts": counts.rename_axis("verdict").rename("parcels").reset_index().sort_values("verdict"),
        },
        layers={"screened": geometry},
        map=MapPlan(
            "Lot splits under SB 9",
            "A screening; each criterion is in the list",
            {
                "screened": {
                    "title": "Screened",
                    "field": "verdict",
                    "line": {"color": "#5a5a5a", "width_pt": 0.35},
                    "classes": [
                        {"values": [ELIGIBLE], "legend": "Eligible on every criterion", "fill": "#b8dcb0"},
                        {"values": [REVIEW], "legend": "A person must look", "fill": "#f6e2c4"},
                        {"values": [INELIGIBLE], "legend": "Ineligible", "fill": "#dedede"},
                    ],
                }
            },
            base=("right_of_way", "street_centerline"),
        ),
    )


def _verdicts(n: int, verdict: str, reason: str, law: str) -> pd.DataFrame:
    return pd.DataFrame({"verdict": [verdict] * n, "reason": reason, "law": law, "features": ""})


def _zone(lots: gpd.GeoDataFrame, zoning: gpd.GeoDataFrame | None, pack: RulePack) -> pd.DataFrame:
    law = pack.rule("single_family_zones").law
    if zoning is None:
        return _verdicts(len(lots), REVIEW, "no zoning layer was given", law)
    districts = in_force(zoning)
    if "overlay" in districts.columns:
        districts = districts[~districts["overlay"].fillna(False).astype(bool)]
    hit = _shared(lots, districts, pack)
    single = {code.upper() for code in pack["single_family_zones"]}
    hit["code"] = districts["code"].astype("str").to_numpy()[hit["right"]]
    hit["single"] = hit["code"].str.upper().isin(single)
    of = hit.groupby("left")
    codes = of["code"].agg(lambda codes: ", ".join(sorted(set(codes)))).reindex(range(len(lots)))
    every, some = of["single"].all().reindex(range(len(lots))), of["single"].any().reindex(range(len(lots)))
    out = _verdicts(len(lots), REVIEW, "", law)
    out["verdict"] = np.select([codes.isna(), every.eq(True), some.eq(False)], [REVIEW, ELIGIBLE, INELIGIBLE], REVIEW)
    zoned = "zoned " + codes.astype("str")
    out["reason"] = np.select(
        [codes.isna(), every.eq(True), some.eq(False)],
        ["in no zoning district", zoned, zoned + ", not single-family"],
        zoned + ", single-family in part",
    )
    out["features"] = codes.fillna("").to_numpy()
    return out


def _size(area: np.ndarray, pack: RulePack) -> pd.DataFrame:
    least = float(pack["least_new_lot_sqft"])
    share = float(pack["least_share"])
    # Two lots of the least area can be had from twice of it; halves are within any share up to a half.
    enough = area >= 2 * least
    law = f"{pack.rule('least_new_lot_sqft').law}; {pack.rule('least_share').law}"
    out = _verdicts(len(area), ELIGIBLE, "", law)
    out["verdict"] = np.where(enough, ELIGIBLE, INELIGIBLE)
    smaller = np.maximum(least / np.maximum(area, 1e-9), share)
    out["reason"] = [
        f"{a:,.0f} sq ft; the smaller lot takes {s:.0%} to 50 %" if fits else f"{a:,.0f} sq ft, less than two lots of {least:,.0f}"
        for a, s, fits in zip(area, smaller, enough, strict=True)
    ]
    return out


def _kind(lots: gpd.GeoDataFrame) -> pd.DataFrame:
    law = "Calif. Gov. Code 66411.7(a): an existing parcel of land"
    if "parcel_kind" not in lots.columns:
        return _verdicts(len(lots), REVIEW, "the layer does not say what is owned", law)
    out = _verdicts(len(lots), ELIGIBLE, "", law)
    kind = lots["parcel_kind"].astype("str").fillna("")
    out["verdict"] = np.select([kind.eq("FEE"), kind.eq("") | kind.eq("REMAINDER")], [ELIGIBLE, REVIEW], INELIGIBLE)
    out["reason"] = ("owned as " + kind.str.lower().replace("", "not said")).to_numpy()
    return out


def _earlier(number: pd.Series, splits: pd.DataFrame | None, spelt: Callable[[pd.Series], pd.Series]) -> pd.DataFrame:
    law = "Calif. Gov. Code 66411.7(a)(3)(F) and (G): not established by an earlier such split, nor beside one by the same owner"
    if splits is None:
        return _verdicts(len(number), REVIEW, "no table of earlier splits was given", law)
    require_columns(splits, ["apn"], "The table of earlier splits")
    known = number.isin(set(spelt(splits["apn"]).dropna())).to_numpy()
    out = _verdicts(len(number), ELIGIBLE, "", law)
    out["verdict"] = np.where(known, INELIGIBLE, ELIGIBLE)
    out["reason"] = np.where(known, "in the table of earlier splits", "not in the table of earlier splits")
    return out


def _flood(lots: gpd.GeoDataFrame, zones: gpd.GeoDataFrame | None, pack: RulePack) -> pd.DataFrame:
    law = f"{pack.rule('sfha_zones').law}; {pack.rule('floodway_zones').law}"
    if zones is None:
        return _verdicts(len(lots), REVIEW, "no flood zones were given", law)
    areas = in_force(zones)
    name = areas["sfha_zone"].astype("str")
    return _mapped(
        lots,
        areas,
        name,
        set(pack["floodway_zones"]),
        set(pack["sfha_zones"]),
        "in zone ",
        "in no special flood hazard area",
        law,
        pack,
    )


def _constraints(lots: gpd.GeoDataFrame, areas: gpd.GeoDataFrame | None, pack: RulePack) -> pd.DataFrame:
    law = f"{pack.rule('excluding_constraints').law}; {pack.rule('reviewed_constraints').law}"
    if areas is None:
        return _verdicts(len(lots), REVIEW, "no mapped constraints were given", law)
    areas = in_force(areas)
    kind = areas["kind"].astype("str").str.upper()
    hard, soft = set(pack["excluding_constraints"]), set(pack["reviewed_constraints"])
    # What the pack does not know is not passed over: a person must look.
    soft |= set(kind.dropna()) - hard
    return _mapped(lots, areas, kind, hard, soft, "on ", "on no mapped constraint", law, pack)


def _mapped(
    lots: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame,
    kind: pd.Series,
    hard: set[str],
    soft: set[str],
    before: str,
    nothing: str,
    law: str,
    pack: RulePack,
) -> pd.DataFrame:
    """Parcels against mapped areas: ineligible on those of a `hard` kind, for review on a `soft` one."""
    chosen = kind.isin(hard | soft).to_numpy(dtype=bool)
    areas, kind = areas[chosen], kind[chosen].to_numpy(dtype=object)
    out = _verdicts(len(lots), ELIGIBLE, nothing, law)
    if not len(areas):
        return out
    hit = _shared(lots, areas, pack)
    hit["kind"] = kind[hit["right"]]
    ids = next((name for name in ("flood_id", "name", "global_id") if name in areas.columns), None)
    hit["id"] = areas[ids].astype("str").to_numpy()[hit["right"]] if ids else areas.index.astype("str").to_numpy()[hit["right"]]
    for lot, some in hit.groupby("left"):
        is_hard = some["kind"].isin(hard)
        out.loc[lot, "verdict"] = INELIGIBLE if is_hard.any() else REVIEW
        told = some[is_hard] if is_hard.any() else some
        shares = told.groupby("kind")["area_sqft"].sum()
        out.loc[lot, "reason"] = before + ", ".join(f"{name} ({area:,.0f} sq ft)" for name, area in shares.items())
        out.loc[lot, "features"] = ", ".join(sorted(set(told["id"])))
    return out


def _occupancy(number: pd.Series, occupancy: pd.DataFrame | None, spelt: Callable[[pd.Series], pd.Series]) -> pd.DataFrame:
    law = "Calif. Gov. Code 65852.21(a)(3) to (5), 66411.7(a)(3)(D): tenants within three years, rent limits, withdrawal from rent"
    if occupancy is None:
        return _verdicts(len(number), REVIEW, "nobody has said who lives there", law)
    require_columns(occupancy, ["apn", "allowed"], "The table of occupancy")
    said = occupancy["allowed"].astype("str").str.strip().str.lower()
    wrong = ~said.isin(["yes", "no", "true", "false"]) & said.notna()
    if wrong.any():
        raise AnalysisError(f"Occupancy says {said[wrong].iloc[0]!r} in the column allowed. Say yes or no, or leave it empty.")
    told = pd.Series(said.to_numpy(), index=spelt(occupancy["apn"]))
    # Two lines for one parcel: no stands before yes.
    no, yes = set(told.index[told.isin(["no", "false"])]), set(told.index[told.isin(["yes", "true"])])
    out = _verdicts(len(number), REVIEW, "nobody has said who lives there", law)
    out.loc[number.isin(yes).to_numpy(), ["verdict", "reason"]] = [ELIGIBLE, "found out: allowed"]
    out.loc[number.isin(no).to_numpy(), ["verdict", "reason"]] = [INELIGIBLE, "found out: not allowed"]
    return out


def _shared(lots: gpd.GeoDataFrame, areas: gpd.GeoDataFrame, pack: RulePack) -> pd.DataFrame:
    hit = overlaid_area(lots, areas)
    return hit[hit["area_sqft"] > float(pack["overlap_sqft"])].reset_index(drop=True)


QUESTIONS = (
    Question(
        name="sb9",
        department="Planning",
        summary="Which parcels may be split under SB 9: each criterion with its reason and law, never a bare yes.",
        answer=lot_split_screening,
        layers=("parcel",),
        optional={"zoning": "zoning", "flood_zone": "flood_zone"},
        parameters=(
            Parameter(
                "subject", "text", "Parcel number; several times for several. All parcels when not given.", many=True, option="apn"
            ),
            Parameter("constraints", "layer", "Mapped constraints with a column kind (PRIME_FARMLAND, HISTORIC, FAULT ...)."),
            Parameter("earlier_splits", "table", "Parcels of earlier splits: column apn."),
            Parameter("occupancy", "table", "What was found out about tenants: columns apn, allowed (yes or no)."),
        ),
    ),
)
