"""Structures that stand on easements."""

import datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.analysis import easement_encroachments
from citygis.cogo.arc import arc_vertices
from citygis.errors import AnalysisError, CRSError

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0


def box(w, s, e, n):
    return shapely.box(E + w, N + s, E + e, N + n)


def easements(*shapes, **columns) -> gpd.GeoDataFrame:
    table = {"easement_id": [f"E-{k}" for k in range(len(shapes))], "purpose": "SEWER", "h_accuracy_ft": 0.07, **columns}
    return gpd.GeoDataFrame(table, geometry=list(shapes), crs=CRS)


def buildings(*shapes, accuracy_ft=0.1) -> gpd.GeoDataFrame:
    table = {"building_id": [f"B-{k}" for k in range(len(shapes))], "h_accuracy_ft": accuracy_ft}
    return gpd.GeoDataFrame(table, geometry=list(shapes), crs=CRS)


STRIP = box(0, 0, 200, 10)


def test_two_tenths_of_a_foot_are_found_with_their_square_feet():
    answer = easement_encroachments(easements(STRIP), buildings(box(50, 9.8, 90, 40)))
    row = answer.table.iloc[0]
    assert row["class"] == "encroaches"
    assert row["area_sqft"] == pytest.approx(40 * 0.2) and row["depth_ft"] == pytest.approx(0.2)
    assert row["accuracy_ft"] == pytest.approx(np.hypot(0.07, 0.1))
    assert answer.agrees


@pytest.mark.parametrize(
    "depth_ft,said",
    [(0.0005, "touches"), (0.005, "within accuracy"), (0.122, "within accuracy"), (0.1222, "encroaches"), (0.0, "touches")],
)
def test_the_accuracy_of_both_decides_what_can_be_said(depth_ft, said):
    # The root of 0.07 squared and 0.10 squared is 0.12207.
    answer = easement_encroachments(easements(STRIP), buildings(box(50, 10 - depth_ft, 90, 40)))
    assert answer.table["class"].tolist() == [said]


def test_what_is_clear_by_less_than_the_accuracy_is_listed_apart():
    answer = easement_encroachments(easements(STRIP), buildings(box(50, 10.1, 90, 40), box(100, 10.2, 120, 40)))
    assert not len(answer.table)
    assert answer.tables["near"][["structure_id", "clear_ft"]].to_numpy().tolist() == [["B-0", pytest.approx(0.1)]]
    assert "1 that seem clear" in answer.unanswered["what"].iloc[-1]


def test_a_tolerance_that_is_asked_for_takes_the_place_of_the_accuracy():
    layers = easements(STRIP), buildings(box(50, 9.8, 90, 40))
    assert easement_encroachments(*layers, tolerance_ft=0.21).table["class"].tolist() == ["within accuracy"]
    assert easement_encroachments(*layers, tolerance_ft=0.19).table["class"].tolist() == ["encroaches"]


def test_a_building_across_the_whole_strip_is_half_its_width_deep():
    answer = easement_encroachments(easements(STRIP), buildings(box(50, -20, 90, 40)))
    assert answer.table["depth_ft"][0] == pytest.approx(5.0, abs=0.05)
    assert answer.table["area_sqft"][0] == pytest.approx(400.0)


def test_a_round_tank_on_a_strip_has_the_area_and_depth_of_its_circle():
    # A tank of 20 ft radius whose centre is 12 ft above the strip's upper side reaches 8 ft in: a circular segment.
    radius, above = 20.0, 12.0
    corner = (E + 100 + radius, N + 10 + above), (E + 100 - radius, N + 10 + above)
    halves = [arc_vertices(*corner, 180, "L"), arc_vertices(*corner[::-1], 180, "L")]
    tank = shapely.Polygon(np.vstack([halves[0], halves[1][1:]]))
    arcs = gpd.GeoDataFrame(
        {"radius_ft": radius, "curve_side": ["L", "L"]}, geometry=[shapely.LineString(each) for each in halves], crs=CRS
    )
    wide = box(0, -40, 200, 10)
    answer = easement_encroachments(easements(wide), buildings(tank), boundary_line=arcs)
    angle = 2 * np.arccos(above / radius)
    segment = radius**2 / 2 * (angle - np.sin(angle))
    assert answer.table["area_sqft"][0] == pytest.approx(segment, abs=1e-3)
    assert answer.table["depth_ft"][0] == pytest.approx(8.0, abs=1e-3)
    by_chords = easement_encroachments(easements(wide), buildings(tank)).table["area_sqft"][0]
    assert abs(by_chords - segment) > 0.05
    assert any("taken as arcs" in remark for remark in answer.method.remarks) and answer.agrees


