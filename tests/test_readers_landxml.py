"""LandXML: true curves and areas, the order of coordinates, the foot, the notation of angles, and what is wrong as findings."""

import math
import sys

import numpy as np
import pytest
import shapely
from landxml_files import CORNER_SQFT, E0, LOT_SQFT, N0, at, corner_lots, curve, landxml, line, parcel, polygon, shifted

import citygis as cg
from citygis.cogo import area_sqft, closure
from citygis.errors import CRSError, ReadError
from citygis.readers.landxml import courses_of, read_landxml
from citygis.units import INTERNATIONAL_FOOT, METRE, US_SURVEY_FOOT


@pytest.fixture
def write(tmp_path):
    def written(text, name="a.xml", encoding="utf-8"):
        path = tmp_path / name
        path.write_text(text, encoding=encoding)
        return path

    return written


def codes(read):
    return sorted(set(read.findings["code"]))


def of(read, code):
    return read.findings[read.findings["code"] == code]


# -- curves and areas -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "2.0"])
def test_the_area_of_a_lot_with_a_rounded_corner_is_that_of_the_book(write, version):
    read = read_landxml(write(landxml(corner_lots(), version=version)))
    assert read.parcels["computed_area_sqft"].tolist() == pytest.approx([LOT_SQFT, CORNER_SQFT], abs=1e-5)
    assert read.parcels["stated_area_sqft"].tolist()[0] == 7114.16
    assert read.version == version and not len(read.findings)


def test_namespaces_do_not_matter(write):
    text = landxml(corner_lots()).replace(' xmlns="http://www.landxml.org/schema/LandXML-1.2"', "")
    assert len(read_landxml(write(text)).parcels) == 2


def test_the_true_curve_is_a_course_and_the_polygon_follows_it_within_a_hundredth_of_a_foot(write):
    read = read_landxml(write(landxml(corner_lots())))
    arc = read.courses[read.courses["kind"] == "curve"].iloc[0]
    assert (arc["radius_ft"], arc["delta_deg"], arc["curve_side"]) == (pytest.approx(20), pytest.approx(90), "R")
    assert arc["arc_length_ft"] == pytest.approx(10 * math.pi) and arc["distance_ft"] == pytest.approx(20 * math.sqrt(2))
    assert arc["delta_dms"] == "90°00'00\"" and arc["line_kind"] == "CALCULATED"
    shape = read.parcels.geometry.iloc[0]
    assert 0 < LOT_SQFT - shape.area < 0.01 * 10 * math.pi
    radii = [math.dist(p, (E0 + 40, N0 + 20)) for p in arc["geometry"].coords]
    assert radii == pytest.approx([20] * len(radii), abs=1e-6)


def test_neighbours_share_every_vertex_of_their_arc_to_the_last_bit(write):
    first, second = read_landxml(write(landxml(corner_lots()))).parcels.geometry
    shared = set(first.exterior.coords) & set(second.exterior.coords)
    assert len(shared) == 26  # 90° at R 20 within 0.01 ft: 25 pieces of at most 2 acos(1 - 0.01 / 20) = 3.62°
    assert shapely.intersection(first, second).area == 0


def test_a_long_arc_is_cut_where_the_corners_of_others_lie_on_it(write):
    # A half circle of radius 100, and two wedges that meet it at 0, 60 and 180 degrees.
    center, west, east = (0, 0), (-100, 0), (100, 0)
    up = (100 * math.cos(math.radians(60)), 100 * math.sin(math.radians(60)))
    body = parcel("all", line(east, west), curve(west, center, east, "cw"))
    body += parcel("left", line(center, west), curve(west, center, up, "cw"), line(up, center))
    body += parcel("right", line(center, up), curve(up, center, east, "cw"), line(east, center))
    whole, left, right = read_landxml(write(landxml(f"<Parcels>{body}</Parcels>"))).parcels.geometry
    assert shapely.symmetric_difference(whole, shapely.union(left, right)).area == 0
    assert set(left.exterior.coords) | set(right.exterior.coords) == set(whole.exterior.coords)


def test_corners_a_thousandth_apart_are_one_node(write):
    apart = 0.001
    body = parcel("1", *polygon([(0, 0), (0, 100), (100, 100), (100, 0)]))
    body += parcel("2", *polygon([(100 + apart, 0), (100, 100 + apart), (200, 100), (200, 0)]))
    first, second = read_landxml(write(landxml(f"<Parcels>{body}</Parcels>"))).parcels.geometry
    assert len(set(first.exterior.coords) & set(second.exterior.coords)) == 2
    assert len(first.exterior.coords) == len(second.exterior.coords) == 5


def test_an_arc_of_more_than_half_a_circle_and_a_whole_circle_have_their_areas(write):
    bulb = parcel("bulb", line((-30, 0), (30, 0)), curve((30, 0), (0, 40), (-30, 0), "ccw"))
    circle = parcel("circle", curve((300, 0), (250, 0), (300, 0), "cw"))
    areas = read_landxml(write(landxml(f"<Parcels>{bulb}{circle}</Parcels>"))).parcels["computed_area_sqft"]
    angle = 2 * math.pi - 2 * math.asin(30 / 50)
    assert areas.tolist() == pytest.approx([50**2 * (angle - math.sin(angle)) / 2, math.pi * 2500])


