"""The closure sheet and the plot."""

from xml.etree import ElementTree

import pytest

from citygis.cogo import curve_course, line_course, solve_curve
from citygis.readers.deed import closure_sheet, plot_svg

SQUARE = tuple(line_course(azimuth, 100.0) for azimuth in (0, 90, 180, 270))
HALF_ROUND = (curve_course(solve_curve(radius_ft=50, delta_deg=180), "R", azimuth_deg=90), line_course(270, 100.0))


def test_the_sheet_says_where_each_course_leads_and_how_they_close():
    text = closure_sheet(SQUARE, title="Parcel 1", start=(1000.0, 2000.0))
    assert "Parcel 1" in text
    second = next(line for line in text.splitlines() if line.strip().startswith("2 "))
    assert second.split()[-3:] == ["100.000", "2,100.000", "1,100.000"]
    assert "exact" in text
    assert "area 10,000.00 sq ft, 0.2296 acres" in text


def test_a_sum_that_rounds_to_nothing_has_no_minus_sign():
    square = [line_course(azimuth, length) for azimuth, length in ((90.8, 100.0), (180.8, 120.0), (270.8, 100.0), (0.8, 120.0))]
    assert "-0.000" not in closure_sheet(square)


def test_a_misclosure_is_shown_and_not_taken_out():
    text = closure_sheet((*SQUARE[:3], line_course(270, 99.0)))
    # 399 ft of perimeter over 1 ft
    told = next(line for line in text.splitlines() if line.startswith("misclosure"))
    assert told.startswith("misclosure 1.000 ft")
    assert told.endswith("90°00'00\" E, 1 in 399")


def test_the_sheet_of_a_curve_has_its_elements():
    assert "R 50.00  delta 180°00'00\" R  L 157.08" in closure_sheet(HALF_ROUND)


def test_the_plot_is_a_document_of_its_own_with_true_arcs():
    root = ElementTree.fromstring(plot_svg(HALF_ROUND, title="<Lot> & 4"))
    assert root.tag.endswith("svg")
    path = next(node for node in root if node.tag.endswith("path")).get("d")
    # 100 ft make 640 px: a radius of 320, swept clockwise on the paper
    assert "A 320.000 320.000 0 0 1" in path or "A 320.000 320.000 0 1 1" in path
    assert root[0].text == "<Lot> & 4"
    assert not [node for node in root.iter() if node.tag.endswith(("script", "style", "image", "a"))]


def test_what_does_not_close_is_drawn_in_red():
    assert "red" not in plot_svg(SQUARE)
    assert "red" in plot_svg(SQUARE[:3])


def test_ties_are_dashed():
    assert "dasharray" in plot_svg(SQUARE, ties=[line_course(45, 20.0)])


def test_no_courses_are_no_sheet():
    with pytest.raises(ValueError, match="at least one"):
        closure_sheet(())
    with pytest.raises(ValueError, match="at least one"):
        plot_svg(())
