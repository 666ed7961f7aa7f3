"""
Rows of the housing element's site inventory: size, densities, realistic capacity, vacancy, prior elements, income presumption.
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
from citygis.analysis.rulepack import rule_pack
from citygis.city import City
from citygis.errors import AnalysisError
from citygis.units import SQFT_PER_ACRE

LOWER, MODERATE, ABOVE = "lower", "moderate", "above moderate"


def housing_sites(
    parcels: gpd.GeoDataFrame,
    *,
    densities: pd.DataFrame,
    subject: Sequence[str] | None = None,
    zoning: gpd.GeoDataFrame | None = None,
    general_plan: gpd.GeoDataFrame | None = None,
    building_footprint: gpd.GeoDataFrame | None = None,
    prior_sites: pd.DataFrame | None = None,
    realistic_share: float | None = None,
    city: City | None = None,
) -> Answer:
    """
    The sites that a housing element may count, as rows of the State's form.

    Parameters
    ----------
    parcels : GeoDataFrame, polygons
        Columns ``apn``, and as far as there ``apn_display, situs_text, status, city_owned, zoning_code``. In feet.
    densities : DataFrame
        What each zone allows: ``zone, min_du_ac, max_du_ac``, and ``income`` (lower, moderate, above moderate) as far as there.
    subject : sequence of str, optional
        The sites, by parcel number, vacant or not; without it every vacant parcel in a zone of `densities`.
    zoning, general_plan : GeoDataFrame, optional
        Columns ``code`` and ``designation``. Without zoning the parcels' ``zoning_code`` is taken.
    building_footprint : GeoDataFrame, optional
        To tell which parcels are vacant.
    prior_sites : DataFrame, optional
        ``apn`` and ``cycle``: sites of earlier elements.
    realistic_share : float, optional
        Share of the greatest density that is counted; the rule pack's when not given.
    city : City, optional

    Returns
    -------
    Answer
        ``table``: one row per site: ``apn, address, acres, zone, general_plan, min_du_ac, max_du_ac, vacant, publicly_owned,
        prior_cycles, by_right, income, capacity``. ``tables["totals"]``: capacity by income and vacancy.

    Raises
    ------
    AnalysisError, CRSError
        If a layer or table cannot be used, or a number is unknown.
    """
    layers = {"parcel": parcels, "zoning": zoning, "general_plan": general_plan, "building_footprint": building_footprint}
    require_layers(layers, {"parcel": ["apn"], "zoning": ["code"], "general_plan": ["designation"]})
    pack = rule_pack("housing_sites", city)
    share = float(pack["realistic_share"] if realistic_share is None else realistic_share)
    if not 0 < share <= 1:
        raise AnalysisError(f"A realistic share of {share:g} is not one. Give more than 0, at most 1.")
    allowed = _densities(densities)
    chosen = parcels.iloc[rows_of(parcels, subject)] if subject else in_force(parcels)
    nowhere = without_ground(chosen).to_numpy()
    left_out = [("parcel", str(apn), "no geometry") for apn in chosen["apn"][nowhere]]
    sites = chosen[~nowhere].sort_values("apn", kind="stable").reset_index(drop=True)
    shapes, is_mended = mended(sites.geometry.values)
    sites = sites.set_geometry(gpd.GeoSeries(shapes, index=sites.index, crs=sites.crs))
    acres = sites.geometry.area.to_numpy() / SQFT_PER_ACRE
    zone, split = _most(sites, zoning, "code") if zoning is not None else (_own_zone(sites), np.zeros(len(sites), dtype=bool))
    plan = _most(sites, general_plan, "designation")[0] if general_plan is not None else np.full(len(sites), "", dtype=object)
    vacant = _vacant(sites, building_footprint, float(pack["vacant_most_built_sqft"]))
    known = pd.Series(zone).str.upper().map(allowed["row"])
    keep = known.notna().to_numpy()
    reasons = np.where(keep, "", "its zone has no density in the table: " + pd.Series(zone).replace("", "none").astype("str"))
    if not subject and building_footprint is not None:
        reasons = np.where((reasons == "") & (vacant == "no"), "built on", reasons)
    left_out += [("parcel", str(apn), str(reason)) for apn, reason in zip(sites["apn"], reasons, strict=True) if reason]
    at = np.flatnonzero(reasons == "")
    row = densities.iloc[known.iloc[at].astype(int).to_numpy()]
    least, most = (pd.to_numeric(row[name]).to_numpy(dtype=float) for name in ("min_du_ac", "max_du_ac"))
    # A thousandth of a dwelling is rounding of the acreage, not a dwelling less.
    capacity = np.floor(acres[at] * most * share + 1e-3).astype(int)
    fits = (acres[at] >= float(pack["lower_least_ac"])) & (acres[at] <= float(pack["lower_most_ac"]))
    dense = most >= float(pack["default_density_du_ac"])
    stated = (
        row["income"].astype("str").str.strip().str.lower().replace("", None).to_numpy()
        if "income" in row
        else np.full(len(at), None)
    )
    income = np.where(pd.notna(stated), stated, np.where(fits & dense, LOWER, ABOVE))
    unfit = (income == LOWER) & ~fits
    income = np.where(unfit, MODERATE, income)
    cycles = _cycles(sites["apn"].iloc[at], prior_sites, spelling(parcels["apn"]))
    by_right = np.where(vacant[at] == "yes", cycles >= 2, cycles >= 1) & (income == LOWER)
    table = pd.DataFrame(
        {
            "apn": _column(sites, "apn_display", "apn")[at],
            "address": _column(sites, "situs_text", None)[at],
            "acres": acres[at].round(2),
            "zone": zone[at],
            "general_plan": plan[at],
            "min_du_ac": least,
            "max_du_ac": most,
            "vacant": vacant[at],
            "publicly_owned": np.where(sites["city_owned"].fillna(False).astype(bool), "yes", "no")[at]
            if "city_owned" in sites
            else "not known",
            "prior_cycles": cycles if prior_sites is not None else "not known",
            "by_right": np.where(by_right, "yes", "no") if prior_sites is not None else "not known",
            "income": income,
            "capacity": capacity,
        }
    )
    geometry = gpd.GeoDataFrame(table, geometry=sites.geometry.values[at], crs=parcels.crs)
    totals = table.groupby(["income", "vacant"], as_index=False).agg(
        sites=("apn", "size"), acres=("acres", "sum"), capacity=("capacity", "sum")
    )
    open_ = pack.overdue() + _open(zoning, general_plan, building_footprint, prior_sites, parcels, split[at], unfit)
    shares = shoelace_sqft(np.asarray(sites.geometry.values, dtype=object)[at]) / SQFT_PER_ACRE
    return Answer(
        question="rhna",
        title=f"Housing element sites: {len(table):,} sites, {int(capacity.sum()):,} dwellings",
        table=table,
        geometry=geometry,
        excluded=excluded(left_out),
        method=Method(
            steps=(
                "Sites are the parcels named, or else every vacant parcel in force whose zone has a density.",
                "A parcel's zone and plan designation are those of most of its ground.",
                f"Capacity is acres times the greatest density times {share:g}, rounded down on each site.",
                f"Of {pack['lower_least_ac']:g} to {pack['lower_most_ac']:g} ac, at {pack['default_density_du_ac']:g} dwellings "
                "an acre or more, a site is presumed to serve lower incomes; others as the table of densities says, else above "
                "moderate.",
                "By right: a site for lower incomes that was vacant in two earlier elements, or not vacant in one.",
            ),
            citations=pack.cited(realistic_share=share),
            parameters={"subject": ", ".join(subject) if subject else "vacant parcels", "realistic_share": share},
            sources=sources_of(layers | {"densities": densities, "prior sites": prior_sites}),
            remarks=(
                *told_mended(sites.loc[is_mended, "apn"].to_numpy(), "parcel"),
                "Infrastructure, environmental constraints and whether a built site will turn over are for the planner to show.",
                "The State's form has more columns; these are the ones that the City's layers hold.",
            ),
        ),
        check=(
            second_way("dwellings on all sites", int(capacity.sum()), "the sum over incomes", int(totals["capacity"].sum())),
            second_way(
                "acres of the sites",
                round(float(acres[at].sum()), 3),
                "the shoelace of their rings",
                round(float(shares.sum()), 3),
                tolerance=0.002,
                unit="ac",
            ),
            second_way("parcels looked at", len(chosen), "sites and parcels left out", len(table) + len(left_out)),
        ),
        unanswered=unanswered(open_),
        tables={"totals": totals},
        layers={"sites": geometry},
        map=MapPlan(
            "Housing element sites",
            "By the income they are presumed to serve",
            {
                "sites": {
                    "title": "Sites",
                    "field": "income",
                    "line": {"color": "#5a5a5a", "width_pt": 0.4},
                    "classes": [
                        {"values": [LOWER], "legend": "Lower income", "fill": "#a9cdec"},
                        {"values": [MODERATE], "legend": "Moderate income", "fill": "#d3e8bc"},
                        {"values": [ABOVE], "legend": "Above moderate income", "fill": "#f6e2c4"},
                    ],
                }
            },
        ),
    )


def _densities(densities: pd.DataFrame) -> pd.DataFrame:
    gone = [name for name in ("zone", "min_du_ac", "max_du_ac") if name not in densities.columns]
    if gone or not len(densities):
        said = f"has no column {', '.join(gone)}" if gone else "is empty"
        raise AnalysisError(f"The table of densities {said}. Give zone, min_du_ac and max_du_ac for each residential zone.")
    least, most = (pd.to_numeric(densities[name], errors="coerce") for name in ("min_du_ac", "max_du_ac"))
    wrong = least.isna() | most.isna() | (least < 0) | (most < least) | (most <= 0)
    if wrong.any():
        raise AnalysisError(
            f"The density of zone {densities['zone'][wrong].iloc[0]!r} is not one: dwellings per acre, the least first."
        )
    zone = densities["zone"].astype("str").str.strip().str.upper()
    if zone.duplicated().any():
        raise AnalysisError(f"The table of densities names zone {zone[zone.duplicated()].iloc[0]!r} twice.")
    if "income" in densities:
        said = densities["income"].astype("str").str.strip().str.lower().replace("", None).dropna()
        unknown = said[~said.isin([LOWER, MODERATE, ABOVE])]
        if len(unknown):
            raise AnalysisError(f"The table of densities says income {unknown.iloc[0]!r}. Must be {LOWER}, {MODERATE} or {ABOVE}.")
    return pd.DataFrame({"row": np.arange(len(densities))}, index=zone.to_numpy())


def _most(sites: gpd.GeoDataFrame, areas: gpd.GeoDataFrame, field: str) -> tuple[np.ndarray, np.ndarray]:
    """The value of most of each site's ground, and whether another value holds a tenth of it."""
    areas = in_force(areas)
    if "overlay" in areas.columns:
        areas = areas[~areas["overlay"].fillna(False).astype(bool)]
    hit = overlaid_area(sites, areas)
    hit["value"] = areas[field].astype("str").to_numpy()[hit["right"]]
    shares = (
        hit.groupby(["left", "value"], as_index=False)["area_sqft"]
        .sum()
        .sort_values(["left", "area_sqft", "value"], ascending=[True, False, True])
    )
    first = shares.drop_duplicates("left").set_index("left")
    value = first["value"].reindex(range(len(sites))).fillna("").to_numpy(dtype=object)
    whole = shares.groupby("left")["area_sqft"].sum().reindex(range(len(sites)))
    least = first["area_sqft"].reindex(range(len(sites))) / whole
    return value, (least < 0.9).to_numpy(dtype=bool)


