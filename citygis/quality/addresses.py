"""
Address points against their parcels, their streets and each other: T14, T15, T16, U01 and U07 to U11; and the ranges themselves.
"""

from collections.abc import Iterator, Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis import topology
from citygis.city import City
from citygis.quality.columns import numbers, texts
from citygis.quality.fabric import NotJudged
from citygis.quality.fishbones import SIDE_WORDS, Addressed, Matches, fishbone_findings, matched, side_findings, spelt
from citygis.quality.ranges import range_findings, ranges_of, span
from citygis.quality.shapes import strayed
from citygis.quality.street_names import PARTS, StreetNames, street_names
from citygis.quality.subject import Subject, finding

_IDENTITY = ("AddNum_Pre", "AddNum_Suf", "Building", "Floor", "Unit", "Room", "Seat")
_COMMUNITIES = ("Post_Comm", "PostComm", "A3", "Inc_Muni")
_OTHER_WAYS = ("LandmkName", "Landmark", "MilePost", "Building", "AddtlLoc")  # how a place without a number is found
_NGUID = r"urn:emergency:uid:gis:[A-Za-z]+:[^:\s]+:\S+"


def address_findings(subjects: Mapping[str, Subject], city: City) -> Iterator[pd.DataFrame]:
    """
    What the address rules find in the address points and centrelines that are given.

    Parameters
    ----------
    subjects : mapping of name to Subject
        In feet, of one CRS; ``address_point``, ``street_centerline`` and ``parcel`` are looked at, with the columns they have.
    city : City
        For its extent: a point that strayed out of it (G06) is not also told to lie off its parcel and far from its street.

    Yields
    ------
    DataFrame
        Rows for `citygis.findings.findings_frame`. The geometry of U10 is the fishbone. Of an address that is told for its parcel
        (T14), its name or its number the place along the street is not judged, and of one that lies in a faulty range neither: one
        fault, one finding.

    Notes
    -----
    Fishbone: as in the address verification of the Oklahoma NG9-1-1 toolkit; names and ranges as in the Kansas one.
    """
    points, lines, parcels = (_held(subjects, name) for name in ("address_point", "street_centerline", "parcel"))
    is_told = None
    if lines is not None:
        found, is_told = range_findings(lines)
        yield from found
        yield _nguids(lines)
    if points is None:
        return
    names = street_names(points.frame)
    yield _nguids(points)
    yield _incomplete(points, names)
    yield _repeated(points, names)
    astray = strayed(points, city)
    if parcels is not None and {"apn"} <= set(points.frame) & set(parcels.frame):
        off, told = _off_parcels(points, parcels, astray)
        yield off
        astray |= told
    if lines is not None:
        ways = street_names(lines.frame)
        ranges = ranges_of(lines, ways)
        ranges = ranges.take(np.flatnonzero(shapely.get_type_id(lines.place)[ranges.row] == 1))
        addressed = Addressed(points, lines, names, ways, ranges, numbers(points.frame, "Add_Number"))
        yield from _on_streets(addressed, is_told, astray)


def address_not_judged(subjects: Mapping[str, Subject]) -> list[NotJudged]:
    """The address rules that need a layer or a column which is not there."""
    points = subjects.get("address_point")
    if points is None:
        return []
    left = []
    if "parcel" not in subjects:
        left.append(NotJudged("T14", points.name, "needs the layer parcel"))
    elif "apn" not in points.frame or "apn" not in subjects["parcel"].frame:
        left.append(NotJudged("T14", points.name, "needs the column apn of both layers"))
    if "street_centerline" not in subjects:
        codes = ("T16", "U07", "U08", "U09", "U10", "U11")
        left += [NotJudged(code, points.name, "needs the layer street_centerline") for code in codes]
    return left


def _held(subjects: Mapping[str, Subject], name: str) -> Subject | None:
    about = subjects.get(name)
    return about if about is not None and len(about.frame) else None


def _nguids(about: Subject) -> pd.DataFrame:
    nguid = pd.Series(texts(about.frame, "NGUID"), dtype=object)
    rows = np.flatnonzero((nguid != "").to_numpy(dtype=bool) & ~nguid.str.fullmatch(_NGUID).to_numpy(dtype=bool))
    message = [f"NGUID '{nguid[k]}' is not of the form urn:emergency:uid:gis:LAYER:NUMBER:AGENCY." for k in rows]
    return finding(about, "U01", "nguid_form", rows, message)


