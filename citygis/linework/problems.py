"""
What is wrong with linework and labels, as findings (codes W).
"""

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.findings import findings_frame, join_findings

if TYPE_CHECKING:
    from citygis.linework.lots import Attempt

_SHOWN_TEXTS, _SHOWN_LETTERS = 3, 30

GAP_FT = 5.0
"""A loose end that has another end or line so near is taken to have missed it; farther away it is only loose."""


def of_lots(
    attempt: "Attempt",
    polygons: gpd.GeoDataFrame,
    courses: gpd.GeoDataFrame,
    labels: pd.DataFrame,
    lines: pd.DataFrame,
    *,
    texts: pd.DataFrame,
    symbols: pd.DataFrame,
    shortest_ft: float,
    crs=None,
) -> gpd.GeoDataFrame:
    """
    Findings of an attempt.

    ====  =================================================================================================
    W01   a line that ends in nothing (``measure``: its length), and how far it is from what it missed
    W02   two or more numbers in one face: a line between lots is missing
    W03   a face without a number: right of way, remainder, or a number that is missing; and the texts that stand in it
    W04   a number in no face: its figure is open or missing, and its lot is not made
    W05   the same number in several faces
    W06   most numbers in one face: it is the outer boundary, and no lot
    W07   a line with the same face on both sides, which joins figures
    W08   a sliver: two lines that should be one
    W09   the snap that was used, and how far it moved the farthest end
    W10   linework shorter than the snap, swallowed; or a snap not below the shortest course
    W11   linework drawn more than once
    W12   lines that cross without an end there, and were cut
    W13   a lot bounded by chords of a curve that is no arc
    W14   circles and blocks around numbers, which were taken for symbols
    W15   a face whose polygon is not valid
    W17   numbers that only zeros before them tell apart
    ====  =================================================================================================

    Returns
    -------
    GeoDataFrame
        A findings frame in `crs`, errors first.
    """
    made = [
        _dangles(attempt, courses, crs),
        _faces(polygons, texts, crs),
        _orphans(attempt, labels, crs),
        _duplicates(polygons, crs),
        _zeros(labels, crs),
        _cuts(attempt, courses, crs),
        _snap(attempt, lines, shortest_ft, crs),
        _drawing(attempt, polygons, courses, lines, symbols, crs),
    ]
    return join_findings(made, crs=crs)


def of_drawing(name: str, polygons: gpd.GeoDataFrame, *, lines: int, bounding: int) -> gpd.GeoDataFrame:
    """
    W16 where a drawing has lines and no lot was made of them.

    Parameters
    ----------
    name : str
        Of the drawing.
    polygons : GeoDataFrame
        As `citygis.linework.lots.Lots.polygons`.
    lines, bounding : int
        How many lines and arcs it has, and how many of them are on layers that bound lots.

    Returns
    -------
    GeoDataFrame
        A findings frame without geometry.
    """
    if not lines or polygons["lot"].notna().any():
        return findings_frame()
    said = f"No lot was made of the {lines:,} lines and arcs of {name}: {bounding:,} are on layers that bound lots, and close "
    said += f"{len(polygons):,} figures, none of which has one number."
    remedy = "Look at its layers and what they were taken for; ask for the map with closed lots and their numbers."
    return findings_frame([_row("W16", "no_lot", "error", said, remedy, feature=name, measure=lines, unit="count")])


def _row(code: str, rule: str, severity: str, message: str, remedy: str, **more) -> dict:
    return {"code": code, "rule": rule, "severity": severity, "layer": "linework", "message": message, "remedy": remedy, **more}


def _dangles(attempt: "Attempt", courses: gpd.GeoDataFrame, crs) -> gpd.GeoDataFrame:
    pieces, places = attempt.edges.pieces, attempt.edges.places
    ends = attempt.faces.ends
    if not len(ends):
        return findings_frame(crs=crs)
    edge_of = np.full(len(places), -1)
    edge_of[pieces.start], edge_of[pieces.end] = np.arange(len(pieces.a)), np.arange(len(pieces.a))
    geometry = courses.geometry.to_numpy()
    at = shapely.points(places[ends])
    tree = shapely.STRtree(geometry)
    who, near = tree.query(at, predicate="dwithin", distance=GAP_FT)
    other = near != edge_of[ends][who]
    gap = np.full(len(ends), np.inf)
    np.minimum.at(gap, who[other], shapely.distance(at[who[other]], geometry[near[other]]))
    rows = []
    for n, node in enumerate(ends.tolist()):
        edge = int(edge_of[node])
        course = courses.iloc[edge]
        length = course["arc_ft"] if course["kind"] == "curve" else course["distance_ft"]
        missed = np.isfinite(gap[n])
        rows.append(
            _row(
                "W01", "open_figure" if missed else "dangle", "error" if missed else "review",
                f"A {course['kind']} of {length:,.2f} ft on {course['layer']} ends in nothing"
                + (f", {gap[n]:.3f} ft from the next line: the figure is open there." if missed else "."),
                "Close it in the drawing, or leave the line out if it bounds nothing.",
                feature=course["handles"], measure=gap[n] if missed else length, unit="ft", tolerance=attempt.snap_ft,
                source_ref=course["source_ref"], geometry=at[n],
            )
        )  # fmt: skip
    return findings_frame(rows, crs=crs)