def _own_zone(sites: gpd.GeoDataFrame) -> np.ndarray:
    if "zoning_code" not in sites.columns:
        raise AnalysisError("Neither a zoning layer nor the parcels' zoning_code is there. Give one of them.")
    return sites["zoning_code"].astype("str").fillna("").to_numpy(dtype=object)


def _vacant(sites: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame | None, most_sqft: float) -> np.ndarray:
    if buildings is None:
        return np.full(len(sites), "not known", dtype=object)
    held = in_force(buildings)
    built = (
        overlaid_area(sites, held[~without_ground(held)]).groupby("left")["area_sqft"].sum().reindex(range(len(sites))).fillna(0.0)
    )
    return np.where(built.to_numpy() <= most_sqft, "yes", "no").astype(object)


def _cycles(apns: pd.Series, prior: pd.DataFrame | None, spelt: Callable[[pd.Series], pd.Series]) -> np.ndarray:
    if prior is None:
        return np.zeros(len(apns), dtype=int)
    require_columns(prior, ("apn", "cycle"), "The table of prior sites")
    counted = prior.assign(apn=spelt(prior["apn"])).groupby("apn")["cycle"].nunique()
    return spelt(apns).map(counted).fillna(0).astype(int).to_numpy()


def _column(sites: gpd.GeoDataFrame, name: str, otherwise: str | None) -> np.ndarray:
    values = sites[name].astype("str") if name in sites.columns else pd.Series(None, index=sites.index, dtype="str")
    return values.fillna(sites[otherwise].astype("str") if otherwise else "").to_numpy(dtype=object)