def test_a_loop_in_a_lot_is_a_hole_and_one_beside_it_another_part(write):
    square = [(0, 0), (0, 100), (100, 100), (100, 0)]
    hole, beside = [(10, 10), (10, 20), (20, 20), (20, 10)], [(200, 0), (200, 10), (210, 10), (210, 0)]
    body = parcel("hole", *polygon(square), *polygon(hole)) + parcel("parts", *polygon(square), *polygon(beside))
    table = read_landxml(write(landxml(f"<Parcels>{body}</Parcels>"))).parcels
    assert table["computed_area_sqft"].tolist() == pytest.approx([9900, 10100])
    assert table.geometry.area.tolist() == pytest.approx([9900, 10100])
    assert [len(getattr(g, "geoms", [g])) for g in table.geometry] == [1, 2]


def test_a_parcel_of_several_parts_points_to_them(write):
    body = parcel("5A", *polygon([(0, 0), (0, 10), (10, 10), (10, 0)])) + parcel(
        "5B", *polygon([(20, 0), (20, 10), (30, 10), (30, 0)])
    )
    pointers = '<Parcel name="a" pclRef="5A"/><Parcel name="b" pclRef="5B"/>'
    body += f'<Parcel name="5" parcelType="Multipart"><Parcels>{pointers}</Parcels></Parcel>'
    table = read_landxml(write(landxml(f"<Parcels>{body}</Parcels>"))).parcels.set_index("name")
    assert list(table.index) == ["5A", "5B", "5"]
    assert table.loc["5", "computed_area_sqft"] == pytest.approx(200) and table.loc["5", "geometry"].area == 200


def test_a_lot_of_several_parts_is_the_lot_and_its_parts_are_none(write):
    body = parcel("5A", *polygon([(0, 0), (0, 10), (10, 10), (10, 0)]), more=' class="Lot" parcelType="Part"')
    body += parcel("5B", *polygon([(20, 0), (20, 10), (30, 10), (30, 0)]), more=' class="Lot" parcelType="Part"')
    pointers = '<Parcel name="a" pclRef="5A"/><Parcel name="b" pclRef="5B"/>'
    body += f'<Parcel name="5" class="Lot" parcelType="Multipart"><Parcels>{pointers}</Parcels></Parcel>'
    table = read_landxml(write(landxml(f"<Parcels>{body}</Parcels>"))).parcels
    assert dict(zip(table["name"], table["kind"], strict=True)) == {"5A": "part", "5B": "part", "5": "lot"}


def test_a_centre_nearer_to_one_end_of_its_curve_is_an_error(write):
    a, b, c, off = shifted([(0, 0), (0, 50), (50, 50), (20, 30)])
    read = read_landxml(write(landxml(f"<Parcels>{parcel('1', line(a, b), curve(b, off, c, 'cw'), line(c, a))}</Parcels>")))
    (row,) = of(read, "X04").itertuples()
    assert row.severity == "error" and row.measure == pytest.approx(math.hypot(30, 20) - math.hypot(20, 20), abs=1e-5)


def test_a_neighbours_curve_about_a_wrong_centre_is_for_review(write):
    a, b, c, off = shifted([(0, 0), (0, 50), (50, 50), (20, 30)])
    lot = parcel("1", line(a, b), curve(b, off, c, "cw"), line(c, a), more=' state="adjoining"')
    (row,) = of(read_landxml(write(landxml(f"<Parcels>{lot}</Parcels>"))), "X04").itertuples()
    assert row.severity == "review"


def test_two_systems_of_units_are_refused(write):
    text = landxml(corner_lots()).replace("</Units>", '<Metric linearUnit="meter" areaUnit="squareMeter"/></Units>')
    with pytest.raises(CRSError, match="several units"):
        read_landxml(write(text))


def test_nested_parcels_are_rows_of_their_own_and_name_the_one_around_them(write):
    inner = parcel("inner", *polygon([(10, 10), (10, 20), (20, 20), (20, 10)]))
    outer = parcel("outer", *polygon([(0, 0), (0, 100), (100, 100), (100, 0)])).replace(
        "</Parcel>", f"<Parcels>{inner}</Parcels></Parcel>"
    )
    table = read_landxml(write(landxml(f"<Parcels>{outer}</Parcels>"))).parcels
    assert table["name"].tolist() == ["outer", "inner"]
    assert table["parent"].iloc[1] == "Parcel outer"


def test_two_parcels_of_one_name_keep_apart(write):
    square = polygon([(0, 0), (0, 10), (10, 10), (10, 0)])
    table = read_landxml(write(landxml(f"<Parcels>{parcel('1', *square)}{parcel('1', *square)}</Parcels>"))).parcels
    assert table["source_ref"].tolist() == ["Parcel 1", "Parcel 1 (2)"]


def test_parcels_of_one_name_are_told(write):
    one, two = ([(e, 0), (e, 10), (e + 10, 10), (e + 10, 0)] for e in (0, 20))
    read = read_landxml(write(landxml(f"<Parcels>{parcel('1', *polygon(one))}{parcel('1', *polygon(two))}</Parcels>")))
    assert of(read, "X12")["feature"].tolist() == ["1"] and of(read, "X12")["severity"].tolist() == ["review"]


