"""Input that breaks other tools: a finding or one clear error, never a crash and never a skipped row."""

import json
import time

import delivered
import geopandas as gpd
import numpy as np
import pytest
import shapely
from click.testing import CliRunner
from quality_layers import EAST, FEET, NORTH, at

from citygis.cli import main
from citygis.errors import CRSError
from citygis.quality import validate

LOT, NEXT = at(0, 0, 60, 110), at(60, 0, 60, 110)


def lots(*shapes, crs=FEET):
    return gpd.GeoDataFrame({"pid": [f"p{i}" for i in range(len(shapes))]}, geometry=list(shapes), crs=crs)


def found(*shapes, crs=FEET):
    return validate(lots(*shapes, crs=crs), "lots", key="pid", only="geometry")


def codes(*shapes):
    return found(*shapes)[["code", "feature"]].values.tolist()


def told(path, *options):
    """What the command says of a file: exit code, and one dict for each line."""
    result = CliRunner().invoke(
        main, ["validate", str(path), "--as", "lots", "--key", "ROW", "--only", "geometry", "--json", *options]
    )
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


SQUARE = [(delivered.EASTING + e, delivered.NORTHING + n) for e, n in [(0, 0), (60, 0), (60, 100), (0, 100), (0, 0)]]
EASTWARD = [(e + 200, n) for e, n in SQUARE]


@pytest.mark.filterwarnings("ignore:invalid value encountered")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_coordinate_that_is_no_number_is_told_and_its_neighbours_are_judged(value):
    ring = shapely.get_coordinates(NEXT)
    ring[2, 0] = value
    overlapping = at(50, 200, 60, 110), at(109, 200, 60, 110)
    assert codes(LOT, shapely.Polygon(ring), *overlapping) == [["G08", "p1"], ["T01", "p2"]]


@pytest.mark.filterwarnings("ignore:.*Non closed ring.*", "ignore:.*non-closed ring.*")
def test_an_unclosed_ring_is_a_finding_on_its_row_from_the_file_to_the_line(tmp_path):
    blobs = [delivered.ring_wkb(SQUARE), delivered.ring_wkb(SQUARE[:4]), delivered.ring_wkb(EASTWARD)]
    path = delivered.write_wkb(tmp_path / "a.gpkg", blobs)
    exit_code, lines = told(path)
    assert exit_code == 1
    assert [(line["code"], line["severity"]) for line in lines] == [("G01", "error")]
    assert "not closed" in lines[0]["message"] and "100 apart" in lines[0]["message"]
    assert lines[0]["feature"] == "2"


def test_a_true_curve_is_told_with_its_feature_and_judged_as_chords(tmp_path):
    e, n = delivered.EASTING, delivered.NORTHING
    half_circle = delivered.arc_wkb((e + 300, n), (e + 250, n + 50), (e + 200, n))
    path = delivered.write_wkb(tmp_path / "a.gpkg", [delivered.ring_wkb(SQUARE), half_circle])
    exit_code, lines = told(path)
    assert exit_code == 0
    said = [(line["code"], line["rule"], line["severity"], line["feature"]) for line in lines]
    assert said == [("R02", "curve_linearised", "info", "2")]


def test_elevations_and_measures_are_no_defect():
    raised = shapely.force_3d(NEXT, 55.0)
    measured = shapely.from_wkt(NEXT.wkt.replace("POLYGON", "POLYGON M").replace(",", " 7,").replace("))", " 7))"))
    assert codes(LOT, raised) == []
    assert codes(LOT, measured) == []
    assert codes(LOT, raised, measured) == [["G04", "p2"]]


def test_a_collection_is_of_the_wrong_type_where_the_layer_says_a_type_and_is_judged_by_its_ground_where_not():
    mixed = shapely.GeometryCollection([NEXT, shapely.Point(EAST, NORTH)])
    overlapping = at(0, 0, 61, 110)
    assert validate(lots(overlapping, mixed), "parcel", key="pid", only="geometry")["code"].tolist()[:1] == ["G07"]
    assert codes(overlapping, mixed)[0] == ["T01", "p0"]


