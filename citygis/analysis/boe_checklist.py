"""
The list that an annexation package is held against: each requirement of LAFCO and the Board of Equalization, met or not, and why.
"""

import datetime
from collections.abc import Mapping

import numpy as np
import pandas as pd

from citygis.analysis.city_edge import Edge
from citygis.analysis.legal_description import Description, Figure
from citygis.analysis.rulepack import RulePack
from citygis.units import SQFT_PER_ACRE

CHECKLIST_COLUMNS = ("requirement", "met", "why", "law", "certainty")

_PREFIXES = ("boe_", "lafco_", "signed")
_LISTED = 10
_BY_HAND = "Not in the package: to be added by hand."


def checklist(pack: RulePack, found: Mapping[str, tuple[bool | None, str]]) -> pd.DataFrame:
    """
    The requirements of a pack, ticked.

    Parameters
    ----------
    pack : RulePack
        Its rules whose key begins with ``boe_``, ``lafco_`` or ``signed`` are requirements, in words.
    found : mapping of str to (bool or None, str)
        By key: whether it is met, None where that cannot be told, and why.

    Returns
    -------
    DataFrame
        `CHECKLIST_COLUMNS`, text, in the order of the pack; ``met``: yes, no, unknown, or by hand for what nothing was found of.

    Raises
    ------
    ValueError
        If something was found of a key that is no requirement.
    """
    wanted = [rule for rule in pack.rules if rule.key.startswith(_PREFIXES)]
    keys = [rule.key for rule in wanted]
    for key in found:
        if key not in keys:
            raise ValueError(f"Invalid key {key!r}. Must be a requirement of {pack.title!r}: {', '.join(keys)}.")
    rows = []
    for rule in wanted:
        met, why = found.get(rule.key, ("by hand", _BY_HAND))
        word = {True: "yes", False: "no", None: "unknown"}.get(met, met)
        rows.append((str(rule.value), word, why, rule.law, rule.certainty))
    return pd.DataFrame(rows, columns=list(CHECKLIST_COLUMNS)).astype("str")


def requirements_met(
    pack: RulePack,
    figures: list[Figure],
    description: Description,
    edge: Edge,
    table: pd.DataFrame,
    tra: pd.DataFrame,
    outside: float | None,
    filed: datetime.date | None,
    roll_year: int | None,
) -> dict[str, tuple[bool | None, str]]:
    """
    What a package itself shows of each requirement, for `checklist`.

    Parameters
    ----------
    pack : RulePack
    figures, description : of the land
    edge : Edge
    table, tra : DataFrame
        Parcels and tax rate areas.
    outside : float or None
        Square feet outside the sphere of influence; None where that is not known.
    filed, roll_year : optional
        Day of filing, and the roll that is to show the change.
    """
    least = float(pack["closure_ratio"])
    worst = min(closed.closure_ratio for closed in description.closures)
    tied = all(figure.corner for figure in figures)
    on_limit = sum(kind == "city_limit" for figure in figures for kind in figure.boundary.kinds)
    courses = sum(len(figure.boundary.courses) for figure in figures)
    record = sum(course.basis == "RECORD" for figure in figures for course in figure.boundary.courses)
    split = table.loc[table["taken"] == "part", "apn"].tolist()
    bad = edge.of("gap", "overlap", "in the City")
    islands = edge.of("island")
    return {
        "boe_description": (True, f"Metes and bounds of {courses} courses; no call rests on a parcel number."),
        "boe_beginning": (
            tied,
            "Tied to " + ", ".join(dict.fromkeys(f"corner {figure.corner}" for figure in figures if figure.corner)) + "."
            if tied
            else "No monument of the layer corner is near: tie it to a known corner.",
        ),
        "boe_courses": (True, f"{courses} courses, {record} with numbers of record, the rest computed."),
        "boe_closure": (
            worst >= least,
            f"Printed courses close 1 in {worst:,.0f}." if np.isfinite(worst) else "Printed courses close without remainder.",
        ),
        "boe_existing_boundary": (on_limit > 0, f"{on_limit} courses call to the city limit."),
        "boe_acreage": (True, f"{description.area_sqft / SQFT_PER_ACRE:,.3f} acres in all."),
        "boe_maps": (True, "Exhibits in the package; look at them before they are filed."),
        "boe_parcels": (len(table) > 0, f"{len(table):,} parcels on the map and in the list."),
        "boe_tra": _tax_rate_areas(tra),
        "boe_day": _in_time(pack, filed, roll_year),
        "lafco_contiguous": (edge.common_ft > 0, _contiguity(edge)),
        "lafco_islands": (
            not len(islands),
            f"{len(islands)} enclosed, {islands['acres'].sum():,.2f} acres."
            if len(islands)
            else "None is enclosed that is open now.",
        ),
        "lafco_sphere": _in_sphere(outside),
        "lafco_gaps": (not len(bad), "None." if not len(bad) else f"{len(bad)}: see city_edge."),
        "lafco_parcels": (not split, f"Divided: {_some(split)}." if split else "None is."),
        "lafco_separate": (True, "legal_description.txt and the exhibits are files of their own."),
    }


