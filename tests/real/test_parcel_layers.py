"""
Two real parcel layers and a layer of easements, against shapely alone: pairs counted one by one, gaps looked at along rays.
"""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from citygis.quality import validate
from citygis.topology import NODE_TOLERANCE_FT, contained, misaligned_corners, overlaps, protrusions

WIDEST_FT = 6.0
KEY = {"san_joaquin": "APN", "cambridge": "ML"}


@pytest.fixture(scope="module")
def layers(real_data) -> dict[str, gpd.GeoDataFrame]:
    san_joaquin = gpd.read_file(real_data / "parcels" / "sjv_WHcentral.shp").to_crs("EPSG:2227")
    cambridge = gpd.read_file(real_data / "parcels" / "cambridge_ParcelsFY2013.topojson")
    cambridge = cambridge.set_crs("EPSG:4326", allow_override=True).to_crs("EPSG:2249")
    return {"san_joaquin": san_joaquin, "cambridge": cambridge}


@pytest.fixture(scope="module")
def easements(real_data) -> gpd.GeoDataFrame:
    return gpd.read_file(real_data / "right_of_way" / "cambridge_EasementsFY2014.geojson").to_crs("EPSG:2249")


def valid(frame) -> np.ndarray:
    polygons = np.asarray(frame.geometry.array, dtype=object).copy()
    polygons[~shapely.is_valid(polygons)] = None
    return polygons


def pairs_that_meet(polygons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    left, right = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    return left[left < right], right[left < right]


@pytest.mark.parametrize("name", ["san_joaquin", "cambridge"])
def test_overlapping_pairs_are_those_of_brute_force(layers, name):
    polygons = valid(layers[name])
    left, right = pairs_that_meet(polygons)
    shared = shapely.area(shapely.intersection(polygons[left], polygons[right]))
    truth = set(zip(left[shared > 0.004].tolist(), right[shared > 0.004].tolist(), strict=True))
    found = overlaps(layers[name], min_area_sqft=0.004, tolerance_ft=0)
    assert set(zip(found["left"], found["right"], strict=True)) == truth
    assert len(truth) == {"san_joaquin": 128, "cambridge": 49}[name] or 126 <= len(truth) <= 128


@pytest.mark.parametrize("name", ["san_joaquin", "cambridge"])
def test_what_the_coverage_check_of_geos_flags_is_told_unless_its_corners_are_held_to_be_one(layers, name):
    frame = layers[name]
    polygons = valid(frame)
    there = np.flatnonzero(~shapely.is_missing(polygons))
    edges = shapely.coverage_invalid_edges(polygons[there])
    flagged = ~shapely.is_empty(edges)
    assert flagged.sum() > 80
    told = validate(frame.assign(position=np.arange(len(frame))), "parcel", only="geometry", key="position")
    named = {each for column in ("feature", "other") for cell in told[column].dropna() for each in cell.split(", ")}
    tree, places = shapely.STRtree(polygons), shapely.STRtree(told.geometry.to_numpy())
    for k, edge in zip(there[flagged].tolist(), edges[flagged], strict=True):
        # A corner that a neighbour lacks is told by one of those who share it.
        if str(k) not in named and not len(places.query(edge, predicate="dwithin", distance=0.001)):
            others = tree.query(edge, predicate="dwithin", distance=0.1)
            corners = corners_of(polygons, others[others != k])
            ends = shapely.points(shapely.get_coordinates(edge))
            apart = shapely.distance(ends[:, None], corners[None, :])
            assert ((apart > 0) & (apart <= NODE_TOLERANCE_FT + 5e-5)).any(), k


@pytest.mark.parametrize("name", ["san_joaquin", "cambridge"])
def test_each_parcel_inside_another_is_found(layers, name):
    polygons = valid(layers[name])
    left, right = shapely.STRtree(polygons).query(polygons, predicate="covered_by")
    apart = (left != right) & ~shapely.equals(polygons[left], polygons[right])
    found = contained(layers[name])
    told = set(zip(found.iloc[:, 0].tolist(), found.iloc[:, 1].tolist(), strict=True))
    assert set(zip(left[apart].tolist(), right[apart].tolist(), strict=True)) <= told


def test_misaligned_corners_are_corners_of_two_parcels_that_far_apart(layers):
    polygons = valid(layers["san_joaquin"])
    found = misaligned_corners(layers["san_joaquin"])
    assert len(found) > 100
    ends = shapely.get_coordinates(found.geometry.array).reshape(-1, 2, 2)
    apart = np.hypot(*(ends[:, 1] - ends[:, 0]).T)
    assert (apart <= 0.12 + 1e-4).all() and (apart > 0.0005 - 1e-4).all()
    for column in ("left", "right"):
        corners = corners_of(polygons, found[column].to_numpy())
        near = [shapely.distance(shapely.points(ends[:, k]), corners) for k in (0, 1)]
        assert np.minimum(*near).max() < 2e-4


def corners_of(polygons: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.array([shapely.MultiPoint(shapely.get_coordinates(polygons[row])) for row in rows], dtype=object)


def beside_a_real_gap(places: np.ndarray, polygons: np.ndarray) -> np.ndarray:
    """
    Whether each place is open ground with a parcel on either side no farther apart than a sliver is wide.

    A cross-section in one of 90 directions is enough: on open ground it must meet parcels both ways. No buffer is drawn.
    """
    tree = shapely.STRtree(polygons)
    angles = np.radians(np.arange(0, 180, 2))
    steps = np.column_stack([np.cos(angles), np.sin(angles)]) * WIDEST_FT
    real = np.zeros(len(places), dtype=bool)
    for k, place in enumerate(places):
        near = polygons[tree.query(place, predicate="dwithin", distance=WIDEST_FT)]
        if not len(near) or shapely.contains_properly(near, place).any():
            continue
        here = shapely.get_coordinates(place)[0]
        reach = []
        for way in (1, -1):
            rays = shapely.linestrings(np.stack([np.broadcast_to(here, steps.shape), here + way * steps], axis=1))
            met = shapely.intersection(rays[:, None], near[None, :])
            distance = np.where(shapely.is_empty(met), np.inf, shapely.distance(met, place))
            reach.append(distance.min(axis=1))
        real[k] = (reach[0] + reach[1]).min() <= WIDEST_FT * 1.01
    return real


@pytest.mark.parametrize("name", ["san_joaquin", "cambridge"])
def test_nineteen_slivers_of_twenty_lie_beside_a_real_gap(layers, name):
    told = validate(layers[name], "parcel", only="geometry", key=KEY[name])
    slivers = told[told["code"] == "T33"]
    places = shapely.point_on_surface(np.asarray(slivers.geometry.array, dtype=object))
    polygons = valid(layers[name])
    real = beside_a_real_gap(places, polygons[~shapely.is_missing(polygons)])
    assert len(slivers) >= 30
    assert real.mean() >= 0.95, slivers[~real][["feature", "other", "measure", "message"]].to_string()


def easement_ground(easements, parcels) -> np.ndarray:
    """
    Pieces that easement lines cut from parcels, coordinates rounded as files have them.

    Each lies exactly within the parcels before it is rounded.
    """
    drawn = np.concatenate([np.asarray(easements.geometry.array, dtype=object), shapely.boundary(parcels)])
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all(drawn)]))
    beside = shapely.buffer(shapely.union_all(easements.geometry.array), 0.01)
    faces = faces[shapely.length(shapely.intersection(shapely.boundary(faces), beside)) > 1]
    inside, _ = shapely.STRtree(parcels).query(shapely.point_on_surface(faces), predicate="within")
    rounded = shapely.transform(faces[np.unique(inside)], lambda c: np.round(c, 4))
    return rounded[shapely.is_valid(rounded)]


