"""Address points: their parcels, their streets, their sides, each other; each fault found, and told once."""

import numpy as np
import pandas as pd
import pytest
import shapely
from quality_layers import EAST, FEET, NORTH
from sample_city import city as sample_city
from shapely import affinity
from street_grid import address_of, codes, found, grid, row_of

from citygis.city import open_city
from citygis.quality import rules_not_judged, validate
from citygis.samples import sample_folder


def changed(number, name, **values):
    """The grid with one address changed."""
    layers = grid()
    row = address_of(layers, number, name)
    for column, value in values.items():
        layers["address_point"].loc[row, column] = value
    return layers


def moved(number, name, east_ft, north_ft, with_parcel=True):
    """The grid with one address, and its parcel if it is asked for, moved."""
    layers = grid()
    points, parcels = layers["address_point"], layers["parcel"]
    row = address_of(layers, number, name)
    points.loc[row, "geometry"] = affinity.translate(points.geometry[row], east_ft, north_ft)
    if with_parcel:
        at = parcels.index[parcels["apn"] == points["apn"][row]][0]
        parcels.loc[at, "geometry"] = affinity.translate(parcels.geometry[at], east_ft, north_ft)
    return layers


# T14: the lot of 213 Birch reaches 50 ft to the east of its point


@pytest.mark.parametrize(("by_ft", "expected"), [(50.0, 0), (50.09, 0), (50.11, 1), (60.0, 1)])
def test_a_point_stands_on_the_parcel_it_names(by_ft, expected):
    told = found(moved(213, "Birch", by_ft, 0, with_parcel=False))
    assert told["code"].tolist() == ["T14"] * expected
    if expected:
        assert told["measure"].item() == pytest.approx(by_ft - 50, abs=1e-6)
        assert told[["severity", "other", "tolerance"]].values.tolist() == [["review", "22100001", 0.1]]
        assert "on 22200001" in told["message"].item()


def test_a_point_far_off_its_parcel_is_told_for_that_alone():
    assert codes(moved(213, "Birch", 0, -1100, with_parcel=False)) == [("T14", "outside_its_parcel", "213 Birch")]


def test_a_retired_parcel_gives_way_to_the_one_with_its_number():
    layers = grid()
    parcels = layers["parcel"]
    old = parcels.iloc[[3]].assign(status="RETIRED", geometry=affinity.translate(parcels.geometry[3], 0, 5000))
    layers["parcel"] = pd.concat([old, parcels], ignore_index=True)
    assert found(layers).empty


# T15


def test_an_address_given_twice_is_found():
    layers = changed(213, "Birch", Add_Number=237)
    told = found(layers)
    assert "T15" in told["code"].tolist()
    row = told[told["code"] == "T15"].iloc[0]
    assert row["severity"] == "error" and row["other"] != row["feature"]


def test_units_suffixes_and_communities_make_an_address_another_one():
    for column, values in {"Unit": ("1", "2"), "AddNum_Suf": (None, "1/2"), "Post_Comm": ("Riverbend", "Lakeside")}.items():
        layers = grid()
        points = layers["address_point"]
        if column not in points:
            points[column] = None
        twin = points.loc[[address_of(layers, 213, "Birch")]].assign(
            **{column: values[1], "NGUID": "urn:emergency:uid:gis:SSAP:99:x"}
        )
        points.loc[twin.index, column] = values[0]
        layers["address_point"] = pd.concat([points, twin], ignore_index=True)
        assert found(layers).empty, column
        points = layers["address_point"]
        points.loc[len(points) - 1, column] = values[0]
        assert codes(layers) == [("T15", "address_repeated", "213 Birch")], column


def test_spelling_does_not_make_an_address_another_one():
    layers = grid()
    points = layers["address_point"]
    twin = points.loc[[address_of(layers, 213, "Birch")]].assign(
        NGUID="urn:emergency:uid:gis:SSAP:99:x", St_PosTyp="ST.", St_Name="BIRCH"
    )
    layers["address_point"] = pd.concat([points, twin], ignore_index=True)
    assert [code for code, *_ in codes(layers)] == ["T15"]