def _tax_rate_areas(tra: pd.DataFrame) -> tuple[bool | None, str]:
    if len(tra) and tra["is_number"].all():
        return None, "Numbers are in the list; the auditor's letter is to be added by hand."
    return False, "Not all parcels have one."


def _in_sphere(outside: float | None) -> tuple[bool | None, str]:
    if outside is None:
        return None, "No layer sphere_of_influence was given."
    return outside == 0, f"{outside / SQFT_PER_ACRE:,.4f} acres lie outside."


def _some(names: list[str]) -> str:
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")


def _in_time(pack: RulePack, filed: datetime.date | None, roll_year: int | None) -> tuple[bool | None, str]:
    """A filing is for the roll of a year when it is made by the day in the year before."""
    month, day = (int(part) for part in str(pack["filing_day"]).split("-"))
    if filed is None:
        return None, "No day of filing was given."
    first = filed.year + 1 if filed <= datetime.date(filed.year, month, day) else filed.year + 2
    if roll_year is None:
        return None, f"Filed {filed.isoformat()}, it is in time for the roll of {first}; no roll was named."
    last = datetime.date(roll_year - 1, month, day)
    return filed <= last, f"Filed {filed.isoformat()}; for the roll of {roll_year} the last day is {last.isoformat()}."


def _contiguity(edge: Edge) -> str:
    if edge.common_ft > 0:
        return f"{edge.common_ft:,.1f} ft of line in common."
    if edge.apart_ft > 0:
        return f"It lies {edge.apart_ft:,.2f} ft from the city limit."
    return "No line in common: it touches the city limit at a corner only, or lies over it."


def told(
    open_: list[tuple[str, str, str]],
    pack: RulePack,
    edge: Edge,
    description: Description,
    outside: float | None,
    again: list[str],
    layers: dict,
    table: pd.DataFrame,
    ticked: pd.DataFrame,
) -> None:
    """Add to `open_` what could not be answered, or stands against the package: rows for `citygis.analysis.unanswered`."""
    if edge.common_ft == 0:
        open_.append(
            (
                "Whether the land may be annexed",
                _contiguity(edge),
                f"Take in the ground between, or have counsel look at {pack.rule('contiguity').law}.",
            )
        )
    elif edge.common_ft < float(pack["strip_width_ft"]):
        open_.append(
            (
                "Whether the land counts as contiguous",
                f"Only {edge.common_ft:,.1f} ft of line are in common; a strip narrower than {pack['strip_width_ft']} ft and "
                f"longer than {pack['strip_length_ft']} ft does not count.",
                f"Look at {pack.rule('strip_width_ft').law}.",
            )
        )
    for row in edge.of("island").itertuples():
        small = row.acres <= float(pack["island_acres"])
        more = f" It has at most {pack['island_acres']} acres." if small else ""
        open_.append(
            (
                f"County ground of {row.acres:,.2f} acres would be enclosed",
                f"At {row.easting_ft:,.0f} E, {row.northing_ft:,.0f} N.{more}",
                "Take it in, leave a way out, or ask the commission to waive it.",
            )
        )
    for row in edge.of("gap", "overlap", "in the City").itertuples():
        what = {
            "gap": "Ground between the land and the city limit",
            "overlap": "Ground in the land and in the City",
            "in the City": "Land that is in the City already",
        }[row.kind]
        open_.append(
            (
                f"{what}: {row.area_sqft:,.1f} sq ft, {row.width_ft:,.2f} ft wide",
                f"At {row.easting_ft:,.0f} E, {row.northing_ft:,.0f} N.",
                "Find out which line is of record, and move the other.",
            )
        )
    least = float(pack["closure_ratio"])
    for n, closed in enumerate(description.closures, 1):
        if closed.closure_ratio < least:
            open_.append(
                (
                    f"The closure of figure {n}",
                    f"Its courses miss the beginning by {closed.misclosure_ft:.2f} ft, 1 in {closed.closure_ratio:,.0f}.",
                    "Look at its courses of record: citygis cogo suspects.",
                )
            )
    if outside is None:
        open_.append(
            ("Whether the land is inside the sphere of influence", "No layer sphere_of_influence was given.", "Load it from LAFCO.")
        )
    elif outside > 0:
        open_.append(
            (
                "The sphere of influence",
                f"{outside / SQFT_PER_ACRE:,.4f} acres of the land lie outside it.",
                "Ask LAFCO to amend the sphere, or leave that land out.",
            )
        )
    if again:
        open_.append(
            (
                "Land that was annexed before",
                f"It lies over: {', '.join(again)}.",
                "Take that land out, or find out why the city limit does not have it.",
            )
        )
    if layers["boundary_line"] is None:
        open_.append(
            (
                "The numbers of record",
                "No layer boundary_line was given: every course is computed from the drawing.",
                "Load the courses of the recorded maps.",
            )
        )
    if not len(table):
        open_.append(("The parcels", "No parcel in force has ground in the land.", "Ask the county for the parcels there."))
    wait = ticked.loc[ticked["met"] == "by hand", "requirement"].tolist()
    open_.append(("What is added by hand", "; ".join(wait) + ".", "See the checklist."))