def test_irregular_lines_are_natural_and_chains_follow_their_points(write):
    points = "".join(f'<CgPoint name="{n}">{at(*p)}</CgPoint>' for n, p in {"a": (0, 0), "b": (0, 50), "c": (80, 50)}.items())
    bank = f"<PntList2D>{at(80, 20)} {at(40, 0)}</PntList2D>"
    bank = f"<IrregularLine><Start>{at(80, 50)}</Start><End>{at(0, 0)}</End>{bank}</IrregularLine>"
    body = f"<CgPoints>{points}</CgPoints><Parcels>{parcel('1', '<Chain>a b c</Chain>', bank)}</Parcels>"
    read = read_landxml(write(landxml(body)))
    assert read.courses["line_kind"].tolist() == ["CALCULATED"] * 2 + ["NATURAL"] * 3
    assert read.parcels["computed_area_sqft"].iloc[0] == pytest.approx(80 * 50 - 40 * 20 / 2)


def test_a_spiral_is_the_clothoid_of_the_book(write):
    # Ls 250, R 1432.69: x 249.810, y 7.267, here by the series of the clothoid.
    theta = 250 / 2 / 1432.69
    x, y = 250 * (1 - theta**2 / 10 + theta**4 / 216), 250 * (theta / 3 - theta**3 / 42)
    spiral = f'<Spiral rot="cw" length="250" radiusStart="INF" radiusEnd="1432.69" spiType="clothoid"><Start>{at(0, 0)}</Start>'
    spiral += f"<End>{at(y, x)}</End></Spiral>"
    body = f'<Alignments><Alignment name="A"><CoordGeom>{spiral}</CoordGeom></Alignment></Alignments>'
    read = read_landxml(write(landxml(body)))
    course = read.courses.iloc[0]
    assert (course["kind"], course["arc_length_ft"], course["radius2_ft"]) == ("spiral", 250, 1432.69)
    assert course["delta_deg"] == pytest.approx(4.99897, abs=1e-4)
    assert read.alignments.geometry.iloc[0].length == pytest.approx(250, abs=0.01)


def test_a_spiral_whose_ends_do_not_fit_its_length_is_reported(write):
    spiral = f'<Spiral rot="cw" length="250" radiusStart="INF" radiusEnd="1432.69"><Start>{at(0, 0)}</Start>'
    spiral += f"<End>{at(9, 240)}</End></Spiral>"
    read = read_landxml(write(landxml(f'<Alignments><Alignment name="A"><CoordGeom>{spiral}</CoordGeom></Alignment></Alignments>')))
    assert codes(read) == ["X07", "X13"] and "apart" in of(read, "X07")["message"].iloc[0]


def test_courses_are_ready_for_cogo(write):
    read = read_landxml(write(landxml(corner_lots())))
    ((start, courses),) = courses_of(read, "Parcel 1")
    assert start.tolist() == [E0, N0] and area_sqft(courses) == pytest.approx(LOT_SQFT) and closure(courses).misclosure_ft < 1e-8
    with pytest.raises(ValueError, match="Invalid ref 'Parcel 9'"):
        courses_of(read, "Parcel 9")


# -- which coordinate is the northing --------------------------------------------------------------------------------------------


def test_a_file_with_easting_first_is_refused_with_the_evidence(write):
    path = write(landxml(corner_lots("EN")))
    with pytest.raises(ReadError, match=r"easting first.*arc lengths against hand and centre: 0 of 1.*order='EN'"):
        read_landxml(path)


def test_with_the_order_stated_the_ground_is_where_it_belongs_and_a_finding_says_so(write):
    straight, turned = (
        read_landxml(write(landxml(corner_lots()))),
        read_landxml(write(landxml(corner_lots("EN")), "b.xml"), order="EN"),
    )
    assert turned.order == "EN" and codes(turned) == ["X01"]
    assert shapely.equals(straight.parcels.geometry.to_numpy(), turned.parcels.geometry.to_numpy()).all()
    assert turned.parcels["computed_area_sqft"].tolist() == pytest.approx([LOT_SQFT, CORNER_SQFT], abs=1e-5)


@pytest.mark.parametrize(("written", "said"), [("NE", "EN"), ("EN", "NE")])
def test_a_statement_against_all_evidence_is_refused(write, written, said):
    with pytest.raises(ReadError, match="all evidence is against it"):
        read_landxml(write(landxml(corner_lots(written))), order=said)


def test_hands_of_curves_alone_tell_when_there_are_enough_of_them(write):
    def lots(order, count):
        found = ""
        for n in range(count):
            a, b, center = (n * 100, 0), (n * 100, 50), (n * 100 - 30, 25)
            found += parcel(str(n), line(b, a, order), curve(a, center, b, "ccw", order))
        return landxml(f"<Parcels>{found}</Parcels>")

    with pytest.raises(ReadError, match="hand against the side of the centre: 0 of 4"):
        read_landxml(write(lots("EN", 4)))
    assert read_landxml(write(lots("NE", 4), "b.xml")).order == "NE"
    assert read_landxml(write(lots("EN", 1), "c.xml")).order == "NE"  # it may be the bulb of a cul-de-sac