# T16: 213 Birch stands 70 ft to the left of the line


@pytest.mark.parametrize(("across_ft", "expected"), [(-4.9, 0), (-5.1, 1), (-70, 1), (4, 0)])
def test_an_address_stands_on_the_side_of_its_number(across_ft, expected):
    layers = moved(213, "Birch", 0, across_ft - 70)
    told = found(layers)
    assert told["code"].tolist() == ["T16"] * expected
    if expected:
        assert told["measure"].item() == pytest.approx(-across_ft) and told["severity"].item() == "error"
        assert "to the right of its street; its number belongs to the left, 201 to 299" in told["message"].item()


# U01


def test_an_incomplete_address_is_found_unless_it_is_known_otherwise():
    for change in ({"Add_Number": None}, {"St_Name": None}, {"Add_Number": None, "St_Name": None}):
        layers = grid()
        layers["address_point"] = layers["address_point"].astype({"Add_Number": "Int64"})
        row = address_of(layers, 213, "Birch")
        for column, value in change.items():
            layers["address_point"].loc[row, column] = value
        told = found(layers)
        assert told[["code", "rule", "severity"]].values.tolist() == [["U01", "address_incomplete", "review"]]
        known = {**layers, "address_point": layers["address_point"].assign(LandmkName="River Park")}
        assert found(known)["code"].tolist() == (["U01"] if change.keys() == {"St_Name"} else [])


@pytest.mark.parametrize(
    ("nguid", "expected"),
    [("urn:emergency:uid:gis:SSAP:3458:riverbend.example", 0), ("SSAP3458@riverbend.example", 1), ("3458", 1)],
)
def test_a_nena_identifier_has_the_nena_form(nguid, expected):
    assert [rule for _, rule, _ in codes(changed(213, "Birch", NGUID=nguid))] == ["nguid_form"] * expected


# U07, U08, U09


def test_a_number_in_no_range_is_found():
    for number, label in ((413, "past the end"), (199 + 2000, "far"), (91, "before the begin")):
        told = found(changed(213, "Birch", Add_Number=number))
        assert told["code"].tolist() == ["U07"], label
        assert "201 to 299 left and 200 to 298 right" in told["message"].item()


def test_a_number_of_a_parity_that_its_range_does_not_have_is_in_no_range():
    layers = grid()
    row = row_of(layers, "Birch 2")
    layers["street_centerline"].loc[row, ["FromAddr_L", "ToAddr_L", "Parity_L"]] = [0, 0, "Z"]
    told = found(layers)
    assert told["code"].tolist() == ["U07"] * 4
    assert told["other"].nunique() == 1


def test_a_street_without_a_centreline_is_found():
    assert codes(changed(213, "Birch", St_Name="Dogwood")) == [("U08", "street_unknown", "213 Dogwood")]


@pytest.mark.parametrize(("north_ft", "rule"), [(499, []), (501, ["street_not_near"])])
def test_a_street_that_is_not_near_is_found(north_ft, rule):
    layers = grid()
    row = address_of(layers, 213, "Cedar")
    points = layers["address_point"]
    points.loc[row, ["Add_Number", "apn"]] = [1213, None]
    points.loc[row, "geometry"] = shapely.Point(EAST + 450, NORTH + 800 + north_ft)
    told = found(layers)
    assert told["rule"].tolist() == (rule or ["outside_ranges"])
    if rule:
        assert told["measure"].item() == pytest.approx(501)


@pytest.mark.parametrize("values", [{"St_PosTyp": "Avenue"}, {"St_PosTyp": None}, {"St_PreDir": "North"}])
def test_a_missing_direction_or_another_type_is_found(values):
    layers = changed(213, "Birch", **values)
    told = found(layers)
    assert told[["code", "other"]].values.tolist() == [["U09", "urn:emergency:uid:gis:RCL:4:riverbend.example"]]
    assert next(iter(values)) in told["message"].item()


