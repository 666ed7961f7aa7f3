"""Aliquot parts and lost corners: published areas and the proportions of the Manual."""

import pytest
import shapely

from citygis.cogo.plss import aliquot_polygon, double_proportion, parse_aliquot, proportioned, single_proportion

SECTION = [(0, 0), (0, 2640), (0, 5280), (2640, 5280), (5280, 5280), (5280, 2640), (5280, 0), (2640, 0)]


@pytest.mark.parametrize(
    ("text", "acres"),
    [
        ("NE 1/4 of SW 1/4 of Section 12, T1S R6E MDB&M", 40),
        ("North Half of the Southeast Quarter of the Southeast Quarter of Section 2", 20),
        ("N1/2 SE1/4", 80),
        ("W1/2 of NE1/4", 80),
        ("N1/2SE1/4SE1/4", 20),
        ("NE¼ SW¼ §12", 40),
        ("N2SE4", 80),
        ("E½E½NW¼", 40),
        ("The North One-Half of the Southeast one-quarter", 80),
        (
            "Southeast Quarter (1/4) of Section Thirteen (13), Township Three (3) North, Range Six (6) East, M.D.B. & M.",
            160,
        ),
        ("The North 20 acres of the SE 1/4 of Section 13", 20),
        ("W 1/4 of the NW 1/4 of the NE 1/4 of the SE 1/4", 2.5),
        ("The North 200 feet of the West 1/4 of the NW 1/4 of the NE 1/4 of the SE 1/4 of Section 33", 33_000 / 43_560),
    ],
)
def test_nominal_acres(text, acres):
    assert parse_aliquot(text).nominal_acres == pytest.approx(acres)


def test_the_box_lies_where_the_words_say():
    found = parse_aliquot("NE 1/4 of SW 1/4 of Section 12, T1S R6E MDB&M")
    assert (found.west, found.south, found.east, found.north) == (0.25, 0.25, 0.5, 0.5)
    assert (found.section, found.township, found.range, found.meridian) == (12, "1S", "6E", "MDB&M")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("NE1/4 and SW1/4 of Section 3", "one parcel at a time"),
        ("Lot 3, Section 5", "government lot"),
        ("NE 1/2 of Section 5", "quarter at a corner"),
        ("NW 1/4 of Section 37", "1 to 36"),
        ("Section 12", "Must be one part"),
        ("", "Must be one part"),
        ("The North 9000 feet of the SE 1/4", "more than the part has"),
        ("the NE 40 acres", "along a side"),
    ],
)
def test_what_is_no_aliquot_part_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        parse_aliquot(text)


def test_on_a_square_section_the_ground_is_the_nominal_box():
    for text in ("NE 1/4 SW 1/4", "N 1/2 SE 1/4", "W 1/2 NE 1/4 NW 1/4", "SE 1/4", "S 1/2"):
        found = parse_aliquot(text)
        box = shapely.box(*(5280 * v for v in (found.west, found.south, found.east, found.north)))
        assert aliquot_polygon(found, SECTION).symmetric_difference(box).area == pytest.approx(0, abs=1e-6)


def test_the_centre_is_where_the_quarter_lines_meet_and_not_the_mean():
    # The north quarter corner was set 100 ft too far east: the line south from it leans.
    skewed = [*SECTION[:3], (2740, 5280), *SECTION[4:]]
    quarter = aliquot_polygon(parse_aliquot("SW 1/4"), skewed)
    assert (2690, 2640) in [(round(e, 6), round(n, 6)) for e, n in quarter.exterior.coords]
    # And the four quarters are the section, without gap or overlap.
    quarters = [aliquot_polygon(parse_aliquot(f"{q} 1/4"), skewed) for q in ("NE", "NW", "SE", "SW")]
    assert shapely.union_all(quarters).area == pytest.approx(shapely.Polygon(skewed).area)
    assert sum(q.area for q in quarters) == pytest.approx(shapely.Polygon(skewed).area)


def test_strips_and_odd_halves_are_not_divided_on_the_ground():
    for text in ("W 1/4 of NW 1/4", "The North 200 feet of the SE 1/4", "SE 1/4 of N 1/2"):
        with pytest.raises(ValueError, match="quarters"):
            aliquot_polygon(parse_aliquot(text), SECTION)


def test_a_fractional_last_half_mile_keeps_its_record_share():
    # 78.90 chains found where 40.00 and 38.54 were recorded: 40.183, and not 39.45.
    assert proportioned(78.90, 40.00, 38.54) == pytest.approx(40.183, abs=0.0005)


def test_a_lost_quarter_corner_lies_on_the_line():
    assert single_proportion((0, 0), (3156, 4208), 40, 38.54) == pytest.approx(
        (3156 * 40 / 78.54, 4208 * 40 / 78.54)
    )  # 3-4-5 times 1052


def test_a_lost_section_corner_takes_one_coordinate_from_each_line():
    found = double_proportion(
        (30, 5290), (-10, -5270), (5300, 40), (-5260, -60),
        record_to_north=80, record_to_south=80, record_to_east=80, record_to_west=80,
    )  # fmt: skip
    # Northing half way between -5270 and 5290, easting half way between -5260 and 5300.
    assert found == pytest.approx((20, 10))


def test_unequal_records_share_unequally():
    found = double_proportion(
        (0, 4000), (0, 0), (3000, 0), (0, 0),
        record_to_north=20, record_to_south=60, record_to_east=40, record_to_west=20,
    )  # fmt: skip
    assert found == pytest.approx((1000, 3000))


@pytest.mark.parametrize("lengths", [(0, 40, 40), (78, -1, 40), (78, 40, float("nan"))])
def test_proportions_need_positive_lengths(lengths):
    with pytest.raises(ValueError, match="positive"):
        proportioned(*lengths)
