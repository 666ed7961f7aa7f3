"""Zoning, tax rate areas, the City's limit, its annexations, flood zones: a pass, a failure and the edge of each tolerance."""

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from land_layers import limit, polygons, subjects, told, zones
from quality_layers import at, parcels, street
from sample_city import city as riverbend

from citygis.quality.checks import left_out
from citygis.quality.districts import CHECKS


def found(code=None, **layers):
    return told(CHECKS, layers, code=code)


def floods(*shapes) -> gpd.GeoDataFrame:
    return polygons("flood_zone", "flood_id", *shapes, sfha_zone="AE")


def areas(*shapes, kind="TRA") -> gpd.GeoDataFrame:
    frame = polygons("district", "district_id", *shapes, kind=kind)
    frame["district_id"] = [f"00901{k}" for k in range(len(frame))]
    return frame


def annexations(*shapes, days) -> gpd.GeoDataFrame:
    return polygons("annexation", "annexation_id", *shapes, annexed_on=pd.to_datetime(list(days)), detached_on=pd.NaT)


def test_the_sample_city_raises_nothing():
    layers = {name: frame for name, frame in riverbend().layers.items() if isinstance(frame, gpd.GeoDataFrame)}
    assert told(CHECKS, layers).empty


@pytest.mark.parametrize(("width", "expected"), [(0.099, 0), (0.101, 1), (30.0, 1)])
def test_t19_ground_without_a_zone_is_told_from_the_tolerance_on(width, expected):
    told_ = found("T19", zoning=zones(at(0, -50, 100, 160), at(100 + width, -50, 140 - width, 160)), city_limit=limit())
    assert told_[["rule", "severity"]].to_numpy().tolist() == [["ground_without_zone", "error"]] * expected
    if expected:
        assert told_["measure"].tolist() == pytest.approx([width], rel=0.003)
        assert told_["geometry"][0].area == pytest.approx(160 * width)


def test_t19_an_overlay_zones_no_ground_and_may_lie_on_a_zone():
    base, overlay = zones(at(0, -50, 240, 160)), zones(at(0, 0, 100, 100), overlay=True)
    both = pd.concat([base, overlay.assign(zone_id="H")], ignore_index=True)
    assert found("T19", zoning=both, city_limit=limit()).empty
    assert len(found("T19", zoning=overlay, city_limit=limit())) == 1


def test_t19_a_street_without_a_zone_is_for_review():
    blocks = zones(at(0, 0, 240, 110))
    assert found("T19", zoning=blocks, city_limit=limit())["rule"].tolist() == ["ground_without_zone"]
    told_ = found("T19", zoning=blocks, city_limit=limit(), right_of_way=street())
    assert told_[["rule", "severity"]].to_numpy().tolist() == [["street_without_zone", "review"]]
    told_ = found("T19", zoning=zones(at(0, 10, 240, 100)), city_limit=limit(), right_of_way=street())
    assert told_["rule"].tolist() == ["ground_without_zone"]  # a sixth of it is no street


def test_t20_a_parcel_without_a_tax_rate_area_is_told_where_others_have_one():
    lots = parcels()
    assert found(parcel=lots).empty  # nobody has sent the areas
    lots["tra"] = ["009011", None, "009011", "009011"]
    assert found(parcel=lots)[["code", "rule", "feature"]].to_numpy().tolist() == [["T20", "no_tax_rate_area", "191-190-71"]]
    lots.loc[1, "parcel_kind"] = "CONDO"
    assert found(parcel=lots).empty


@pytest.mark.parametrize(("across", "expected"), [(0.099, 0), (0.101, 1)])
def test_t20_a_parcel_across_two_areas_is_told_from_the_tolerance_on(across, expected):
    two = areas(at(0, -50, 120 + across, 160), at(120 + across, -50, 120 - across, 160))
    told_ = found(parcel=parcels(), district=two)
    assert (
        told_[["rule", "feature", "other"]].to_numpy().tolist() == [["tax_rate_areas", "191-190-72", "009010, 009011"]] * expected
    )
    if expected:
        assert told_["measure"].tolist() == pytest.approx([across], rel=0.003)


