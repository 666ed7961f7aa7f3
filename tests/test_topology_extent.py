"""Features that lie elsewhere: the mistake is made on purpose, and must be named."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Transformer
from shapely import box

from citygis.errors import CRSError
from citygis.topology import outside_extent

FEET = "EPSG:6420"
CITY = (6_300_000.0, 2_100_000.0, 6_350_000.0, 2_150_000.0)
LOT = box(6_330_000, 2_120_000, 6_330_060, 2_120_110)


def layer(*shapes, crs=FEET) -> gpd.GeoSeries:
    return gpd.GeoSeries(list(shapes), crs=crs)


def in_degrees(shape):
    to = Transformer.from_crs(FEET, "EPSG:6318", always_xy=True)
    return shapely.transform(shape, lambda c: np.stack(to.transform(c[:, 0], c[:, 1]), axis=1))


def turned(shape):
    return shapely.transform(shape, lambda c: c[:, ::-1])


def mirrored(shape):
    to = Transformer.from_crs("EPSG:6318", FEET, always_xy=True)
    return shapely.transform(in_degrees(shape), lambda c: np.stack(to.transform(-c[:, 0], c[:, 1]), axis=1))


MISTAKES = {
    "axes_exchanged": turned(LOT),
    "degrees": in_degrees(LOT),
    "degrees_exchanged": turned(in_degrees(LOT)),
    "metres": shapely.transform(LOT, lambda c: c * 1200 / 3937),
    "metres_exchanged": turned(shapely.transform(LOT, lambda c: c * 1200 / 3937)),
    "east_for_west": mirrored(LOT),
    "unknown": shapely.transform(LOT, lambda c: c + 500_000),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_the_mistake_is_named(kind):
    found = outside_extent(layer(LOT, MISTAKES[kind]), CITY)
    assert found["feature"].tolist() == [1]
    assert found["kind"].tolist() == [kind]


@pytest.mark.parametrize(("out", "expected"), [(0.0, 0), (0.01, 1)])
@pytest.mark.parametrize("side", range(4))
def test_the_box_itself_is_inside_and_what_reaches_past_it_is_not(out, expected, side):
    bounds = np.array(CITY)
    bounds[side] += out * (-1 if side < 2 else 1)
    found = outside_extent(layer(box(*bounds)), CITY)
    assert found["away_ft"].tolist() == pytest.approx([out] * expected)


def test_the_place_is_the_middle_of_the_feature():
    found = outside_extent(layer(shapely.Point(6_400_000, 2_120_000)), CITY)
    assert found.geometry[0] == shapely.Point(6_400_000, 2_120_000)
    assert found["away_ft"].tolist() == [50_000]


@pytest.mark.filterwarnings("ignore:invalid value encountered")  # shapely, where a test makes a NaN
def test_what_lies_nowhere_is_left_out():
    assert outside_extent(layer(None, shapely.Polygon(), shapely.LineString([(0, 0), (1, np.nan)])), CITY).empty
    assert outside_extent(layer(), CITY).empty


@pytest.mark.parametrize("extent", [(0, 0, 1), (1, 0, 0, 1), (0, 0, np.nan, 1)])
def test_a_box_that_is_none_is_refused(extent):
    with pytest.raises(ValueError, match="Invalid extent_ft"):
        outside_extent(layer(LOT), extent)


@pytest.mark.parametrize("crs", [None, "EPSG:4326", "EPSG:26943"])
def test_a_layer_that_is_not_in_feet_is_refused(crs):
    with pytest.raises(CRSError):
        outside_extent(layer(LOT, crs=crs), CITY)
