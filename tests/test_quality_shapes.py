"""Each geometry rule: kept, broken, and at its edge."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from quality_layers import EAST, FEET, NORTH, at, parcels, street

from citygis.city import Extent, default_city
from citygis.quality import validate
from citygis.schema import feature_ids
from citygis.units import US_SURVEY_FOOT

GOOD = [at(60 * i, 0, 60, 110) for i in range(3)]


def found(*shapes, city=None):
    findings = validate(parcels(*shapes), "parcel", only="geometry", city=city)
    return findings[~findings["code"].str.startswith("T")]


def codes(*shapes, **options):
    findings = found(*shapes, **options)
    return list(zip(findings["code"], findings["feature"], strict=True))


def test_sound_shapes_have_no_findings():
    assert codes(*GOOD) == []


def test_null_and_empty_are_told_apart():
    assert codes(GOOD[0], None, shapely.Polygon()) == [("G01", "191-190-71"), ("G02", "191-190-72")]


def test_a_layer_without_geometry_is_one_finding():
    findings = validate(parcels().drop(columns="geometry"), "parcel", only="geometry")
    assert findings["code"].tolist() == ["G01"]


def test_all_null_is_reported_row_by_row():
    assert [code for code, _ in codes(None, None, None)] == ["G01"] * 3


def test_a_blanket_easement_needs_no_geometry():
    easement = gpd.GeoDataFrame({"easement_id": ["E1", "E2"], "blanket": [True, False]}, geometry=[None, None], crs=FEET)
    findings = validate(easement, "easement", only="geometry")
    assert findings[["code", "feature"]].values.tolist() == [["G01", "E2"]]


def test_a_bowtie_is_broken_at_its_crossing_and_nothing_else():
    e, n = EAST, NORTH
    bowtie = shapely.Polygon([(e, n + 200), (e + 100, n + 300), (e + 100, n + 200), (e, n + 300)])
    findings = found(*GOOD, bowtie)
    assert findings["code"].tolist() == ["G03"]
    assert findings.geometry[0] == shapely.Point(e + 50, n + 250)


def test_a_repeated_geometry_names_the_first():
    findings = found(*GOOD, shapely.reverse(GOOD[1]))
    assert findings[["code", "feature", "other", "severity"]].values.tolist() == [["G04", "191-190-73", "191-190-71", "error"]]


def test_a_declared_stack_is_no_repeat():
    frame = parcels(GOOD[0], GOOD[1], GOOD[1])
    frame.loc[[1, 2], "stack_id"] = "33333333-3333-5333-8333-333333333333"
    assert validate(frame, "parcel").empty
    frame["stack_id"] = None
    frame.loc[2, "parcel_kind"] = "CONDO"
    assert validate(frame, "parcel").empty


def test_stacks_of_two_numbers_are_not_declared_together():
    frame = parcels(GOOD[0], GOOD[1], GOOD[1])
    frame.loc[1, "stack_id"] = "33333333-3333-5333-8333-333333333333"
    frame.loc[2, "stack_id"] = "44444444-4444-5444-8444-444444444444"
    assert validate(frame, "parcel")["code"].tolist() == ["G04"]  # and not T01 once more


@pytest.mark.parametrize(("side", "expected"), [(20 / 4, 0), (19.9 / 4, 1)])
def test_a_parcel_under_20_square_feet_is_tiny(side, expected):
    findings = found(*GOOD, at(500, 0, 4, side))
    assert findings["code"].tolist() == ["G05"] * expected
    assert findings["severity"].tolist() == ["review"] * expected


def test_a_short_centreline_is_tiny():
    lines = [shapely.LineString([(EAST, NORTH), (EAST + 0.9, NORTH)]), shapely.LineString([(EAST, NORTH), (EAST + 1, NORTH)])]
    frame = gpd.GeoDataFrame({"NGUID": ["a", "b"]}, geometry=lines, crs=FEET)
    findings = validate(frame, "street_centerline", only="geometry")
    assert findings.loc[findings["code"].str.startswith("G"), "code"].tolist() == ["G05"]


FOOT = float(US_SURVEY_FOOT)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c[:, ::-1], "exchanged"),
        (lambda c: c * FOOT, "metres"),
        (lambda c: np.column_stack([-121.3 + c[:, 0] * 1e-9, 37.8 + c[:, 1] * 1e-9]), "degrees"),
    ],
)
def test_a_feature_that_strayed_is_told_why(change, said):
    findings = found(GOOD[0], GOOD[1], shapely.transform(GOOD[2], change))
    findings = findings[findings["code"] == "G06"]
    assert findings["feature"].tolist() == ["191-190-72"]
    assert said in findings["message"].iloc[0]


def test_a_longitude_without_its_minus_sign_is_recognised():
    degrees = gpd.GeoSeries([GOOD[2]], crs=FEET).to_crs("EPSG:6318")
    lost = gpd.GeoSeries(shapely.transform(degrees.to_numpy(), lambda c: c * (-1, 1)), crs="EPSG:6318").to_crs(FEET)
    findings = found(GOOD[0], GOOD[1], lost[0])
    assert "minus sign" in findings.loc[findings["code"] == "G06", "message"].iloc[0]


def test_the_extent_is_the_citys_own_where_it_has_one():
    extent = Extent(easting_min=EAST, northing_min=NORTH, easting_max=EAST + 120, northing_max=NORTH + 110)
    city = default_city().model_copy(update={"extent": extent})
    assert codes(*GOOD, city=city) == [("G06", "191-190-72")]


def test_a_line_in_a_polygon_layer_is_of_the_wrong_type():
    line = shapely.LineString([(EAST, NORTH), (EAST + 9, NORTH)])
    mixed = shapely.GeometryCollection([GOOD[2], line])
    assert codes(GOOD[0], line, mixed) == [("G07", "191-190-71"), ("G07", "191-190-72")]


def test_a_multipolygon_is_a_polygon_of_parts():
    assert codes(GOOD[0], shapely.MultiPolygon([at(300, 0, 60, 110), at(400, 0, 60, 110)])) == [("G11", "191-190-71")]


def test_two_copies_of_what_is_retired_are_still_one_too_many():
    frame = parcels(GOOD[0], GOOD[0], GOOD[0])
    frame.loc[0, "status"] = "RETIRED"
    findings = validate(frame, "parcel", only="geometry")
    assert findings[["code", "feature", "other"]].values.tolist() == [["G04", "191-190-72", "191-190-71"]]


def test_an_empty_part_is_told_though_the_rest_is_there():
    ring = ", ".join(f"{e} {n}" for e, n in shapely.get_coordinates(GOOD[2]))
    findings = found(GOOD[0], shapely.from_wkt(f"MULTIPOLYGON ((({ring})), EMPTY)"))
    assert findings[["code", "rule", "severity", "feature"]].values.tolist() == [["G02", "empty_part", "review", "191-190-71"]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c[:, ::-1], "easting and northing are exchanged"),
        (lambda c: c * float(US_SURVEY_FOOT), "coordinates are metres"),
        (lambda c: np.array([-121.4, 37.8]) + (c - c[0]) * 2.7e-6, "coordinates are degrees"),
    ],
)
def test_a_feature_in_the_wrong_units_is_told_once_with_what_they_are(change, said):
    findings = found(*GOOD, shapely.transform(at(300, 0, 60, 110), change))
    assert findings["code"].tolist() == ["G06"]  # and not as tiny, or with short segments
    assert said in findings["message"][0]
    assert findings["measure"][0] > 1000 and findings["unit"][0] == "ft"


@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_a_coordinate_that_is_no_number_is_one_finding_at_a_place_that_is():
    broken = shapely.Polygon([(EAST, NORTH), (EAST + 9, np.nan), (EAST + 9, NORTH + 9), (EAST, NORTH)])
    findings = found(GOOD[0], broken)
    assert findings["code"].tolist() == ["G08"]
    assert findings.geometry[0] == shapely.Point(EAST, NORTH)


def test_a_table_is_not_asked_for_geometry():
    owners = parcels().drop(columns="geometry")[["apn"]].assign(owner_name="A. Sample", roll_year=2025)
    assert validate(owners, "parcel_owner", only="geometry").empty


def test_points_may_not_repeat_either():
    points = gpd.GeoDataFrame({"corner_id": ["C1", "C2"]}, geometry=[shapely.Point(EAST, NORTH)] * 2, crs=FEET)
    points["global_id"] = feature_ids("corner", points["corner_id"])
    assert validate(points, "corner", only="geometry")["code"].tolist() == ["G04"]


def test_streets_of_easement_kind_may_lie_on_others():
    row = street()
    both = gpd.GeoDataFrame(gpd.pd.concat([row, row.assign(row_id="R2", row_kind="EASEMENT")], ignore_index=True), crs=FEET)
    both["global_id"] = feature_ids("right_of_way", both["row_id"])
    assert validate(both, "right_of_way").empty
