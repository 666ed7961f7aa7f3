"""
The labels of a whole sheet: pins first, then style after style by priority, numbers for those that found no room, and a list
of the rest.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.sheets import labels
from citygis.sheets.blocks import Placement, Standing, block
from citygis.sheets.features import Features, marker_boxes
from citygis.sheets.frame import STANDARD_SCALES, Frame, feet_text, scale_text
from citygis.sheets.grid import cross_boxes
from citygis.sheets.keys import KEY, key_numbers, key_table, same_ground, times_too_small
from citygis.sheets.leaders import leader_paths, led
from citygis.sheets.occupied import Occupied
from citygis.sheets.pins import COLUMNS as PIN_COLUMNS
from citygis.sheets.pins import Pinned, lost_pins, pinned, pins_of_sheet
from citygis.sheets.scene import Group, Paths, Texts
from citygis.sheets.style import Label

__all__ = ["COLUMNS", "KEY", "Labelling", "key_table", "label_texts", "labelling"]

COLUMNS = ("style", "layer", "feature", "text", "reason", "key", "easting", "northing")
"""The columns of `Labelling.unlabelled`."""

KEYED = ("no room", "no straight run long enough", "several on one ground")
"""Why a feature without label may have a number."""

MARKER_CLEAR_PT = 4.0
"""Between a point and its label."""

MAX_LEADERS = 2_000
"""A style with more labels without room than this gets no leaders: they would hide the map."""

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
    lost_pins : DataFrame
        Columns of `citygis.sheets.pins.COLUMNS`: pins in the frame whose feature is not.
    notes : tuple of str
        What a reader must know of labels that are missing: how many, and at which scale they would stand.
    """

    groups: list[Group]
    boxes: np.ndarray
    unlabelled: pd.DataFrame
    placed: dict[str, int]
    shortened: dict[str, int]
    lost_pins: pd.DataFrame
    notes: tuple[str, ...]


def labelling(
    seen: list[Features],
    frame: Frame,
    *,
    pins: pd.DataFrame | None = None,
    taken: np.ndarray = (),
    sheet: str = "",
    numbered: Mapping[str, pd.Index] = MappingProxyType({}),
) -> Labelling:
    """
    Place the labels of all styles, by priority; each keeps clear of what stands already.

    A feature that is cut by the frame and one without text are listed too, but get no number.

    Parameters
    ----------
    seen : list of Features
        What is drawn. Their order and that of their features decide nothing.
    frame : Frame
    pins : DataFrame, optional
        As `citygis.store.Store.label_pins` gives them. Pinned labels are placed before any other. Of several styles of a
        layer the pins are for the one with the lowest priority.
    taken : array of geometries
        What no label may touch, page points, beside point symbols and the grid's crosses.
    sheet : str
        Name of the sheet, for pins that are for it alone.
    numbered : mapping of str to Index
        By layer, features that get a number although the frame cuts them: no other sheet shows more of them.

    Returns
    -------
    Labelling
    """
    pins = pins_of_sheet(pins if pins is not None else pd.DataFrame(columns=PIN_COLUMNS), sheet)
    ordered = [_in_order(f) for f in sorted((f for f in seen if f.style.label), key=lambda f: (f.style.label.priority, f.name))]
    texts = {f.name: [text.fillna("").to_numpy(dtype=object) for text in f.style.label.texts(f.table)] for f in ordered}
    by_hand, ground = {}, Occupied()
    for features in ordered:
        unused = pins[~pins["layer"].isin([other.style.layer for other in ordered if other.name in by_hand])]
        by_hand[features.name] = pinned(features, texts[features.name], unused, frame, ground)
    boxes = np.concatenate([np.array([], dtype=object), *(held.placement.boxes for held in by_hand.values())])
    obstacles = [_beyond(frame), cross_boxes(frame), *map(marker_boxes, seen), np.asarray(taken, dtype=object), boxes]
    taken = np.concatenate([*obstacles, *(shapely.linestrings(held.leaders) for held in by_hand.values() if len(held.leaders))])
    groups, missing, notes, placed, shortened, number = [], [], [], {}, {}, 1
    for features in ordered:
        label, held = features.style.label, by_hand[features.name]
        put, lines, more = _placed(features, label, texts[features.name], held, taken)
        batches = [
            *leader_paths(held.leaders, label.rows[0].color, dots=features.kind == "area"),
            *leader_paths(lines, label.rows[0].color, dots=features.kind == "area"),
        ]
        for placement in (held.placement, *put):
            batches += [*_circles(placement), *label_texts(placement, label)]
        boxes, taken = np.concatenate([boxes, *(p.boxes for p in put)]), np.concatenate([taken, more])
        whole = _together(held.placement, *put)
        left_over = _unlabelled(features, whole, texts[features.name], frame, numbered.get(features.style.layer, ()))
        if label.key_numbers:
            wanted = left_over.index[left_over["reason"].isin(KEYED)]
            keys = key_numbers(features, left_over.loc[wanted, "at"].to_numpy(dtype=int), taken, number)
            left_over.loc[wanted, "key"] = pd.array([int(n) if n > 0 else None for n in keys.numbers], dtype="Int64")
            number = max(number, int(keys.numbers.max(initial=0)) + 1)
            batches += keys.batches
            boxes, taken = np.concatenate([boxes, keys.boxes]), np.concatenate([taken, keys.boxes, keys.leaders])
        notes += _notes(features, left_over, frame)
        missing.append(left_over[list(COLUMNS)])
        placed[features.name], shortened[features.name] = int(whole.placed.sum()), int(whole.shortened.sum())
        groups.append(Group(f"{features.title}: labels", tuple(batches), frame.box_pt))
    missing = [some for some in missing if len(some)]
    table = pd.concat(missing, ignore_index=True) if missing else pd.DataFrame(columns=COLUMNS)
    return Labelling(groups, boxes, table, placed, shortened, lost_pins(seen, pins, frame), tuple(notes))


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


