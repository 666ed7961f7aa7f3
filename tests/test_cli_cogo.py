"""`citygis cogo` from the outside, on published examples."""

import json

import pytest
from click.testing import CliRunner
from conftest import ROOT

from citygis.cli import main

# Purdue ASM 215: sums -0.71 / +0.53 (rounded first), 1 in 2,771; reference table 2.4, number 1.
PURDUE = "N 26-10 E 285.10; S 75-25 E 610.45; S 15-30 W 720.48; N 1-42 W 203.00; N 53-06 W 647.02"
# City of Cypress, Resolution 1437A (Nelson Street): closes, 9,193.14 sq ft; number 12.
NELSON = "North 30; R=30 D=90-00-00 LT; East 180; South 60; West 150"


def cogo(*arguments, code=0, json_out=True):
    result = CliRunner().invoke(main, ["cogo", *map(str, arguments), *(["--json"] if json_out else [])])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout) if json_out and code in (0, 1) else result


def closed(text, *options, code=0):
    return cogo("closure", "--courses", text, *options, code=code)["figures"][0]


# -- closure -------------------------------------------------------------------------------------------------------------------


def test_a_published_loop_closes_as_it_is_published():
    told = closed(PURDUE, code=1)
    assert told["sum_northing_ft"] == pytest.approx(-0.71, abs=0.01) and told["sum_easting_ft"] == pytest.approx(0.53, abs=0.01)
    assert 2_750 < told["closure_ratio"] < 2_800 and not told["closes"]
    assert told["perimeter_ft"] == pytest.approx(2466.05)


def test_a_looser_tolerance_lets_the_same_loop_pass():
    assert closed(PURDUE, "--ratio", 2500)["closes"]
    assert closed(PURDUE, "--tolerance-ft", 1)["closes"]


def test_a_curve_counts_with_its_exact_segment():
    # North 50, a quarter of a circle of 30 to the left, West 50, South 80, East 80: a square of 80 less the corner outside the arc.
    told = closed("North 50; R=30 D=90-00-00 LT; West 50; South 80; East 80")
    assert told["area_sqft"] == pytest.approx(80 * 80 - (1 - 3.141592653589793 / 4) * 30**2, abs=1e-6)


def test_a_wrong_hand_does_not_close():
    assert not closed("North 50; R=30 D=90-00-00 RT; West 50; South 80; East 80", code=1)["closes"]


def test_a_curve_without_a_hand_is_refused():
    result = cogo("closure", "--courses", "North 50; R=30 D=90-00-00; West 50", code=2, json_out=False)
    assert "which way it turns" in result.output


def test_a_curve_that_contradicts_itself_is_told_although_the_figure_closes():
    told = closed("North 50; R=30 D=90-00-00 L=47.52 LT; West 50; South 80; East 80", code=1)
    assert told["closes"] and told["conflicts"][0]["course"] == 2
    assert told["conflicts"][0]["measure"] == pytest.approx(47.52 - 30 * 3.141592653589793 / 2, abs=1e-6)


def test_a_chord_bearing_places_a_curve_that_is_not_tangent():
    # The chord of a quarter turn to the left from north runs N 45 W.
    told = closed("North 50; R=30 D=90-00-00 CB=N 45-00-00 W LT; West 50; South 80; East 80")
    assert told["closes"] and told["courses"][1]["bearing"] == "N 45°00'00\" W"


def test_transposed_digits_are_the_first_suspect():
    # 87.35 by 65.12, one side written 78.35.
    told = closed("North 87.35; East 65.12; South 78.35; West 65.12", "--area-sqft", 5688, code=1)
    best = told["suspects"][0]
    assert (best["course"], best["element"], best["restored"]) == (3, "distance", "87.35")
    assert "changed places" in best["kind"]


def test_without_misclosure_nobody_is_suspected():
    assert closed("North 10; East 10; South 10; West 10")["suspects"] == []


def test_a_link_between_two_points_is_held_against_them():
    told = closed("North 100; East 100", "--closes-on", "100,100.03")
    assert told["closes"] and told["misclosure_ft"] == pytest.approx(0.03) and told["area_sqft"] is None


def test_lines_of_a_file_are_read_with_numbers_and_remarks(tmp_path):
    path = tmp_path / "lot.txt"
    path.write_text("# lot 4\n1) N 0-00-00 E 110.00 ft\n2) East 65.00'\n\nS 0-00-00 E 110.00   # rear\nWest 65.00\n")
    told = cogo("closure", path)["figures"][0]
    assert told["closes"] and told["area_sqft"] == pytest.approx(7150)


def test_lines_that_are_no_courses_name_their_place(tmp_path):
    path = tmp_path / "lot.txt"
    path.write_text("N 0-00-00 E 110.00\nthence to the river\n")
    result = cogo("closure", path, code=3, json_out=False)
    assert "course 2" in result.output and "citygis deed" in result.output


@pytest.mark.parametrize("text", [b"", b"\0\0", b"\xff\xfe\x00"])
def test_a_file_without_courses_is_refused(tmp_path, text):
    path = tmp_path / "lot.txt"
    path.write_bytes(text)
    cogo("closure", path, code=3, json_out=False)


def test_a_course_table_is_closed_figure_by_figure(tmp_path):
    from citygis.readers.deed import course_table_text, read_deed

    deed = read_deed(ROOT / "sample_data" / "survey" / "deeds" / "true_01_modern.txt")
    path = tmp_path / "courses.csv"
    path.write_text(course_table_text(deed.table))
    (told,) = cogo("closure", path)["figures"]
    # 12,910 square feet are stated, to the last place.
    assert told["closes"] and told["area_sqft"] == pytest.approx(12_910, abs=1) and len(told["courses"]) == 5


