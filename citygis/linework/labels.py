"""
Numbers of lots among the texts of a drawing: which line of which text is one, and which figure it stands in.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

LOT_PATTERNS = (
    r"(?:(?:LOT|PARCEL|PCL\.?)\s*(?:NO\.?|NUMBER|#|-)?\s*|#\s*)?(\d{1,4}[A-Z]?)\.?",
    r"\((\d{1,4}[A-Z]?)\)",
    r"(?:LOT|PARCEL)\s+([A-Z]{1,2})",
)
"""What a line of text that numbers a lot looks like, as a whole, whatever its case; group 1 is the number."""

NOT_LOT_PATTERNS = (r"NOT\s+A\s+PART.*", r"N\.?A\.?P\.?")
"""Lines that say that the land they stand on is none of the map."""

LOT_TAGS = ("LOT", "LOTNO", "LOT_NO", "LOTNUM", "LOT_NUMBER", "LOT-NO")
"""Attributes of blocks that hold the number of a lot."""

_LONGEST_LINE = 60
_LETTER_WIDTH = 0.7


class LabelRules(NamedTuple):
    """Patterns and tags, as the constants of this module; a profile of layers may bring others."""

    lot: Sequence[str] = LOT_PATTERNS
    not_lot: Sequence[str] = NOT_LOT_PATTERNS
    tags: Sequence[str] = LOT_TAGS


def lot_labels(texts: gpd.GeoDataFrame, rules: LabelRules | None = None, leaders: gpd.GeoDataFrame | None = None) -> pd.DataFrame:
    """
    The texts that number lots, or say that a figure is none.

    Parameters
    ----------
    texts : GeoDataFrame
        With ``text``, ``middle_easting``, ``middle_northing``; ``tag``, ``handle`` and ``source_ref`` where there are any. Areas,
        bearings, distances and names of streets are among them, and are passed over.
    rules : LabelRules, optional
    leaders : GeoDataFrame, optional
        With the columns of `citygis.readers.dxf.Drawing.leaders`: a number with an arrow is that of where the arrow points, as the
        numbers of lots too narrow for them are. `texts` then need ``height`` and ``azimuth_deg``.

    Returns
    -------
    DataFrame, one row per label
        ``label`` ("12", "A", in capitals; "" of a figure that is no lot), ``is_lot``, ``by_leader``, ``easting``, ``northing``,
        ``text`` (row of `texts` by position), ``handle``, ``source_ref``. A text of several lines gives its first that fits.
    """
    rules = rules or LabelRules()
    pointed = _pointed(texts, leaders)
    lot = [re.compile(pattern, re.IGNORECASE) for pattern in rules.lot]
    none = [re.compile(pattern, re.IGNORECASE) for pattern in rules.not_lot]
    tags = {tag.casefold() for tag in rules.tags}
    blank = pd.Series("", index=texts.index)
    rows = []
    columns = zip(
        texts["text"],
        texts.get("tag", blank),
        texts["middle_easting"],
        texts["middle_northing"],
        texts.get("handle", blank),
        texts.get("source_ref", blank),
        strict=True,
    )
    for row, (text, tag, easting, northing, handle, ref) in enumerate(columns):
        label = _label(text, str(tag).casefold() in tags, lot, none)
        if label is not None:
            places = pointed.get(row, [(easting, northing)])
            rows += [(label, label != "", row in pointed, *place, row, handle, ref) for place in places]
    table = pd.DataFrame(rows, columns=["label", "is_lot", "by_leader", "easting", "northing", "text", "handle", "source_ref"])
    types = {"label": "str", "is_lot": bool, "by_leader": bool, "easting": float, "northing": float, "text": "int64"}
    return table.astype(types)


def faces_of_labels(polygons: np.ndarray, labels: pd.DataFrame) -> np.ndarray:
    """The polygon each label stands in by position, -1 for none; on a line between two it is in neither."""
    face = np.full(len(labels), -1)
    if len(polygons) and len(labels):
        points = shapely.points(labels[["easting", "northing"]].to_numpy(dtype=float))
        label, found = shapely.STRtree(polygons).query(points, predicate="within")
        face[label] = found
    return face


def labels_by_face(labels: pd.DataFrame, face: np.ndarray, count: int) -> list[Mapping[str, list[int]]]:
    """For each face the labels in it, each with the rows that say it, in their order; those that name no lot under ""."""
    found: list[dict[str, list[int]]] = [{} for _ in range(count)]
    for row, (label, where) in enumerate(zip(labels["label"], face.tolist(), strict=True)):
        if where >= 0:
            found[where].setdefault(label, []).append(row)
    return found


def _pointed(texts: pd.DataFrame, leaders: pd.DataFrame | None) -> dict[int, list[tuple[float, float]]]:
    """
    Where the leaders of each text point: that of a MULTILEADER belongs to its own text, which a landing of any length keeps away
    from it; any other to the text by whose box, a letter larger, its tail is nearest.
    """
    if leaders is None or not len(leaders) or not len(texts):
        return {}
    lines = texts["text"].str.split("\n")
    height = texts["height"].to_numpy(dtype=float)
    wide = height * _LETTER_WIDTH * lines.map(lambda all_lines: max(map(len, all_lines))).to_numpy(dtype=float) / 2
    tall = height * lines.str.len().to_numpy(dtype=float) / 2
    azimuth = np.radians(texts["azimuth_deg"].to_numpy(dtype=float))
    middle = texts[["middle_easting", "middle_northing"]].to_numpy(dtype=float)
    is_own = (texts["kind"] == "MULTILEADER").to_numpy() if "kind" in texts.columns else np.zeros(len(texts), dtype=bool)
    own = {handle: row for row, handle in enumerate(texts.get("handle", [])) if is_own[row] and handle}
    found: dict[int, list[tuple[float, float]]] = {}
    for leader in leaders.itertuples():
        if getattr(leader, "handle", "") in own:
            found.setdefault(own[leader.handle], []).append((leader.tip_easting, leader.tip_northing))
            continue
        off = np.array([leader.tail_easting, leader.tail_northing]) - middle
        along = np.abs(off[:, 0] * np.sin(azimuth) + off[:, 1] * np.cos(azimuth)) - wide
        across = np.abs(off[:, 0] * np.cos(azimuth) - off[:, 1] * np.sin(azimuth)) - tall
        away = np.hypot(np.maximum(along, 0), np.maximum(across, 0))
        near = np.flatnonzero(away <= 1.5 * height)
        if len(near):
            text = int(near[np.argmin(away[near])])
            found.setdefault(text, []).append((leader.tip_easting, leader.tip_northing))
    return found


def _label(text: str, is_tagged: bool, lot: list[re.Pattern], none: list[re.Pattern]) -> str | None:
    lines = [line.strip() for line in str(text).split("\n")]
    if is_tagged and lines[0]:
        lines[0] = re.sub(r"(?i)^lot\s+", "", lines[0])
        return lines[0].upper() if len(lines[0]) <= _LONGEST_LINE else None
    for line in lines:
        if not line or len(line) > _LONGEST_LINE:
            continue
        for pattern in lot:
            match = pattern.fullmatch(line)
            if match:
                return (match[1] if pattern.groups else match[0]).upper()
        if any(pattern.fullmatch(line) for pattern in none):
            return ""
    return None
