"""Parcels, tracts, rights of way, easements and centrelines: a pass, a failure and the edge of the tolerance for each rule."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from land_layers import DOCUMENT, easements, limit, polygons, sound_land, subjects, told
from quality_layers import COMMON, EAST, FEET, NORTH, at, parcels, street, tract
from sample_city import city as riverbend
from shapely import LineString, affinity

from citygis import topology
from citygis.quality.checks import left_out
from citygis.quality.land import CHECKS

TURN = np.radians(17.3)
LOTS = tuple(at(60 * i, 0, 60, 110) for i in range(4))


def found(code=None, **changed):
    layers = {name: frame for name, frame in (sound_land() | changed).items() if frame is not None}
    return told(CHECKS, layers, code=code)


def streets(*shapes, **columns) -> gpd.GeoDataFrame:
    shapes = shapes or tuple(street().geometry)
    return polygons("right_of_way", "row_id", *shapes, **{"row_kind": "FEE", "jurisdiction": "CITY", "doc_id": None, **columns})


def centerline(*places) -> gpd.GeoDataFrame:
    line = LineString([(EAST + e, NORTH + n) for e, n in places])
    return gpd.GeoDataFrame({"NGUID": ["RCL:1"]}, geometry=[line], crs=FEET).assign(**COMMON)


def without_tract(row: int, *shapes) -> gpd.GeoDataFrame:
    lots = parcels(*(shapes or LOTS))
    lots["tract_id"] = lots["tract_id"].astype(object)
    lots.loc[row, "tract_id"] = None
    return lots


def test_a_sound_fabric_raises_nothing():
    assert found(easement=easements(at(0, 100, 240, 10)), street_centerline=centerline((0, -25), (240, -25))).empty


def test_the_sample_city_raises_nothing():
    layers = {name: frame for name, frame in riverbend().layers.items() if isinstance(frame, gpd.GeoDataFrame)}
    assert told(CHECKS, layers).empty
    assert left_out(CHECKS, subjects(layers)) == []


@pytest.mark.parametrize(("inside", "expected"), [(0.099, 0), (0.101, 1), (60.0, 1)])
def test_t08_a_lot_in_a_tract_that_does_not_name_it_is_told_from_the_tolerance_on(inside, expected):
    lots = without_tract(3, *LOTS[:3], at(240 - inside, 0, 60, 110))
    told_ = found("T08", parcel=lots)
    assert len(told_) == expected
    if expected:
        assert told_[["feature", "other", "severity"]].to_numpy().tolist() == [["191-190-73", "3021", "error"]]
        assert told_["measure"].tolist() == pytest.approx([inside], rel=0.003)


def test_t08_parcels_that_name_no_tract_at_all_are_told_together():
    told_ = found("T08", parcel=parcels().assign(tract_id=None))
    assert told_[["rule", "severity"]].to_numpy().tolist() == [["no_tract_named", "info"]]
    assert "4 lie in one" in told_["message"][0]
    assert found("T08", parcel=parcels(at(900, 0, 60, 110)).assign(tract_id=None)).empty


def test_t08_a_retired_lot_and_a_condominium_need_no_tract():
    for column, value in (("status", "RETIRED"), ("status", "PROPOSED"), ("parcel_kind", "CONDO")):
        lots = without_tract(3)
        lots.loc[3, column] = value
        assert found("T08", parcel=lots).empty
    assert len(found("T08", parcel=without_tract(3))) == 1


@pytest.mark.parametrize(("across", "code"), [(0.099, "T08"), (0.101, "T09")])
def test_t09_a_lot_in_two_tracts_is_told_once_with_both(across, code):
    two = polygons("tract", "tract_no", at(0, -50, 120, 160), at(120, -50, 120, 160))
    lots = without_tract(0, at(60 + across, 0, 60, 110), LOTS[3])
    told_ = found(parcel=lots, tract=two, right_of_way=None, boundary_line=None)
    assert told_["code"].tolist() == [code]
    assert told_["other"].tolist() == ["A, B" if code == "T09" else "A"]
    assert told_["measure"][0] == pytest.approx(across if code == "T09" else 60 - across, rel=0.003)


def test_t09_a_lot_that_names_its_tract_and_reaches_into_the_next_is_told_by_t07_alone():
    two = polygons("tract", "tract_no", at(0, -50, 120, 160), at(120, -50, 120, 160))
    lots = parcels(at(70, 0, 60, 110)).assign(tract_id=two["global_id"][0])
    assert found(parcel=lots, tract=two, right_of_way=None, boundary_line=None).empty


@pytest.mark.parametrize(("over", "expected"), [(0.0095, 0), (0.0105, 1), (0.05, 1), (3.0, 1)])
def test_t10_right_of_way_over_a_parcel_is_told_from_the_tolerance_on(over, expected):
    told_ = found("T10", right_of_way=streets(at(0, -50, 60, 50 + over)))
    assert len(told_) == expected
    if expected:
        assert told_[["rule", "severity", "feature", "other"]].to_numpy().tolist() == [
            ["right_of_way_over_parcel", "error", "191-190-70", "A"]
        ]
        assert told_["measure"].tolist() == pytest.approx([over], rel=0.003)
        assert told_["geometry"][0].area == pytest.approx(60 * over, rel=1e-3)


@pytest.mark.parametrize("kind", ["EASEMENT", "DEDICATION_OFFERED", "PRESCRIPTIVE", "RESERVED", "VACATED"])
def test_t10_a_way_that_does_not_hold_the_ground_may_lie_on_a_parcel(kind):
    assert found("T10", right_of_way=streets(at(0, -50, 240, 60), row_kind=kind)).empty
    assert len(found("T10", right_of_way=streets(at(0, -50, 240, 60), row_kind="ACCEPTED"))) == 4


def test_t10_the_way_of_another_agency_is_for_review_and_a_condominium_is_exempt():
    way = streets(at(0, -50, 60, 60), jurisdiction="STATE")
    assert found("T10", right_of_way=way)[["rule", "severity"]].to_numpy().tolist() == [
        ["other_right_of_way_over_parcel", "review"]
    ]
    lots = parcels()
    lots.loc[0, "parcel_kind"] = "AIR"
    assert found("T10", parcel=lots, right_of_way=way).empty


def test_t11_an_easement_on_no_land_is_told_with_the_distance():
    told_ = found(easement=easements(at(240, 0, 10, 110), at(245, 0, 10, 110), at(100, 0, 10, 10)))
    assert told_[["code", "feature", "severity"]].to_numpy().tolist() == [["T11", "A", "review"], ["T11", "B", "review"]]
    assert told_["measure"].tolist() == pytest.approx([0, 5])  # to touch the land is not to lie on it


@pytest.mark.parametrize(("out", "expected"), [(0.0999, 0), (0.1001, 1)])
def test_t12_an_easement_beyond_all_land_is_told_from_the_tolerance_on(out, expected):
    told_ = found(easement=easements(at(0, 100, 240, 10 + out)))
    assert told_[["code", "rule"]].to_numpy().tolist() == [["T12", "outside_all_land"]] * expected
    if expected:
        assert told_["measure"].tolist() == pytest.approx([out])


@pytest.mark.parametrize(("out", "expected"), [(0.499, 0), (0.501, 1)])
def test_t12_an_easement_is_held_to_the_land_that_its_own_document_made(out, expected):
    lots = parcels()
    lots.loc[:1, "created_by_record"] = DOCUMENT
    strip = easements(at(0, 100, 120 + out, 10), doc_id=DOCUMENT.upper())
    told_ = found(parcel=lots, easement=strip)
    assert told_[["code", "rule"]].to_numpy().tolist() == [["T12", "outside_its_document"]] * expected
    assert found(parcel=lots, easement=strip.assign(doc_id=None)).empty  # it lies on other lots


def test_t12_what_reaches_beyond_the_city_s_limit_lies_on_another_s_land():
    beyond = easements(at(200, 100, 60, 10))
    assert found(easement=beyond)["code"].tolist() == ["T12"]
    assert found(easement=beyond, city_limit=limit()).empty
    assert found(easement=beyond, city_limit=limit(at(0, -50, 400, 160)))["code"].tolist() == ["T12"]


@pytest.mark.parametrize(("frontage", "expected"), [(0.7, 1), (0.95, 0), (60.0, 0)])
def test_t13_a_parcel_with_less_frontage_than_the_limit_is_landlocked(frontage, expected):
    way = streets(at(0, -50, 180 + frontage, 50))  # a tenth of a foot past its end counts, and up the side line
    told_ = found("T13", right_of_way=way)
    assert told_[["rule", "feature"]].to_numpy().tolist() == [["landlocked", "191-190-73"]] * expected
    if expected:
        assert told_["measure"].tolist() == pytest.approx([frontage + 0.2], abs=0.001)


@pytest.mark.parametrize(("apart", "expected"), [(0.0999, 0), (0.1001, 4)])
def test_t13_a_street_within_the_tolerance_is_touched(apart, expected):
    assert len(found("T13", right_of_way=streets(at(0, -50 - apart, 240, 50)))) == expected


def test_t13_a_parcel_that_reaches_into_the_street_has_its_frontage():
    lots = parcels(at(0, -3, 60, 113), *LOTS[1:])
    assert found("T13", parcel=lots).empty
    assert found("T13", parcel=lots, right_of_way=streets(at(0, -50, 60, 50)))["feature"].tolist() == [
        f"191-190-7{k}"
        for k in (1, 2, 3)  # to touch the street at a corner is no frontage
    ]


def test_t13_a_street_that_is_offered_gives_access_to_the_lots_of_its_map():
    assert found("T13", right_of_way=streets(row_kind="DEDICATION_OFFERED")).empty
    assert len(found("T13", right_of_way=streets(row_kind="RESERVED"))) == 4


def test_t13_a_canal_gives_no_access_and_an_easement_of_access_does():
    assert len(found("T13", right_of_way=streets(row_kind="CANAL"))) == 4
    path = easements(at(0, 0, 120, 5), purpose="ACCESS")
    assert found("T13", right_of_way=streets(row_kind="CANAL"), easement=path)["feature"].tolist() == ["191-190-72", "191-190-73"]
    assert len(found("T13", right_of_way=streets(row_kind="CANAL"), easement=path.assign(purpose="SEWER"))) == 4


def test_t13_a_parcel_within_another_is_landlocked_and_one_at_the_limit_is_only_told():
    inner = at(20, 40, 20, 20)
    lots = parcels(LOTS[0].difference(inner), *LOTS[1:], inner)
    assert found("T13", parcel=lots)["feature"].tolist() == ["191-190-74"]
    told_ = found("T13", right_of_way=streets(row_kind="RAIL"), city_limit=limit(at(0, -50, 400, 400)))
    assert told_[["rule", "severity", "feature"]].to_numpy().tolist() == [
        *(["landlocked", "review", f"191-190-7{k}"] for k in (1, 2, 3)),
        ["access_beyond_limit", "info", "191-190-70"],
    ]


@pytest.mark.parametrize(("out", "expected"), [(0.99, 0), (1.01, 1)])
def test_t17_a_centreline_outside_the_right_of_way_is_told_from_the_tolerance_on(out, expected):
    told_ = found("T17", street_centerline=centerline((0, -25), (100, -25), (120, out), (140, -25)))
    assert len(told_) == expected
    if expected:
        assert told_["measure"].tolist() == pytest.approx([out], abs=0.01)


def test_t17_beyond_the_limit_the_street_is_another_s():
    line = centerline((0, -25), (500, -25))
    told_ = found("T17", street_centerline=line)
    assert told_["measure"].tolist() == pytest.approx([260])
    assert found("T17", street_centerline=line, city_limit=limit()).empty


def test_t17_a_vacated_street_is_no_street():
    line = centerline((0, -25), (240, -25))
    assert len(found("T17", street_centerline=line, right_of_way=streets(row_kind="VACATED"))) == 1
    assert found("T17", street_centerline=line, right_of_way=streets(row_kind="EASEMENT")).empty


def test_what_cannot_be_judged_is_said():
    assert [(each.code, each.because) for each in left_out(CHECKS, subjects({"parcel": parcels()}))] == [
        ("T08", "needs the layer tract"),
        ("T09", "needs the layer tract"),
        ("T13", "needs the layer right_of_way"),
    ]
    layers = {"parcel": parcels().drop(columns="tract_id"), "tract": tract(), "right_of_way": street()}
    assert [each.because for each in left_out(CHECKS, subjects(layers))] == ["needs the column parcel.tract_id"] * 2


def test_exact_cover_rejects_correct_easements_that_the_tolerance_passes_and_every_protrusion_is_found():
    """4,500 easements along the rear lines of a turned fabric; every coordinate is rounded to 1e-4 ft by itself."""
    random = np.random.default_rng(11)
    north, along = (np.array(each) for each in ((-np.sin(TURN), np.cos(TURN)), (np.cos(TURN), np.sin(TURN))))

    def drawn(west, south, width, height) -> np.ndarray:
        corners = np.stack([(west, south), (west + width, south), (west + width, south + height), (west, south + height)])
        corners = np.moveaxis(corners, -1, 0)
        return shapely.polygons(np.round(corners[..., :1] * along + corners[..., 1:] * north + (EAST, NORTH), 4))

    column, row = (each.ravel() for each in np.meshgrid(np.arange(100), np.arange(45)))
    lots = drawn(60.0 * column, 110.0 * row, 60.0 + 0.0 * row, 110.0 + 0.0 * row)
    width, depth = random.uniform(9, 40, (2, len(lots)))
    strips = drawn(60.0 * column + random.uniform(0, 20, len(lots)), 110.0 * (row + 1) - depth, width, depth)
    ground, correct = gpd.GeoSeries(lots, crs=FEET), gpd.GeoSeries(strips, crs=FEET)
    assert shapely.covers(lots, strips).mean() < 0.6  # one edge of the four lies on the lot's; a strip with all four fails more
    assert topology.protrusions(correct, ground, tolerance_ft=0.01).empty
    own = (np.arange(len(lots)), np.arange(len(lots)))
    assert topology.protrusions(correct, ground, own=own, tolerance_ft=0.01).empty
    planted = random.choice(len(lots), 60, replace=False)
    reach = random.uniform(0.011, 3.0, len(planted))
    strips[planted] = [affinity.translate(strips[k], *(ft * north)) for k, ft in zip(planted, reach, strict=True)]
    found_ = topology.protrusions(gpd.GeoSeries(strips, crs=FEET), ground, own=own, tolerance_ft=0.01)
    assert sorted(found_["inner"]) == sorted(planted)
    assert found_.set_index("inner")["out_ft"][planted].to_numpy() == pytest.approx(reach, abs=5e-4)


def test_the_answer_does_not_depend_on_the_order_of_the_rows():
    layers = sound_land() | {
        "right_of_way": streets(at(0, -50, 100, 53)),
        "easement": easements(at(0, 100, 240, 13), at(900, 0, 5, 5)),
        "street_centerline": centerline((0, -25), (400, -25)),
    }
    one = told(CHECKS, layers)
    assert set(one["code"]) == {"T10", "T11", "T12", "T13", "T17"}
    other = told(CHECKS, {name: frame.sample(frac=1, random_state=3) for name, frame in layers.items()})
    key = ["code", "feature", "message"]
    pd.testing.assert_frame_equal(one[key].sort_values(key, ignore_index=True), other[key].sort_values(key, ignore_index=True))
