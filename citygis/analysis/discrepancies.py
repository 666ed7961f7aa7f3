"""
Address points against ranges against parcels: what does not agree, by class, for those who answer 911.
"""

import itertools
from collections import Counter
from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.addresses import street
from citygis.analysis.answer import Answer, MapPlan, Method, SecondWay, excluded, second_way, unanswered
from citygis.analysis.layers import require_layers, sources_of
from citygis.analysis.questions import Parameter, Question
from citygis.city import City, default_city
from citygis.quality import CATALOGUE, rules_not_judged, rules_off
from citygis.quality.addresses import address_findings
from citygis.quality.checks import applied
from citygis.quality.columns import texts
from citygis.quality.fishbones import spelt
from citygis.quality.land import CHECKS
from citygis.quality.network import network_findings
from citygis.quality.shapes import strayed
from citygis.quality.street_names import street_names
from citygis.quality.subject import Subject
from citygis.quality.validation import settled, subjects_of

CLASSES = {
    "address point: record": ("U01", "T15"),
    "address point against parcel": ("T14",),
    "address point against street": ("U08", "U09"),
    "address point against range": ("U07", "T16", "U10", "U11"),
    "range: parity": ("U02",),
    "range: overlap, direction, sequence": ("U03", "U04", "U05", "U06", "U12"),
    "street network": ("T17", "T18"),
}
"""
The rules of `citygis.quality` by the layers of the NENA NG9-1-1 data model (NENA-STA-006.3) that they hold against each other:
SiteStructureAddressPoint (SSAP), RoadCenterLine (RCL), and the parcels, which are the City's.
"""

_IDENTITY = ("AddNum_Pre", "AddNum_Suf", "Building", "Floor", "Unit", "Room", "Seat")
_COMMUNITIES = ("Post_Comm", "PostComm", "A3", "Inc_Muni")
_MOST_NAMED = 200
_ORDER = {"error": 0, "review": 1, "info": 2}
_WORST = {"error": "#b3261e", "review": "#d98a1c", "info": "#5c6f82"}