def test_a_layer_of_no_stated_system_is_one_error_with_what_to_do():
    with pytest.raises(CRSError, match=r"no CRS\. Ask the sender, then state it with --source-crs"):
        found(LOT, crs=None)


def test_degrees_are_one_error_with_what_to_do():
    with pytest.raises(CRSError, match="in degrees; lengths and areas need a projected system"):
        found(shapely.box(-121.4, 37.8, -121.3, 37.9), crs="EPSG:4326")


@pytest.mark.parametrize(
    ("ring", "said"),
    [
        ([(0, 0), (100, 0), (100, 100), (50, 0), (0, 100)], "a ring touches or crosses itself"),
        ([(0, 0), (100, 100), (100, 0), (0, 100)], "its boundary crosses itself"),
    ],
)
def test_a_ring_that_touches_or_crosses_itself_is_told_once(ring, said):
    shape = shapely.Polygon([(EAST + 300 + e, NORTH + n) for e, n in ring])
    findings = found(LOT, shape)
    assert findings[["code", "feature"]].values.tolist() == [["G03", "p1"]]
    assert said in findings["message"][0]


def test_ten_thousand_identical_polygons_are_told_without_comparing_them_all():
    begun = time.process_time()
    findings = found(*[LOT] * 10_000)
    assert findings["code"].tolist() == ["G04"] * 9_999
    assert time.process_time() - begun < 10  # all pairs would be 50 million


def test_polygons_that_all_but_coincide_are_told_pair_by_pair():
    corner, *others = shapely.get_coordinates(LOT)[:-1]
    shapes = [shapely.Polygon([corner, (EAST + 60 + i / 50, NORTH + 55), *others]) for i in range(60)]
    begun = time.process_time()
    findings = found(*shapes * 2)
    assert findings["code"].eq("G04").sum() == 60
    assert findings["code"].eq("T01").sum() == 4 * 60 * 59 / 2  # each two of different shapes, however often they are there
    assert set(findings["code"]) == {"G04", "T01"}
    assert time.process_time() - begun < 30


@pytest.mark.parametrize("frame", [lots(), lots(None), lots(shapely.Polygon()), lots(None, None, shapely.Polygon())])
def test_a_layer_of_nothing_is_told_row_by_row(frame):
    findings = validate(frame, "lots", key="pid", only="geometry")
    assert findings["feature"].tolist() == frame["pid"].tolist()
    assert set(findings["code"]) <= {"G01", "G02"}


def test_an_empty_layer_of_a_file_is_one_error_with_what_to_do(tmp_path):
    delivered.parcels().iloc[:0].assign(ROW="x").to_file(tmp_path / "a.gpkg")
    result = CliRunner().invoke(main, ["validate", str(tmp_path / "a.gpkg"), "--as", "lots", "--only", "geometry"])
    assert result.exit_code == 3
    assert "layer a is empty: it has columns but no rows. Ask the sender" in result.output


def test_points_and_lines_under_a_name_that_nobody_knows_are_no_parcels():
    street = shapely.LineString([(EAST, NORTH), (EAST + 100, NORTH)])
    assert codes(shapely.Point(EAST, NORTH), street, shapely.MultiPoint([(EAST, NORTH), (EAST + 1, NORTH)])) == [["G11", "p2"]]


def test_a_polygon_of_two_hundred_thousand_vertices_is_judged_like_any_other():
    angle = np.linspace(0, 2 * np.pi, 200_000, endpoint=False)
    lake = shapely.Polygon(np.stack([EAST + 50_000 * np.cos(angle), NORTH + 50_000 * np.sin(angle)], axis=1))
    begun = time.process_time()
    findings = found(lake, at(0, 0, 60, 110))
    assert findings[["code", "rule", "other"]].values.tolist() == [["T01", "contained", "p1"]]
    assert time.process_time() - begun < 20
