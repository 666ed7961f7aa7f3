"""The canonical form: what a server does to a feature without changing it must not show."""

import json
import os
import subprocess
import sys

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from sync_frames import ORIGIN, UNIT, definition, key, lots

from citygis.readers.service.esri_json import esri_geometries, geometries_of
from citygis.sync.canon import canonical, feature_hashes, global_id_text, in_units, snapped, step_of
from citygis.sync.sameness import differences, same_ground

LAYER = definition()
RESOLUTION = {2227: 0.0001 * 3937 / 1200, 3857: 0.0001, 4326: 1e-9}
"""xyResolution of a hosted layer in the unit of each system: 0.0001 m, or 1e-9 degrees."""


def hashes(frame, layer=LAYER):
    return feature_hashes(frame, layer).tolist()


def shaped(*shapes, crs=2227):
    return gpd.GeoDataFrame({"global_id": [key(n) for n in range(len(shapes))]}, geometry=gpd.GeoSeries(list(shapes), crs=crs))


def differ(one, other, layer=LAYER, **options):
    found = differences(canonical(one, layer), canonical(other, layer), layer, **options)
    return {name for name, mask in found.items() if mask.any()}


@pytest.mark.parametrize(
    "written",
    ["{ABCDEF01-2345-6789-ABCD-EF0123456789}", "abcdef01-2345-6789-abcd-ef0123456789", " ABCDEF01-2345-6789-abcd-EF0123456789 "],
)
def test_a_global_id_is_one_however_it_is_written(written):
    # Regression 15 of the reference.
    assert global_id_text(written) == "abcdef01-2345-6789-abcd-ef0123456789"


@pytest.mark.parametrize("written", [None, np.nan, pd.NA, "", "5", "not-a-key", 7])
def test_what_is_no_global_id_is_none(written):
    assert global_id_text(written) is None


def test_the_start_and_direction_of_rings_and_the_order_of_parts_do_not_count():
    outer, hole = [(0, 0), (90, 0), (90, 90), (0, 90)], [(10, 10), (20, 10), (20, 20)]
    one = shapely.MultiPolygon([shapely.Polygon(outer, [hole]), shapely.box(200, 0, 210, 10)])
    turned = shapely.Polygon(outer[2:] + outer[:2], [hole[::-1]]).reverse()
    other = shapely.MultiPolygon([shapely.box(200, 0, 210, 10).reverse(), turned])
    assert hashes(shaped(one)) == hashes(shaped(other))


def test_a_part_alone_and_a_collection_of_it_are_the_same():
    box = shapely.box(0, 0, 9, 9)
    assert hashes(shaped(box)) == hashes(shaped(shapely.MultiPolygon([box])))


def test_the_direction_of_a_line_counts():
    layer = definition(geometry="esriGeometryPolyline")
    line, ring = shapely.LineString([(0, 0), (50, 0), (50, 50)]), shapely.LineString([(0, 0), (50, 0), (50, 50), (0, 0)])
    for each in (line, ring):
        assert hashes(shaped(each), layer) != hashes(shaped(each.reverse()), layer)
        assert differ(shaped(each), shaped(each.reverse()), layer) == {"geometry"}


def test_the_order_of_rows_and_columns_does_not_count():
    frame = lots(50)
    other = frame[["geometry", "AREA", "global_id", "USE", "YEAR", "APN"]].iloc[::-1]
    assert hashes(frame) == hashes(other)[::-1]


def test_columns_that_are_not_the_publishers_do_not_count():
    frame = lots(5)
    assert hashes(frame) == hashes(frame.assign(OBJECTID=range(5), Shape__Area=1.0, GlobalID="x"))


def test_types_of_columns_do_not_count_but_values_do():
    frame = lots(3)
    plain = pd.DataFrame(frame.drop(columns="geometry")).astype({"YEAR": "int32", "AREA": "float64", "APN": object})
    same = gpd.GeoDataFrame(plain, geometry=frame.geometry.to_numpy(), crs=frame.crs)
    assert hashes(frame) == hashes(same)
    for name, value in (("YEAR", 1), ("AREA", 2500.001), ("APN", "x"), ("USE", None), ("USE", "")):
        assert hashes(frame)[0] != hashes(frame.assign(**{name: [value, *frame[name].iloc[1:]]}))[0]


def test_trailing_blanks_stay_as_the_server_keeps_them():
    assert hashes(lots(2)) == hashes(lots(2, USE=["SFR ", "SFR   "]))
    assert hashes(lots(2)) != hashes(lots(2, USE=[" SFR", " SFR"]))


def test_a_single_counts_to_seven_digits_and_a_double_to_ten():
    layer = definition(fields=[("S", "Single"), ("D", "Double")])
    base = lots(1)[["global_id", "geometry"]]

    def said(s, d):
        return base.assign(S=[s], D=[d])

    one = said(0.1, 0.1)
    assert differ(one, said(float(np.float32(0.1)), 0.1), layer) == set()
    assert differ(one, said(0.1000001, 0.1), layer) == {"S"}
    assert differ(one, said(0.1, 0.1 * (1 + 1e-12)), layer) == set()
    assert differ(one, said(0.1, 0.1 * (1 + 1e-8)), layer) == {"D"}
    assert differ(said(0.0, -0.0), said(-0.0, 0.0), layer) == set()
    assert hashes(said(0.0, -0.0), layer) == hashes(said(-0.0, 0.0), layer)


