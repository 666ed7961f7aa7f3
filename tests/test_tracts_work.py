"""A tract from its file to the City's layers, in the sample city."""

import numpy as np
import pandas as pd
import pytest
import shapely
import tract_maps

from citygis.city import default_city
from citygis.cogo import corners
from citygis.schema import feature_ids
from citygis.tracts import tract_work
from citygis.units import US_SURVEY_FOOT

CITY = default_city()


def work(path, **more):
    more = {"frame": tract_maps.FRAME, "retire": True} | more
    return tract_work(path, "4012", city=CITY, held=tract_maps.held(), **more)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("maps")


@pytest.fixture(scope="module")
def made(folder):
    return work(tract_maps.landxml(folder / "t.xml"))


@pytest.fixture(scope="module")
def grounded(folder):
    path = tract_maps.landxml(folder / "l.xml", tract_maps.to_local)
    return work(path, frame=None, ties=tract_maps.ties(folder / "ties.csv"))


@pytest.fixture(scope="module")
def drawn(folder):
    return work(tract_maps.dxf(folder / "t.dxf"), unit=US_SURVEY_FOOT)


def areas(found):
    numbered = found.lots[found.lots["lot"].notna()]
    return dict(zip(numbered["lot"], numbered["area_sqft"], strict=True))


@pytest.fixture(scope="module")
def tabled(folder, made):
    path = folder / "plat.txt"
    path.write_text(tract_maps.plat_table(made.plat))
    ties = folder / "corners.csv"
    ties.write_text(tract_maps.corner_ties(made.plat))
    return work(path, frame=None, ties=ties, unit=US_SURVEY_FOOT)


def test_a_plat_table_rounded_to_hundredths_and_seconds_is_the_same_tract(made, tabled):
    assert sorted(areas(tabled)) == sorted([*areas(made), "ST"])
    for lot, area in areas(made).items():
        # A hundredth of a foot on each of some 1,500 ft of perimeter is 15 sq ft.
        assert areas(tabled)[lot] == pytest.approx(area, abs=15)
    # Outer corners of record lie on the City's: both took the same places.
    outer = [made.displacement, tabled.displacement]
    places = [table.loc[table["why"] == "corner of the City's", ["to_easting", "to_northing"]].to_numpy() for table in outer]
    assert sorted(map(tuple, places[0])) == sorted(map(tuple, places[1]))
    assert 0 < tabled.displacement["distance_ft"].max() < 0.05
    lines = tabled.layers["boundary_line"]
    assert (lines["line_kind"] == "RECORD").all()
    assert (
        lines["distance_ft"].where(lines["radius_ft"].isna()).dropna().round(2) - lines["distance_ft"].dropna()
    ).abs().max() < 1e-9
    assert lines["residual_dist_ft"].abs().max() < 0.05
    assert not (tabled.findings["severity"] == "error").any()


@pytest.mark.parametrize("name", ["made", "grounded", "drawn"])
def test_corners_lie_within_five_thousandths_and_areas_are_exact(name, request):
    found = request.getfixturevalue(name)
    truth = np.vstack([corners(one.courses, one.start) for (one,) in tract_maps.lots().values()])
    lines = found.layers["boundary_line"]
    ends = np.vstack([shapely.get_coordinates(shapely.get_point(lines.geometry, at)) for at in (0, -1)])
    apart, _ = shapely.STRtree(shapely.points(truth)).query_nearest(shapely.points(ends), return_distance=True, all_matches=False)[
        ::-1
    ]
    assert len(np.unique(np.round(ends, 2), axis=0)) == 23
    assert apart.max() < 0.005
    assert areas(found) == {lot: pytest.approx(area, abs=0.02) for lot, area in tract_maps.exact_areas().items()}


def test_areas_of_the_map_are_in_its_own_lengths(grounded):
    table = grounded.lots
    ratio = (table["map_area_sqft"] / table["area_sqft"]).to_numpy()
    # Reference 1.5: the factor squared; 66 ppm of length are 58 sq ft on 10 acres.
    assert ratio == pytest.approx(tract_maps.GROUND_FACTOR**-2, rel=1e-7)
    assert table["difference_sqft"].abs().max() < 0.05


def test_the_record_of_a_course_stays_on_the_ground_and_its_geometry_lies_on_the_grid(grounded):
    lines = grounded.layers["boundary_line"]
    assert lines["is_ground"].all()
    assert lines["scale"].to_numpy() == pytest.approx(tract_maps.GROUND_FACTOR, abs=1e-7)
    assert lines["rotation"].to_numpy() == pytest.approx(tract_maps.TURN_DEG, abs=1e-4)
    straight = lines[lines["radius_ft"].isna()]
    ends = [shapely.get_point(straight.geometry, at) for at in (0, -1)]
    grid_ft = shapely.distance(*ends)
    assert (straight["distance_ft"] * tract_maps.GROUND_FACTOR).to_numpy() == pytest.approx(grid_ft, abs=1e-3)
    assert (straight["distance_ft"] - grid_ft).max() > 0.03
    step = shapely.get_coordinates(ends[1]) - shapely.get_coordinates(ends[0])
    azimuth = np.degrees(np.arctan2(*step.T)) % 360
    assert np.abs((straight["direction_az"].to_numpy() - azimuth + 180) % 360 - 180).max() < 1e-3
    assert lines["residual_dist_ft"].abs().max() < 0.002
    assert grounded.layers["source_document"]["combined_factor"].iloc[0] == pytest.approx(0.99993, abs=1e-7)


