"""
Pins: labels that somebody put in their place by hand, which stand there at every reprint.

A pin is the middle of a label on the ground and the angle of its text. It is never moved: one that cannot stand is told.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.sheets.blocks import Placement, Standing, block, boxes_at, upright
from citygis.sheets.features import Features
from citygis.sheets.frame import Frame
from citygis.sheets.occupied import Occupied

COLUMNS = ("layer", "global_id", "sheet", "easting", "northing", "angle")
"""What a pin must say, as `citygis.store.Store.label_pins` gives it; ``suppressed`` may stand beside them."""

_FAR_PT = 12.0
"""A label further from its point than this has a leader."""


class Pinned(NamedTuple):
    """
    The pinned labels of a style.

    Parameters
    ----------
    placement : Placement
        Of all its features; ``reasons`` where a pin could not stand or the label is left out by hand.
    leaders : array, m x 2 x 2
        From labels that lie outside their feature to a point of it.
    middles : dict of str to list of (float, float)
        Where texts stand, page points.
    """

    placement: Placement
    leaders: np.ndarray
    middles: dict[str, list[tuple[float, float]]]

    @property
    def settled(self) -> np.ndarray:
        """Features no other place is looked for: array of bool."""
        return self.placement.placed | (self.placement.reasons != "")


def pins_of_sheet(pins: pd.DataFrame, sheet: str = "") -> pd.DataFrame:
    """
    The pins that count on a sheet.

    Parameters
    ----------
    pins : DataFrame
        `COLUMNS`, and optionally ``suppressed`` (bool): the label is left out.
    sheet : str
        The sheet's name. A pin of this sheet goes before one for all sheets (empty name).

    Returns
    -------
    DataFrame
        One row per layer and feature, sorted by them; ``suppressed`` is always there.

    Raises
    ------
    ValueError
        If a column is missing, or a pin has no place and is not suppressed.
    """
    if missing := [name for name in COLUMNS if name not in pins]:
        raise ValueError(f"Invalid pins. Must have the columns {', '.join(COLUMNS)}; {', '.join(missing)} is missing.")
    suppressed = pins["suppressed"].fillna(False).astype(bool) if "suppressed" in pins else pd.Series(False, index=pins.index)
    own = pins["sheet"].fillna("").astype(str)
    chosen = pins.assign(suppressed=suppressed, sheet=own)[own.isin(["", sheet])]
    placeless = ~np.isfinite(chosen[["easting", "northing", "angle"]].to_numpy(dtype=float)).all(axis=1)
    if (placeless & ~chosen["suppressed"]).any():
        row = chosen[placeless & ~chosen["suppressed"]].iloc[0]
        raise ValueError(f"Invalid pin of {row['layer']} {row['global_id']}. Must have an easting, a northing and an angle.")
    # "" sorts first, so that the last of a feature's pins is the sheet's own.
    return chosen.sort_values(["layer", "global_id", "sheet"]).drop_duplicates(["layer", "global_id"], keep="last")


def pinned(features: Features, texts: list[np.ndarray], pins: pd.DataFrame, frame: Frame, ground: Occupied) -> Pinned:
    """
    Labels at their pins, whole and at full size.

    Parameters
    ----------
    features : Features
    texts : list of arrays of str, n each
        One per row of the style's label.
    pins : DataFrame
        As `pins_of_sheet` gives them.
    frame : Frame
        A pin keeps its place on the ground, and its angle to it, at every scale and rotation.
    ground : Occupied
        The pinned labels that stand already; those that stand from here on are added.

    Returns
    -------
    Pinned
    """
    n = len(features.shapes)
    reasons = np.full(n, "", dtype=object)
    done, row, label = Standing(n), _row_of(features, pins), features.style.label
    at = np.flatnonzero(row >= 0)
    hidden = pins["suppressed"].to_numpy(dtype=bool)[row[at]]
    reasons[at[hidden]] = "left out by hand"
    at = at[~hidden & np.any([text[at] != "" for text in texts], axis=0)]
    mine = pins.iloc[row[at]]
    centres = frame.to_page(mine[["easting", "northing"]].to_numpy(dtype=float).reshape(-1, 2))
    angles = upright(mine["angle"].to_numpy(dtype=float) + frame.rotation_deg)
    some = block(label.rows, [text[at] for text in texts], 1.0)
    boxes = boxes_at(centres, some.width_pt, some.height_pt, angles)
    within = shapely.covers(shapely.box(*frame.box_pt), boxes)
    reasons[at[~within]] = "pinned outside the frame"
    number = np.flatnonzero(within)
    stands = number[ground.one_each(boxes[number], number)]
    reasons[at[np.setdiff1d(number, stands)]] = "pinned onto another pinned label"
    done.add(at[stands], some, stands, centres[stands], angles[stands], boxes[stands], 1.0)
    middles: dict[str, list[tuple[float, float]]] = {}
    for text, centre in zip(texts[0][at[stands]], centres[stands].tolist(), strict=True):
        middles.setdefault(text, []).append(tuple(centre))
    return Pinned(done.placement(reasons), _leaders(features, at[stands], boxes[stands]), middles)


def lost_pins(seen: list[Features], pins: pd.DataFrame, frame: Frame) -> pd.DataFrame:
    """
    Pins in the frame whose feature is not: retired since, or moved.

    Returns
    -------
    DataFrame
        `COLUMNS`. Pins of layers that are not on the sheet, and of places beyond the frame, are not this sheet's business.
    """
    held = pd.concat(
        [pd.DataFrame({"layer": f.style.layer, "global_id": f.table["global_id"]}) for f in seen if "global_id" in f.table]
        or [pd.DataFrame({"layer": [], "global_id": []})]
    )
    gone = ~pd.MultiIndex.from_frame(pins[["layer", "global_id"]]).isin(pd.MultiIndex.from_frame(held))
    left, bottom, right, top = frame.box_pt
    e, n = frame.to_page(pins[["easting", "northing"]].to_numpy(dtype=float).reshape(-1, 2)).T
    here = (e >= left) & (e <= right) & (n >= bottom) & (n <= top)
    shown = pins["layer"].isin([features.style.layer for features in seen]).to_numpy()
    return pins.loc[gone & here & shown, list(COLUMNS)].reset_index(drop=True)


def _row_of(features: Features, pins: pd.DataFrame) -> np.ndarray:
    """For each feature the number of its pin, or -1."""
    mine = np.flatnonzero(pins["layer"] == features.style.layer)
    if not len(mine) or "global_id" not in features.table:
        return np.full(len(features.shapes), -1)
    found = pd.Index(pins["global_id"].iloc[mine]).get_indexer(features.table["global_id"])
    return np.where(found >= 0, mine[found], -1)


def _leaders(features: Features, at: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    shapes = features.shapes[at]
    if features.kind == "line":
        return np.empty((0, 2, 2))
    apart = shapely.distance(shapes, boxes) > (0 if features.kind == "area" else _FAR_PT)
    ends = shapely.point_on_surface(shapes[apart])
    return shapely.get_coordinates(shapely.shortest_line(boxes[apart], ends)).reshape(-1, 2, 2)