def _faces(polygons: gpd.GeoDataFrame, texts: pd.DataFrame, crs) -> gpd.GeoDataFrame:
    rows = []
    said = _texts_in(polygons[polygons["kind"] == "unlabelled"], texts)
    for face in polygons[polygons["kind"] != "lot"].itertuples():
        about = {"feature": str(face.face), "measure": face.area_sqft, "unit": "sqft", "geometry": face.geometry}
        if face.kind == "several_labels":
            rows.append(_row("W02", "several_labels", "error",
                             f"Lots {face.labels} stand in one figure of {face.area_sqft:,.0f} sq ft.",
                             "Draw the line between them, or take the wrong number out.", other=face.labels, **about))  # fmt: skip
        elif face.kind == "outer_boundary":
            rows.append(_row("W06", "outer_boundary", "error",
                             f"Lots {face.labels} all stand in one figure of {face.area_sqft:,.0f} sq ft: that is the outer "
                             f"boundary, and the "
                             "lines between its lots are missing.",
                             "Look for their layer: it may be hidden, of another name, or an external reference.",
                             other=face.labels,
                             **about))  # fmt: skip
        elif face.kind == "sliver":
            rows.append(_row("W08", "sliver", "review",
                             f"A figure of {face.area_sqft:,.2f} sq ft is {2 * face.area_sqft / face.perimeter_ft:.3f} ft wide.",
                             "Make the two lines one.", **about))  # fmt: skip
        elif face.kind == "unlabelled":
            rows.append(_row("W03", "unlabelled", "review",
                             f"No number stands in a figure of {face.area_sqft:,.0f} sq ft{said.get(face.face, '')}.",
                             "Say what it is: right of way, remainder, or a lot whose number is missing.", **about))  # fmt: skip
    invalid = polygons[~polygons.geometry.is_valid]
    for face, reason in zip(invalid.itertuples(), shapely.is_valid_reason(invalid.geometry.to_numpy()), strict=True):
        rows.append(_row("W15", "invalid", "error", f"The polygon of lot {face.lot or '(none)'} is not valid: {reason}.",
                         "Look at its courses.", feature=str(face.face), geometry=face.geometry))  # fmt: skip
    return findings_frame(rows, crs=crs)


def _texts_in(faces: gpd.GeoDataFrame, texts: pd.DataFrame) -> dict[int, str]:
    """What the texts in each face say, the first few of them and shortened, by ``face``."""
    if not len(faces) or not len(texts):
        return {}
    places = shapely.points(texts[["middle_easting", "middle_northing"]].to_numpy(dtype=float))
    text, face = shapely.STRtree(faces.geometry.to_numpy()).query(places, predicate="within")
    found: dict[int, list[str]] = {}
    for row, held in sorted(zip(text.tolist(), face.tolist(), strict=True)):
        words = " ".join(str(texts["text"].iloc[row]).split())
        if words:
            cut = words if len(words) <= _SHOWN_LETTERS else words[: _SHOWN_LETTERS - 3] + "..."
            found.setdefault(int(faces["face"].iloc[held]), []).append(f'"{cut}"')
    return {
        held: "; its texts: " + ", ".join(said[:_SHOWN_TEXTS])
        + (f" and {len(said) - _SHOWN_TEXTS:,} more" if len(said) > _SHOWN_TEXTS else "")
        for held, said in found.items()
    }  # fmt: skip


def _zeros(labels: pd.DataFrame, crs) -> gpd.GeoDataFrame:
    numbers = labels.loc[labels["is_lot"], "label"].drop_duplicates()
    rows = []
    for plain, group in numbers.groupby(numbers.str.replace(r"^0+(?=\d)", "", regex=True), sort=True):
        if len(group) > 1:
            told = " and ".join(sorted(group))
            rows.append(_row("W17", "leading_zeros", "review", f"Numbers {told} differ only in the zeros before them.",
                             "Say whether they are one lot or several; they were kept as drawn.", feature=plain, other=told,
                             measure=len(group), unit="count"))  # fmt: skip
    return findings_frame(rows, crs=crs)


def _orphans(attempt: "Attempt", labels: pd.DataFrame, crs) -> gpd.GeoDataFrame:
    alone = labels[(attempt.face_of_label < 0) & labels["is_lot"].to_numpy()]
    held = {label for found in attempt.labels for label in found}
    return findings_frame(
        [
            _row("W04", "label_without_figure", "review" if row.label in held else "error",
                 f"Number {row.label} stands in no closed figure" + ("; another one of it does." if row.label in held else "."),
                 "Close its figure, or move the number into it.", feature=row.label, source_ref=row.source_ref,
                 geometry=shapely.Point(row.easting, row.northing))
            for row in alone.itertuples()
        ],
        crs=crs,
    )  # fmt: skip