def _in_order(features: Features) -> Features:
    """The features from west to east and south to north, those on one ground by text, in whatever order the layer has them."""
    west, south, east, north = shapely.bounds(features.shapes).T
    order = np.lexsort((north, east, south, west))
    facts = np.column_stack([west, south, east, north])[order]
    if (facts[1:] == facts[:-1]).all(axis=1).any():
        texts = features.table.astype("str").fillna("")
        whole = pd.Series("", index=texts.index).str.cat([texts[name] for name in texts], sep="\n")
        words = pd.factorize(whole, sort=True)[0]
        order = np.lexsort((words, north, east, south, west))
    return features._replace(table=features.table.iloc[order], shapes=features.shapes[order], symbols=features.symbols[order])


def _placed(
    features: Features, label: Label, texts: list[np.ndarray], held: Pinned, taken: np.ndarray
) -> tuple[list[Placement], np.ndarray, np.ndarray]:
    """The labels of a style beside the pinned ones, their leaders, and all that no further label may touch."""
    stacked = _stacked(features, texts) if label.key_numbers else np.zeros(len(features.shapes), dtype=bool)
    at = np.flatnonzero(~held.settled & ~stacked)
    shapes, mine = features.shapes[at], [text[at] for text in texts]
    if label.placement == "inside":
        put = labels.inside(shapes, label, mine, taken)
    elif label.placement == "along":
        put = labels.along(shapes, label, mine, taken, standing=held.middles)
        put.placed[:] |= np.isin(mine[0], list(held.middles))
    else:
        put = labels.beside(shapes, MARKER_CLEAR_PT, label, mine, taken)
    whole = [_spread(put, at, len(features.shapes))]
    whole[0].reasons[stacked & ~held.settled] = "several on one ground"
    lines, more = np.empty((0, 2, 2)), put.boxes
    open_ = at[put.reasons == "no room"]
    if label.leader and features.kind != "line" and 0 < len(open_) <= MAX_LEADERS:
        outside, lines = _led(features, label, texts, open_, np.concatenate([taken, put.boxes]))
        whole.append(outside)
        more = np.concatenate([more, outside.boxes, shapely.linestrings(lines) if len(lines) else []])
    return whole, lines, more


def _led(
    features: Features, label: Label, texts: list[np.ndarray], at: np.ndarray, taken: np.ndarray
) -> tuple[Placement, np.ndarray]:
    """Labels outside their features, at the smallest size, and the leaders from them."""
    done, scale = Standing(len(features.shapes)), label.shrink[-1]
    area = features.kind == "area"
    some = block(label.rows, [text[at] for text in texts], scale)
    put = led(
        shapely.get_coordinates(shapely.point_on_surface(features.shapes[at])),
        some.width_pt,
        some.height_pt,
        taken,
        shapes=features.shapes if area else (),
        own=at,
        clear_pt=0.0 if area else MARKER_CLEAR_PT,
    )
    done.add(at[put.at], some, put.at, put.centres, np.zeros(len(put.at)), put.boxes, scale)
    return done.placement(np.full(len(features.shapes), "", dtype=object)), put.lines