def _open(zoning, general_plan, buildings, prior, parcels, split, unfit) -> list[tuple[str, str, str]]:
    rows = []
    if buildings is None:
        rows.append(("Which sites are vacant", "No building footprints were given.", "Give them, or look at each site."))
    if prior is None:
        rows.append(
            ("Which sites were in earlier elements", "No table of prior sites was given.", "Give apn and cycle (--prior-sites).")
        )
    if general_plan is None:
        rows.append(("The plan designation of the sites", "No general plan was given.", "Load the general_plan layer."))
    if zoning is None and "zoning_code" in parcels.columns:
        rows.append(("The zone of the sites on the ground", "The parcels' own zoning_code was taken.", "Load the zoning layer."))
    if split.any():
        rows.append(
            (
                f"The zone of {int(split.sum()):,} sites in two zones",
                "Each was given the zone of most of it.",
                "Split their acreage by hand.",
            )
        )
    if unfit.any():
        why = "The table says lower income, the size says they are not presumed to serve it; they are counted as moderate."
        rows.append(
            (
                f"Whether {int(unfit.sum()):,} sites serve lower incomes",
                why,
                "Show it as Gov. Code 65583.2(c)(2) asks, or leave them.",
            )
        )
    return rows


QUESTIONS = (
    Question(
        name="rhna",
        department="Housing",
        summary="Rows of the housing element's site inventory: size, densities, realistic capacity, vacancy, income presumption.",
        answer=housing_sites,
        layers=("parcel",),
        optional={"zoning": "zoning", "general_plan": "general_plan", "building_footprint": "building_footprint"},
        parameters=(
            Parameter("densities", "table", "What each zone allows: zone, min_du_ac, max_du_ac, income.", required=True),
            Parameter(
                "subject",
                "text",
                "Parcel number of a site; several times for several. Vacant parcels when not given.",
                many=True,
                option="apn",
            ),
            Parameter("prior_sites", "table", "Sites of earlier elements: apn, cycle."),
            Parameter("realistic_share", "number", "Share of the greatest density that is counted."),
        ),
    ),
)
