"""Inspecting: everything is reported, nothing is refused for its frame."""

import json
import math

import delivered
import pandas as pd
import pyogrio
import pytest
import shapely

from citygis.errors import ReadError
from citygis.readers import inspect


def only(path, **kwargs):
    (layer,) = inspect(path, **kwargs).layers
    return layer


def test_a_sound_layer_is_clean(tmp_path):
    layer = only(delivered.write(tmp_path, ".gpkg"))
    assert layer.is_clean and layer.problems == ()
    assert (layer.layer, layer.format, layer.count, layer.geometry_types) == ("parcels", "GeoPackage", 3, {"Polygon": 3})
    assert layer.extent == (delivered.EASTING, delivered.NORTHING, delivered.EASTING + 180, delivered.NORTHING + 100)


@pytest.mark.parametrize(
    "suffix", [".shp", ".gdb", ".geojson", ".kml", ".csv", ".parquet", ".fgb", ".tab", ".topojson", ".json", ".kmz"]
)
def test_every_format_is_inspected(tmp_path, suffix):
    layer = only(delivered.write(tmp_path, suffix))
    assert layer.error is None and layer.count == 3 and layer.looks_like[0].layer == "parcel"


def test_fields_say_their_type_nulls_range_and_examples(tmp_path):
    fields = {field.name: field for field in only(delivered.write(tmp_path, ".gpkg")).fields}
    assert fields["APN"] == ("APN", "text", 0.0, 3, tuple(delivered.APNS), None, None, 10)
    assert fields["LOT"] == ("LOT", "integer", 0.0, 3, ("1", "2", "3"), "1", "3", None)
    assert fields["NOTE"].null_rate == pytest.approx(1 / 3, abs=1e-4) and fields["NOTE"].examples == ("Peña",)
    assert fields["ACRES"].type == "double"


def test_geometry_problems_are_counted_by_kind_and_placed(tmp_path):
    square = shapely.box(0, 0, 100, 100)
    bowtie = shapely.Polygon([(0, 0), (100, 100), (100, 0), (0, 100)])
    turned = shapely.Polygon([(100, 0), (100, 100), (0, 100), (0, 0)])  # the square from another corner
    away = [shapely.affinity.translate(shape, delivered.EASTING, delivered.NORTHING) for shape in (square, bowtie, turned)]
    ring = [(0.0, 0.0), (60.0, 0.0), (60.0, 100.0), (0.0, 100.0)]
    unclosed = delivered.ring_wkb([(e + delivered.EASTING, n + delivered.NORTHING) for e, n in ring])
    broken = delivered.ring_wkb([(delivered.EASTING, math.nan), (1.0, 1.0), (2.0, 2.0), (delivered.EASTING, math.nan)])
    e, n = delivered.EASTING, delivered.NORTHING
    curve = delivered.arc_wkb((e, n), (e + 50, n + 50), (e + 100, n))
    empty = shapely.to_wkb(shapely.Polygon())
    path = delivered.write_wkb(tmp_path / "a.gpkg", [*shapely.to_wkb(away), None, empty, unclosed, broken, curve])
    layer = only(path)
    assert {problem.kind: problem.count for problem in layer.problems} == {
        "geometry cannot be made": 1,
        "true curve drawn as chords": 1,
        "coordinate not finite": 1,
        "null": 1,
        "empty": 1,
        "invalid": 1,
        "duplicate": 1,
    }
    places = {problem.kind: problem.examples[0] for problem in layer.problems}
    assert places["invalid"].startswith("#2: Self-intersection") and places["duplicate"] == "#3" and places["null"] == "#4"
    assert not layer.is_clean


def test_a_missing_frame_is_reported_and_not_refused(tmp_path):
    path = delivered.write(tmp_path, ".csv")
    layer = only(path)
    assert "EPSG:6420" in layer.frame.problem and layer.frame.name is None and not layer.is_clean
    assert only(path, source_crs="EPSG:6420").frame.problem is None


def test_the_cost_of_taking_wgs_84_for_nad83_is_told_in_feet(tmp_path):
    cost = only(delivered.write(tmp_path, ".geojson")).frame.cost
    # Published for this place: 1.57 m in 2026 (NGS HTDP), which is 5.1 ft.
    assert "5.1 ft" in cost or "5.2 ft" in cost


def test_a_layer_in_the_citys_own_frame_costs_nothing(tmp_path):
    assert only(delivered.write(tmp_path, ".gpkg")).frame.cost is None


def said(tmp_path, frame, suffix=".gpkg") -> str:
    pyogrio.write_dataframe(frame, tmp_path / f"a{suffix}")
    return "\n".join(only(tmp_path / f"a{suffix}").suspicions)


def test_a_parcel_number_stored_as_a_number_is_suspected(tmp_path):
    frame = delivered.parcels()
    frame["APN"] = [119074, 19119075, 19119076]
    assert "APN is called like a parcel number but is stored as integer: leading zeros are lost" in said(tmp_path, frame)


def test_parcel_numbers_that_fit_no_profile_are_counted(tmp_path):
    frame = delivered.parcels(count=6)
    frame["APN"] = [*frame["APN"][:5], "UNKNOWN"]
    assert "5 of 6 fit" in said(tmp_path, frame) and "1 do not" in said(tmp_path, frame)