def test_a_course_table_with_an_open_call_is_refused(tmp_path):
    from citygis.readers.deed import course_table_text, read_deed

    deed = read_deed("Beginning at a point; thence North 10.00 feet; thence along the river to the point of beginning.")
    path = tmp_path / "courses.csv"
    path.write_text(course_table_text(deed.table))
    assert "call 2" in cogo("closure", path, code=3, json_out=False).output


def test_a_file_and_courses_together_are_wrong_usage(tmp_path):
    cogo("closure", tmp_path / "a.txt", "--courses", "North 10", code=2, json_out=False)
    cogo("closure", code=2, json_out=False)


def test_the_table_for_people_has_closure_and_area():
    result = cogo("closure", "--courses", PURDUE, code=1, json_out=False)
    assert "does not close" in result.output and "acres" in result.output and "nothing is mended" in result.output


def test_a_street_vacation_closes_with_its_published_area():
    told = closed(NELSON)
    assert told["misclosure_ft"] < 1e-6 and told["area_sqft"] == pytest.approx(9193.14, abs=0.01)


# -- curve ---------------------------------------------------------------------------------------------------------------------


def test_a_published_curve_has_its_published_elements():
    # CAD alignment report: R 50, delta 30-04-48 -> L 26.250, T 13.435, C 25.949, M 1.713, E 1.773; reference table 2.4, number 8.
    told = cogo("curve", "--radius", "50", "--delta", "30-04-48")
    stated = {"arc_ft": 26.250, "tangent_ft": 13.435, "chord_ft": 25.949, "middle_ordinate_ft": 1.713, "external_ft": 1.773}
    for name, value in stated.items():
        assert told[name] == pytest.approx(value, abs=0.001), name


def test_a_misprinted_arc_of_record_is_told():
    # San Leandro: R 494, delta 10-53-15, arc 93.57 on the deed; the others make it 93.871.
    told = cogo("curve", "--radius", "494", "--delta", "10-53-15", "--arc", "93.57", code=1)
    assert told["conflicts"][0]["element"] == "arc_ft" and told["conflicts"][0]["computed"] == pytest.approx(93.871, abs=0.001)


def test_the_rounding_of_what_is_typed_is_no_conflict():
    # 93.9 is 93.871 to the tenth; 94 without decimals is 94.00, and is not.
    assert cogo("curve", "--radius", "494", "--delta", "10-53-15", "--arc", "93.9")["conflicts"] == []
    assert cogo("curve", "--radius", "494", "--delta", "10-53-15", "--arc", "94", code=1)["conflicts"]


@pytest.mark.parametrize(
    "options",
    [
        ("--radius", "50"),
        ("--radius", "50", "--delta", "30.0448"),
        ("--radius", "x", "--arc", "3"),
        ("--radius", "5", "--chord", "20"),
    ],
)
def test_elements_that_do_not_suffice_are_wrong_usage(options):
    cogo("curve", *options, code=2, json_out=False)


def test_a_bare_decimal_is_read_with_its_notation():
    packed = cogo("curve", "--radius", "50", "--delta", "30.0448", "--notation", "packed")["delta_deg"]
    assert packed == pytest.approx(30 + 4 / 60 + 48 / 3600)


# -- inverse -------------------------------------------------------------------------------------------------------------------


def test_the_inverse_of_a_three_four_five_triangle():
    told = cogo("inverse", "0,0", "3,4")
    assert told["grid_distance_ft"] == pytest.approx(5) and told["grid_azimuth_deg"] == pytest.approx(36.8698976)


def test_negative_coordinates_are_no_options():
    assert cogo("inverse", "-1,-1", "-1,9")["grid_bearing"] == "N 0°00'00\" E"


@pytest.mark.parametrize("points", [("0,0", "0,0"), ("0;0;1", "1,1"), ("a,b", "1,1"), ("nan,0", "1,1")])
def test_points_that_are_none_are_wrong_usage(points):
    cogo("inverse", *points, code=2, json_out=False)


def test_with_the_city_a_ground_distance_follows_from_the_combined_factor():
    # The study's figures for the zone here: k 0.99992994, 0.999934 with the ellipsoid 80 ft above the ground.
    points = ("6338000,2124500", "6339000,2124500")
    told = cogo("inverse", *points, "--city", ROOT / "sample_data" / "city", "--ellipsoid-height-ft", "-85")
    assert told["grid_scale_factor"] == pytest.approx(0.99992994, abs=2e-7)
    assert told["combined_factor"] == pytest.approx(0.999934, abs=1e-6)
    assert told["ground_distance_ft"] == pytest.approx(1000.066, abs=0.001)


def test_the_geodetic_azimuth_is_the_grid_azimuth_turned_by_the_convergence():
    # Over 1,000 ft the two differ by less than a tenth of a second besides (NOAA NOS NGS 5: arc to chord).
    told = cogo("inverse", "6338000,2124500", "6338000,2125500", "--city", ROOT / "sample_data" / "city")
    assert (told["geodetic_azimuth_deg"] - 360 - told["convergence_deg"]) * 3600 == pytest.approx(0, abs=0.1)
    assert told["convergence_deg"] == pytest.approx(-0.4751, abs=0.01) and "combined_factor" not in told


def test_a_height_without_a_city_is_wrong_usage():
    cogo("inverse", "0,0", "3,4", "--ellipsoid-height-ft", "10", code=2, json_out=False)


@pytest.mark.parametrize("name", ["closure", "curve", "inverse"])
def test_every_command_shows_an_example(name):
    assert "Example:" in CliRunner().invoke(main, ["cogo", name, "--help"]).output
