"""A street given up: each neighbour takes what lies before it, and all of it is taken."""

import pandas as pd
import pytest
import shapely
from office_city import RECORD, change_of, ground, line, parcels, street, whole

from citygis.errors import SchemaError
from citygis.operations import refusals, vacate
from citygis.operations.rows import made_rows
from citygis.schema import schema

FIRST = "191-010-11"


def areas(done):
    rows = done.areas[(done.areas["layer"] == "parcel") & (done.areas["what"] == "changed")]
    return dict(zip(rows["feature"], (rows["after_sqft"] - rows["before_sqft"]).round(6), strict=True))


def test_each_side_takes_its_ground_to_the_middle():
    done = vacate(street(), "RW-1", parcels(), record=RECORD)
    south = {f"191-010-{n}": 60 * 30.0 for n in (11, 12, 13, 14)}
    north = {f"191-010-{n}": 80 * 30.0 for n in (21, 22, 23)}
    assert areas(done) == pytest.approx({**south, **north})
    assert abs(done.residual_sqft) < 1e-6
    way = change_of(done, "right_of_way").retired
    assert way["retired_by_record"].tolist() == [RECORD.doc_id]


def test_lineage_leads_from_the_street_to_the_parcels_with_shares():
    lineage = vacate(street(), "RW-1", parcels(), record=RECORD).change.lineage
    assert lineage["parent"].eq(street()["global_id"].iloc[0]).all() and lineage["kind"].eq("vacation").all()
    assert lineage["share_parent"].sum() == pytest.approx(1.0)
    assert set(lineage["child"]) == set(parcels()["global_id"])


def test_the_corners_on_the_middle_line_are_the_same_on_both_sides():
    change = change_of(vacate(street(), "RW-1", parcels(), record=RECORD)).updated
    assert shapely.coverage_is_valid(change.geometry.to_numpy())
    assert change.geometry.area.sum() == pytest.approx(4 * 6000 + 3 * 8000 + 240 * 60)


def test_a_centre_line_of_the_record_goes_before_the_middle():
    done = vacate(street(), "RW-1", parcels(), record=RECORD, centre_line=line((10, 120), (200, 120)))
    assert areas(done)[FIRST] == pytest.approx(60 * 20) and areas(done)["191-010-21"] == pytest.approx(80 * 40)


def test_one_side_takes_the_whole_width_where_the_record_says_so():
    done = vacate(street(), "RW-1", parcels(), record=RECORD, to=[f"191-010-{n}" for n in (11, 12, 13, 14)])
    assert areas(done) == pytest.approx({f"191-010-{n}": 60 * 60.0 for n in (11, 12, 13, 14)})


def test_one_parcel_takes_all_and_pieces_are_taken_as_they_are_drawn():
    done = vacate(street(), "RW-1", parcels(), record=RECORD, to=FIRST, part=ground(0, 100, 60, 160))
    assert areas(done) == pytest.approx({FIRST: 3600.0})
    pieces = {FIRST: ground(0, 100, 120, 160), "191-010-23": ground(120, 100, 240, 160)}
    assert areas(vacate(street(), "RW-1", parcels(), record=RECORD, to=pieces)) == pytest.approx({FIRST: 7200, "191-010-23": 7200})


def test_a_part_leaves_the_rest_a_street():
    done = vacate(street(), "RW-1", parcels(), record=RECORD, part=ground(-10, 90, 120, 170))
    assert areas(done) == pytest.approx({FIRST: 1800, "191-010-12": 1800, "191-010-21": 2400, "191-010-22": 1200})
    way = change_of(done, "right_of_way")
    assert not len(way.retired) and way.updated.geometry.iloc[0].area == pytest.approx(7200)


def test_ground_before_no_parcel_has_to_be_given_to_somebody():
    lots = parcels()[lambda f: ~f["apn_display"].isin(["191-010-12"])]
    with pytest.raises(ValueError, match="front on no parcel"):
        vacate(street(), "RW-1", lots, record=RECORD)


def test_condominiums_take_nothing():
    lots = parcels()
    lots.loc[0, "parcel_kind"] = "CONDO"
    with pytest.raises(ValueError, match="front on no parcel"):
        vacate(street(), "RW-1", lots, record=RECORD)


def test_a_bent_street_wants_its_centre_line():
    bent = street()
    bent["geometry"] = [shapely.Polygon(line((0, 100), (240, 100), (240, 160), (120, 200), (0, 160)).coords)]
    with pytest.raises(ValueError, match="centre_line"):
        vacate(bent, "RW-1", parcels(), record=RECORD)


def test_an_easement_kept_for_utilities_covers_the_ground():
    done = vacate(street(), "RW-1", parcels(), record=RECORD, reserve={"easement_id": "E-9", "purpose": "PUE"})
    kept = change_of(done, "easement").added
    assert kept.geometry.iloc[0].area == pytest.approx(240 * 60) and kept["doc_id"].tolist() == [RECORD.doc_id]


def test_lots_left_without_a_street_stand_in_the_way_and_its_centreline_ends():
    lots, beside = whole()
    other = {"row_id": "RW-2", "row_kind": "FEE", "jurisdiction": "CITY"}  # lots 11 and 21 front on it too
    other = made_rows("right_of_way", [other], [ground(-60, 0, 0, 260)], RECORD, schema(), crs=lots.crs)
    way = pd.concat([beside.pop("right_of_way"), other], ignore_index=True)
    row = {"NGUID": "urn:emergency:uid:gis:RCL:1:riverbend.example", "DiscrpAgID": "riverbend.example", "St_Name": "First"}
    beside["street_centerline"] = made_rows(
        "street_centerline", [row], [line((-20, 130), (240, 130))], RECORD, schema(), crs=lots.crs
    )
    done = vacate(way, "RW-1", lots, record=RECORD, beside=beside)
    assert len(change_of(done, "street_centerline").retired) == 1
    assert (done.links["layer"] == "street_centerline").sum() == 1
    assert done.findings["code"].eq("T13").sum() == 5 and len(refusals(done)) >= 5
    lines = change_of(done, "boundary_line")
    assert len(lines.retired) == 7  # the fronts
    assert not done.findings["code"].isin(["T03", "T04", "T05", "T06"]).any()


def test_a_street_that_is_not_there_is_told():
    with pytest.raises(SchemaError, match="RW-2"):
        vacate(street(), "RW-2", parcels(), record=RECORD)
