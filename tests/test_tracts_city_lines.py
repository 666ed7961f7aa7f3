"""One boundary has one line: the map's courses take the place of the City's, with what lies on the other side."""

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import sample_city
import shapely
import tract_maps
from land_layers import lines
from quality_layers import at

from citygis.city import default_city
from citygis.cogo import arc_vertices
from citygis.quality import validate
from citygis.tracts import tract_work
from citygis.tracts.city_lines import lines_met

CITY = default_city()


class Map:
    """Of a plat what the City's lines are laid to: one lot on the right of its courses, nothing on their left."""

    name, source_id = "map.xml", "33333333-3333-5333-8333-333333333333"

    def __init__(self, n):
        self.edges = pd.DataFrame({"left": -1, "right": 0, "source_ref": [f"map.xml#{k + 1}" for k in range(n)]}, index=range(n))


def columns(n, **more):
    """What `boundary_columns` knows of straight courses of 100 ft."""
    known = {"direction_az": 90.0, "distance_ft": 100.0, "radius_ft": None, "arc_length_ft": None, "curve_side": None}
    known |= {"delta_dms": None, "bearing_text": "N 90°00'00\" E", "rotation": 0.0, "line_kind": "RECORD"}
    known |= {"left_parcel": None, "right_parcel": "the lot", "residual_dist_ft": 0.02, **more}
    return {"line_id": [f"T1-{k + 1:04d}" for k in range(n)]} | {name: [value] * n for name, value in known.items()}


def line(*places):
    return shapely.LineString(np.array(places) + [at(0, 0, 1, 1).bounds[:2]])


def chain(*places):
    return np.array(places, dtype=float) + [at(0, 0, 1, 1).bounds[:2]]


def met(chains, held_lines, *, known=None, parcels=None, parents=()):
    held = {"boundary_line": held_lines}
    if parcels is not None:
        held["parcel"] = parcels
    n = len(chains)
    ground = at(0, -200, 400, 200)
    return lines_met(Map(n), known or columns(n), chains, held, ground=ground, parents=parents, crs=held_lines.crs)


def city_lines(*shapes, left=None, right=None):
    frame = lines(*shapes)
    n = len(shapes)
    return frame.assign(left_parcel=left or [None] * n, right_parcel=right or [None] * n, retired_by_record=None)


def test_a_line_that_two_courses_cover_is_retired_by_the_map_and_its_neighbour_linked_to_both():
    held = city_lines(line((0, 0), (200, 0)), left=["north"], right=["parent"])
    found = met([chain((0, 0), (100, 0)), chain((200, 0), (100, 0))], held)
    assert found.retired["line_id"].tolist() == ["L0"] and found.retired["status"].tolist() == ["RETIRED"]
    assert found.retired["retired_by_record"].tolist() == [Map.source_id]
    # The second course runs against the line: what is on the line's left is on its right, where the lot is.
    assert found.columns["left_parcel"] == ["north", "parent"]
    assert found.findings["code"].tolist() == ["N24"]


def test_a_course_is_divided_where_a_line_of_the_city_s_that_stays_ends_on_it():
    between = line((40, 0), (40, 80))
    held = city_lines(line((0, 0), (40, 0)), line((40, 0), (100, 0)), between, left=["a", "b", None])
    found = met([chain((0, 0), (40, 0), (100, 0))], held)
    assert found.columns["line_id"] == ["T1-0001-1", "T1-0001-2"]
    assert found.columns["distance_ft"] == pytest.approx([40, 60]) and found.columns["residual_dist_ft"] == pytest.approx(
        [0.008, 0.012]
    )
    assert found.columns["line_kind"] == ["CALCULATED"] * 2 and found.columns["left_parcel"] == ["a", "b"]
    assert found.retired["line_id"].tolist() == ["L0", "L1"]
    assert found.refs == ["map.xml#1"] * 2 and found.findings["code"].tolist() == ["N24", "N25"]


def test_a_course_over_several_lines_beside_one_parcel_stays_whole():
    held = city_lines(line((0, 0), (40, 0)), line((40, 0), (100, 0)), left=["a", "a"])
    found = met([chain((0, 0), (40, 0), (100, 0))], held)
    assert found.columns["line_id"] == ["T1-0001"] and found.columns["left_parcel"] == ["a"]
    assert len(found.retired) == 2


def test_a_line_that_the_map_covers_in_part_or_that_only_meets_it_stays():
    held = city_lines(line((0, 0), (140, 0)), line((100, 0), (100, 80)), line((0, 0.2), (100, 0.2)))
    found = met([chain((0, 0), (100, 0))], held)
    assert not len(found.retired) and found.columns == columns(1)