def test_easements_pass_with_a_hundredth_of_a_foot_where_an_exact_test_rejects_half_of_them(layers, easements):
    parcels = valid(layers["cambridge"])
    parcels = parcels[~shapely.is_missing(parcels)]
    ground = easement_ground(easements, parcels)
    covered = shapely.covers(shapely.union_all(parcels), ground)
    assert len(ground) > 1_000 and covered.mean() < 0.6
    strips, cover = gpd.GeoSeries(ground, crs="EPSG:2249"), gpd.GeoSeries(parcels, crs="EPSG:2249")
    assert protrusions(strips, cover, tolerance_ft=0.01).empty


@pytest.mark.parametrize("tolerance_ft", [0.01, 3.0])
def test_easement_strips_that_leave_the_parcels_are_those_of_brute_force(layers, easements, tolerance_ft):
    strips = shapely.buffer(np.asarray(easements.geometry.array, dtype=object), 0.5, cap_style="flat")
    parcels = layers["cambridge"]
    whole = shapely.union_all(shapely.make_valid(np.asarray(parcels.geometry.array, dtype=object)))
    out = ~shapely.covers(shapely.buffer(whole, tolerance_ft * 1.01, quad_segs=32), strips)
    perhaps = ~shapely.covers(shapely.buffer(whole, tolerance_ft * 0.99, quad_segs=32), strips)
    found = protrusions(gpd.GeoSeries(strips, crs="EPSG:2249"), parcels, tolerance_ft=tolerance_ft)
    told = np.zeros(len(strips), dtype=bool)
    told[found["inner"].to_numpy()] = True
    assert not (out & ~told).any() and not (told & ~perhaps).any()
    assert out.sum() > 50