def test_every_arc_is_a_curve_of_record_with_its_radius(made):
    curves = made.layers["boundary_line"].dropna(subset="radius_ft")
    assert sorted(curves["radius_ft"].round(2).unique()) == [30.0, 1760.0, 1840.0]
    assert (curves["line_kind"] == "RECORD").all()
    assert curves["residual_radius_ft"].abs().max() < 1e-4


def test_lots_streets_and_the_tract_are_rows_with_lineage(made):
    parcels = made.layers["parcel"]
    lots = parcels[parcels["status"] == "ACTIVE"]
    assert sorted(lots["lot"]) == ["1", "2", "3", "4", "5", "6", "7", "A"]
    assert set(lots["apn"]) == {f"T4012-{lot}" for lot in lots["lot"]}
    assert set(lots["apn_profile"]) == {"provisional"}
    assert lots["tract_id"].unique().tolist() == [feature_ids("tract", pd.Series(["4012"]))[0]]
    document = made.layers["source_document"].iloc[0]
    assert (document["doc_type"], document["doc_number"]) == ("FINAL_MAP", "4012")
    assert set(lots["created_by_record"]) == {document["doc_id"]}
    assert lots.set_index("lot").loc["1", "source_ref"] == "Parcel 1"
    assert made.layers["tract"].geometry.iloc[0].area == pytest.approx(tract_maps.parent().geometry.area, abs=0.5)
    assert made.layers["right_of_way"]["row_id"].tolist() == ["T4012-RW1"]
    assert len(made.quarantine) == 0


def test_each_course_knows_the_parcel_on_either_side(made):
    lines = made.layers["boundary_line"]
    parcels = made.layers["parcel"].set_index("global_id")
    for side, sign in (("left_parcel", 1), ("right_parcel", -1)):
        beside = [
            shapely.Point(shapely.get_coordinates(line.offset_curve(sign * 1.0).interpolate(0.5, normalized=True))[0])
            for line in lines.geometry
        ]
        for point, owner in zip(beside, lines[side], strict=True):
            if isinstance(owner, str):
                assert parcels.loc[owner].geometry.contains(point)
    # 15 outer courses and 8 along the street have one parcel, 6 between lots have two; 2 at the ends of the street have none.
    assert len(lines) == 31
    assert lines["left_parcel"].notna().sum() + lines["right_parcel"].notna().sum() == 15 + 8 + 6 * 2


def test_the_parent_is_retired_by_the_map_and_its_children_carry_its_number(made):
    parent = made.layers["parcel"].set_index("apn").loc[tract_maps.PARENT]
    assert (parent["status"], parent["retired_by_record"]) == ("RETIRED", made.plat.source_id)
    history = made.layers["apn_history"]
    assert set(history["old_apn"]) == {tract_maps.PARENT}
    streets = made.lots.loc[made.lots["lot"].isna(), "area_sqft"].sum() / tract_maps.parent().geometry.area
    assert history["area_share"].sum() == pytest.approx(1 - streets, abs=1e-5)


def test_corners_that_the_city_has_are_not_entered_again(made):
    known = tract_maps.held()["corner"].geometry.to_numpy()
    fresh = made.layers["corner"].geometry.to_numpy()
    assert len(fresh) == 16
    assert shapely.distance(shapely.multipoints(known), fresh).min() > 0.02


def test_a_wrong_epoch_is_seen_at_the_neighbours(folder):
    found = work(folder / "t.xml", frame="NAD83(2011)@2017.50")
    assert (found.findings.loc[found.findings["code"] == "N11", "severity"] == "error").all()
    assert found.displacement["onto"].isna().all()


def test_a_stated_area_that_is_not_the_courses_is_told_and_not_taken(folder, tmp_path):
    text = (folder / "t.xml").read_text().replace('name="1" area="126948.7682"', 'name="1" area="154877.0000"')
    path = tmp_path / "area.xml"
    path.write_text(text)
    found = work(path)
    row = found.findings[found.findings["code"] == "N20"].iloc[0]
    assert (row["feature"], row["severity"]) == ("T4012-1", "review")
    assert areas(found)["1"] == pytest.approx(tract_maps.exact_areas()["1"], abs=0.02)


def test_a_tract_the_city_has_from_another_map_is_an_error(folder):
    held = tract_maps.held()
    found = tract_work(folder / "t.xml", "3301", city=CITY, held=held, frame=tract_maps.FRAME, retire=True)
    assert found.findings.set_index("code").loc["N19", "severity"] == "error"


@pytest.mark.parametrize("tract", ["", "...", "123456789012345"])
def test_a_number_that_makes_no_identifier_is_refused(folder, tract):
    with pytest.raises(ValueError, match="Invalid tract"):
        tract_work(folder / "t.xml", tract, city=CITY, frame=tract_maps.FRAME)


def test_the_same_map_gives_the_same_rows_to_the_bit(made, folder):
    again = work(folder / "t.xml")
    for name, frame in made.layers.items():
        pd.testing.assert_frame_equal(pd.DataFrame(frame), pd.DataFrame(again.layers[name]))
    assert made.findings["finding_id"].tolist() == again.findings["finding_id"].tolist()
