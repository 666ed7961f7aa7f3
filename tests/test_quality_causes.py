"""Causes: what one act would mend is one row, the movement of a lot is measured, and every finding is in exactly one cause."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from quality_layers import EAST, FEET, NORTH, parcels

from citygis.findings import findings_frame
from citygis.quality import validate
from citygis.quality.causes import COLUMNS, causes
from citygis.quality.drifts import blocks, coarseness_ft, drifts

WIDE, DEEP = 60.0, 100.0


def block(columns=4, rows=3, *, east=0.0):
    """Lots side by side, named by column and row, that share every corner; turned, so that no coordinate is round."""
    lots, names = [], []
    turn = np.radians(17.0)
    rotated = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    for column in range(columns):
        for row in range(rows):
            corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) + [column, row]
            places = np.round((corners * [WIDE, DEEP] + [east, 0]) @ rotated.T + [EAST + 500, NORTH + 500], 4)
            lots.append(shapely.Polygon(places))
            names.append(f"{column}{row}")
    return gpd.GeoDataFrame({"pid": names}, geometry=gpd.GeoSeries(lots, crs=FEET))


def changed(frame, names, change):
    """The layer with some of its lots drawn otherwise."""
    drawn = [
        shapely.transform(lot, change) if name in names else lot for name, lot in zip(frame["pid"], frame.geometry, strict=True)
    ]
    return frame.set_geometry(gpd.GeoSeries(drawn, index=frame.index, crs=frame.crs))


def told(frame, name="lot"):
    found = validate(frame, name, only="geometry", key="pid")
    return found, causes(found, {name: frame}, key="pid")


def test_a_lot_that_is_shifted_is_one_cause_with_its_movement():
    found, why = told(changed(block(), {"11"}, lambda places: places + [0.05, -0.02]))
    assert len(found) > 1 and len(why) == 1
    cause = why.iloc[0]
    assert (cause["cause"], cause["feature_names"], cause["findings"]) == ("shifted", ["11"], len(found))
    assert (
        "11 lies as a whole 0.050 ft east and 0.020 ft south of where the neighbours have the corners (4 corners" in cause["said"]
    )
    assert cause["block"] == "the block of 00 (12 features)"


def test_a_lot_at_the_corner_of_its_block_has_three_corners_to_tell_it_by():
    _, why = told(changed(block(), {"00"}, lambda places: places + [0.06, 0.03]))
    assert why["cause"].tolist() == ["shifted"] and "(3 corners" in why["said"][0]


def test_a_batch_that_is_shifted_together_is_one_cause():
    batch = {f"{column}{row}" for column in (2, 3) for row in (0, 1, 2)}
    _, why = told(changed(block(5), batch, lambda places: places + [-0.04, 0.07]))
    assert why["cause"].tolist() == ["shifted"]
    assert set(why["feature_names"][0]) == batch
    assert "0.040 ft west and 0.070 ft north" in why["said"][0]


def test_a_batch_that_is_turned_is_told_by_its_angle():
    frame = block(6, 4)
    batch = {f"{column}{row}" for column in (2, 3) for row in (1, 2)}
    middle = shapely.get_coordinates(shapely.union_all(frame.geometry[frame["pid"].isin(batch)]).centroid)[0]
    turn = np.radians(60 / 3600)  # one minute counterclockwise: 0.034 ft at the 117 ft to the farthest corner

    def turned(places):
        off = places - middle
        return middle + off @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])

    _, why = told(changed(frame, batch, turned))
    assert why["cause"].tolist() == ["turned"] and set(why["feature_names"][0]) == batch
    assert "0°01'00.0\" counterclockwise" in why["said"][0] and "up to 0.03 ft off" in why["said"][0]


def test_a_side_that_is_off_is_a_line_drawn_twice_and_no_shift():
    # Only the line between 11 and 21 was drawn again, with a corner of its own in the middle of it.
    frame = block()
    first, second = frame.geometry[frame["pid"] == "11"].iloc[0], frame.geometry[frame["pid"] == "21"].iloc[0]
    ring = shapely.get_coordinates(first)[:-1]
    middle, off = (ring[1] + ring[2]) / 2, (ring[1] - ring[0]) / WIDE
    drawn = [
        shapely.Polygon(np.insert(ring, 2, middle, axis=0)),
        shapely.Polygon(np.insert(shapely.get_coordinates(second)[:-1], 4, middle + 0.05 * off, axis=0)),
    ]
    extra = frame.set_geometry(
        [drawn[0] if n == "11" else drawn[1] if n == "21" else g for n, g in zip(frame["pid"], frame.geometry, strict=True)]
    )
    found, why = told(extra.set_crs(FEET, allow_override=True))
    assert len(found) and "shifted" not in set(why["cause"]) and "turned" not in set(why["cause"])
    assert sorted(why["feature_names"][0]) == ["11", "21"]


def test_lots_that_were_rounded_are_told_by_the_step():
    found, why = told(changed(block(), {"11", "21"}, lambda places: np.round(places, 1)))
    rounded = why[why["cause"] == "rounded"].iloc[0]
    assert rounded["feature_names"] == ["11", "21"] and "are drawn to 0.1," in rounded["said"]
    assert rounded["findings"] == why["findings"].sum() == len(found)


def test_three_copies_are_one_pile_and_a_copy_of_the_same_name_counts():
    frame = block()
    copies = pd.concat([frame, frame.iloc[[4, 4]].assign(pid=["copy", "11"])], ignore_index=True)
    _, why = told(copies)
    assert why["cause"].tolist() == ["pile"]
    assert why["said"][0].startswith("3 features on one ground, 11 and copy:")


def test_a_parent_among_its_children_is_one_cause():
    frame = block()
    parent = shapely.union_all(frame.geometry[frame["pid"].isin(["00", "01", "02"])])
    layer = pd.concat([frame, gpd.GeoDataFrame({"pid": ["P"]}, geometry=[parent], crs=FEET)], ignore_index=True)
    found, why = told(layer)
    assert (found["code"] == "T01").sum() == 3
    assert why["cause"][0] == "parent" and why["feature_names"][0] == ["P", "00", "01", "02"]
    assert "P still stands over 00, 01 and 02" in why["said"][0]


def test_features_that_claim_much_of_each_other_are_no_lines_that_are_off():
    frame = block()
    project = shapely.transform(frame.geometry[4], lambda places: places + [21.3, 33.1])
    layer = pd.concat([frame, gpd.GeoDataFrame({"pid": ["Q"]}, geometry=[project], crs=FEET)], ignore_index=True)
    _, why = told(layer)
    assert why["cause"][0] == "claim" and "Q" in why["feature_names"][0] and "claim the same ground" in why["said"][0]


def test_a_gap_in_the_tract_belongs_to_the_lot_that_was_shifted():
    frame = changed(block(), {"11"}, lambda places: places + [0.05, -0.02])
    beside = shapely.get_coordinates(frame.geometry[4])[:2]
    other = shapely.get_coordinates(block().geometry[4])[:2]
    gap = shapely.Polygon(np.vstack([beside, other[::-1]]))
    row = {
        "code": "T02",
        "rule": "gap",
        "severity": "error",
        "layer": "tract",
        "feature": "3021",
        "message": "Open.",
        "geometry": gap,
    }
    found = findings_frame([{**row, "measure": 0.05, "unit": "ft"}], crs=FEET)
    why = causes(found, {"parcel": frame}, key="pid")
    assert why["cause"].tolist() == ["shifted"] and why["rules"].tolist() == ["T02 1"]


def test_two_blocks_are_two_causes_and_the_worst_is_first():
    frame = pd.concat([block(), block(east=400.0).assign(pid=lambda some: "b" + some["pid"])], ignore_index=True)
    frame = changed(frame, {"11"}, lambda places: places + [0.03, 0.03])
    frame = changed(frame, {"b11", "b21"}, lambda places: places + [0.0, 0.08])
    found, why = told(frame)
    assert why["cause"].tolist() == ["shifted", "shifted"]
    assert why["errors"].is_monotonic_decreasing and why["findings"].sum() == len(found)
    assert why["feature_names"].tolist() == [["b11", "b21"], ["11"]]


def test_what_is_wrong_with_features_by_themselves_is_gathered_by_rule():
    frame = parcels().assign(apn=["19119070", "19119071", "19119071", "nothing"])
    found = validate(frame, "parcel")
    why = causes(found, {"parcel": frame})
    assert set(why["cause"]) == {"rule"}
    assert sorted(why["rules"]) == sorted(f"{code} {n}" for code, n in found["code"].value_counts().items())


def test_a_layer_that_is_not_there_is_gathered_by_rule():
    found, _ = told(changed(block(), {"11"}, lambda places: places + [0.05, -0.02]))
    why = causes(found, {})
    assert set(why["cause"]) == {"rule"} and why["findings"].sum() == len(found)


def test_no_findings_have_no_causes():
    why = causes(findings_frame(crs=FEET), {"lot": block()}, key="pid")
    assert list(why.columns) == list(COLUMNS) and len(why) == 0


def test_every_finding_is_in_exactly_one_cause():
    frame = changed(block(6, 5), {"11", "32"}, lambda places: places + [0.05, -0.02])
    frame = changed(frame, {"14"}, lambda places: np.round(places, 1))
    found, why = told(pd.concat([frame, frame.iloc[[20]].assign(pid="copy")], ignore_index=True))
    assert sorted(why["finding_ids"].explode()) == sorted(found["finding_id"])


def test_causes_do_not_depend_on_the_order_of_findings_and_say_the_same_of_the_same_drawing():
    frame = changed(block(5, 4), {"11"}, lambda places: places + [0.05, -0.02])
    found, why = told(frame)
    turned = causes(found.iloc[::-1].set_axis(range(100, 100 + len(found))), {"lot": frame}, key="pid")
    assert turned.drop(columns=["finding_ids", "geometry"]).equals(why.drop(columns=["finding_ids", "geometry"]))
    other = frame.iloc[::-1].set_axis(np.zeros(len(frame), dtype=int))
    assert causes(validate(other, "lot", only="geometry", key="pid"), {"lot": other}, key="pid")["cause"].tolist() == ["shifted"]


def test_a_layer_in_metres_is_measured_in_feet():
    shifted = changed(block(), {"11"}, lambda places: places + [0.05, -0.02])
    metres = shifted.set_geometry(
        gpd.GeoSeries(shapely.transform(shifted.geometry.array, lambda feet: feet * 1200 / 3937), crs="EPSG:6419")
    )
    _, why = told(metres)
    assert "0.050 ft east and 0.020 ft south" in why["said"][0]


def test_causes_lie_around_their_findings():
    found, why = told(changed(block(), {"11"}, lambda places: places + [0.05, -0.02]))
    assert why.crs == found.crs
    assert np.allclose(why.geometry[0].bounds, found.total_bounds)


# --- movements ------------------------------------------------------------------------------------------------------------------


def test_a_block_ends_at_the_street():
    frame = pd.concat([block(2, 2), block(2, 2, east=2 * WIDE + 40)], ignore_index=True)
    members, of = blocks(np.asarray(frame.geometry.array, dtype=object), np.array([1]))
    assert members.tolist() == [0, 1, 2, 3] and set(of) == {0}


@pytest.mark.parametrize(("off", "count"), [(0.0004, 0), (0.0009, 1)])
def test_what_rounding_explains_is_no_movement(off, count):
    frame = changed(block(), {"11"}, lambda places: places + [off, 0])
    shapes = np.asarray(frame.geometry.array, dtype=object)
    members, of = blocks(shapes, np.array([4]))
    assert len(drifts(shapes, members, of, reach_ft=0.12)) == count


def test_corners_that_are_off_each_in_its_own_way_are_no_movement():
    frame = changed(block(), {"11"}, lambda places: places + 0.05 * np.sin(places * [7.0, 11.0]))
    shapes = np.asarray(frame.geometry.array, dtype=object)
    members, of = blocks(shapes, np.array([4]))
    assert drifts(shapes, members, of, reach_ft=0.5) == []


@pytest.mark.parametrize(("decimals", "step"), [(0, 1.0), (1, 0.1), (2, 0.01), (3, 0.001), (4, 0.0)])
def test_the_step_of_coordinates_is_read_off_them(decimals, step):
    frame = changed(block(2, 2), {"00"}, lambda places: np.round(places, decimals))
    assert coarseness_ft(np.array([frame.geometry[0], None], dtype=object)).tolist() == [step, 0.0]