def address_check(
    address_point: gpd.GeoDataFrame,
    street_centerline: gpd.GeoDataFrame,
    parcels: gpd.GeoDataFrame,
    *,
    right_of_way: gpd.GeoDataFrame | None = None,
    city_limit: gpd.GeoDataFrame | None = None,
    classes: list[str] | None = None,
    city: City | None = None,
) -> Answer:
    """
    What of the addresses, the ranges and the parcels does not agree.

    Parameters
    ----------
    address_point, street_centerline : GeoDataFrame
        In NENA names, in the City's system.
    parcels : GeoDataFrame, polygons
        With ``apn``.
    right_of_way, city_limit : GeoDataFrame, optional
        For centrelines outside their right of way (T17).
    classes : list of str, optional
        Only those of `CLASSES` whose name holds one of these words.
    city : City, optional
        For its changes to the rules, and its extent.

    Returns
    -------
    Answer
        ``table``: one row per discrepancy, classes in the order of `CLASSES`, worst first: ``class, code, severity, layer,
        feature`` (NGUID), ``address`` (of a point), ``other, measure, unit, message, remedy, finding_id``. ``tables``:
        ``classes``, a row per class and rule with its count and the features; those that found nothing too.

    Raises
    ------
    CRSError
        If a layer is not in the City's system, in feet.
    AnalysisError
        If a layer is empty or lacks its columns.
    ValueError
        If no class holds a word of `classes`.
    """
    city = city or default_city()
    wanted = _wanted(classes)
    layers = {
        "address_point": address_point,
        "street_centerline": street_centerline,
        "parcel": parcels,
        "right_of_way": right_of_way,
        "city_limit": city_limit,
    }
    require_layers(layers, {"address_point": ["Add_Number", "St_Name"], "street_centerline": ["St_Name"], "parcel": ["apn"]})
    given = {name: layer for name, layer in layers.items() if layer is not None}
    subjects, crs = subjects_of(given, city=city)
    codes = {code: name for name in wanted for code in CLASSES[name]}
    every = {code for each in CLASSES.values() for code in each}
    land = [check for check in CHECKS if set(check.codes) & every]
    found = itertools.chain(address_findings(subjects, city), network_findings(subjects, city), applied(land, subjects, city))
    findings = settled(found, subjects, city, crs=crs)
    of_class = findings["code"].map(codes)
    findings = findings[of_class.notna()].assign(**{"class": of_class.dropna()})
    place = {name: k for k, name in enumerate(CLASSES)}
    findings = findings.assign(rank=findings["class"].map(place), worst=findings["severity"].map(_ORDER))
    findings = findings.sort_values(["rank", "worst", "code", "rule", "layer", "feature", "finding_id"], ignore_index=True)
    findings["address"] = _addresses(findings, subjects["address_point"])
    columns = [
        "class",
        "code",
        "severity",
        "layer",
        "feature",
        "address",
        "other",
        "measure",
        "unit",
        "message",
        "remedy",
        "finding_id",
    ]
    table = pd.DataFrame(findings[columns])
    layers_out = {
        each: findings.loc[findings["severity"] == each, ["class", "code", "feature", "message", "geometry"]]
        .set_geometry(_spots(findings[findings["severity"] == each]))
        .reset_index(drop=True)
        for each in _ORDER
    }
    judged_not = [each for each in rules_not_judged(given, city=city) if each.code in codes]
    points = subjects["address_point"]
    told = findings.loc[findings["layer"] == "address_point", "feature"].nunique()
    retired = [(name, str(f), "retired") for name in ("address_point", "street_centerline") for f in _retired(subjects[name])]
    return Answer(
        question="addresses",
        title=f"{len(table):,} discrepancies between addresses, ranges and parcels",
        table=table,
        geometry=findings[[*columns[:6], "geometry"]],
        excluded=excluded(retired),
        method=Method(
            steps=(
                "Address points were held against their parcels, their streets and each other; ranges against their parity, their "
                "neighbours and the addresses in them; centrelines against each other and the rights of way.",
                "Each defect is told once: an address off its parcel is not also told to be off its range.",
                "Discrepancies are put into classes by the layers that do not agree.",
            ),
            parameters={"classes": ", ".join(wanted)},
            sources=sources_of(given),
            remarks=(f"{points.current.sum():,} address points hold; {told:,} of them have a discrepancy.",),
        ),
        check=_checks(findings, subjects, city, codes),
        unanswered=unanswered(
            [
                (f"Rule {each.code} on {each.layer.replace('_', ' ')}", f"It {each.because}.", "Give what it needs, and ask again.")
                for each in judged_not
            ]
        ),
        tables={"classes": _counted(findings, codes)},
        layers=layers_out,
        map=MapPlan(
            "Addresses, ranges and parcels",
            f"{len(table):,} discrepancies",
            {
                each: {"legend": f"Discrepancy: {each}", "marker": {"shape": "circle", "size_pt": 4.0, "fill": _WORST[each]}}
                for each in reversed(_ORDER)
            },
            base=("right_of_way", "street_centerline"),
        ),
    )


def _wanted(classes: list[str] | None) -> list[str]:
    if not classes:
        return list(CLASSES)
    wanted = [name for name in CLASSES if any(word.lower() in name for word in classes)]
    for word in classes:
        if not any(word.lower() in name for name in CLASSES):
            raise ValueError(f"Invalid class {word!r}. Must be in one of: {'; '.join(CLASSES)}.")
    return wanted


def _addresses(findings: gpd.GeoDataFrame, points: Subject) -> pd.Series:
    """What each told address point reads, null for what is none."""
    names = street_names(points.frame)
    row_of = {name: k for k, name in reversed(list(enumerate(points.feature)))}
    is_point = findings["layer"] == "address_point"
    rows = [row_of.get(feature) if told else None for told, feature in zip(is_point, findings["feature"], strict=True)]
    return pd.Series([None if k is None else spelt(points, names, k) or None for k in rows], index=findings.index, dtype="str")