def survey(order="NE", *, bearing="53.07484838", angles="decimal dd.mm.ss", turned=0.0):
    """Four directions between points whose azimuths are 36°52'11.63", 143°07'48.37", 53°07'48.37" and 126°52'11.63" (3-4-5)."""
    points = {"1": (5000, 1000), "2": (5300, 1400), "3": (5600, 1000), "4": (6000, 1300), "5": (6400, 1000)}
    azimuths = (("1", "2", 36.86989765), ("2", "3", 143.13010235), ("3", "4", 53.13010235), ("4", "5", 126.86989765))
    body = (
        "<CgPoints>" + "".join(f'<CgPoint name="{k}">{at(*p, order)}</CgPoint>' for k, p in points.items()) + "</CgPoints><Survey>"
    )
    body += "".join(
        f'<InstrumentSetup id="S{k}" stationName="{k}"><InstrumentPoint pntRef="{k}"/></InstrumentSetup>' for k in points
    )
    body += "<ObservationGroup>"
    for n, (start, end, azimuth) in enumerate(azimuths):
        written = packed((azimuth + turned) % 360) if bearing == "packed" else f"{(azimuth + turned) % 360:.8f}"
        distance = math.dist(points[start], points[end])
        ends = f'setupID="S{start}" targetSetupID="S{end}"'
        body += f'<ReducedObservation name="{n}" {ends} azimuth="{written}" horizDistance="{distance}"/>'
    return landxml(body + "</ObservationGroup></Survey>", angles=angles)


def packed(degrees):
    seconds = round(degrees * 3600, 4)
    d, rest = divmod(seconds, 3600)
    m, s = divmod(rest, 60)
    return f"{int(d)}.{int(m):02d}{s:07.4f}".replace(f"{s:07.4f}", f"{s:07.4f}".replace(".", ""))


def test_packed_directions_are_read_as_the_file_says(write):
    read = read_landxml(write(survey(bearing="packed")))
    assert read.observations["azimuth_deg"].tolist() == pytest.approx(
        [36.86989765, 143.13010235, 53.13010235, 126.86989765], abs=1e-6
    )
    assert read.observations["miss_ft"].max() < 0.001 and codes(read) == ["X13"]


def test_directions_against_their_points_show_easting_first(write):
    with pytest.raises(ReadError, match="directions against coordinates: 0 of 4 agree as N E, 4 as E N"):
        read_landxml(write(survey("EN", bearing="packed")))


def test_packed_angles_called_decimal_degrees_are_found_out(write):
    read = read_landxml(write(survey(bearing="packed", angles="decimal degrees")))
    assert (
        codes(read) == ["X08", "X13"]
        and "4 of 4 directions agree with the coordinates as packed" in of(read, "X08")["message"].iloc[0]
    )
    assert read.observations["azimuth_deg"].iloc[0] == pytest.approx(36.86989765, abs=1e-6)


def test_azimuths_from_south_are_found_out(write):
    read = read_landxml(write(survey(bearing="decimal", angles="decimal degrees", turned=180)))
    assert codes(read) == ["X08", "X13"] and "decimal degrees from south" in of(read, "X08")["message"].iloc[0]
    assert read.observations["azimuth_deg"].iloc[0] == pytest.approx(36.86989765)


def test_angles_of_unstated_notation_are_null_unless_the_points_tell(write):
    read = read_landxml(write(survey(bearing="decimal", angles=None)))
    assert read.observations["miss_ft"].max() < 0.001 and codes(read) == ["X08", "X13"]
    lone = survey(bearing="decimal", angles=None).replace('targetSetupID="S2"', "").replace('targetSetupID="S3"', "")
    read = read_landxml(write(lone, "b.xml"))
    assert read.observations["azimuth_deg"].isna().all() and "they are null" in of(read, "X08")["message"].iloc[0]


def test_the_citys_extent_tells_the_order(write):
    body = f'<CgPoints><CgPoint name="1">{at(E0, N0, "EN")}</CgPoint></CgPoints>'
    box = (6_290_000, 2_080_000, 6_390_000, 2_160_000)
    with pytest.raises(ReadError, match="points in the City's extent: 0 of 1 agree as N E, 1 as E N"):
        read_landxml(write(landxml(body)), box=box)
    assert read_landxml(write(landxml(body))).order == "NE"  # without the box, nothing tells


def test_a_file_that_contradicts_itself_must_be_stated(write):
    body = corner_lots("EN") + survey(bearing="packed").partition("</Units>")[2].removesuffix("</LandXML>")
    path = write(landxml(body, angles="decimal dd.mm.ss"))
    with pytest.raises(ReadError, match="contradicts itself"):
        read_landxml(path)
    assert of(read_landxml(path, order="NE"), "X01")["severity"].tolist() == ["review"]


def test_an_unknown_order_is_a_wrong_argument(write):
    with pytest.raises(ValueError, match="Invalid order 'XY'"):
        read_landxml(write(landxml(corner_lots())), order="XY")


# -- the unit ---------------------------------------------------------------------------------------------------------------------

FOOT = 'linearUnit="foot" areaUnit="squareFoot"'


def test_a_round_number_of_metres_shows_the_international_foot(write):
    # Partridge survey, point 100: 10,000 m / 0.3048 (known_answers foot_detection).
    body = '<CgPoints><CgPoint name="100">32808.39895013123 32808.39895013123</CgPoint></CgPoints>'
    read = read_landxml(write(landxml(body, units=FOOT)))
    assert read.unit is INTERNATIONAL_FOOT and "X02" not in codes(read)
    read = read_landxml(write(landxml(body.replace("32808.39895013123", "32808.33333333333"), units=FOOT), "b.xml"))
    assert read.unit is US_SURVEY_FOOT


