"""Width of right of way, and what a standard asks to be dedicated."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.analysis import right_of_way_widths
from citygis.analysis.dedications import NOBODY
from citygis.cogo import area_sqft, curve_course, line_course, solve_curve
from citygis.cogo.arc import arc_vertices
from citygis.cogo.strip import strip_along
from citygis.errors import AnalysisError

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0


def box(w, s, e, n):
    return shapely.box(E + w, N + s, E + e, N + n)


def way(*points):
    return shapely.LineString([(E + e, N + n) for e, n in points])


def rows(*shapes, **columns) -> gpd.GeoDataFrame:
    table = {"row_id": [f"R{k}" for k in range(len(shapes))], "row_kind": "FEE", "width_ft": 50.0, **columns}
    return gpd.GeoDataFrame(table, geometry=list(shapes), crs=CRS)


def lines(*shapes, **columns) -> gpd.GeoDataFrame:
    count = len(shapes)
    table = {
        "NGUID": [f"C{k}" for k in range(count)],
        "St_Name": [f"Elm {k}" for k in range(count)],
        "RoadClass": "Local",
        **columns,
    }
    return gpd.GeoDataFrame(table, geometry=list(shapes), crs=CRS)


def parcels(**shapes) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"apn": list(shapes)}, geometry=list(shapes.values()), crs=CRS)


# A street of 600 ft, 25 ft to the left; to the right 25 ft, but 15 from 300 to 400 ft.
STREET = shapely.Polygon(
    [(E + e, N + n) for e, n in [(0, 25), (600, 25), (600, -25), (400, -25), (400, -15), (300, -15), (300, -25), (0, -25)]]
)
CENTRE = way((0, 0), (600, 0))


def test_widths_are_those_measured_by_hand():
    answer = right_of_way_widths(rows(STREET), lines(CENTRE), interval_ft=10)
    row = answer.table.iloc[0]
    assert (row["width_min_ft"], row["width_median_ft"], row["width_max_ft"]) == pytest.approx((40.0, 50.0, 50.0))
    assert (row["half_left_min_ft"], row["half_right_min_ft"]) == pytest.approx((25.0, 15.0))
    assert 300 < row["narrowest_station_ft"] < 400 and row["narrowest_easting"] == pytest.approx(E + row["narrowest_station_ft"])
    assert row["record_width_ft"] == 50.0 and row["verdict"] == "no standard"
    assert answer.agrees and "improvement standards" in answer.unanswered["why"][0]


def test_a_title_calls_nothing_wide_enough_that_was_held_against_no_standard():
    assert "none held against a standard" in right_of_way_widths(rows(STREET), lines(CENTRE)).title
    assert "1 of 1 segments short" in right_of_way_widths(rows(STREET), lines(CENTRE), standard_ft=50.0).title


def test_no_width_is_taken_near_an_end():
    answer = right_of_way_widths(rows(STREET), lines(CENTRE), interval_ft=10)
    stations = answer.tables["stations"]
    near = (stations["station_ft"] < 60) | (stations["station_ft"] > 540)
    assert (stations["left_out"] == np.where(near, "within 60 ft of a dead end", "")).all()
    assert answer.table["stations"][0] == 48 and answer.table["stations_left_out"][0] == 12


def test_the_shortfall_and_the_dedication_are_those_by_hand():
    beside = parcels(S=box(300, -100, 400, -15), F=box(400, -100, 500, -25), G=box(0, 25, 600, 200))
    answer = right_of_way_widths(rows(STREET), lines(CENTRE), parcels=beside, standard_ft=50, interval_ft=10)
    row = answer.table.iloc[0]
    assert row["verdict"] == "short of its standard"
    assert (row["shortfall_ft"], row["short_left_ft"], row["short_right_ft"]) == pytest.approx((10.0, 0.0, 10.0))
    assert answer.tables["dedication"][["apn", "area_sqft"]].to_numpy().tolist() == [["S", pytest.approx(1000.0)]]
    assert answer.layers["dedication"]["widest_ft"].tolist() == pytest.approx([10.0], abs=0.03)
    assert answer.agrees


@pytest.mark.parametrize("standard_ft,verdict", [(40.04, "meets its standard"), (40.06, "short of its standard")])
def test_a_street_that_lacks_less_than_a_twentieth_of_a_foot_has_its_width(standard_ft, verdict):
    # Both halves are wide enough: 20 ft on either side of a line in the middle.
    answer = right_of_way_widths(rows(box(0, -20, 600, 20)), lines(CENTRE), standard_ft=standard_ft)
    assert answer.table["verdict"].tolist() == [verdict]


def test_a_street_wide_enough_but_off_its_line_lacks_on_one_side():
    answer = right_of_way_widths(rows(box(0, -20, 600, 40)), lines(CENTRE), standard_ft=60)
    row = answer.table.iloc[0]
    assert (row["shortfall_ft"], row["short_left_ft"], row["short_right_ft"]) == pytest.approx((0.0, 0.0, 10.0))
    assert row["verdict"] == "short of its standard"


def test_standards_are_by_class_and_one_that_is_missing_is_told():
    two = lines(CENTRE, way((0, 500), (600, 500)), RoadClass=["Local", "Alley"])
    table = pd.DataFrame({"class": ["Local"], "width_ft": ["56"]})
    answer = right_of_way_widths(rows(STREET, box(0, 490, 600, 510)), two, standards=table)
    said = answer.table.set_index("segment")
    assert said["standard_ft"].to_dict() == {"C0": 56.0, "C1": pytest.approx(np.nan, nan_ok=True)}
    assert "Alley" in answer.unanswered["what"].str.cat(sep=" ")


def test_an_intersection_and_a_mouth_give_no_widths():
    # A cross street is noded at 300; another one is not, and meets the street at 450 in the middle of a line.
    ground = [box(0, -25, 600, 25), box(275, -300, 325, 300), box(425, 0, 475, 300)]
    ways = [
        way((0, 0), (300, 0)),
        way((300, 0), (600, 0)),
        way((300, 0), (300, 300)),
        way((300, 0), (300, -300)),
        way((450, 0), (450, 300)),
    ]
    answer = right_of_way_widths(rows(*ground), lines(*ways), interval_ft=10)
    table = answer.table.set_index("segment")
    assert table[["width_min_ft", "width_max_ft"]].to_numpy() == pytest.approx(50.0)
    why = answer.tables["stations"].query("segment == 'C1'").set_index("station_ft")["left_out"]
    assert why[35.0] == "within 60 ft of an intersection" and why[245.0] == "within 60 ft of a dead end"
    assert set(why[(why.index > 126) & (why.index < 174)]) == {"no side of the right of way within 200 ft"}


def test_a_segment_too_short_to_measure_is_excluded_with_its_reason():
    answer = right_of_way_widths(rows(STREET), lines(CENTRE, way((700, 0), (800, 0)), way((0, 300), (300, 300))))
    assert answer.table["segment"].tolist() == ["C0"]
    reasons = answer.excluded.set_index("feature")["reason"]
    assert "dead end" in reasons["C1"] and "not on right of way" in reasons["C2"]
    assert len(answer.table) + len(answer.excluded) == 3
    assert "2 segments" in answer.unanswered["what"].str.cat(sep=" ")


def test_a_dedication_along_a_curve_has_the_square_feet_of_the_courses():
    # 200 ft north, a curve to the right of 300 ft radius through 40 degrees, 200 ft on: 40 ft wide now, 60 ft asked for.
    courses = [
        line_course(0.0, 200.0),
        curve_course(solve_curve(radius_ft=300.0, delta_deg=40.0), "R", azimuth_deg=20.0),
        line_course(40.0, 200.0),
    ]
    start = np.array([E, N])
    second = start + [0, 200]
    third = second + 2 * 300 * np.sin(np.radians(20)) * np.array([np.sin(np.radians(20)), np.cos(np.radians(20))])
    last = third + 200 * np.array([np.sin(np.radians(40)), np.cos(np.radians(40))])
    centre = shapely.LineString(np.vstack([start, arc_vertices(second, third, 40.0, "R", sagitta_ft=0.001), last]))
    wanted, has = (area_sqft(strip_along(courses, start, left_ft=half, right_ft=half).courses) for half in (30.0, 20.0))
    street = shapely.buffer(centre, 20.0, cap_style="flat", join_style="mitre")
    around = parcels(ALL=shapely.box(E - 500, N - 500, E + 900, N + 900))
    answer = right_of_way_widths(rows(street), lines(centre), parcels=around, standard_ft=60)
    assert answer.table["shortfall_ft"][0] == pytest.approx(20.0, abs=0.01)
    assert answer.tables["dedication"]["area_sqft"].sum() == pytest.approx(wanted - has, abs=1.0)
    assert wanted - has == pytest.approx(20 * (400 + 300 * np.radians(40)), abs=0.01)
    assert answer.agrees


def test_what_lies_on_no_parcel_is_told_and_land_of_a_canal_is_not_taken():
    beside = parcels(S=box(300, -100, 350, -15))
    canal = rows(STREET, box(350, -25, 360, -15), row_kind=["FEE", "CANAL"])
    answer = right_of_way_widths(canal, lines(CENTRE), parcels=beside, standard_ft=50, interval_ft=10)
    assert answer.tables["dedication"].set_index("apn")["area_sqft"].to_dict() == pytest.approx({"S": 500.0, NOBODY: 400.0})
    assert answer.excluded["reason"].tolist() == ["not open as a street: CANAL"]


def test_only_streets_that_were_asked_for_are_measured():
    two = lines(CENTRE, way((0, 500), (600, 500)))
    answer = right_of_way_widths(rows(STREET, box(0, 490, 600, 510)), two, street=["elm 1"])
    assert answer.table["segment"].tolist() == ["C1"]
    assert answer.excluded.to_numpy().tolist() == [["street_centerline", "C0", "another street than asked for"]]
    with pytest.raises(AnalysisError, match="No street is called Oak"):
        right_of_way_widths(rows(STREET), two, street=["Oak"])


def test_the_order_of_the_layers_changes_nothing():
    ground = [box(0, -25, 600, 25), box(275, -300, 325, 300)]
    ways = lines(way((0, 0), (300, 0)), way((300, 0), (600, 0)), way((300, 0), (300, 300)), way((300, 0), (300, -300)))
    one = right_of_way_widths(rows(*ground), ways, standard_ft=54)
    other = right_of_way_widths(rows(*ground).iloc[::-1], ways.iloc[::-1].set_index(pd.Index([1, 1, 2, 2])), standard_ft=54)
    pd.testing.assert_frame_equal(one.table, other.table)
    pd.testing.assert_frame_equal(one.tables["dedication"], other.tables["dedication"])


def test_standards_that_say_nothing_are_refused():
    with pytest.raises(AnalysisError, match="no column width_ft"):
        right_of_way_widths(rows(STREET), lines(CENTRE), standards=pd.DataFrame({"class": ["Local"]}))
    with pytest.raises(AnalysisError, match="feet above zero"):
        right_of_way_widths(rows(STREET), lines(CENTRE), standards=pd.DataFrame({"class": ["Local"], "width_ft": ["wide"]}))
    with pytest.raises(AnalysisError, match="above zero"):
        right_of_way_widths(rows(STREET), lines(CENTRE), standard_ft=0)
