"""
The labels of a whole sheet: style after style by priority, numbers for those that found no room, and a list of the rest.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.sheets import labels
from citygis.sheets.blocks import Placement, block, boxes_at, one_each
from citygis.sheets.features import Features, marker_boxes
from citygis.sheets.fonts import font
from citygis.sheets.frame import Frame
from citygis.sheets.grid import cross_boxes
from citygis.sheets.scene import Group, Paths, Texts
from citygis.sheets.style import MIN_TEXT_PT, LabelRow

COLUMNS = ("style", "layer", "feature", "text", "reason", "key", "easting", "northing")
"""The columns of `Labelling.unlabelled`."""

KEY = LabelRow(text="", size_pt=MIN_TEXT_PT, font="bold", color="#9c2f2f")
"""How a number that stands for a label is written."""

MAX_KEYS = 150
"""Above this many labels without room the scale is wrong for them, and numbers would hide the map: none are given."""

_KEY_PLACES = [(0.5, 0.5), *((e, n) for n in (0.2, 0.35, 0.65, 0.8) for e in (0.5, 0.25, 0.75))]
"""Where in a feature's box a number is tried; the first is taken as a point certainly inside."""

_MARKER_CLEAR_PT = 4.0
_RING = np.array([(np.cos(a), np.sin(a)) for a in np.linspace(0, 2 * np.pi, 33)[:-1]])


class Labelling(NamedTuple):
    """
    The labels of a sheet.

    Parameters
    ----------
    groups : list of Group
        One per labelled style.
    boxes : array of Polygon
        What they cover on the page. No two intersect.
    unlabelled : DataFrame
        `COLUMNS`, one row per feature that should have a label and has none; ``easting, northing`` in feet.
    placed, shortened : dict of str to int
        Features labelled, and those of them whose label stands without an optional row, by style.
    """

    groups: list[Group]
    boxes: np.ndarray
    unlabelled: pd.DataFrame
    placed: dict[str, int]
    shortened: dict[str, int]


def labelling(seen: list[Features], frame: Frame) -> Labelling:
    """
    Place the labels of all styles, by priority; each keeps clear of what stands already.

    A feature that is cut by the frame and one without text are listed too, but get no number.
    """
    taken = np.concatenate([_beyond(frame), cross_boxes(frame), *(marker_boxes(features) for features in seen)])
    boxes = np.array([], dtype=object)
    groups, missing, placed, shortened = [], [pd.DataFrame(columns=COLUMNS)], {}, {}
    number = 1
    for features in sorted((f for f in seen if f.style.label), key=lambda f: f.style.label.priority):
        label = features.style.label
        texts = [text.fillna("").to_numpy(dtype=object) for text in label.texts(features.table)]
        if label.placement == "inside":
            put = labels.inside(features.shapes, label, texts, taken)
        elif label.placement == "along":
            put = labels.along(features.shapes, label, texts, taken)
        else:
            put = labels.beside(features.shapes, _MARKER_CLEAR_PT, label, texts, taken)
        batches = [*_circles(put), *_texts(put)]
        taken, boxes = np.concatenate([taken, put.boxes]), np.concatenate([boxes, put.boxes])
        left_over = _unlabelled(features, put, texts, frame)
        if label.key_numbers:
            numbers, key_boxes = _key_numbers(features, left_over, taken, number)
            number += len(key_boxes)
            batches += numbers
            taken, boxes = np.concatenate([taken, key_boxes]), np.concatenate([boxes, key_boxes])
        if len(left_over):
            missing.append(left_over[list(COLUMNS)])
        placed[features.name] = int(put.placed.sum())
        shortened[features.name] = int(put.shortened.sum())
        groups.append(Group(f"{features.title}: labels", tuple(batches), frame.box_pt))
    table = pd.concat(missing[1:] or missing, ignore_index=True)
    return Labelling(groups, boxes, table, placed, shortened)


def _beyond(frame: Frame) -> np.ndarray:
    """The page around the map as four boxes, so that no label is cut by the frame."""
    left, bottom, right, top = frame.box_pt
    wide = max(frame.width_pt, frame.height_pt)
    return shapely.box(
        np.array([left - wide, right, left - wide, left - wide]),
        np.array([bottom - wide, bottom - wide, bottom - wide, top]),
        np.array([left, right + wide, right + wide, right + wide]),
        np.array([top + wide, top + wide, bottom, top + wide]),
    )