def _duplicates(polygons: gpd.GeoDataFrame, crs) -> gpd.GeoDataFrame:
    repeated = polygons[polygons["lot"].notna() & polygons["lot"].duplicated(keep=False)]
    rows = []
    for lot, group in repeated.groupby("lot", sort=True):
        areas = " and ".join(f"{area:,.0f}" for area in group["area_sqft"])
        rows.append(_row("W05", "duplicate_label", "review", f"Lot {lot} is the number of {len(group)} figures of {areas} sq ft.",
                         "Say whether it is one lot in parts, or one number is wrong.", feature=str(lot), measure=len(group),
                         unit="count",
                         geometry=shapely.union_all(group.geometry.to_numpy())))  # fmt: skip
    return findings_frame(rows, crs=crs)


def _cuts(attempt: "Attempt", courses: gpd.GeoDataFrame, crs) -> gpd.GeoDataFrame:
    found = courses.iloc[attempt.faces.cuts]
    return findings_frame(
        [
            _row("W07", "joins_figures", "review",
                 f"A {row.kind} of {row.distance_ft:,.2f} ft on {row.layer} has the same figure on both sides.",
                 "None if it only ties figures; else look for what it should have met.", feature=row.handles,
                 measure=row.distance_ft,
                 unit="ft", source_ref=row.source_ref, geometry=row.geometry)
            for row in found.itertuples()
        ],
        crs=crs,
    )  # fmt: skip


def _snap(attempt: "Attempt", lines: pd.DataFrame, shortest_ft: float, crs) -> gpd.GeoDataFrame:
    spread = float(attempt.edges.spread_ft.max(initial=0.0))
    wide = spread > attempt.snap_ft
    rows = [
        _row("W09", "snap", "review" if wide else "info",
             f"Ends within {attempt.snap_ft:g} ft were made one; the farthest was moved {spread:.4f} ft"
             + (", which is more than the snap: ends lie in a chain." if wide else ".")
             + (f" The shortest course is {shortest_ft:,.3f} ft." if np.isfinite(shortest_ft) else ""),
             "None, unless courses as short are real.", measure=spread, unit="ft", tolerance=attempt.snap_ft)
    ]  # fmt: skip
    if shortest_ft <= attempt.snap_ft:
        rows.append(
            _row("W10", "snap_too_wide", "error",
                 f"The shortest course is {shortest_ft:.4f} ft, not longer than the snap of {attempt.snap_ft:g} ft.",
                 "Limit the snaps to less, and close the figures in the drawing.", measure=shortest_ft, unit="ft",
                 tolerance=attempt.snap_ft)
        )  # fmt: skip
    for row in lines.iloc[attempt.edges.swallowed].itertuples():
        rows.append(
            _row("W10", "swallowed", "review",
                 f"A {row.kind} on {getattr(row, 'layer', '')} is shorter than the snap of {attempt.snap_ft:g} ft, and was left "
                 f"out.",
                 "None if it is a remnant; else limit the snaps to less.", feature=getattr(row, "handle", None),
                 tolerance=attempt.snap_ft,
                 unit="ft", source_ref=getattr(row, "source_ref", None),
                 geometry=shapely.Point(row.start_easting, row.start_northing))
        )  # fmt: skip
    return findings_frame(rows, crs=crs)


def _drawing(
    attempt: "Attempt", polygons: gpd.GeoDataFrame, courses: gpd.GeoDataFrame, lines: pd.DataFrame, symbols: pd.DataFrame, crs
) -> gpd.GeoDataFrame:
    rows = []
    edges = attempt.edges
    repeated = int((np.bincount(edges.edge, minlength=len(edges.pieces.a)) > 1).sum())
    if repeated:
        rows.append(_row("W11", "drawn_twice", "info", f"{repeated:,} courses are drawn more than once, and were made one.",
                         "None.",
                         measure=repeated, unit="count"))  # fmt: skip
    if edges.crossed:
        rows.append(_row("W12", "crossed", "info", f"Lines cross at {edges.crossed:,} places without an end there, and were cut.",
                         "None, unless one of them bounds no lot: then its layer does not belong here.", measure=edges.crossed,
                         unit="count"))  # fmt: skip
    chords = courses[courses["is_approximate"] & (courses[["left_face", "right_face"]].max(axis=1) >= 0)]
    faces = sorted({face for name in ("left_face", "right_face") for face in chords[name] if face >= 0})
    for face in polygons.iloc[faces].itertuples():
        rows.append(_row("W13", "approximated", "review",
                         f"Lot {face.lot or '(none)'} is bounded by chords of a curve that is no arc.",
                         "Ask for the true curve.", feature=face.lot or str(face.face), geometry=face.geometry))  # fmt: skip
    if len(symbols):
        rows.append(_row("W14", "symbols", "info", f"{len(symbols):,} lines frame a number, and were taken for symbols.", "None.",
                         measure=len(symbols), unit="count"))  # fmt: skip
    return findings_frame(rows, crs=crs)