def test_t20_the_field_is_held_against_the_layer_and_other_districts_are_not():
    two = areas(at(0, -50, 120, 160), at(120, -50, 60, 160))
    lots = parcels().assign(tra=["009010", "009011", "009011", "009011"])
    told_ = found(parcel=lots, district=two)
    assert told_[["rule", "feature"]].to_numpy().tolist() == [
        ["no_tax_rate_area", "191-190-73"],
        ["other_tax_rate_area", "191-190-71"],
    ]
    assert found(parcel=lots, district=two.assign(kind="SCHOOL")).empty


@pytest.mark.parametrize(("across", "expected"), [(0.099, 0), (0.101, 1), (30.0, 1)])
def test_t20_a_parcel_across_the_city_s_limit_is_listed(across, expected):
    told_ = found("T20", parcel=parcels(), city_limit=limit(at(0, -50, 240 - across, 160)))
    assert told_[["rule", "severity", "feature"]].to_numpy().tolist() == [["across_city_limit", "review", "191-190-73"]] * expected
    if expected:
        assert told_["measure"].tolist() == pytest.approx([across])


def test_t20_a_parcel_outside_the_city_is_no_straddler():
    assert found("T20", parcel=parcels(), city_limit=limit(at(0, -50, 120, 160))).empty


@pytest.mark.parametrize(("apart", "expected"), [(0.099, 0), (0.101, 1), (500.0, 1)])
def test_t21_a_part_of_the_city_that_does_not_adjoin_the_rest_is_told(apart, expected):
    told_ = found(city_limit=limit(at(0, 0, 900, 900), at(900 + apart, 0, 100, 100)))
    assert told_[["code", "rule", "feature", "severity"]].to_numpy().tolist() == [["T21", "city_in_parts", "B", "error"]] * expected
    if expected:
        assert told_["measure"].tolist() == pytest.approx([apart])
        assert told_["geometry"][0].area == pytest.approx(10_000)


@pytest.mark.parametrize(("common", "expected"), [(0.7, 1), (0.95, 0)])
def test_t21_to_touch_at_a_corner_is_not_to_adjoin(common, expected):
    told_ = found(city_limit=limit(at(0, 0, 900, 900), at(900, 900 - common, 100, 100)))
    assert told_["rule"].tolist() == ["city_in_parts"] * expected  # a tenth of a foot past the corner counts as common


def test_t21_parts_of_one_feature_are_parts_of_the_city():
    two = shapely.MultiPolygon([at(0, 0, 900, 900), at(2000, 0, 100, 100)])
    assert found(city_limit=limit(two))["rule"].tolist() == ["city_in_parts"]
    assert found(city_limit=limit(two, at(900, 0, 1100, 50))).empty  # a third part joins them


@pytest.mark.parametrize(("width", "expected"), [(0.099, 0), (0.101, 1), (60.0, 1)])
def test_t21_an_island_is_flagged_from_the_tolerance_on(width, expected):
    told_ = found(city_limit=limit(at(0, 0, 900, 900).difference(at(300, 300, 200, width))))
    assert told_[["rule", "severity"]].to_numpy().tolist() == [["island", "review"]] * expected
    if expected:
        assert told_["measure"].tolist() == pytest.approx([width], rel=0.003)
        assert told_["geometry"][0].area == pytest.approx(200 * width)


def test_t21_city_land_inside_an_island_is_apart_and_no_island():
    shapes = at(0, 0, 900, 900).difference(at(300, 300, 200, 200)), at(350, 350, 50, 50)
    told_ = found(city_limit=limit(*shapes))
    assert sorted(told_["rule"]) == ["city_in_parts", "island"]
    assert told_.loc[told_["rule"] == "island", "geometry"].iloc[0].area == pytest.approx(200 * 200 - 50 * 50)


CORE, EAST, FAR = at(0, 0, 500, 500), at(500, 0, 200, 500), at(700, 0, 100, 500)
WHOLE = at(0, 0, 800, 500)


