"""Any parcel, any line: no ground lost, every corner shared, and a merger of the pieces is the parcel again."""

import math

import numpy as np
import pandas as pd
import pytest
import shapely
from office_city import RECORD, at, change_of, parcels

from citygis.operations import AREA_TOLERANCE_SQFT, merge, split
from citygis.operations.cutting import cut, united

RUNS = 120


def polygon(rng):
    """A star-shaped parcel of 5 to 40 corners, 50 to 400 feet across, somewhere in the City's coordinates."""
    n = int(rng.integers(5, 41))
    angle = np.sort(rng.uniform(0, 2 * math.pi, n))
    while np.diff(np.append(angle, angle[0] + 2 * math.pi)).max() > 3.0:
        angle = np.sort(rng.uniform(0, 2 * math.pi, n))
    radius = rng.uniform(25, 200) * rng.uniform(0.4, 1.0, n)
    east, north = at(*rng.uniform(0, 5000, 2))
    return shapely.Polygon(np.round(np.stack([east + radius * np.cos(angle), north + radius * np.sin(angle)], axis=1), 4))


def crossing(rng, shape):
    """A line through the parcel, sometimes bent, from well outside to well outside."""
    centre = shapely.get_coordinates(shape.representative_point())[0]
    azimuth, reach = rng.uniform(0, 2 * math.pi), 1000.0
    along = np.array([math.cos(azimuth), math.sin(azimuth)])
    middle = [centre] if rng.random() < 0.5 else []
    return shapely.LineString([centre - along * reach, *middle, centre + along * reach + (20 if middle else 0)])


def key(shape):
    return {tuple(c) for c in shapely.get_coordinates(shape).tolist()}


@pytest.mark.parametrize("seed", range(3))
def test_faces_are_the_ground_and_share_their_corners(seed):
    rng = np.random.default_rng(seed)
    for _ in range(RUNS):
        shape = polygon(rng)
        faces = cut(shape, [crossing(rng, shape) for _ in range(int(rng.integers(1, 4)))])
        assert len(faces) > 1
        assert abs(sum(face.area for face in faces) - shape.area) < 1e-5
        assert shapely.is_valid(faces).all() and shapely.coverage_is_valid(np.array(faces))
        assert key(shape) <= set().union(*map(key, faces))
        again = united(faces)
        assert again.geom_type == "Polygon" and abs(again.area - shape.area) < 1e-5
        assert shapely.hausdorff_distance(again.boundary, shape.boundary) < 1e-6
        assert key(shape) <= key(again)


@pytest.mark.parametrize("seed", range(4))
def test_split_then_merge_restores_the_ground(seed):
    rng = np.random.default_rng(100 + seed)
    lots = parcels()
    lots.loc[0, "geometry"] = polygon(rng)
    by = crossing(rng, lots.geometry[0])
    pieces = len(cut(lots.geometry[0], [by]))
    new = [f"191-010-{30 + n}" for n in range(pieces)]
    divided = split(lots, "191-010-11", by, new, record=RECORD)
    assert abs(divided.residual_sqft) <= AREA_TOLERANCE_SQFT
    assert divided.change.lineage["share_parent"].sum() == pytest.approx(1.0, abs=1e-6)
    change = change_of(divided)
    then = pd.concat([lots[~lots["global_id"].isin(change.retired["global_id"])], change.added[lots.columns]], ignore_index=True)
    joined = change_of(merge(then, new, "191-010-95", record=RECORD)).added
    before = lots.geometry[0]
    assert abs(joined["calc_area_sqft"].iloc[0] - before.area) < 1e-5
    assert shapely.hausdorff_distance(joined.geometry.iloc[0].boundary, before.boundary) < 1e-6
