"""The measures that look at a few suspected places only, against all corners and all ground of two real layers."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from citygis.topology import fabric, misaligned_corners, strips
from citygis.topology.nearness import near_pairs
from citygis.topology.places import corners_of, misaligned


@pytest.fixture(scope="module", params=["san_joaquin", "cambridge"])
def parcels(request, real_data) -> gpd.GeoSeries:
    if request.param == "san_joaquin":
        return gpd.read_file(real_data / "parcels" / "sjv_WHcentral.shp").geometry.to_crs("EPSG:2227")
    frame = gpd.read_file(real_data / "parcels" / "cambridge_ParcelsFY2013.topojson")
    return frame.geometry.set_crs("EPSG:4326", allow_override=True).to_crs("EPSG:2249")


def test_no_misaligned_corner_is_missed_for_want_of_looking(parcels):
    corners = corners_of(parcels)
    one, other, distance = near_pairs(corners.places, 0.12 + 0.00005, corners.users)
    apart = distance > 0.0005 + 0.00005
    _, left, right = misaligned(corners, one[apart], other[apart])
    found = misaligned_corners(parcels)
    told = found[["left", "right"]].to_numpy().tolist()
    assert sorted(told) == sorted(map(sorted, np.stack([left, right], axis=1).tolist()))


def test_strips_are_ground_that_nothing_covers_between_two_that_bound_it(parcels):
    found = strips(fabric(parcels))
    assert len(found) > 30
    shapes = np.asarray(parcels.array, dtype=object)
    shapes = shapes[shapely.is_valid(shapes)]
    tree = shapely.STRtree(shapes)
    for strip in found.geometry:
        cover = shapely.union_all(shapes[tree.query(strip)])
        assert strip.intersection(cover).area < 1e-3 * strip.area + 1e-4
    for side in ("left", "right"):
        assert shapely.distance(found.geometry.array, parcels.array[found[side].to_numpy()]).max() < 0.0005