def test_a_key_that_repeats_is_suspected(tmp_path):
    frame = delivered.parcels(count=6)
    frame.loc[5, "APN"] = frame.loc[0, "APN"]
    assert "APN looks like the key, but 1 values occur more than once (2 rows), such as 001-190-74" in said(tmp_path, frame)


def test_nulls_and_numbers_spelt_as_text_are_suspected(tmp_path):
    text = said(
        tmp_path,
        delivered.parcels().assign(USE=["N/A", "R", "<Null>"], YEAR=["1990", "1991", "2000"], GONE=None, PAD=["a ", "b", "c"]),
    )
    assert "Null is spelt as text in: USE (2 rows)" in text and "every value is a number: YEAR" in text
    assert "Empty in every row: GONE" in text and "PAD (1 rows)" in text


def test_names_as_long_as_a_shapefile_allows_are_suspected(tmp_path):
    frame = delivered.parcels().rename(columns={"ACRES": "ASSESSED_A"})
    assert "may have been cut: ASSESSED_A" in said(tmp_path, frame, ".shp")


def test_mixed_geometry_types_are_suspected(tmp_path):
    shapes = [shapely.Point(delivered.EASTING, delivered.NORTHING), *delivered.parcels().geometry[1:]]
    assert "Geometry types are mixed" in said(tmp_path, delivered.parcels().set_geometry(shapes, crs=delivered.FEET))


def test_a_code_page_file_that_lies_is_told(tmp_path):
    path = delivered.write(tmp_path, ".shp")
    path.with_suffix(".cpg").write_text("1252")
    assert any("states cp1252" in suspicion for suspicion in only(path).suspicions)


def test_a_broken_layer_is_reported_beside_the_others(tmp_path):
    delivered.write(tmp_path, ".shp")
    members = {file.name: file.read_bytes() for file in tmp_path.glob("parcels.*")} | {"broken.shp": b"nothing"}
    layers = {layer.layer: layer for layer in inspect(delivered.zipped(tmp_path / "a.zip", members)).layers}
    assert "broken.shx" in layers["broken"].error and layers["parcels"].count == 3


def test_an_empty_layer_is_inspected(tmp_path):
    delivered.parcels().iloc[:0].to_file(tmp_path / "a.gpkg")
    layer = only(tmp_path / "a.gpkg")
    assert layer.count == 0 and layer.extent is None


def test_a_layer_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ReadError, match=r"no layer 'lots'\. It has: parcels"):
        inspect(delivered.write(tmp_path, ".gpkg"), "lots")


def test_a_roll_without_geometry_is_not_taken_for_parcels(tmp_path):
    table = pd.DataFrame({"APN": delivered.APNS, "OWNER": ["A", "B", "C"], "MAIL_ADDR": ["x", "y", "z"]})
    table.to_csv(tmp_path / "roll.csv", index=False)
    assert only(tmp_path / "roll.csv").looks_like[0].layer == "parcel_owner"


@pytest.mark.parametrize(
    ("name", "columns", "geometry", "layer"),
    [
        ("FireHydrants", {"HYD_ID": ["1", "2"], "FLOW_GPM": [500, 750]}, "POINT", "hydrant"),
        ("zoning_districts", {"ZONE_CODE": ["R1", "C2"]}, "POLYGON", "zoning"),
        ("Easements", {"ESMT_TYPE": ["PUE", "SEWER"], "WIDTH": [10, 15]}, "POLYGON", "easement"),
        ("street_centerlines", {"ST_NAME": ["MAIN", "OAK"]}, "LINE", "street_centerline"),
    ],
)
def test_a_layer_is_known_by_its_name_columns_and_geometry(tmp_path, name, columns, geometry, layer):
    shapes = {
        "POINT": delivered.parcels(count=2).centroid,
        "LINE": delivered.parcels(count=2).boundary,
        "POLYGON": delivered.parcels(count=2).geometry,
    }[geometry]
    frame = delivered.parcels(count=2)[["geometry"]].assign(**columns).set_geometry(shapes.to_numpy(), crs=delivered.FEET)
    frame.to_file(tmp_path / f"{name}.gpkg")
    assert only(tmp_path / f"{name}.gpkg").looks_like[0].layer == layer


def test_a_layer_that_is_nothing_of_the_citys_looks_like_nothing(tmp_path):
    frame = delivered.parcels()[["geometry"]].assign(QZX=[1, 2, 3])
    frame.to_file(tmp_path / "qqq.gpkg")
    assert only(tmp_path / "qqq.gpkg").looks_like == ()


def test_the_report_is_json_text_and_html(tmp_path):
    frame = delivered.parcels().assign(NOTE=["<script>alert(1)</script>", "b", "c"])
    frame.to_file(tmp_path / "a.gpkg")
    found = inspect(tmp_path / "a.gpkg")
    assert json.loads(json.dumps(found.to_dict()))["layers"][0]["fields"][0]["name"] == "APN"
    assert "Layer a: 3 rows, 3 Polygon (GeoPackage)" in str(found) and "Looks like parcel" in str(found)
    assert "<script>" not in found._repr_html_() and "&lt;script&gt;" in found._repr_html_()
