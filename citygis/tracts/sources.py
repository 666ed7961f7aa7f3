"""
The files that a map may come in, each as a `Plat`: DXF, LandXML, and a plat's tables with the lists of its lots.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.city import City
from citygis.errors import CRSError, ReadError
from citygis.findings import findings_frame, join_findings
from citygis.linework import LabelRules, drawing_lots, lots
from citygis.readers.cad_layers import LayerProfile, layer_profiles
from citygis.readers.cad_units import UNITS, drawing_in_feet, unit_evidence
from citygis.readers.dxf import read_dxf
from citygis.readers.guard import require_local_file
from citygis.readers.landxml import LandXML, read_landxml
from citygis.readers.source import sha256_of
from citygis.schema import source_id_of
from citygis.tracts.course_lists import STREET, read_course_lists
from citygis.tracts.plat import Plat, graph_of, lot_number
from citygis.units import METRE, US_SURVEY_FOOT, Unit, unit_of

FORMATS = {".dxf": "DXF", ".xml": "LandXML", ".landxml": "LandXML", ".csv": "plat table", ".txt": "plat table"}
"""What a file is by how its name ends."""

LOT_PLACES = ("lot", "road", "unstated", "other")
"""Kinds of LandXML parcels that are land of the map; easements lie on it and the outer boundary around it. A part is none: the lot
is the whole that it belongs to, with a figure for each of its parts. Nor is a container: those that it holds are its land."""

AROUND = ("adjoining", "affected", "encroached", "extinguished", "referenced")
"""States of LandXML parcels that are shown around the map or under it, and are none of it (ICSM ePlan protocol, parcel states)."""

_WHOLE_FT = 0.1
"""An edge shorter than its line by no more than this is the whole of it: a snap may have taken so much off."""


def read_plat(path: Path | str, *, city: City, unit: Unit | None = None, profile: str | None = None) -> Plat:
    """
    A map as a `Plat`.

    Parameters
    ----------
    path : path
        A DXF drawing, a LandXML file, or text with line and curve tables and a list of courses for each lot.
    city : City
        Its foot is the one that comes back.
    unit : Unit, optional
        Of the file, as its note states it; where the file does not settle it itself.
    profile : str, optional
        Which layer profile a drawing is read by: of the City's folder ``cad_profiles``, or one that comes with citygis
        (`citygis.readers.cad_layers.layer_profiles`); all are tried without it, the City's own first.

    Returns
    -------
    Plat
        Every figure of the file is a lot of it or in its findings.

    Raises
    ------
    ReadError
        If the file cannot be used or no lot closes in it.
    CRSError
        If its unit is not known.
    ValueError
        If `profile` is none, or the file is no drawing and a profile is given.
    """
    path = require_local_file(path)
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise ReadError(f"{path} is no map that is read. Ask for it as DXF, LandXML, or a text of line and curve tables.")
    if profile is not None and kind != "DXF":
        raise ValueError(
            f"Invalid profile {profile!r}: {path.name} is {kind}. Must be left out; profiles name the layers of drawings."
        )
    match kind:
        case "DXF":
            plat = _from_drawing(path, city, unit, profile)
        case "LandXML":
            plat = _from_landxml(path, city, unit)
        case _:
            plat = _from_tables(path, city, unit)
    if not plat.lots["kind"].isin(["lot", "road"]).any():
        told = "; ".join(plat.findings.loc[plat.findings["severity"] != "info", "message"].head(3))
        is_unknown = plat.findings["code"].eq("K11").any()
        raise ReadError(
            f"{path.name}: no lot with a number closes in it. {told} Ask for the map with closed lots and their numbers."
            + (" Or say in the City's cad_profiles/NAME.toml what its layers hold." if is_unknown else "")
        )
    return plat


def _from_drawing(path: Path, city: City, unit: Unit | None, profile: str | None) -> Plat:
    word = next((name for name, one in UNITS.items() if one == unit), None)
    drawing = read_dxf(path)
    if unit is None and unit_evidence(drawing, city).unit is None:
        raise CRSError(
            f"{path.name}: the unit of the drawing is not known. {unit_evidence(drawing, city).message} Ask the surveyor,"
            " then state it:"
            " --unit ft_us, ft or m."
        )
    drawing = drawing_in_feet(drawing, unit=word, city=city)
    made = drawing_lots(drawing, profiles=_profiles(profile, city))
    rows, corners, edges, rings = graph_of(made.lots)
    others = [
        gpd.GeoDataFrame({"role": role, "source_ref": frame["source_ref"]}, geometry=np.asarray(frame.geometry.array, dtype=object))
        for role, frame in made.linework.items()
        if len(frame)
    ]
    points = pd.DataFrame({"name": drawing.points["source_ref"], **drawing.points[["easting", "northing"]]})
    findings = [made.findings]
    count = sum(frame["role"].eq("easements").sum() for frame in others)
    if count:
        findings.append(_unread_easements(path.name, int(count)))
    return Plat(
        path.name,
        drawing.source_id,
        "DXF",
        "CAD",
        unit or drawing.unit,
        rows,
        corners,
        edges.drop(columns=["handles", "drawn_length_ft"]),
        rings,
        _no_easements(),
        _lines(others),
        points,
        drawing.hint.crs,
        join_findings(findings),
    )


def _profiles(name: str | None, city: City) -> Sequence[LayerProfile]:
    known = layer_profiles(city.cad_profiles_folder)
    if name is None:
        return list(known.values())
    if name not in known:
        raise ValueError(f"Invalid profile {name!r}. Must be one of: {', '.join(known)}.")
    return [known[name]]


def _from_landxml(path: Path, city: City, unit: Unit | None) -> Plat:
    read = read_landxml(path, unit=unit)
    settled = unit or read.unit
    if settled is None:
        raise CRSError(
            f"{path.name} is in feet, and does not say in which: at State Plane coordinates the two lie 13 ft apart. Ask"
            " the surveyor,"
            " then state it: --unit ft_us or ft."
        )
    foot = unit_of(city.crs)
    factor = float(settled) / float(foot)
    own_feet = factor if settled is not METRE else float(US_SURVEY_FOOT) / float(foot)
    is_around = read.parcels["state"].str.lower().isin(AROUND).to_numpy(dtype=bool)
    own = read.parcels[~is_around]
    land = own[own["kind"].isin(LOT_PLACES)]
    drawn = read.courses[read.courses["source_ref"].isin(own.loc[own["kind"] != "easement", "source_ref"])]
    lines, parents = _linework(drawn, factor)
    labels = _labels(land, factor)
    made = lots(lines, labels, rules=LabelRules(lot=(r".+",), not_lot=(), tags=()))
    rows, corners, edges, rings = graph_of(made)
    rows = _named(rows, land, labels, float(own_feet) ** 2)
    edges = _with_records(edges, corners, drawn.iloc[parents].reset_index(drop=True), own_feet)
    easements = own[(own["kind"] == "easement") & own.geometry.notna()]
    rights = gpd.GeoDataFrame(
        {"name": easements["name"], "source_ref": easements["source_ref"]},
        geometry=_scaled(easements.geometry.to_numpy(), factor),
    ).reset_index(drop=True)
    others = [
        gpd.GeoDataFrame({"role": role, "source_ref": frame["source_ref"]}, geometry=_scaled(frame.geometry.to_numpy(), factor))
        for role, frame in (("plan_feature", read.plan_features), ("centerlines", read.alignments))
        if len(frame)
    ]
    points = pd.DataFrame(
        {"name": read.points["name"], "easting": read.points.geometry.x * factor, "northing": read.points.geometry.y * factor}
    )
    missing = _missing(land, rows, path.name)
    return Plat(
        path.name,
        source_id_of(sha256_of(path)),
        "LandXML",
        "LANDXML",
        settled,
        rows,
        corners,
        edges,
        rings,
        rights,
        _lines(others),
        points,
        read.crs_stated,
        join_findings([_unplaced(read), made.findings, missing, _around(path.name, int(is_around.sum()))]),
    )


def _from_tables(path: Path, city: City, unit: Unit | None) -> Plat:
    factor = float(unit or unit_of(city.crs)) / float(unit_of(city.crs))
    if unit is METRE:
        raise CRSError(f"{path.name}: plat tables are read in feet. Ask for LandXML of a map in metres.")
    if unit is None:
        raise CRSError(f"{path.name} does not say its unit. State what the map's note says: --unit ft_us or ft.")
    lists = read_course_lists(path)
    lines = lists.lines.copy()
    places = [name for name in lines if name.endswith(("easting", "northing"))]
    lines[places] *= factor
    labels = lists.labels.copy()
    labels[["middle_easting", "middle_northing"]] *= factor
    made = lots(lines, labels, rules=LabelRules(lot=(r".+",), not_lot=(), tags=()))
    rows, corners, edges, rings = graph_of(made)
    stated = lines.rename(columns={"hand": "curve_side", "text": "record_text"})
    edges = _with_records(edges, corners, stated, factor)
    is_street = rows["lot"].str.fullmatch(STREET, na=False)
    rows["kind"] = rows["kind"].mask(is_street, "road").astype("str")
    rows["lot"] = rows["lot"].map(lot_number).astype("str")
    rows["source_ref"] = (path.name + "#lot " + rows["lot"]).where(rows["lot"].notna()).astype("str")
    points = lists.points.copy()
    points[["easting", "northing"]] *= factor
    lost = sorted(set(lists.labels["text"]) - set(rows["labels"]))
    findings = [lists.findings, made.findings, _lost(lost, path.name)]
    return Plat(
        path.name,
        source_id_of(sha256_of(path)),
        "plat table",
        "COGO",
        unit,
        rows,
        corners,
        edges,
        rings,
        _no_easements(),
        _lines([]),
        points,
        None,
        join_findings(findings),
    )


# -- what they share ---------------------------------------------------------------------------------------------------------------


def _linework(courses: gpd.GeoDataFrame, factor: float) -> tuple[pd.DataFrame, np.ndarray]:
    """Courses as linework for `citygis.linework.lots`, a spiral as its chords; and the row of `courses` that each line is from."""
    parts, parents = [], []
    for row, (kind, delta, hand, shape) in enumerate(
        zip(courses["kind"], courses["delta_deg"], courses["curve_side"], courses.geometry, strict=True)
    ):
        places = shapely.get_coordinates(shape) * factor
        if kind != "spiral":
            places = places[[0, -1]]
        for a, b in itertools.pairwise(places):
            is_arc = kind == "curve"
            parts.append(
                ("arc" if is_arc else "line", *a, *b, delta if is_arc else np.nan, hand if is_arc else None, kind == "spiral")
            )
            parents.append(row)
    columns = ["kind", "start_easting", "start_northing", "end_easting", "end_northing", "delta_deg", "hand", "is_approximate"]
    table = pd.DataFrame(parts, columns=columns)
    table["handle"] = pd.Series([str(n) for n in range(len(table))], dtype="str")
    parents = np.array(parents, dtype=int)
    table["source_ref"] = courses["line_id"].to_numpy(dtype=object)[parents]
    return table, parents


def _labels(land: gpd.GeoDataFrame, factor: float) -> pd.DataFrame:
    """A text inside of each figure, unlike all others: its name, numbered where two have it; a lot of parts has one in each."""
    placed = land[land.geometry.notna()]
    names = placed["name"].fillna("no name").str.upper().str.replace("\n", " ").str.slice(0, 40)
    twin = names.groupby(names).cumcount()
    text = names.where(twin == 0, names + " (" + (twin + 1).astype("str") + ")")
    pieces, whole = shapely.get_parts(placed.geometry.to_numpy(), return_index=True)
    inside = shapely.get_coordinates(shapely.point_on_surface(pieces)) * factor
    return pd.DataFrame(
        {
            "text": text.to_numpy(dtype=object)[whole],
            "middle_easting": inside[:, 0],
            "middle_northing": inside[:, 1],
            "source_ref": placed["source_ref"].to_numpy(dtype=object)[whole],
        }
    )


def _named(rows: pd.DataFrame, land: pd.DataFrame, labels: pd.DataFrame, square: float) -> pd.DataFrame:
    """Lots with what their parcels say."""
    ref_of = dict(zip(labels["text"].str.upper(), labels["source_ref"], strict=True))
    told = land.set_index("source_ref")
    refs = rows["lot"].map(ref_of)
    rows = rows.copy()
    rows["source_ref"] = refs.astype("str")
    stated = refs.map(told["stated_area_sqft"]).astype(float) * square
    # What the file states of a lot of several parts is true of none of its figures.
    rows["stated_area_sqft"] = stated.mask(refs.duplicated(keep=False))
    rows["kind"] = rows["kind"].mask(refs.map(told["kind"]) == "road", "road").astype("str")
    rows["lot"] = refs.map(told["name"].map(lot_number)).astype("str")
    return rows


def _with_records(edges: pd.DataFrame, corners: np.ndarray, sent: pd.DataFrame, factor: float) -> pd.DataFrame:
    """
    Edges with what the map states of them.

    A statement holds for a whole course: one that other lots cut keeps none of its numbers, only its text.
    """
    rows = edges["handles"].str.split("; ").str[0].astype(int).to_numpy()
    told = sent.iloc[rows].reset_index(drop=True)
    a, b = corners[edges["start"]], corners[edges["end"]]
    chord = np.hypot(*(b - a).T)
    half = np.radians(edges["delta_deg"].to_numpy(dtype=float)) / 2
    length = np.where(edges["kind"] == "curve", chord * half / np.sin(half), chord)
    whole = np.abs(edges["drawn_length_ft"].to_numpy(dtype=float) - length) < _WHOLE_FT
    azimuth = told["stated_azimuth_deg"].to_numpy(dtype=float)
    along = np.degrees(np.arctan2(*(b - a).T)) % 360
    # A neighbour may have drawn the course the other way, so the direction that was stated may be the opposite one.
    opposite = np.abs((azimuth - along + 180) % 360 - 180) > 90
    azimuth = np.where(opposite, azimuth + 180, azimuth) % 360
    made = edges.drop(columns=["handles", "drawn_length_ft"]).copy()
    made["record_azimuth_deg"] = np.where(whole, azimuth, np.nan)
    made["record_length_ft"] = np.where(whole, told["stated_length_ft"].to_numpy(dtype=float) * factor, np.nan)
    made["record_radius_ft"] = np.where(whole, told["stated_radius_ft"].to_numpy(dtype=float) * factor, np.nan)
    made["text"] = told["record_text"].astype("str")
    return made


def _missing(land: pd.DataFrame, rows: pd.DataFrame, name: str) -> gpd.GeoDataFrame:
    return _lost(sorted(set(land["source_ref"]) - set(rows["source_ref"].dropna())), name)


def _lost(refs: list[str], name: str) -> gpd.GeoDataFrame:
    """N01 for each figure of the file that is no lot."""
    return findings_frame(
        [
            {
                "code": "N01",
                "rule": "lot_not_made",
                "severity": "error",
                "layer": "parcel",
                "feature": ref,
                "message": f"{name}: {ref} does not close into a figure of its own, so it is no lot here.",
                "remedy": "Look at the other findings about it; ask the surveyor for a figure that closes.",
                "source_ref": f"{name}#{ref}",
            }
            for ref in refs
        ]
    )


def _unread_easements(name: str, count: int) -> gpd.GeoDataFrame:
    row = {
        "code": "N02",
        "rule": "easement_lines",
        "severity": "review",
        "layer": "easement",
        "measure": count,
        "unit": "lines",
        "message": f"{name} has {count:,} lines of easements. They are kept as linework: which of them bound one easement,"
        " and what it"
        " is for, no line says.",
        "remedy": "Make the easements of the owner's statement from it, or ask for them as figures (LandXML, class easement).",
    }
    return findings_frame([row])


def _around(name: str, count: int) -> gpd.GeoDataFrame:
    if not count:
        return findings_frame()
    row = {
        "code": "N22",
        "rule": "parcels_around",
        "severity": "info",
        "layer": "parcel",
        "measure": count,
        "unit": "parcels",
        "message": f"{name} shows {count:,} parcels around its own or under them ({', '.join(AROUND)}); they are none of the map.",
        "remedy": "Nothing.",
    }
    return findings_frame([row])


def _unplaced(read: LandXML) -> gpd.GeoDataFrame:
    """The reader's findings without their places, which are in the system of the file."""
    return findings_frame(pd.DataFrame(read.findings).drop(columns=["geometry", "finding_id"]))


def _no_easements() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"name": pd.Series(dtype="str"), "source_ref": pd.Series(dtype="str")}, geometry=[])


def _lines(frames: list[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    columns = ["role", "source_ref", "geometry"]
    if not frames:
        return gpd.GeoDataFrame({"role": pd.Series(dtype="str"), "source_ref": pd.Series(dtype="str")}, geometry=[])
    return gpd.GeoDataFrame(pd.concat(frames, ignore_index=True)[columns], geometry="geometry")


def _scaled(shapes: np.ndarray, factor: float) -> np.ndarray:
    return shapely.transform(np.asarray(shapes, dtype=object), lambda places: places * factor)