def _incomplete(points: Subject, names: StreetNames) -> pd.DataFrame:
    number, street = np.isfinite(numbers(points.frame, "Add_Number")), names.full != ""
    otherwise = np.logical_or.reduce([texts(points.frame, name) != "" for name in _OTHER_WAYS])
    rows = np.flatnonzero(points.current & ~(number & street) & ~(otherwise & ~number))
    said = {
        (True, False): "The address has a number and no street.",
        (False, True): "The address names a street and has no number, nor another way to find it.",
        (False, False): "The address has neither number nor street, nor another way to find it.",
    }
    return finding(points, "U01", "address_incomplete", rows, [said[bool(number[k]), bool(street[k])] for k in rows])


def _repeated(points: Subject, names: StreetNames) -> pd.DataFrame:
    number = numbers(points.frame, "Add_Number")
    rows = np.flatnonzero(points.current & np.isfinite(number) & (names.full != ""))
    community = np.full(len(points.frame), "", dtype=object)
    for name in _COMMUNITIES:
        community = np.where(community == "", texts(points.frame, name), community)
    parts = [texts(points.frame, name) for name in _IDENTITY if name in points.frame]
    key = pd.DataFrame({k: pd.Series(values[rows], dtype=object).str.upper() for k, values in enumerate([*parts, community])})
    key["number"], key["street"] = number[rows], names.full[rows]
    earlier = rows[key.assign(first=range(len(key))).groupby(list(key.columns), sort=False)["first"].transform("min")]
    again = np.flatnonzero(earlier != rows)
    rows, earlier = rows[again], earlier[again]
    message = [f"{spelt(points, names, k)} is also the address of {points.feature[j]}." for k, j in zip(rows, earlier, strict=True)]
    return finding(points, "T15", "address_repeated", rows, message, other=points.feature[earlier])