def _spots(findings: gpd.GeoDataFrame) -> gpd.GeoSeries:
    """A point on the place of each finding."""
    return gpd.GeoSeries(shapely.point_on_surface(findings.geometry.values), index=findings.index, crs=findings.crs)


def _retired(about: Subject) -> np.ndarray:
    return np.sort(about.feature[~about.current].astype(str))


def _counted(findings: gpd.GeoDataFrame, codes: dict[str, str]) -> pd.DataFrame:
    """A row for each class and rule, those without a finding too."""
    of_rule = dict(iter(findings.groupby(["code", "rule"], sort=True)))
    place = {name: k for k, name in enumerate(CLASSES)}
    rows = []
    for (code, name), rule in CATALOGUE.items():
        if code in codes:
            features = sorted(of_rule[code, name]["feature"].dropna().astype("str")) if (code, name) in of_rule else []
            rows.append((codes[code], code, name, rule.title, rule.severity, len(features), ", ".join(features[:_MOST_NAMED])))
    rows.sort(key=lambda row: (place[row[0]], row[1], row[2]))
    return pd.DataFrame(rows, columns=["class", "code", "rule", "title", "severity", "count", "features"])


def _checks(
    findings: gpd.GeoDataFrame, subjects: Mapping[str, Subject], city: City, codes: Mapping[str, str]
) -> tuple[SecondWay, ...]:
    """Two figures had again without the rules: addresses given twice, counted as texts; and points off the parcels they name."""
    off = {code for code, _ in rules_off(city)}
    points, parcels = subjects["address_point"], subjects["parcel"]
    checks = []
    if "T15" in codes and "T15" not in off:
        counted = Counter(_as_text(points))
        again = sum(n - 1 for n in counted.values())
        way = "addresses as texts in the post's abbreviations, counted"
        checks.append(second_way("addresses given again", int((findings["code"] == "T15").sum()), way, again, unit="points"))
    if "T14" in codes and "T14" not in off and "apn" in points.frame:
        again = _off_by_distance(points, parcels, city)
        way = "the distance of each point from the parcel with its number, without an index"
        checks.append(second_way("points off their parcels", int((findings["code"] == "T14").sum()), way, again, unit="points"))
    return tuple(checks)


def _as_text(points: Subject) -> list[str]:
    """Each address that holds, in one text."""
    frame, current = points.frame, points.current
    number, said = texts(frame, "Add_Number"), street_names(frame).said
    known = {name: street(name).full for name in set(said)}
    parts = [np.char.upper(texts(frame, name).astype(str)) for name in _IDENTITY]
    held = [texts(frame, name).astype(str) for name in _COMMUNITIES]
    out = []
    for k in np.flatnonzero(current & (said != "")):
        digits = number[k].removesuffix(".0")
        if digits.lstrip("-").isdigit():
            community = next((each[k] for each in held if each[k]), "")
            out.append("|".join((digits, known[said[k]], *(each[k] for each in parts), community.upper())))
    return out


def _off_by_distance(points: Subject, parcels: Subject, city: City) -> int:
    first: dict[str, int] = {}
    for k, apn in enumerate(texts(parcels.frame, "apn")):
        if parcels.current[k] and apn:
            first.setdefault(apn, k)
    link = np.array([first.get(apn, -1) for apn in texts(points.frame, "apn")], dtype=int)
    asked = np.flatnonzero((link >= 0) & points.current & ~strayed(points, city) & ~shapely.is_missing(points.place))
    asked = asked[shapely.is_valid(parcels.place[link[asked]])]
    return int((shapely.distance(points.place[asked], parcels.place[link[asked]]) > points.rule("T14").tolerance).sum())


QUESTIONS = (
    Question(
        name="addresses",
        department="911",
        summary="What does not agree between address points, ranges and parcels, by the layers that disagree.",
        answer=address_check,
        layers=("address_point", "street_centerline", "parcel"),
        optional={"right_of_way": "right_of_way", "city_limit": "city_limit"},
        parameters=(Parameter("classes", "text", "Only classes whose name holds this word.", many=True, option="class"),),
    ),
)