def test_t21_annexations_that_each_adjoined_the_city_of_their_day_pass():
    made = annexations(EAST, FAR, days=("1990-01-01", "2001-06-30"))
    assert found(annexation=made, city_limit=limit(WHOLE)).empty


def test_t21_an_annexation_that_adjoins_only_what_came_later_is_told():
    made = annexations(EAST, FAR, days=("2001-06-30", "1990-01-01"))
    told_ = found(annexation=made, city_limit=limit(WHOLE))
    assert told_[["rule", "feature", "measure"]].to_numpy().tolist() == [["annexation_apart", "B", 200.0]]
    same_day = annexations(EAST, FAR, days=("1990-01-01", "1990-01-01"))
    assert found(annexation=same_day, city_limit=limit(WHOLE)).empty


def test_t21_the_first_annexation_of_a_city_that_is_all_annexations_is_the_incorporation():
    made = annexations(CORE, EAST, FAR, days=("1912-05-01", "1990-01-01", "2001-06-30"))
    assert found(annexation=made, city_limit=limit(WHOLE)).empty


@pytest.mark.parametrize(("out", "expected"), [(0.0999, 0), (0.1001, 1)])
def test_t21_an_annexation_in_force_outside_the_limit_is_told(out, expected):
    made = annexations(at(500, 0, 300 + out, 500), days=("1990-01-01",))
    told_ = found(annexation=made, city_limit=limit(WHOLE))
    assert told_["rule"].tolist() == ["annexation_not_in_city"] * expected
    assert found(annexation=made.assign(detached_on=pd.Timestamp("2010-01-01")), city_limit=limit(WHOLE)).empty


@pytest.mark.parametrize(("width", "expected"), [(0.099, 0), (0.101, 1), (4.9, 1), (5.1, 0)])
@pytest.mark.parametrize("closed", [True, False], ids=["closed", "open"])
def test_t30_open_ground_between_flood_zones_is_told_between_its_two_limits(width, expected, closed):
    one = at(0, 0, 100, 100)
    other = at(100 + width, 0, 100, 100)
    if closed:
        other = other.union(at(100, 90, 50, 10))  # they share the last ten feet
    told_ = found(flood_zone=floods(one, other))
    assert told_[["code", "rule", "feature", "other"]].to_numpy().tolist() == [["T30", "edges_apart", "A", "B"]] * expected
    if expected:
        assert told_["measure"].tolist() == pytest.approx([width], rel=0.01)
        assert told_["geometry"][0].area == pytest.approx(width * (90 if closed else 100), rel=0.1)


@pytest.mark.parametrize(("width", "expected"), [(0.099, 0), (0.101, 1), (20.0, 1)])
def test_t30_edges_that_cross_are_told_from_the_tolerance_on(width, expected):
    told_ = found(flood_zone=floods(at(0, 0, 100, 100), at(100 - width, 0, 100, 100)))
    assert told_["rule"].tolist() == ["edges_cross"] * expected


def test_t30_corners_where_neighbours_meet_at_an_angle_are_no_openings():
    notch = shapely.Polygon([*at(100, 0, 60, 60).exterior.coords])
    wedge = shapely.affinity.rotate(at(0, 100, 80, 40), 25, origin=shapely.Point(at(0, 100, 1, 1).bounds[:2]))
    assert found(flood_zone=floods(at(0, 0, 100, 100), notch, wedge)).empty


def test_t30_districts_are_matched_kind_by_kind():
    two = areas(at(0, 0, 100, 100), at(50, 0, 100, 100), kind="SCHOOL")
    assert found("T30", district=two)["rule"].tolist() == ["edges_cross"]
    two.loc[1, "kind"] = "COUNCIL"
    assert found("T30", district=two).empty


def test_what_cannot_be_judged_is_said():
    assert [each.code for each in left_out(CHECKS, subjects({"zoning": zones(CORE)}))] == ["T19"]
    made = annexations(EAST, days=("1990-01-01",))
    assert [(each.code, each.because) for each in left_out(CHECKS, subjects({"annexation": made}))] == [
        ("T21", "needs the layer city_limit")
    ]