def test_a_foot_that_nothing_tells_is_left_open_with_its_cost(write):
    read = read_landxml(write(landxml(corner_lots(), units=FOOT)))
    finding = of(read, "X02").iloc[0]
    assert read.unit is None and finding["severity"] == "review"
    assert finding["measure"] == pytest.approx(6_337_060 * 2e-6, abs=1e-3)  # 12.67 ft


def test_the_cost_is_only_told_where_coordinates_are_small(write):
    body = f"<Parcels>{parcel('1', *polygon([(0, 0), (0, 100), (100, 100), (100, 0)]))}</Parcels>"
    assert of(read_landxml(write(landxml(body, units=FOOT))), "X02")["severity"].tolist() == ["info"]


def test_the_sender_or_the_coordinate_system_settles_the_foot(write):
    path = write(landxml(corner_lots(), units=FOOT))
    assert read_landxml(path, unit=INTERNATIONAL_FOOT).unit is INTERNATIONAL_FOOT
    assert read_landxml(path, source_crs="EPSG:2227").unit is US_SURVEY_FOOT
    stated = write(landxml(corner_lots(), units=FOOT, head='<CoordinateSystem epsgCode="2227"/>'), "b.xml")
    read = read_landxml(stated)
    assert read.unit is US_SURVEY_FOOT and read.parcels.crs.to_epsg() == 2227


@pytest.mark.parametrize(
    ("units", "options", "said"),
    [
        ("", {}, "does not say its unit"),
        (FOOT, {"unit": METRE}, "says metre"),
        ('linearUnit="meter" areaUnit="squareMeter"', {"source_crs": "EPSG:2227"}, "US survey foot"),
    ],
)
def test_a_unit_missing_or_contradicted_is_refused(write, units, options, said):
    with pytest.raises(CRSError, match=said):
        read_landxml(write(landxml(corner_lots(), units=units)), **options)


def test_a_unit_that_no_survey_is_in_is_refused(write):
    with pytest.raises(ReadError, match="'millimeter', which is not read"):
        read_landxml(write(landxml(corner_lots(), units='linearUnit="millimeter"')))


def test_metres_stay_in_the_geometry_and_become_feet_in_the_columns(write):
    metric = 'linearUnit="meter" areaUnit="squareMeter"'
    lot = parcel("1", *polygon([(0, 0), (0, 30), (30, 30), (30, 0)]), more=' area="900"')
    body = f"<Parcels>{lot}</Parcels>"
    read = read_landxml(write(landxml(body, units=metric, system="Metric")))
    feet = 3937 / 1200
    assert read.unit is METRE and read.parcels.geometry.iloc[0].area == 900
    assert read.parcels["computed_area_sqft"].iloc[0] == pytest.approx(900 * feet**2)
    assert read.parcels["stated_area_sqft"].iloc[0] == pytest.approx(900 * feet**2)
    assert read.courses["distance_ft"].tolist() == pytest.approx([30 * feet] * 4)


# -- what is wrong is said --------------------------------------------------------------------------------------------------------


def test_a_stated_area_is_never_the_computed_one(write):
    # The 22 % of a real deed that closes and misstates its area.
    read = read_landxml(write(landxml(corner_lots(area="9146.00"))))
    finding = of(read, "X03").iloc[0]
    assert read.parcels["computed_area_sqft"].iloc[0] == pytest.approx(LOT_SQFT, abs=1e-5)
    assert finding["measure"] == pytest.approx(9146 - LOT_SQFT, abs=1e-4) and finding["feature"] == "Parcel 1"


def test_a_stated_area_in_acres_is_held_to_its_rounding(write):
    acres = 'linearUnit="USSurveyFoot" areaUnit="acre"'
    assert "X03" not in codes(read_landxml(write(landxml(corner_lots(area="0.163"), units=acres))))
    assert "X03" in codes(read_landxml(write(landxml(corner_lots(area="0.165"), units=acres), "b.xml")))


def test_a_stated_length_of_an_arc_is_held_to_its_own_rounding(write):
    assert "X04" not in codes(read_landxml(write(landxml(corner_lots(length="31.42000000")))))
    read = read_landxml(write(landxml(corner_lots(length="31.43")), "b.xml"))
    assert of(read, "X04")["feature"].tolist() == ["Parcel 1#4"]
    assert of(read, "X04")["measure"].iloc[0] == pytest.approx(31.43 - 10 * math.pi, abs=1e-6)


def test_a_stated_radius_and_direction_are_compared(write):
    a, b, c = (0, 0), (0, 100), (100, 0)
    segments = [line(a, b, more=' dir="0"'), line(b, c, more=' dir="136"'), line(c, a, more=' dir="270"')]
    arc = curve((200, 0), (210, 0), (220, 0), "cw", more=' radius="10.5"')
    body = f"<Parcels>{parcel('1', *segments)}{parcel('2', arc, line((220, 0), (200, 0)))}</Parcels>"
    rules = of(read_landxml(write(landxml(body, angles="decimal degrees"))), "X04")["rule"].tolist()
    assert sorted(rules) == ["stated_direction", "stated_radius"]