def test_a_centreline_that_its_addresses_call_otherwise_is_told_once():
    layers = grid()
    layers["street_centerline"].loc[row_of(layers, "Birch 2"), "St_PosTyp"] = "Lane"
    assert codes(layers) == [("U09", "street_name_differs", "Birch 2")]


# U10


def test_a_number_of_another_block_has_a_fishbone_that_crosses_a_street():
    layers = changed(213, "Birch", Add_Number=325)
    told = found(layers)
    assert told[["code", "rule", "severity"]].values.tolist() == [["U10", "fishbone_crosses", "review"]]
    bone = told.geometry.item()
    # From the point at 450 E, 470 N to 24 / 98 of the third block.
    assert shapely.get_coordinates(bone) - (EAST, NORTH) == pytest.approx(np.array([[450, 470], [800 + 400 * 24 / 98, 400]]))
    assert told["measure"].item() == pytest.approx(np.hypot(350 + 400 * 24 / 98, 70))
    assert "crosses Third Street" in told["message"].item()


def test_a_place_at_the_corner_crosses_nothing():
    assert found(changed(213, "Birch", Add_Number=201)).empty  # its place is the corner with Second Street


@pytest.mark.parametrize(("north_ft", "expected"), [(999.0, 0), (1001.0, 1)])
def test_a_very_long_fishbone_is_found(north_ft, expected):
    layers = grid()
    points = layers["address_point"]
    row = address_of(layers, 213, "Cedar")
    points.loc[row, "apn"] = None
    share = 12 / 98
    points.loc[row, "geometry"] = shapely.Point(EAST + 400 + 400 * share, NORTH + 800 + north_ft)
    assert found(layers)["rule"].tolist() == ["fishbone_long"] * expected


# U11


def test_exchanged_sides_are_told_once_for_the_line():
    layers = grid()
    lines = layers["street_centerline"]
    row = row_of(layers, "Birch 2")
    columns = ["FromAddr_L", "ToAddr_L", "Parity_L", "FromAddr_R", "ToAddr_R", "Parity_R"]
    lines.loc[row, columns] = lines.loc[row, [*columns[3:], *columns[:3]]].to_numpy()
    told = found(layers)
    assert codes(layers) == [("U11", "sides_swapped", "Birch 2")]
    assert told[["severity", "measure"]].values.tolist() == [["error", 8.0]]


def test_one_address_on_its_side_is_enough_to_look_at_the_others():
    layers = grid()
    lines, points = layers["street_centerline"], layers["address_point"]
    row = row_of(layers, "Birch 2")
    columns = ["FromAddr_L", "ToAddr_L", "Parity_L", "FromAddr_R", "ToAddr_R", "Parity_R"]
    lines.loc[row, columns] = lines.loc[row, [*columns[3:], *columns[:3]]].to_numpy()
    at = address_of(layers, 213, "Birch")
    points.loc[at, "geometry"] = affinity.translate(points.geometry[at], 0, -140)
    points.loc[at, "apn"] = None
    assert [code for code, *_ in codes(layers)] == ["T16"] * 7


# All


