"""Two real parcel layers, whose overlapping pairs are known from a brute-force count by others."""

from collections import Counter

import geopandas as gpd
import numpy as np
import pytest
import shapely

from citygis.quality import validate
from citygis.topology import duplicates, overlaps


@pytest.fixture(scope="module")
def san_joaquin(real_data) -> gpd.GeoDataFrame:
    return gpd.read_file(real_data / "parcels" / "sjv_WHcentral.shp").to_crs("EPSG:2227")


@pytest.fixture(scope="module")
def cambridge(real_data) -> gpd.GeoDataFrame:
    frame = gpd.read_file(real_data / "parcels" / "cambridge_ParcelsFY2013.topojson")
    return frame.set_crs("EPSG:4326", allow_override=True)


def brute_force(frame, least):
    """Every pair whose intersection is larger, looked at one by one where the boxes meet."""
    polygons = np.asarray(frame.geometry.array, dtype=object)
    polygons[~shapely.is_valid(polygons)] = None
    bounds = shapely.bounds(polygons)
    told = set()
    for i in range(len(polygons)):
        if polygons[i] is None:
            continue
        near = (bounds[:, 0] <= bounds[i, 2]) & (bounds[:, 2] >= bounds[i, 0])
        near &= (bounds[:, 1] <= bounds[i, 3]) & (bounds[:, 3] >= bounds[i, 1])
        others = np.flatnonzero(near)
        others = others[others > i]
        area = shapely.area(shapely.intersection(polygons[i], polygons[others]))
        told |= {(i, int(j)) for j in others[area > least]}
    return told


def pairs(found):
    return set(zip(found["left"].tolist(), found["right"].tolist(), strict=True))


def test_san_joaquin_has_the_pairs_that_were_counted(san_joaquin):
    found = overlaps(san_joaquin, min_area_sqft=0.004, tolerance_ft=0)
    assert 126 <= len(found) <= 128
    assert (found["area_sqft"] > 1).sum() == 37
    assert pairs(found) == brute_force(san_joaquin, 0.004)
    assert len(duplicates(san_joaquin)) == 1


def test_cambridge_has_the_pairs_that_were_counted(cambridge):
    feet = cambridge.to_crs("EPSG:2249")
    found = overlaps(feet, min_area_sqft=0.004, tolerance_ft=0)
    assert len(found) == 49
    assert (found["area_sqft"] > 1).sum() == 45
    assert pairs(found) == brute_force(feet, 0.004)
    assert len(duplicates(feet)) == 1
    assert (~cambridge.is_valid).sum() == 24


def test_the_rules_tell_each_overlap_a_person_could_see(san_joaquin, cambridge):
    found = validate(san_joaquin, "parcel", only="geometry", key="APN").query("code == 'T01'")
    assert len(found) >= 37  # all those over a square foot, and those over 0.01 ft wide
    feet = cambridge.to_crs("EPSG:2249")
    found = validate(feet, "parcel", only="geometry", key="ML")
    twins = duplicates(feet)
    names = feet["ML"].to_numpy()
    every = overlaps(feet, min_area_sqft=0.004, tolerance_ft=0)
    once = pairs(every) - pairs(twins)  # the same ground twice is told as that (G04), and not as an overlap too
    assert len(every) == 49 and len(once) == 48
    assert named(found, "T01") == Counter(frozenset(names[[left, right]]) for left, right in once)
    assert named(found, "G04") == Counter(frozenset(names[[left, right]]) for left, right in pairs(twins))


def named(found, code):
    told = found[found["code"] == code]
    return Counter(frozenset(pair) for pair in zip(told["feature"], told["other"], strict=True))