def test_the_boundary_around_the_lots_is_not_a_lot(write):
    def square(e, n, size):
        return polygon([(e, n), (e, n + size), (e + size, n + size), (e + size, n)])

    body = parcel("Prop Boundary", *square(0, 0, 200))
    body += "".join(parcel(f"Lot {n}", *square(e, m, 100)) for n, (e, m) in enumerate([(0, 0), (100, 0), (0, 100), (100, 100)]))
    read = read_landxml(write(landxml(f"<Parcels>{body}</Parcels>")))
    assert read.parcels["kind"].tolist() == ["outer_boundary"] + ["unstated"] * 4 and codes(read) == ["X05"]


def test_a_lot_with_two_easements_in_it_stays_a_lot(write):
    body = parcel("1", *polygon([(0, 0), (0, 100), (100, 100), (100, 0)]), more=' class="Lot"')
    for n, e in enumerate((0, 50)):
        easement = polygon([(e, 0), (e, 100), (e + 50, 100), (e + 50, 0)])
        body += parcel(f"E{n}", *easement, more=' class="Easement"')
    body += parcel("R", *polygon([(200, 0), (200, 10), (300, 10), (300, 0)]), more=' class="Road"')
    body += parcel("Q", *polygon([(400, 0), (400, 10), (500, 10), (500, 0)]), more=' class="Reserve"')
    assert read_landxml(write(landxml(f"<Parcels>{body}</Parcels>"))).parcels["kind"].tolist() == [
        "lot", "easement", "easement", "road", "other",
    ]  # fmt: skip


def test_an_open_figure_keeps_its_row_and_its_courses_and_is_said(write):
    body = f"<Parcels>{parcel('1', *polygon([(0, 0), (0, 100), (100, 100), (100, 0)])[:3])}</Parcels>"
    read = read_landxml(write(landxml(body)))
    assert read.parcels.geometry.isna().tolist() == [True] and np.isnan(read.parcels["computed_area_sqft"].iloc[0])
    assert len(read.courses) == 3
    assert of(read, "X06")[["severity", "measure"]].values.tolist() == [["error", 100.0]]


def test_a_neighbour_that_runs_off_the_plan_may_be_open(write):
    lot = parcel("1", *polygon([(0, 0), (0, 9), (9, 9), (9, 0)])[:3], more=' state="adjoining"')
    body = f"<Parcels>{lot}</Parcels>"
    assert of(read_landxml(write(landxml(body))), "X06")["severity"].tolist() == ["review"]


def test_a_small_gap_is_bridged_and_said(write):
    segments = [line((0, 0), (0, 100)), line((0, 100.02), (100, 100)), line((100, 100), (0, 0))]
    read = read_landxml(write(landxml(f"<Parcels>{parcel('1', *segments)}</Parcels>")))
    assert read.parcels.geometry.iloc[0].is_valid
    assert of(read, "X06")["measure"].tolist() == pytest.approx([0.02])


def test_a_point_that_is_not_there_makes_a_finding_not_a_smaller_lot(write):
    segments = polygon([(0, 0), (0, 100), (100, 100), (100, 0)])
    segments[1] = '<Line><Start pntRef="7"/><End pntRef="8"/></Line>'
    read = read_landxml(write(landxml(f"<Parcels>{parcel('1', *segments)}</Parcels>")))
    assert len(read.parcels) == 1 and read.parcels.geometry.isna().all()
    assert "point '7', which has no place" in of(read, "X07")["message"].iloc[0]


@pytest.mark.parametrize(
    ("segment", "said"),
    [
        ("<Line><Start>1 nan</Start><End>2 2</End></Line>", "has as its Start '1 nan'"),
        ("<Line><Start>1 1e999</Start><End>2 2</End></Line>", "has as its Start"),
        ("<Line><Start>1</Start><End>2 2</End></Line>", "has as its Start '1'"),
        ("<Line><Start>1 2</Start></Line>", "has no End"),
        ("<Curve><Start>1 2</Start><Center>0 0</Center><End>2 1</End></Curve>", "does not say which way it turns"),
        ('<Curve rot="cw"><Start>1 2</Start><End>2 1</End></Curve>', "neither a centre that can be found nor a radius"),
        ('<Curve rot="cw" radius="1"><Start>0 0</Start><End>0 9</End></Curve>', "at least half of the chord"),
        ("<Bezier/>", "a Bezier, which is not read"),
        ("<IrregularLine><Start>0 0</Start><End>1 1</End><PntList2D>1 2 3</PntList2D></IrregularLine>", "not 2 numbers"),
        ("<Chain>1 2</Chain>", "point '1', which has no place"),
    ],
)
def test_a_segment_that_cannot_be_read_is_a_finding(write, segment, said):
    read = read_landxml(write(landxml(f"<Parcels>{parcel('1', segment)}</Parcels>")))
    assert len(read.parcels) == 1
    assert said in " ".join(of(read, "X07")["message"])


def test_a_point_that_stands_twice_in_two_places_is_an_error(write):
    body = '<CgPoints><CgPoint name="1">1 2</CgPoint><CgPoint name="1">1 3</CgPoint><CgPoint name="2">x y</CgPoint></CgPoints>'
    read = read_landxml(write(landxml(body)))
    assert of(read, "X10")[["rule", "feature"]].values.tolist() == [["point_twice", "1"], ["point_unplaced", "2"]]
    assert len(read.points) == 1


