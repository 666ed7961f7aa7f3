"""Real LandXML: an Autodesk subdivision in two versions, two plans of New South Wales, an export with easting first."""

import json

import pytest
import shapely

from citygis.cogo import area_sqft
from citygis.errors import ReadError
from citygis.exports import landxml_text
from citygis.readers.landxml import courses_of, read_landxml
from citygis.units import US_SURVEY_FOOT

SQFT_PER_SQM = (3937 / 1200) ** 2


@pytest.fixture(scope="module")
def folder(real_data):
    return real_data / "cad" / "landxml"


@pytest.fixture(scope="module")
def known(real_data):
    return json.loads((real_data / "known_answers.json").read_text())


@pytest.fixture(scope="module")
def subdivision(folder):
    return read_landxml(folder / "nathancrews__subdivision.xml")


def test_the_areas_of_all_83_parcels_are_those_the_drafting_program_stated(subdivision, known):
    answer = known["landxml"]
    parcels = subdivision.parcels
    off = (parcels["computed_area_sqft"] - parcels["stated_area_sqft"]).abs()
    assert off.count() == len(parcels) == answer["parcels"] and off.max() <= answer["max_abs_area_error_true_arc"] + 1e-6 < 0.01
    lots = parcels["kind"] != "outer_boundary"
    assert lots.sum() == answer["lots"]
    assert parcels.loc[~lots, "computed_area_sqft"].tolist() == pytest.approx([answer["boundary_area"]], abs=0.001)
    assert int((subdivision.findings["rule"] == "stated_length").sum()) == answer["length_attr_mismatch"]


def test_polygons_follow_the_arcs_and_neighbours_share_their_vertices(subdivision, known):
    parcels = subdivision.parcels
    lots = parcels[parcels["kind"] != "outer_boundary"].geometry.to_numpy()
    off = abs(shapely.area(lots) - parcels.loc[parcels["kind"] != "outer_boundary", "computed_area_sqft"])
    assert off.max() <= known["landxml"]["max_abs_area_error_sagitta"]["0.01"] + 0.01
    first, second = shapely.STRtree(lots).query(lots, predicate="intersects")
    pairs = first < second
    overlap = shapely.area(shapely.intersection(lots[first[pairs]], lots[second[pairs]]))
    assert overlap.sum() < 1e-6
    # The boundary is one long arc where the lots have many short ones; its polygon has the vertices of theirs.
    boundary = parcels.loc[parcels["kind"] == "outer_boundary"].geometry.iloc[0]
    outside = shapely.area(shapely.difference(shapely.union_all(lots), boundary))
    assert outside < 0.05


def test_the_same_lots_as_landxml_2_have_the_same_areas(folder, subdivision):
    other = read_landxml(folder / "nathancrews__subdivision-2.0.xml")
    assert other.version == "2.0" and other.parcels["stated_area_sqft"].isna().all()
    first = subdivision.parcels.set_index("name")["computed_area_sqft"]
    second = other.parcels.set_index("name")["computed_area_sqft"]
    # 6 decimals instead of 8: what half a millionth of a foot at each corner does to 4,670,666 sq ft.
    assert len(second) == 83 and (first - second).abs().max() < 0.01


def test_a_plan_of_new_south_wales_has_the_areas_it_states(folder):
    read = read_landxml(folder / "nsw__DP1178630p_V2.xml")
    stated = read.parcels.dropna(subset="stated_area_sqft")
    off = (stated["stated_area_sqft"] - stated["computed_area_sqft"]).abs() / SQFT_PER_SQM
    assert len(stated) == 4 and off.max() < 0.01
    assert read.parcels["kind"].value_counts().to_dict() == {"lot": 19, "road": 5}
    assert (len(read.monuments), len(read.observations), len(read.plan_features)) == (29, 23, 15)


def test_a_plan_that_states_whole_square_metres_is_met_to_one(folder):
    read = read_landxml(folder / "nsw__DP1189041p_V6.xml")
    row = read.parcels.set_index("name").loc["51"]
    # 8574 on the plan; its courses enclose 8574.77 m2, and the exact sum over its two arcs is asked of cogo again here.
    ((_, courses),) = courses_of(read, "Parcel 51")
    assert row["computed_area_sqft"] == pytest.approx(area_sqft(courses), abs=0.01 * SQFT_PER_SQM)
    assert abs(row["computed_area_sqft"] - row["stated_area_sqft"]) / SQFT_PER_SQM < 1
    assert read.parcels["kind"].value_counts().to_dict() == {"lot": 83, "road": 7, "easement": 2}


def test_the_observations_of_both_plans_lead_to_their_points(folder):
    for name, count in (("nsw__DP1178630p_V2.xml", 23), ("nsw__DP1189041p_V6.xml", 84)):
        read = read_landxml(folder / name)
        assert len(read.observations) == count and read.observations["miss_ft"].max() < 0.1
    lot = read.courses[read.courses["source_ref"] == "Parcel 51"]
    assert lot["stated_by"].notna().all()
    off = (lot["stated_length_ft"] - lot["arc_length_ft"].fillna(lot["distance_ft"])).abs()
    assert off.max() < 0.01


def test_the_export_with_easting_first_is_found_out_by_its_observations(folder, known):
    path = folder / "tops_1_2_gon_EN_order.xml"
    with pytest.raises(ReadError, match="0 of 3 agree as N E, 3 as E N"):
        read_landxml(path)
    read = read_landxml(path, order="EN")
    missed = (read.observations["miss_ft"] * 1200 / 3937).tolist()
    assert missed == pytest.approx(known["landxml_axis"]["miss_as_EN_m"], abs=0.0006)


def test_a_figure_of_partridge_survey_is_a_plan_feature_with_its_arc(folder):
    read = read_landxml(folder / "nathancrews__polyline.xml")
    assert read.courses["kind"].tolist() == ["line", "line", "curve", "line", "line"]
    assert read.courses["radius_ft"].iloc[2] == pytest.approx(43.0, abs=1e-4)
    assert read.plan_features.geometry.iloc[0].is_ring


def test_the_subdivision_written_and_read_again_keeps_every_area(subdivision, tmp_path):
    from datetime import datetime

    from citygis.cogo import Figure

    figures = {
        outline.figure.name: [Figure(loop.start_ft, loop.courses) for loop in outline.loops]
        for outline in subdivision.outlines
        if outline.figure.of == "parcel"
    }
    path = tmp_path / "again.xml"
    path.write_text(landxml_text(figures, unit=US_SURVEY_FOOT, written_at=datetime(2026, 1, 2)))
    again = read_landxml(path)
    off = (again.parcels["computed_area_sqft"] - subdivision.parcels["computed_area_sqft"]).abs()
    assert off.max() < 0.01 and again.unit is US_SURVEY_FOOT
    assert set(again.findings["code"]) == {"X05"}


@pytest.mark.parametrize("name", ["gdal/billionlaugh.xml", "xml/xmlbomb.xml", "xml/external.xml", "xml/simple.xml"])
def test_hostile_files_are_refused(real_data, name):
    with pytest.raises(ReadError, match=r"document type|root element"):
        read_landxml(real_data / "hostile" / name)