def _unlabelled(features: Features, put: Placement, texts: list[np.ndarray], frame: Frame) -> pd.DataFrame:
    """The features of a style without label; ``at`` is their place among its features."""
    at = np.flatnonzero(~put.placed)
    shapes = features.shapes[at]
    # The last row is the feature's name; the ones before it add to it.
    names = [next((text[i] for text in reversed(texts) if text[i]), None) for i in at]
    cut = ~shapely.contains_properly(shapely.box(*frame.box_pt), shapes) & (put.reasons[at] != "no text")
    ground = frame.to_ground(shapely.get_coordinates(shapely.centroid(shapes)))
    return pd.DataFrame(
        {
            "style": pd.Series([features.name] * len(at), dtype="str"),
            "layer": pd.Series([features.style.layer] * len(at), dtype="str"),
            "feature": features.table.index[at],
            "text": pd.Series(names, dtype="str"),
            "reason": pd.Series(np.where(cut, "cut by the frame", put.reasons[at]), dtype="str"),
            "key": pd.array([None] * len(at), dtype="Int64"),
            "easting": ground[:, 0],
            "northing": ground[:, 1],
            "at": at,
        }
    )


def _key_numbers(features: Features, left_over: pd.DataFrame, taken: np.ndarray, number: int) -> tuple[list[Texts], np.ndarray]:
    """
    Numbers, from `number` on, for features whose label found no room; features that lie on each other share one.

    Writes ``key`` into `left_over`. What finds no room for a number either stays without.
    """
    wanted = left_over.index[left_over["reason"] == "no room"]
    shapes = features.shapes[left_over.loc[wanted, "at"].to_numpy(dtype=int)]
    if not 0 < len(shapes) <= MAX_KEYS:
        return [], np.array([], dtype=object)
    same = pd.factorize(pd.Series(list(shapely.to_wkb(shapely.normalize(shapely.set_precision(shapes, 0.1))))))[0]
    _, first = np.unique(same, return_index=True)
    alone = shapes[first]
    # Wide enough for the largest number that may come, so that it fits whichever it gets.
    widest = np.full(len(alone), str(number + len(alone)), dtype=object)
    some = block((KEY,), [widest], 1.0)
    west, south, east, north = shapely.bounds(alone)[:, :, None].transpose(1, 0, 2)
    across, up = np.array(_KEY_PLACES).T
    spots = np.stack([west + (east - west) * across, south + (north - south) * up], axis=-1).reshape(-1, 2)
    spots[:: len(_KEY_PLACES)] = shapely.get_coordinates(shapely.point_on_surface(alone))
    slots = np.repeat(np.arange(len(alone)), len(_KEY_PLACES))
    boxes = boxes_at(spots, some.width_pt[slots], some.height_pt[slots], np.zeros(len(spots)))
    inside = np.flatnonzero(shapely.covers(alone[slots], boxes))
    inside = inside[one_each(boxes[inside], slots[inside], taken)]
    boxes, points, stands = boxes[inside], spots[inside], slots[inside]
    if not len(stands):
        return [], np.array([], dtype=object)
    numbers = np.full(len(alone), -1)
    numbers[stands] = number + np.arange(len(stands))
    left_over.loc[wanted, "key"] = pd.array([int(n) if n > 0 else None for n in numbers[same]], dtype="Int64")
    strings = [str(n) for n in numbers[stands]]
    half = np.column_stack([font(KEY.font).widths(strings), np.full(len(strings), font(KEY.font).cap_height)]) * KEY.size_pt / 2
    sizes = np.full(len(strings), KEY.size_pt)
    return [Texts(tuple(strings), points - half, np.zeros(len(strings)), sizes, KEY.font, KEY.color)], boxes


def _texts(put: Placement) -> list[Texts]:
    return [
        Texts(
            tuple(rows["text"]),
            rows[["easting_pt", "northing_pt"]].to_numpy(dtype=float),
            rows["angle_deg"].to_numpy(dtype=float),
            rows["size_pt"].to_numpy(dtype=float),
            name,
            color,
        )
        for (name, color), rows in put.rows.groupby(["font", "color"], sort=True)
    ]


def _circles(put: Placement) -> list[Paths]:
    out = []
    for color, circles in put.circles.groupby("color", sort=True):
        middles = circles[["easting_pt", "northing_pt"]].to_numpy(dtype=float)
        points = middles[:, None, :] + _RING * circles["radius_pt"].to_numpy(dtype=float)[:, None, None]
        starts = np.arange(len(circles)) * len(_RING)
        out.append(Paths(np.round(points.reshape(-1, 2), 2), starts, closed=True, stroke=color, width_pt=0.4))
    return out
