"""Rules of the lines between neighbours: kept, broken, exempt, and at their edge; and one finding for one defect."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from quality_layers import EAST, FEET, NORTH, at, parcels, sound

from citygis.quality import validate


def polygon(*corners):
    return shapely.Polygon([(EAST + e, NORTH + n) for e, n in corners])


def found(*shapes, layer="parcel", **change):
    frame = parcels(*shapes).assign(**change)
    if layer != "parcel":
        frame = gpd.GeoDataFrame({"pid": frame["apn_display"]}, geometry=frame.geometry)
    return validate(frame, layer, only="geometry", key=None if layer == "parcel" else "pid")


def lots_with_corner(easting, northing):
    """Two lots side by side; the corner of the second at their north end lies here instead of (60, 110)."""
    return at(0, 0, 60, 110), polygon((60, 0), (120, 0), (120, 110), (easting, northing))


def said(findings):
    """What is told of whom; how grave a narrow strip is depends on the accuracy of both sides, which is not the matter here."""
    return findings[["code", "feature", "other"]].values.tolist()


A, B = "191-190-70", "191-190-71"


@pytest.mark.parametrize("layer", ["parcel", "lots"])
@pytest.mark.parametrize(("off", "expected"), [(0.0004, []), (0.0007, ["T31"]), (0.1199, ["T31"]), (0.1203, ["T32"])], ids=str)
def test_a_corner_is_the_neighbours_then_misaligned_then_another(layer, off, expected):
    # Up along the side line: the ground between the two lots is closed all the way.
    upward = found(*lots_with_corner(60, 110 + off), layer=layer)
    assert upward["code"].tolist() == expected


def test_a_misaligned_corner_names_the_lot_that_has_it_alone():
    # Four lots meet in one place but for the fourth.
    shapes = [at(0, 0, 60, 110), at(60, 0, 60, 110), at(0, 110, 60, 110), polygon((60.004, 110), (120, 110), (120, 220), (60, 220))]
    findings = found(*shapes)
    assert findings["code"].tolist() == ["T31"]
    row = findings.iloc[0]
    assert row["feature"] == "191-190-73" and row["other"] == A
    assert (row["severity"], row["unit"], row["tolerance"]) == ("review", "ft", 0.12)
    assert row["measure"] == pytest.approx(0.004, abs=1e-8)
    assert "and 2 more features have corners in the same place" in row["message"]
    expected = [[EAST + 60.004, NORTH + 110], [EAST + 60, NORTH + 110]]
    assert shapely.get_coordinates(row["geometry"]) == pytest.approx(np.array(expected), abs=1e-8)


def test_a_neighbours_corner_on_an_edge_without_a_vertex_is_told_of_the_one_that_lacks_it():
    findings = found(at(0, 0, 60, 110), at(60, 0, 60, 110), at(0, 110, 120, 110))
    assert said(findings) == [["T32", "191-190-72", A]]
    assert findings.geometry[0] == shapely.Point(EAST + 60, NORTH + 110)


@pytest.mark.parametrize(("off", "expected"), [(0.0097, "T32"), (0.0101, "T01"), (-0.0097, "T32"), (-0.0110, "T33")])
def test_a_corner_off_the_edge_is_a_missing_vertex_up_to_a_hundredth_and_then_an_overlap_or_a_sliver(off, expected):
    across = polygon((0, 110), (60, 110 - off), (120, 110), (120, 220), (0, 220))
    assert found(at(0, 0, 120, 110), across)["code"].tolist() == [expected]


def test_a_vertex_on_both_sides_of_a_junction_is_sound():
    across = polygon((0, 110), (60, 110), (120, 110), (120, 220), (0, 220))
    assert found(at(0, 0, 60, 110), at(60, 0, 60, 110), across).empty


def test_lots_across_a_street_have_no_border():
    assert found(at(0, 0, 60, 110), at(0.05, 160, 60, 110)).empty


def test_what_is_retired_proposed_or_stacked_has_no_border_with_the_rest():
    shapes = lots_with_corner(60, 110.004)
    frame = parcels(*shapes)
    for change in ({"status": "RETIRED"}, {"status": "PROPOSED"}, {"parcel_kind": "CONDO"}):
        other = frame.copy()
        other.loc[1, list(change)] = list(change.values())
        assert validate(other, "parcel", only="geometry").empty, change
    stacked = frame.assign(stack_id="33333333-3333-5333-8333-333333333333")
    assert validate(stacked, "parcel", only="geometry").empty


def test_a_broken_lot_has_no_corners_to_compare():
    bowtie = polygon((60, 0), (120, 110), (120, 0), (60.004, 110))
    assert found(at(0, 0, 60, 110), bowtie)["code"].tolist() == ["G03"]


@pytest.mark.parametrize("layer", ["parcel", "lots"])
@pytest.mark.parametrize(("width", "expected"), [(0.0096, []), (0.0101, ["T33"]), (5.9, ["T33"]), (6.01, [])])
def test_ground_between_neighbours_is_a_sliver_from_a_hundredth_up_to_six_feet(layer, width, expected):
    findings = found(at(0, 0, 60, 110), at(60 + width, 0, 60, 110), layer=layer)
    findings = findings[findings["code"] != "T31"]
    assert findings["code"].tolist() == expected
    if expected:
        row = findings.iloc[0]
        assert (row["severity"], row["feature"], row["other"], row["unit"]) == ("review", A, B, "ft")
        assert row["measure"] == pytest.approx(width, rel=0.01, abs=2e-4)
        assert row["geometry"].area == pytest.approx(width * 110, rel=0.01)


# -- one finding for one defect ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [0.02, 0.05, 0.5, 5.0])
def test_a_side_line_drawn_into_the_neighbour_is_an_overlap_and_nothing_else(width):
    findings = found(at(0, 0, 60 + width, 110), at(60, 0, 60, 110), at(0, 110, 60, 110), at(60, 110, 60, 110))
    assert said(findings) == [["T01", A, B]]


def test_one_corner_in_the_neighbours_ground_is_an_overlap_and_nothing_else():
    assert said(found(*lots_with_corner(59.95, 110))) == [["T01", A, B]]


@pytest.mark.parametrize("width", [0.02, 0.05, 0.5])
def test_a_strip_between_two_side_lines_is_a_sliver_and_nothing_else(width):
    findings = found(at(0, 0, 60 - width, 110), at(60, 0, 60, 110), at(0, 110, 60, 110), at(60, 110, 60, 110))
    assert said(findings) == [["T33", A, B]]


def test_one_corner_that_opens_a_wedge_is_a_misaligned_corner_and_nothing_else():
    findings = found(*lots_with_corner(60.05, 110))
    assert findings[["code", "rule", "severity"]].values.tolist() == [["T31", "misaligned_corner", "review"]]
    assert findings["measure"][0] == pytest.approx(0.05, abs=1e-6)


def test_a_spike_into_the_neighbour_is_a_spike_and_nothing_else():
    spike = polygon((0, 0), (60, 0), (60, 50), (65, 50.005), (60, 50.01), (60, 110), (0, 110))
    findings = found(spike, at(60, 0, 60, 110))
    assert findings[["code", "rule", "feature"]].values.tolist() == [["T26", "spike", A]]


def test_a_near_vertex_is_a_short_segment_and_nothing_else():
    near = polygon((0, 0), (60, 0), (60, 109.99), (60, 110), (0, 110))
    findings = found(near, at(60, 0, 60, 110))
    assert findings[["code", "rule", "feature"]].values.tolist() == [["T26", "short_segment", A]]


def test_two_defects_in_two_places_of_a_lot_are_two_findings():
    shapes = [at(0, 0, 60, 110), polygon((60, 0), (120, 0), (120, 110), (60, 110.004)), at(119.5, 0, 60, 110)]
    assert sorted(found(*shapes)["code"]) == ["T01", "T31"]


def test_the_answer_does_not_depend_on_the_order_of_the_rows():
    shapes = [
        at(0, 0, 60.05, 110),
        at(60, 0, 60, 110),
        polygon((120, 0), (180, 0), (180, 110), (120, 110.004)),
        at(0, 110, 180, 100),
    ]
    frame = parcels(*shapes)
    first = validate(frame, "parcel", only="geometry")
    for seed in range(4):
        order = np.random.default_rng(seed).permutation(len(frame))
        again = validate(frame.iloc[order], "parcel", only="geometry")
        pairs = {frozenset((a, b)) for a, b in zip(again["feature"], again["other"], strict=True)}
        assert sorted(again["code"]) == sorted(first["code"])
        assert pairs == {frozenset((a, b)) for a, b in zip(first["feature"], first["other"], strict=True)}


def test_a_sound_fabric_without_its_streets_has_no_findings():
    assert validate(sound()["parcel"], "parcel", only="geometry").empty
    assert sound()["parcel"].crs == FEET