def test_depth_is_that_of_brute_force_over_a_grid():
    rng = np.random.default_rng(5)
    ragged = shapely.Polygon(
        [(E + r * np.cos(a), N + r * np.sin(a)) for a, r in zip(np.linspace(0, 6, 12), rng.uniform(20, 60, 12), strict=True)]
    )
    answer = easement_encroachments(easements(ragged), buildings(box(-15, -30, 30, 25)))
    common = ragged.intersection(box(-15, -30, 30, 25))
    w, s, e, n = common.bounds
    points = shapely.points(*np.meshgrid(np.linspace(w, e, 400), np.linspace(s, n, 400))).ravel()
    best = shapely.distance(points[shapely.contains(common, points)], ragged.exterior).max()
    assert best * 0.99 <= answer.table["depth_ft"][0] <= best + 0.2


def test_the_document_is_named_by_book_and_page():
    documents = pd.DataFrame(
        {
            "doc_id": ["d1"],
            "doc_type": ["EASEMENT_DEED"],
            "doc_number": ["2001-0042"],
            "book": ["123"],
            "page": ["45"],
            "map_book_kind": ["OFFICIAL_RECORDS"],
            "recorded_on": [pd.Timestamp("2001-03-04")],
        }
    )
    answer = easement_encroachments(easements(STRIP, doc_id="d1"), buildings(box(50, 5, 90, 40)), source_document=documents)
    assert answer.table["document"][0] == "easement deed, 2001-0042, official records, book 123, page 45, recorded 2001-03-04"


def test_what_has_ended_or_is_for_something_else_is_left_out_and_blanket_ones_are_told():
    rights = easements(
        STRIP,
        STRIP,
        STRIP,
        None,
        purpose=["SEWER", "SEWER", "GAS", "SEWER"],
        expires=[None, pd.Timestamp("2020-01-01"), None, None],
        blanket=[False, False, False, True],
    )
    answer = easement_encroachments(rights, buildings(box(50, 5, 90, 40)), purpose=["sewer"], date=datetime.date(2026, 1, 1))
    assert answer.table["easement_id"].tolist() == ["E-0"]
    assert dict(answer.excluded[["feature", "reason"]].to_numpy()) == {
        "E-1": "ended before 2026-01-01",
        "E-2": "of another purpose than asked for",
        "E-3": "blanket: it covers a parcel and has no place of its own",
    }
    assert "1 blanket easements, such as E-3" in answer.unanswered["what"].str.cat(sep="|")


def test_a_blanket_easement_drawn_as_its_whole_parcel_accuses_no_building():
    rights = easements(STRIP, box(0, 0, 200, 200), blanket=[False, True])
    answer = easement_encroachments(rights, buildings(box(50, 5, 90, 40)))
    assert answer.table["easement_id"].tolist() == ["E-0"]
    assert answer.excluded["feature"].tolist() == ["E-1"]
    assert "1 blanket easements, such as E-1" in answer.unanswered["what"].str.cat(sep="|")


def test_a_proposed_structure_is_looked_at_in_place_of_those_that_stand():
    answer = easement_encroachments(easements(STRIP), buildings(box(50, 5, 90, 40)), proposed=buildings(box(0, 50, 5, 60)))
    assert not len(answer.table)


def test_the_order_of_the_layers_changes_nothing():
    rights, things = easements(STRIP, box(0, 0, 10, 300)), buildings(box(5, 5, 30, 30), box(100, 2, 120, 4))
    one = easement_encroachments(rights, things)
    other = easement_encroachments(rights.iloc[::-1], things.iloc[::-1].set_index(pd.Index([3, 3])))
    pd.testing.assert_frame_equal(one.table, other.table)


def test_input_that_cannot_be_used_is_refused_with_what_to_do():
    layers = easements(STRIP), buildings(box(50, 5, 90, 40))
    with pytest.raises(AnalysisError, match="There are: SEWER"):
        easement_encroachments(*layers, purpose=["GAS"])
    with pytest.raises(AnalysisError, match="0 or above"):
        easement_encroachments(*layers, tolerance_ft=-1)
    with pytest.raises(CRSError, match="metres"):
        easement_encroachments(*(layer.to_crs("EPSG:26943") for layer in layers))