def _off_parcels(points: Subject, parcels: Subject, astray: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    """T14, and which points it tells."""
    each = points.rule("T14")
    apn = pd.Series(texts(parcels.frame, "apn"), dtype=object)
    held = np.flatnonzero(parcels.current & (apn != "").to_numpy() & ~apn.where(parcels.current).duplicated().to_numpy())
    place = pd.Series(held, index=apn[held])
    link = pd.Series(texts(points.frame, "apn"), dtype=object).map(place).fillna(-1).to_numpy(dtype=int, copy=True)
    link[~points.current | astray] = -1
    link[(link >= 0) & ~shapely.is_valid(parcels.place)[link]] = -1  # what a broken one holds nobody can say
    out = topology.outside_own(points.shapes, gpd.GeoSeries(parcels.place, crs=points.crs), link, tolerance_ft=each.tolerance)
    rows, by, lies_in = (out[name].to_numpy(dtype=int) for name in ("point", "polygon", "lies_in"))
    message = [
        f"The point lies {ft:,.2f} ft off its parcel {parcels.feature[j]} (tolerance {each.tolerance:g} ft)"
        + (f", on {parcels.feature[k]}." if k >= 0 else ", on no parcel.")
        for ft, j, k in zip(out["distance_ft"], by, lies_in, strict=True)
    ]
    told = np.zeros(len(points.frame), dtype=bool)
    told[rows] = True
    measured = {"measure": out["distance_ft"].to_numpy(), "unit": "ft", "tolerance": each.tolerance}
    return finding(points, "T14", each.name, rows, message, other=parcels.feature[by], **measured), told


def _on_streets(addressed: Addressed, is_told: np.ndarray, astray: np.ndarray) -> Iterator[pd.DataFrame]:
    points, names, ranges = addressed.points, addressed.names, addressed.ranges
    asked = points.current & np.isfinite(addressed.number) & (names.full != "") & (shapely.get_type_id(points.place) == 0)
    rows = np.flatnonzero(asked)
    matches = matched(addressed, rows, names.full, ranges)
    named, left = _other_names(addressed, np.setdiff1d(rows, matches.point))
    yield from named
    yield from _unmatched(addressed, left[~astray[left]], is_told)
    sound = ~astray[matches.point] & ~is_told[ranges.row[matches.at]]
    matches = Matches(*(values[sound] for values in matches))
    of_lines, of_points, keep = side_findings(addressed, matches)
    yield of_lines
    yield of_points
    yield from fishbone_findings(addressed, Matches(*(values[keep] for values in matches)))


def _other_names(addressed: Addressed, rows: np.ndarray) -> tuple[list[pd.DataFrame], np.ndarray]:
    """U09: addresses whose number is in a range near by of a street that differs only in direction or type; and the others."""
    points, lines, names, ways, ranges, _ = addressed
    based = ranges._replace(street=ways.base[ranges.row])
    matches = matched(addressed, rows, names.base, based)
    near = matches.distance_ft <= points.rule("U08", "street_not_near").tolerance
    point, line = matches.point[near], ranges.row[matches.at[near]]
    # A line that several addresses call otherwise, and whose name no address has, is itself misnamed.
    called = pd.DataFrame({"line": line, "name": names.full[point]})
    count = called.groupby("line")["name"].agg(["size", "nunique"])
    own = pd.Series(names.full[points.current]).value_counts()
    alone = ~pd.Series(ways.full[count.index], index=count.index).isin(own.index)
    misnamed = count.index[(count["size"] > 1) & (count["nunique"] == 1) & alone].to_numpy(dtype=int)
    of_line = np.isin(line, misnamed)
    example = pd.Series(point[of_line], index=line[of_line]).groupby(level=0).first()
    lines_told = example.index.to_numpy(dtype=int)
    message = [
        f"The centreline is called {ways.said[k]}, and its addresses are on {names.said[example[k]]}: "
        f"{_difference(lines.frame, k, points.frame, example[k])}."
        for k in lines_told
    ]
    found = [finding(lines, "U09", "street_name_differs", lines_told, message)]
    single, by = point[~of_line], line[~of_line]
    message = [
        f"{spelt(points, names, k)}: the street here is {ways.said[j]}; {_difference(points.frame, k, lines.frame, j)}."
        for k, j in zip(single, by, strict=True)
    ]
    found.append(finding(points, "U09", "street_name_differs", single, message, other=lines.feature[by]))
    return found, np.setdiff1d(rows, point)


def _unmatched(addressed: Addressed, rows: np.ndarray, is_told: np.ndarray) -> Iterator[pd.DataFrame]:
    """U07 and U08: addresses whose number no range has, by whether their street is near, elsewhere or nowhere."""
    points, lines, names, ways, ranges, _ = addressed
    each = points.rule("U08", "street_not_near")
    held = np.flatnonzero(lines.current & (shapely.get_type_id(lines.place) == 1))
    known = np.isin(names.full[rows], ways.full[held])
    lost = rows[~known]
    message = [f"{spelt(points, names, k)}: there is no centreline of {names.said[k]}." for k in lost]
    yield finding(points, "U08", "street_unknown", lost, message)
    rows = rows[known]
    at, line, distance = _nearest_of_street(points.place[rows], names.full[rows], lines.place[held], ways.full[held])
    rows, line = rows[at], held[line]
    far = distance > each.tolerance
    message = [
        f"{spelt(points, names, k)}: {names.said[k]} is {ft:,.0f} ft away at its nearest (tolerance {each.tolerance:g} ft)."
        for k, ft in zip(rows[far], distance[far], strict=True)
    ]
    measured = {"measure": distance[far], "unit": "ft", "tolerance": each.tolerance}
    yield finding(points, "U08", each.name, rows[far], message, other=lines.feature[line[far]], **measured)
    rows, line = rows[~far & ~is_told[line]], line[~far & ~is_told[line]]
    there = pd.Series(
        [f"{span(a, b)} {SIDE_WORDS[side]}" for a, b, side in zip(ranges.first, ranges.last, ranges.side, strict=True)],
        dtype=object,
    )
    there = there.groupby(ranges.row).agg(" and ".join)
    message = [
        f"{spelt(points, names, k)} is in no range of its street; the nearest piece has {there.get(j, 'none')}."
        for k, j in zip(rows, line, strict=True)
    ]
    yield finding(points, "U07", "outside_ranges", rows, message, other=lines.feature[line])


def _nearest_of_street(
    place: np.ndarray, street: np.ndarray, lines: np.ndarray, names: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each place the nearest line with its name, and how far it is; of equal ones the first."""
    found = []
    for name in pd.unique(pd.Series(street, dtype=object)):
        at, of_name = np.flatnonzero(street == name), np.flatnonzero(names == name)
        (here, by), far = shapely.STRtree(lines[of_name]).query_nearest(place[at], return_distance=True)
        order = np.lexsort((by, here))
        first = order[np.flatnonzero(np.r_[True, np.diff(here[order]) != 0])]
        found.append((at[here[first]], of_name[by[first]], far[first]))
    if not found:
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int), np.zeros(0)
    at, by, far = (np.concatenate(each) for each in zip(*found, strict=True))
    order = np.argsort(at, kind="stable")
    return at[order], by[order], far[order]


def _difference(one: pd.DataFrame, row: int, other: pd.DataFrame, by: int) -> str:
    """Which elements of two street names differ, in words."""
    said = []
    for part in PARTS:
        a, b = (
            str(frame[part].iloc[k]).strip() if part in frame and pd.notna(frame[part].iloc[k]) else ""
            for frame, k in ((one, row), (other, by))
        )
        if a.upper() != b.upper():
            said.append(f"{part} is {a or 'not given'} and not {b or 'empty'}")
    return ", ".join(said)