def _stacked(features: Features, texts: list[np.ndarray]) -> np.ndarray:
    """Features that lie on another with another text, as the units of a condominium do: one of their labels would mislead."""
    if features.kind != "area":
        return np.zeros(len(features.shapes), dtype=bool)
    ground = same_ground(features.shapes)
    several = np.bincount(ground)[ground] > 1
    return several & np.any([text != "" for text in texts], axis=0)


def _spread(put: Placement, at: np.ndarray, n: int) -> Placement:
    """The placement of some of `n` features as one of all."""
    placed, shortened, reasons = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool), np.full(n, "", dtype=object)
    placed[at], shortened[at], reasons[at] = put.placed, put.shortened, put.reasons
    return put._replace(placed=placed, shortened=shortened, reasons=reasons)


def _together(*put: Placement) -> Placement:
    """What became of each feature in placements of the same features."""
    reasons = put[0].reasons.copy()
    for other in put[1:]:
        reasons = np.where(reasons == "", other.reasons, reasons)
    return put[0]._replace(
        placed=np.any([one.placed for one in put], axis=0),
        shortened=np.any([one.shortened for one in put], axis=0),
        reasons=reasons,
    )


def _unlabelled(features: Features, put: Placement, texts: list[np.ndarray], frame: Frame, numbered: Collection) -> pd.DataFrame:
    """The features of a style without label; ``at`` is their place among its features."""
    at = np.flatnonzero(~put.placed)
    shapes = features.shapes[at]
    # The last row is the feature's name; the ones before it add to it.
    names = np.full(len(at), None, dtype=object)
    for text in texts:
        names = np.where(text[at] != "", text[at], names)
    left, bottom, right, top = frame.box_pt
    west, south, east, north = shapely.bounds(shapes).T
    cut = ~((west > left) & (south > bottom) & (east < right) & (north < top)) & np.isin(put.reasons[at], KEYED)
    cut &= ~features.table.index[at].isin(numbered)
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


def _notes(features: Features, left_over: pd.DataFrame, frame: Frame) -> list[str]:
    """How many labels of a style are missing for want of room, and the scale at which nine of ten would stand."""
    short = left_over[left_over["reason"].isin(KEYED) & left_over["key"].isna()]
    if not len(short):
        return []
    said = f"{features.title}: {len(short):,} labels have no room at {scale_text(frame.scale)}, and no number has"
    if features.kind != "area":
        return [f"{said}."]
    needed = float(frame.scale) / np.quantile(times_too_small(features.shapes[short["at"].to_numpy(dtype=int)]), 0.9)
    fitting = [scale for scale in STANDARD_SCALES if scale <= needed and scale < frame.scale]
    if not fitting:
        return [f"{said}; they are slivers at any scale."]
    return [f"{said}; at {feet_text(fitting[-1])} feet to the inch nine of ten would have room."]


def label_texts(put: Placement, label: Label) -> list[Texts]:
    """The texts of a placement; one set letter by letter is a batch of its own, and is read as its word."""
    rows = put.rows
    out = [_batch(some, label) for _, some in rows[rows["word_number"] == 0].groupby(["font", "color"], sort=True)]
    for _, letters in rows[rows["word_number"] > 0].groupby("word_number", sort=True):
        out.append(_batch(letters, label)._replace(actual=letters["word"].iloc[0]))
    return out


def _batch(rows: pd.DataFrame, label: Label) -> Texts:
    halo = {"halo": label.halo.color, "halo_pt": label.halo.width_pt} if label.halo else {}
    return Texts(
        tuple(rows["text"]),
        rows[["easting_pt", "northing_pt"]].to_numpy(dtype=float),
        rows["angle_deg"].to_numpy(dtype=float),
        rows["size_pt"].to_numpy(dtype=float),
        rows["font"].iloc[0],
        rows["color"].iloc[0],
        **halo,
    )


def _circles(put: Placement) -> list[Paths]:
    out = []
    for color, circles in put.circles.groupby("color", sort=True):
        middles = circles[["easting_pt", "northing_pt"]].to_numpy(dtype=float)
        points = middles[:, None, :] + _RING * circles["radius_pt"].to_numpy(dtype=float)[:, None, None]
        starts = np.arange(len(circles)) * len(_RING)
        out.append(Paths(np.round(points.reshape(-1, 2), 2), starts, closed=True, stroke=color, width_pt=0.4))
    return out