def test_a_line_between_two_parents_is_retired_and_one_beside_another_parcel_is_not():
    inner, other = line((50, -20), (50, -180)), line((90, -20), (90, -180))
    held = city_lines(inner, other, left=["p", "p"], right=["q", "stranger"])
    parcels = gpd.GeoDataFrame({"apn": ["1", "2"], "global_id": ["p", "q"]})
    found = met([chain((0, 0), (100, 0))], held, parcels=parcels, parents=["1", "2"])
    assert found.retired["line_id"].tolist() == ["L0"]


def test_parts_of_an_arc_turn_by_their_share_and_their_chords_close_on_its_own():
    """A quarter circle of 100 ft to the right, from due east, cut at a third of its length."""
    start, end = chain((0, 0), (100, -100))
    vertices = arc_vertices(start, end, 90.0, "R")
    cut = int(np.argmin(np.abs(np.linspace(0, 1, len(vertices)) - 1 / 3)))
    place = tuple(vertices[cut] - at(0, 0, 1, 1).bounds[:2])
    stays = line(place, (place[0], 80))
    known = columns(1, direction_az=135.0, distance_ft=100 * math.sqrt(2), radius_ft=100.0, arc_length_ft=50 * math.pi)
    known |= {"curve_side": ["R"], "delta_dms": ["90°00'00\""], "bearing_text": ["S 45°00'00\" E"]}
    found = met([vertices], city_lines(stays), known=known)
    azimuth, long = np.radians(found.columns["direction_az"]), np.array(found.columns["distance_ft"])
    assert len(long) == 2 and sum(found.columns["arc_length_ft"]) == pytest.approx(50 * math.pi)
    assert (long * np.sin(azimuth)).sum() == pytest.approx(100, abs=1e-3)
    assert (long * np.cos(azimuth)).sum() == pytest.approx(-100, abs=1e-3)
    share = found.columns["arc_length_ft"][0] / (50 * math.pi)
    assert found.columns["direction_az"][0] == pytest.approx(90 + 45 * share)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A tract of the sample city, laid to all that the City has there, its lines too."""
    held = {**tract_maps.held(), "boundary_line": sample_city.city().layers["boundary_line"]}
    path = tract_maps.landxml(tmp_path_factory.mktemp("map") / "t.xml")
    return held, tract_work(path, "4012", city=CITY, held=held, frame=tract_maps.FRAME, retire=True), path


def test_no_line_of_the_city_s_is_doubled_by_a_tract_and_none_is_left_around_its_parent(whole):
    held, work, _ = whole
    own = tract_maps.parent()["global_id"]
    mine = work.layers["boundary_line"]
    gone = mine[mine["status"] == "RETIRED"]
    lines_of = held["boundary_line"]
    of_parent = lines_of[lines_of["left_parcel"].eq(own) | lines_of["right_parcel"].eq(own)]
    assert set(gone["line_id"]) == set(of_parent["line_id"])
    rest = held["boundary_line"]
    rest = rest[~rest["line_id"].isin(gone["line_id"]) & rest.intersects(shapely.box(*work.lots.total_bounds).buffer(200))]
    drawn = pd.concat([rest, mine[mine["status"] != "RETIRED"]], ignore_index=True)
    found = validate(drawn, "boundary_line", city=CITY, only="geometry")
    assert not found["code"].isin(["T06", "G04"]).any(), found[["code", "message"]]


def test_neighbours_of_the_parent_are_on_the_other_side_of_the_new_courses(whole):
    held, work, _ = whole
    own = tract_maps.parent()["global_id"]
    lines_of = held["boundary_line"]
    lines_of = lines_of[lines_of["left_parcel"].eq(own) | lines_of["right_parcel"].eq(own)]
    beside = set(lines_of["left_parcel"]) | set(lines_of["right_parcel"])
    beside = {each for each in beside if isinstance(each, str)} - {own}
    mine = work.layers["boundary_line"].query("status != 'RETIRED'")
    assert beside and beside <= set(mine["left_parcel"]) | set(mine["right_parcel"])
    assert own not in set(mine["left_parcel"]) | set(mine["right_parcel"])


def test_a_map_brought_in_again_is_laid_to_the_city_s_and_not_to_itself(whole):
    held, work, path = whole
    after = dict(held)
    for name, key in (("parcel", "apn"), ("boundary_line", "line_id"), ("right_of_way", "row_id"), ("tract", "tract_no")):
        new = work.layers[name]
        rest = held[name][~held[name][key].isin(new[key])]
        after[name] = pd.concat([rest, new[[column for column in held[name] if column in new]]], ignore_index=True)
    again = tract_work(path, "4012", city=CITY, held=after, frame=tract_maps.FRAME, retire=True)
    for name in ("parcel", "boundary_line", "right_of_way"):
        one, two = work.layers[name], again.layers[name]
        assert one.geometry.geom_equals_exact(two.geometry, 0.0).all(), name
        said = [column for column in one if column not in ("geometry", "tx_from")]
        pd.testing.assert_frame_equal(pd.DataFrame(one[said]), pd.DataFrame(two[said]), check_dtype=False)
