"""What else a change concerns."""

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from citygis.changes import compare
from citygis.changes.alerts import ALERT_COLUMNS, alerts

EAST, NORTH = 6_336_000, 2_122_000


def lot(column, width=60.0):
    return shapely.box(EAST + 60 * column, NORTH, EAST + 60 * column + width, NORTH + 110)


def at(easting, northing=50):
    return shapely.Point(EAST + easting, NORTH + northing)


def layer(rows, name="apn", crs="EPSG:6420"):
    return gpd.GeoDataFrame({name: pd.Series(list(rows), dtype="str")}, geometry=list(rows.values()), crs=crs)


BASE = {name: lot(i) for i, name in enumerate("ABCDEF")}


def told(changed, layers):
    new = {**BASE, **changed}
    old, new = layer(BASE), layer({name: shape for name, shape in new.items() if shape is not None})
    found = alerts(compare(old, new, key="apn"), old, new, layers)
    assert list(found.columns) == list(ALERT_COLUMNS)
    return found


def points(rows):
    """Addresses: their number and their place."""
    return gpd.GeoDataFrame(
        {"apn": pd.Series([apn for apn, _ in rows], dtype="str")}, geometry=[place for _, place in rows], crs="EPSG:6420"
    )


SPLIT = {"B": None, "B1": lot(1, 20), "B2": lot(1 + 1 / 3, 40)}


def test_an_address_on_a_divided_lot_is_told_which_child_it_stands_on():
    found = told(SPLIT, {"address": points([("B", at(70)), ("B", at(100)), ("A", at(10)), ("D", at(190))])})
    assert found[["feature", "how", "lies_on"]].to_numpy().tolist() == [["#1", "names", "B1"], ["#2", "names", "B2"]]
    assert found["todo"][0] == "Write B1 for B: it lies there."


def test_a_child_that_keeps_the_number_is_right_for_what_stands_on_it():
    found = told({"B": lot(1, 20), "B2": lot(1 + 1 / 3, 40)}, {"address": points([("B", at(70)), ("B", at(100))])})
    assert found[["feature", "lies_on"]].to_numpy().tolist() == [["#2", "B2"]]


def test_a_table_that_names_numbers_is_told_the_new_one_or_asked_to_choose():
    table = {"case": pd.DataFrame({"apn": ["B", "E", "A", None]})}
    found = told({**SPLIT, "E": None, "Z": lot(4)}, table).set_index("feature")["todo"].to_dict()
    assert found == {"#1": "Decide which of B1, B2 it belongs to.", "#2": "Write Z for E."}


def test_what_names_a_number_that_is_gone_or_means_other_land_is_told():
    found = told({"E": None, "F": lot(40)}, {"case": pd.DataFrame({"apn": ["E", "F"]})}).set_index("feature")
    assert "no longer there" in found.loc["#1", "message"] and "other land" in found.loc["#2", "message"]


def test_an_easement_across_a_merger_crosses_it_and_zoning_about_it_covers_it():
    strip = gpd.GeoDataFrame(geometry=[shapely.box(EAST + 50, NORTH, EAST + 100, NORTH + 10)], crs="EPSG:6420")
    zone = gpd.GeoDataFrame(geometry=[shapely.box(EAST - 500, NORTH - 500, EAST + 900, NORTH + 500)], crs="EPSG:6420")
    found = told({"B": None, "C": None, "X": lot(1, 120)}, {"easement": strip, "zoning": zone})
    assert found[["layer", "how", "lies_on"]].to_numpy().tolist() == [["easement", "crosses", "X"], ["zoning", "covers", "X"]]


def test_what_only_touches_changed_ground_is_not_told():
    beside = gpd.GeoDataFrame(
        geometry=[lot(2), shapely.LineString([(EAST + 120, NORTH), (EAST + 120, NORTH + 110)])], crs="EPSG:6420"
    )
    assert told(SPLIT, {"beside": beside}).empty


@pytest.mark.parametrize(("easting", "is_told"), [(119, False), (121.5, True), (124, False)])
def test_a_line_that_moved_concerns_what_it_moved_across(easting, is_told):
    found = told({"B": lot(1, 63), "C": lot(2 + 3 / 60, 57)}, {"address": points([("C" if easting > 120 else "B", at(easting))])})
    assert bool(len(found)) is is_told
    if is_told:
        assert set(found["todo"]) == {"It names C and lies on B now: decide which is right."}


def test_changes_of_the_record_concern_nobody():
    old = layer(BASE).assign(use="1")
    assert alerts(compare(old, old.assign(use="2"), key="apn"), old, old, {"address": points([("B", at(70))])}).empty


def test_a_layer_in_another_system_is_refused():
    old = layer(BASE)
    with pytest.raises(ValueError, match="Invalid layer 'x'"):
        alerts(compare(old, old, key="apn"), old, old, {"x": layer(BASE, crs="EPSG:2227")})
