"""
Layers of classes (zoning, flood zones, kinds of surface): each piece of ground in one class, and polygons cut by them.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.overlay import areal, joined, overlaid, overlaid_area
from citygis.topology import threaded

OUTSIDE = "(outside)"
NO_CLASS = "(not stated)"
_NOISE_SQFT = 1e-4
_SLIVER_SQFT = 1.0


class Classes(NamedTuple):
    """
    The classes of a layer, each piece of ground in one of them only.

    Parameters
    ----------
    labels : array of str, k
        In alphabetical order; ground of two classes has both names, joined by `` + ``.
    shapes : array of Polygon or MultiPolygon, k
    remarks : tuple of str
        What would have been counted twice.
    """

    labels: np.ndarray
    shapes: np.ndarray
    remarks: tuple[str, ...]


def dissolved_labels(values: pd.Series) -> np.ndarray:
    """Class names as text, `NO_CLASS` where null or blank."""
    text = values.astype("object").where(values.notna(), NO_CLASS).astype("str").str.strip()
    return text.where(text != "", NO_CLASS).to_numpy(dtype=object)


def planar_classes(shapes: np.ndarray, labels: np.ndarray, name: str) -> Classes:
    """
    Features joined into classes that do not overlap.

    Features of one class are dissolved. Where two classes claim the same ground it becomes a class of its own, so that no acre
    counts twice; slivers of less than a square foot go to the class that comes first.

    Parameters
    ----------
    shapes : array of n polygons
        Valid.
    labels : array of n str
    name : str
        Of the layer, for the remarks.
    """
    labels = np.asarray(labels, dtype=object)
    every = np.array(sorted(set(labels.tolist())), dtype=object)
    remarks, dissolved = [], []
    for label in every:
        own = shapes[labels == label]
        whole = shapely.union_all(own) if len(own) > 1 else own[0]
        twice = float(shapely.area(own).sum() - shapely.area(whole))
        if twice > _SLIVER_SQFT:
            remarks.append(f"{name}: features of {label} overlap by {twice:,.0f} sq ft; it counts once.")
        dissolved.append(whole)
    dissolved = np.array(dissolved, dtype=object)
    meeting = overlaid_area(dissolved)
    if not len(meeting):
        return Classes(every, dissolved, tuple(remarks))
    met = {(every[one], every[two]) for one, two in zip(meeting["left"], meeting["right"], strict=True)}
    found: dict[tuple[str, ...], shapely.Geometry] = {}
    for label, whole in zip(every, dissolved, strict=True):
        left = whole
        for held in [each for each in found if all((one, label) in met for one in each)]:
            ground = found[held]
            common = shapely.intersection(ground, left)
            area = shapely.area(common)
            if area <= 0:
                continue
            left = shapely.difference(left, common)
            if area > _SLIVER_SQFT:
                found[held] = shapely.difference(ground, common)
                both = (*held, str(label))
                found[both] = shapely.union(found[both], common) if both in found else common
                remarks.append(f"{name}: {' and '.join(both)} both claim {area:,.0f} sq ft, which stand as a class of their own.")
        found[(str(label),)] = left
    said = {" + ".join(held): areal(ground) for held, ground in found.items()}
    names = sorted(label for label, ground in said.items() if shapely.area(ground) > 0)
    return Classes(np.array(names, dtype=object), np.array([said[label] for label in names], dtype=object), tuple(remarks))


def split_by(shapes: np.ndarray, classes: Classes) -> gpd.GeoDataFrame:
    """
    Polygons cut by classes, what lies in none of them included.

    Parameters
    ----------
    shapes : array of n polygons
        Valid.
    classes : Classes

    Returns
    -------
    GeoDataFrame
        ``of`` (position in `shapes`), ``label`` (`OUTSIDE` in no class), ``area_sqft``, ``geometry``; ascending by both.
    """
    inside = overlaid(shapes, classes.shapes)
    of = inside["left"].to_numpy()
    area = shapely.area(shapes)
    left = area - np.bincount(of, weights=inside["area_sqft"], minlength=len(shapes))
    out = np.flatnonzero(left > _NOISE_SQFT)
    rest = shapes[out].copy()
    cut = np.isin(out, of)
    if cut.any():
        mine = np.isin(of, out[cut])
        own = of[mine]
        first = np.flatnonzero(np.r_[True, np.diff(own) != 0])
        rest[cut] = threaded(shapely.difference, rest[cut], joined(np.asarray(inside.geometry.values)[mine], first))
    table = pd.DataFrame(
        {
            "of": np.r_[of, out],
            "label": np.r_[classes.labels[inside["right"]], np.full(len(out), OUTSIDE, dtype=object)],
            "area_sqft": np.r_[inside["area_sqft"], shapely.area(rest)],
        }
    )
    both = gpd.GeoDataFrame(table, geometry=np.r_[np.asarray(inside.geometry.values), rest])
    both = both[both["area_sqft"] > 0]
    return both.sort_values(["of", "label"], kind="stable", ignore_index=True)


def palette(values: np.ndarray) -> list[dict]:
    """Style classes that tell values apart by a pale fill, in their order; grey outside."""
    fills = ("#dbe7c9", "#f6dcbc", "#cfe0f1", "#ecd3e3", "#fdf0cf", "#cfe8e3", "#e5d9f2", "#f3c6a5", "#d9d9b8", "#bfd8ea")
    return [
        {"values": [str(value)], "legend": str(value), "fill": "#e6e6e6" if value == OUTSIDE else fills[k % len(fills)]}
        for k, value in enumerate(values)
    ]