def test_points_refer_to_points_and_a_circle_of_references_has_no_place(write):
    body = '<CgPoints><CgPoint name="a" pntRef="b"/><CgPoint name="b">5 7</CgPoint>'
    body += '<CgPoint name="c" pntRef="d"/><CgPoint name="d" pntRef="c"/></CgPoints>'
    read = read_landxml(write(landxml(body)))
    assert read.points.set_index("name").geometry["a"] == shapely.Point(7, 5)
    assert of(read, "X10")["feature"].tolist() == ["c", "d"]


def test_a_figure_of_eight_is_said_to_cross_itself(write):
    body = f"<Parcels>{parcel('1', *polygon([(0, 0), (0, 100), (100, 0), (100, 90)]))}</Parcels>"
    assert "X09" in codes(read_landxml(write(landxml(body))))


def test_what_is_not_read_is_counted(write):
    body = "<Surfaces><Surface name='s'><Definition><Pnts><P id='1'>1 2 3</P></Pnts></Definition></Surface></Surfaces>"
    finding = of(read_landxml(write(landxml(body + corner_lots()))), "X10").iloc[0]
    assert "Surface (1)" in finding["message"] and finding["severity"] == "info"


def test_an_observation_that_leads_elsewhere_is_a_finding(write):
    text = survey(bearing="packed").replace('horizDistance="500.0"', 'horizDistance="501.0"', 1)
    assert of(read_landxml(write(text)), "X11")["measure"].tolist() == pytest.approx([1.0], abs=1e-3)


def test_a_raw_observation_is_reduced_to_the_horizontal(write):
    body = f'<CgPoints><CgPoint name="A">{at(100, 200)}</CgPoint></CgPoints><Survey>'
    body += '<InstrumentSetup id="s" stationName="A" orientationAzimuth="100"><InstrumentPoint/></InstrumentSetup>'
    step = 10 * math.sqrt(1.5)
    target = f"<TargetPoint>{at(100 + step, 200 - step)}</TargetPoint>"
    body += f'<ObservationGroup setupID="s"><RawObservation horizAngle="50" slopeDistance="20" zenithAngle="66.66666667">{target}'
    body += "</RawObservation></ObservationGroup></Survey>"
    # 100 + 50 gons are 135°; 20 at a zenith angle of 60° is 17.3205 flat.
    row = read_landxml(write(landxml(body, angles="grads"))).observations.iloc[0]
    assert (row["azimuth_deg"], row["distance_ft"]) == (pytest.approx(135), pytest.approx(17.3205, abs=1e-4))
    assert row["miss_ft"] == pytest.approx(0, abs=1e-4)


def test_lines_without_a_length_get_the_dimensions_of_the_survey_both_ways(write):
    text = survey(bearing="packed")
    lot = '<Parcels><Parcel name="1"><CoordGeom><Line><Start pntRef="2"/><End pntRef="1"/></Line>'
    lot += '<Line><Start pntRef="2"/><End pntRef="3"/></Line>'
    read = read_landxml(write(text.replace("<Survey>", lot + "</CoordGeom></Parcel></Parcels><Survey>")))
    back, forth = read.courses.iloc[0], read.courses.iloc[1]
    assert back["stated_azimuth_deg"] == pytest.approx(216.86989765, abs=1e-6) and back["stated_length_ft"] == 500
    assert forth["stated_by"] == "ReducedObservation 1"


def test_monuments_are_where_their_points_are(write):
    body = '<CgPoints><CgPoint name="1">5 7</CgPoint></CgPoints>'
    body += '<Monuments><Monument name="m" pntRef="1" type="Iron pipe" condition="Good"/></Monuments>'
    row = read_landxml(write(landxml(body))).monuments.iloc[0]
    assert (row["kind"], row["condition"], row["geometry"]) == ("Iron pipe", "Good", shapely.Point(7, 5))


# -- hostile and broken -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('<!DOCTYPE a [<!ENTITY b "c">]><LandXML/>', "document type"),
        ('<!DOCTYPE a SYSTEM "file:///etc/hostname"><LandXML/>', "document type"),
        ("<LandXML>" + "<a>" * 200 + "</a>" * 200 + "</LandXML>", "nested more than"),
        ("<LandXML><a></LandXML>", "not well-formed"),
        ("<LandXML/><LandXML/>", "not well-formed"),
        ("<html/>", "root element is 'html'"),
    ],
)
def test_hostile_and_broken_files_are_refused(write, text, said):
    with pytest.raises(ReadError, match=said):
        read_landxml(write(text))
    with pytest.raises(ReadError, match=said):
        cg.read(write(text))


def test_an_address_is_not_opened():
    with pytest.raises(ReadError, match="not a file on this machine"):
        read_landxml("https://example.org/a.xml")


def test_western_text_and_marks_are_read(write):
    text = (
        landxml(corner_lots())
        .replace('<?xml version="1.0"?>', '<?xml version="1.0" encoding="iso-8859-1"?>')
        .replace('"1"', '"Peña 1"')
    )
    assert read_landxml(write(text, encoding="latin-1")).parcels["name"].iloc[0] == "Peña 1"
    assert len(read_landxml(write(landxml(corner_lots()), "b.xml", "utf-8-sig")).parcels) == 2