def planted():
    """Twelve faults, each in a block of its own or far from the others, and what must be told of each."""
    layers = grid()
    lines, points, parcels = (layers[name] for name in ("street_centerline", "address_point", "parcel"))
    # A grid of twelve copies, 3,000 ft apart, with streets of names of their own.
    parts = {name: [] for name in layers}
    for k in range(12):
        for name, frame in layers.items():
            copy = frame.copy()
            copy["geometry"] = affinity_all(copy.geometry, 3000.0 * (k % 4), 3000.0 * (k // 4))
            if "St_Name" in copy:
                copy["St_Name"] = copy["St_Name"] + f" {'ABCDEFGHIJKL'[k]}x"
                copy["NGUID"] = copy["NGUID"].str.replace(r":(\d+):", rf":{k}-\1:", regex=True)
            if "label" in copy:
                copy["label"] = copy["label"] + f" {k}"
            if "apn" in copy:
                copy["apn"] = copy["apn"] + f"{k:02d}"
            parts[name].append(copy)
    lines, points, parcels = (
        pd.concat(parts[name], ignore_index=True) for name in ("street_centerline", "address_point", "parcel")
    )
    row = {k: int(lines.index[lines["label"] == f"Birch 2 {k}"][0]) for k in range(12)}

    def address(k, number):
        return int(points.index[(points["Add_Number"] == number) & (points["St_Name"] == f"Birch {'ABCDEFGHIJKL'[k]}x")][0])

    lines.loc[row[0], "Parity_R"] = "O"
    lines.loc[row[1], "ToAddr_R"] = 306
    lines.loc[row[2], ["FromAddr_R", "ToAddr_R"]] = [298, 200]
    lines.loc[row[3], ["FromAddr_L", "ToAddr_L", "FromAddr_R", "ToAddr_R"]] = [51, 89, 50, 88]
    points.loc[address(4, 213), "Add_Number"] = 913
    points.loc[address(5, 213), "St_Name"] = "Nowhere"
    points.loc[address(6, 213), "Add_Number"] = 325
    twin = points.loc[[address(7, 213)]].assign(NGUID="urn:emergency:uid:gis:SSAP:7-99:riverbend.example")
    points.loc[address(8, 213), "geometry"] = affinity.translate(points.geometry[address(8, 213)], 60, 0)
    columns = ["FromAddr_L", "ToAddr_L", "Parity_L", "FromAddr_R", "ToAddr_R", "Parity_R"]
    lines.loc[row[9], columns] = lines.loc[row[9], [*columns[3:], *columns[:3]]].to_numpy()
    points.loc[address(10, 213), "St_PosTyp"] = "Avenue"
    lines.loc[row[11], "FromAddr_L"] = 0
    points = pd.concat([points, twin], ignore_index=True)
    expected = dict(enumerate(["U02", "U03", "U04", "U05", "U07", "U08", "U10", "T15", "T14", "U11", "U09", "U12"]))
    return {"street_centerline": lines, "address_point": points, "parcel": parcels}, expected


def affinity_all(shapes, east_ft, north_ft):
    return shapely.transform(np.asarray(shapes.array, dtype=object), lambda c: c + (east_ft, north_ft))


def test_planted_faults_of_twelve_classes_are_each_found_and_none_is_false():
    layers, expected = planted()
    told = found(layers)
    told = told[told["severity"] != "info"]  # where numbers are moved, others are left out between: that is told, and no fault
    centre = shapely.get_coordinates(shapely.centroid(np.asarray(told.geometry.array, dtype=object))) - (EAST - 900, NORTH - 900)
    block = (centre[:, 0] // 3000 + 4 * (centre[:, 1] // 3000)).astype(int)
    assert sorted(zip(block.tolist(), told["code"], strict=True)) == sorted(expected.items())
    assert told.crs == FEET


def test_the_sample_city_has_no_fault_in_its_addresses():
    layers = {name: sample_city().layers[name] for name in ("street_centerline", "address_point", "parcel")}
    findings = validate(layers, city=open_city(sample_folder() / "city"))
    assert findings[findings["code"].str.match("U|T1[4568]")].empty


def test_what_is_absent_is_said_not_to_be_judged():
    layers = grid()
    left = {item.code for item in rules_not_judged({"address_point": layers["address_point"]})}
    assert {"T14", "T16", "U07", "U08", "U09", "U10", "U11"} <= left
    assert not {"T14", "T16", "U07"} & {item.code for item in rules_not_judged(layers)}