@pytest.mark.parametrize(("feet", "is_same"), [(0.0019, True), (0.0031, False)])
@pytest.mark.parametrize("wkid", [2227, 3857, 4326])
def test_outlines_within_two_thousandths_of_a_foot_are_the_same(wkid, feet, is_same):
    layer = definition(wkid=wkid)
    shift = feet * UNIT[wkid]
    shape = shapely.box(0, 0, 50 * UNIT[wkid], 50 * UNIT[wkid])
    shape = shapely.transform(shape, lambda xy: xy + ORIGIN[wkid])
    other = shapely.transform(shape, lambda xy: xy + [shift, 0])
    assert (differ(shaped(shape, crs=wkid), shaped(other, crs=wkid), layer) == set()) is is_same


def test_a_vertex_more_on_a_straight_side_is_the_same_ground_and_a_filled_hole_is_not():
    square = shapely.Polygon([(0, 0), (50, 0), (50, 50), (0, 50)])
    more = shapely.Polygon([(0, 0), (20, 0), (50, 0), (50, 50), (0, 50)])
    holed = shapely.Polygon(square.exterior.coords, [[(10, 10), (20, 10), (20, 20)]])
    shapes = np.array([more, holed, shapely.box(0, 0, 50, 50.01), None], dtype=object)
    others = np.array([square] * 3 + [None], dtype=object)
    assert same_ground(shapes, others, np.full(4, 0.002)).tolist() == [True, False, False, True]
    assert not same_ground(shapes[:1], np.array([None], dtype=object), np.full(1, 0.002))[0]


def test_heights_count_where_the_layer_has_them():
    deep = definition(geometry="esriGeometryPoint", hasZ=True)
    one, other = shaped(shapely.Point(1, 2, 3)), shaped(shapely.Point(1, 2, 3.01))
    assert differ(one, other, deep) == {"geometry"}
    assert hashes(one, definition(geometry="esriGeometryPoint")) == hashes(other, definition(geometry="esriGeometryPoint"))


def test_measures_are_left_out_and_heights_kept():
    deep = definition(geometry="esriGeometryPoint", hasZ=True)
    (made,) = snapped(np.array([shapely.from_wkt("POINT ZM (1 2 3 4)")], dtype=object), deep)
    assert (made.x, made.y, made.z, made.has_m) == (1, 2, 3, False)


def test_steps_are_about_a_thousandth_of_a_foot_in_every_unit():
    for wkid in (2227, 3857, 4326):
        crs = definition(wkid=wkid).crs
        assert step_of(crs) == pytest.approx(in_units(0.001, crs), rel=0.1)
        assert RESOLUTION[wkid] < step_of(crs) / 2  # what a server rounds comes back to the same step


@pytest.mark.parametrize("wkid", [2227, 3857, 4326])
def test_what_a_server_snapped_and_sent_back_hashes_as_what_was_sent(wkid):
    # Regression 14 of the reference; its full size was measured, this is a tenth.
    n, layer, unit = 5_000, definition(wkid=wkid, fields=[]), UNIT[wkid]
    chance = np.random.default_rng(14)
    centres = np.stack(
        [ORIGIN[wkid][0] + 300 * unit * (np.arange(n) % 100), ORIGIN[wkid][1] + 300 * unit * (np.arange(n) // 100)], axis=1
    )
    turns, far = np.sort(chance.random((n, 12)), axis=1) * 2 * np.pi, 30 + 100 * chance.random((n, 12))
    corners = centres[:, None, :] + unit * far[..., None] * np.stack([np.cos(turns), np.sin(turns)], axis=2)
    sent = snapped(shapely.polygons(np.concatenate([corners, corners[:, :1]], axis=1)), layer)

    step = RESOLUTION[wkid]
    written = json.loads(json.dumps(esri_geometries(sent, layer)))
    for each in written:
        each["rings"] = [
            [[round(e / step) * step, round(k / step) * step] for e, k in ring[1:] + ring[1:2]] for ring in each["rings"]
        ]
    back, _ = geometries_of(json.loads(json.dumps(written)), layer)
    frames = [
        gpd.GeoDataFrame({"global_id": [key(k) for k in range(n)]}, geometry=gpd.GeoSeries(g, crs=wkid)) for g in (sent, back)
    ]
    assert hashes(frames[0], layer) == hashes(frames[1], layer)


def test_a_layer_is_hashed_the_same_in_any_chunks():
    frame = lots(10_050)
    assert hashes(frame)[9_990:10_010] == hashes(frame.iloc[9_990:10_010])


def test_hashes_do_not_depend_on_the_machines_clock_or_on_the_run():
    code = """
import sys
sys.path.insert(0, "tests")
import pandas as pd
from sync_frames import definition, lots
from citygis.sync.canon import feature_hashes
frame = lots(3).assign(D=pd.to_datetime(["1900-01-01T00:00Z", "2024-03-10T10:30Z", None], format="mixed"))
print(*feature_hashes(frame, definition(fields=[("APN", "String"), ("D", "Date")])))
"""
    said = set()
    for zone in ("UTC", "America/Los_Angeles"):
        environ = os.environ | {"TZ": zone, "PYTHONHASHSEED": str(len(zone))}
        said.add(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environ).stdout)
    assert len(said) == 1