# -- through the front door -------------------------------------------------------------------------------------------------------


def test_read_takes_a_layer_of_it_and_says_what_is_a_chord(write):
    path = write(landxml(corner_lots(), head='<CoordinateSystem epsgCode="2227"/>'), "tract.landxml")
    frame = cg.read(path, "parcels")
    assert frame.crs.to_epsg() == 2227 and frame["source_ref"].tolist() == [f"tract.landxml/parcels#Parcel {n}" for n in "12"]
    assert frame["read_code"].tolist() == ["R02", "R02"]
    courses = cg.read(path, "courses")
    assert courses["source_ref"].iloc[3] == "tract.landxml/courses#Parcel 1#4" and courses["figure"].iloc[3] == "Parcel 1"
    with pytest.raises(ReadError, match="2 layers: parcels, courses"):
        cg.read(path)


def test_read_reports_a_figure_that_cannot_be_drawn(write):
    body = f"<Parcels>{parcel('1', *polygon(shifted([(0, 0), (0, 100), (100, 100), (100, 0)]))[:3])}</Parcels>{corner_lots()}"
    frame = cg.read(write(landxml(body, head='<CoordinateSystem epsgCode="2227"/>')), "parcels")
    assert frame["read_code"].tolist() == ["R01", "R02", "R02"] and "does not close" in frame["read_message"].iloc[0]


def test_inspect_shows_the_findings(write):
    path = write(landxml(corner_lots(area="9146"), head='<CoordinateSystem epsgCode="2227"/>'))
    shown = str(cg.inspect(path))
    assert "X03 stated_area" in shown and "Layer courses" in shown


def rows_of_lots(count):
    """Lots of 100 by 150 ft, forty in a row, by points that have names."""
    points, lots = [], []
    for n in range(count):
        easting, northing = 100.0 * (n % 40), 150.0 * (n // 40)
        corners = [(easting, northing), (easting, northing + 150), (easting + 100, northing + 150), (easting + 100, northing)]
        names = [f"{int(e)}_{int(m)}" for e, m in corners]
        points += [f'<CgPoint name="{name}">{at(*p)}</CgPoint>' for name, p in zip(names, corners, strict=True)][:3]
        lots.append(parcel(str(n), *polygon(corners)))
    return landxml(f"<CgPoints>{''.join(points)}</CgPoints><Parcels>{''.join(lots)}</Parcels>")


def calls_to_read(path):
    """How many functions are called to read a file: the same each time, whatever else the machine does."""
    count = 0

    def called(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        read_landxml(path)
    finally:
        sys.setprofile(before)
    return count


def test_four_times_the_lots_are_four_times_the_work(write):
    paths = [write(rows_of_lots(count), f"{count}.xml") for count in (100, 400)]
    for path in paths:
        read_landxml(path)  # what a first reading fetches is not counted
    few, many = map(calls_to_read, paths)
    assert many < 4.4 * few


def test_a_thousand_lots_with_three_thousand_points_are_read_the_same_again(write):
    path = write(rows_of_lots(1000))
    first, second = read_landxml(path), read_landxml(path)
    assert first.parcels.to_wkb().equals(second.parcels.to_wkb())
    assert first.parcels["computed_area_sqft"].tolist() == pytest.approx([15000] * 1000)


# -- parcels that hold parcels, and none ------------------------------------------------------------------------------------------


def nest(name, *inside, more=""):
    return f'<Parcel name="{name}"{more}><Parcels>{"".join(inside)}</Parcels></Parcel>'


def lot(name, east, more=""):
    return parcel(name, *polygon([(east, 0), (east, 100), (east + 100, 100), (east + 100, 0)]), more=more)


def test_a_parcel_that_only_holds_closed_ones_is_a_container_and_no_error(write):
    body = nest("T", nest("BLOCK A", lot("1", 0), lot("2", 100)))
    read = read_landxml(write(landxml(f"<Parcels>{body}</Parcels>")))
    assert read.parcels["kind"].tolist() == ["container", "container", "unstated", "unstated"]
    assert of(read, "X06")[["rule", "severity"]].values.tolist() == [["container", "info"]] * 2


@pytest.mark.parametrize(
    "body",
    [
        nest("7", lot("E", 0, ' class="Easement"')),
        nest("7", lot("R", 0, ' class="Reserve"'), more=' class="Lot"'),
        nest("7", parcel("8", *polygon([(0, 0), (0, 9), (9, 9), (9, 0)])[:3])),
        '<Parcel name="7"/>',
    ],
)
def test_a_lot_whose_own_land_is_missing_stays_an_error(write, body):
    read = read_landxml(write(landxml(f"<Parcels>{body}</Parcels>")))
    told = of(read, "X06").set_index("feature")
    assert told.loc["Parcel 7", "severity"] == "error" and "container" not in read.parcels["kind"].tolist()


def test_a_file_without_parcels_says_what_it_holds_instead(write):
    points = f'<CgPoints><CgPoint name="1">{at(0, 0)}</CgPoint><CgPoint name="2">{at(9, 9)}</CgPoint></CgPoints>'
    told = of(read_landxml(write(landxml(points))), "X13")
    assert told["severity"].tolist() == ["review"] and "It holds points (2)." in told["message"].iloc[0]
    assert not len(of(read_landxml(write(landxml(corner_lots()), "b.xml")), "X13"))
