"""What stops a plan."""

import numpy as np
import pandas as pd
import pytest
import shapely
from sync_frames import changed, definition, key, lots

from citygis.sync.fitness import unfit
from citygis.sync.guards import audience_stops, count_stops, key_stops, schema_stops, system_stops
from citygis.sync.planning import plan

LAYER = definition()


def codes(stops):
    return [each.code for each in stops]


def planned(local, remote, base, **options):
    return plan(local, remote, base, **({"definition": LAYER} | options))


@pytest.mark.parametrize(("base", "deletions", "free"), [(40, 10, True), (40, 11, False), (2000, 40, True), (2000, 41, False)])
def test_ten_deletions_or_two_of_a_hundred_need_no_naming(base, deletions, free):
    stops = count_stops(local=base - deletions, remote=base, base=base, deletions=deletions, allow_deletes=None)
    assert ("Y15" not in codes(stops)) is free


def test_a_deletion_guard_says_the_number_to_name_and_takes_it():
    told = {"local": 1950, "remote": 2000, "base": 2000, "deletions": 50}
    (stop,) = count_stops(**told, allow_deletes=None)
    assert stop.number == 50 and "--allow-deletes 50" in stop.message
    assert codes(count_stops(**told, allow_deletes=49)) == ["Y15"]
    assert count_stops(**told, allow_deletes=50) == count_stops(**told, allow_deletes=60) == []


def test_an_empty_layer_stops_however_many_deletions_are_allowed():
    # Regression 10 of the reference: an empty local file.
    base = lots(50)
    assert codes(planned(base.iloc[:0], base, base).stops) == ["Y15", "Y16"]
    assert codes(planned(base.iloc[:0], base, base, allow_deletes=50).stops) == ["Y16"]
    assert codes(planned(base.iloc[:0], base, base.iloc[:0]).stops) == ["Y16"]


def test_a_filtered_layer_stops_however_many_deletions_are_allowed():
    # Regression 10: a filtered GeoPackage.
    base = lots(50)
    assert codes(planned(base.iloc[:39], base, base, allow_deletes=50).stops) == ["Y17"]
    assert planned(base.iloc[:40], base, base, allow_deletes=10).stops == ()


def test_the_wrong_layer_stops():
    # Regression 10: fifty other features, none of which was ever synced.
    base = lots(50)
    other = lots(50).assign(global_id=[key(1000 + n) for n in range(50)])
    assert codes(planned(other, base, base).stops) == ["Y15"]


def test_refused_features_do_not_make_a_layer_look_shrunk():
    assert count_stops(local=100, remote=100, base=100, deletions=0, allow_deletes=None) == []


@pytest.mark.parametrize("side", ["local", "remote"])
def test_a_key_that_stands_twice_stops_and_nothing_else_is_planned(side):
    sides = {"local": lots(5), "remote": lots(5)}
    sides[side] = changed(changed(sides[side], 0, global_id=key(1)), 2, USE="MFR")
    result = planned(**sides, base=lots(5))
    assert codes(result.stops) == ["Y14"] and result.is_empty and key(1) in result.stops[0].message


def test_remote_features_without_a_key_stop():
    assert codes(key_stops(np.array(["a"], dtype=object), np.array([None], dtype=object))) == ["Y14"]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ([("APN", "String"), ("YEAR", "Integer"), ("AREA", "Double")], "no field USE"),
        ([("APN", "String"), ("USE", "Integer"), ("YEAR", "Integer"), ("AREA", "Double")], "is Integer now"),
        ([("APN", "String"), ("use", "String"), ("YEAR", "Integer"), ("AREA", "Double")], "Spell it so"),
        ([{"name": "USE", "type": "esriFieldTypeString", "length": 2}, ("APN", "String")], "takes 2 now"),
        ([{"name": "USE", "type": "esriFieldTypeString", "editable": False}, ("APN", "String")], "cannot be edited"),
    ],
)
def test_a_field_that_changed_there_stops(fields, word):
    stops = [each for each in schema_stops(definition(fields=fields), ["USE"], lots(3)) if each.code == "Y18"]
    assert len(stops) == 1 and word in stops[0].message


@pytest.mark.parametrize(
    "more",
    [{"supportsApplyEditsWithGlobalIds": False}, {"capabilities": "Query"}, {"capabilities": "Query,Create"}],
)
def test_a_layer_that_does_not_take_the_edits_stops(more):
    base = lots(3)
    result = planned(changed(base, 0, USE="MFR"), base, base, definition=definition(**more))
    assert codes(result.stops) == ["Y19"]


def test_a_layer_without_global_ids_stops():
    layer = definition()._replace(global_id_field=None)
    assert codes(schema_stops(layer, ["USE"], None)) == ["Y19"]


def test_a_reader_may_look_at_a_layer_that_cannot_be_edited():
    base = lots(3)
    assert planned(base, base, base, definition=definition(capabilities="Query")).stops == ()


def test_another_geometry_type_or_heights_stop():
    points = definition(geometry="esriGeometryPoint")
    assert codes(schema_stops(points, [], lots(3))) == ["Y21"]
    assert codes(schema_stops(definition(hasZ=True), [], lots(3))) == ["Y21"]
    assert schema_stops(definition(), [], lots(3)) == []


def test_another_system_than_the_outgoing_features_or_the_base_stops():
    # Regression 10: a wrong spatial reference.
    metres = definition(wkid=3857)
    assert codes(system_stops(metres, lots(3), lots(3, wkid=3857), None)) == ["Y20"]
    assert codes(system_stops(metres, lots(3, wkid=3857), lots(3, wkid=3857), lots(3))) == ["Y20"]
    assert system_stops(metres, lots(3, wkid=3857), lots(3, wkid=3857), lots(3, wkid=3857)) == []


def test_esris_number_and_epsgs_are_one_system():
    frame = lots(3).set_crs("ESRI:102643", allow_override=True)
    assert system_stops(definition(), frame, lots(3), frame) == []


def test_feet_in_a_layer_of_metres_stop_whatever_the_label_says():
    frame = lots(3)
    feet = frame.set_geometry(frame.geometry.set_crs(3857, allow_override=True))
    assert codes(system_stops(definition(wkid=3857), feet, lots(3, wkid=3857), None)) == ["Y20"]


@pytest.mark.parametrize("factor", [1200 / 3937, 0])
def test_numbers_that_are_no_place_of_the_system_stop_in_an_empty_layer(factor):
    frame = lots(3)
    shapes = shapely.transform(frame.geometry.to_numpy(), lambda xy: xy * factor if factor else xy * 1e-5)
    there = frame.set_geometry(pd.Series(shapes).pipe(lambda s: frame.geometry.__class__(s, crs=2227)))
    assert codes(system_stops(definition(), there, frame.iloc[:0], None)) == ["Y20"]
    assert system_stops(definition(), frame, frame.iloc[:0], None) == []


def test_one_stray_feature_does_not_stop_the_first_fill_of_an_empty_layer():
    frame = lots(3)
    shapes = frame.geometry.to_numpy().copy()
    shapes[0] = shapely.transform(shapes[0], lambda xy: xy * -4)
    strayed = frame.set_geometry(pd.Series(shapes).pipe(lambda s: frame.geometry.__class__(s, crs=frame.crs)))
    assert system_stops(definition(), strayed, frame.iloc[:0], None) == []


def test_an_item_open_to_everybody_stops_a_target_of_the_organisation_and_no_other():
    assert codes(audience_stops("organization", "public")) == ["Y22"]
    for audience, access in (("organization", "org"), ("organization", None), ("public", "private"), ("public", "public")):
        assert audience_stops(audience, access) == []


# --- features that cannot be sent ---------------------------------------------------------------------------------------------

EVERY = [
    {"name": "T", "type": "esriFieldTypeString", "length": 5},
    {"name": "R", "type": "esriFieldTypeString", "nullable": False},
    {"name": "C", "type": "esriFieldTypeString", "domain": {"type": "codedValue", "codedValues": [{"code": "A", "name": "a"}]}},
    ("H", "SmallInteger"),
    ("I", "Integer"),
    ("B", "BigInteger"),
    ("S", "Single"),
    ("D", "Double"),
    ("W", "Date"),
    ("O", "DateOnly"),
]
FINE = {
    "T": "äöüßé",
    "R": "",
    "C": "A",
    "H": -32768,
    "I": 2**31 - 1,
    "B": 2**53 - 1,
    "S": 3.4e38,
    "D": 1e300,
    "W": 0,
    "O": "0001-01-01",
}


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("T", "abcdef", "Y01"), ("T", "a\0", "Y06"), ("T", None, None), ("R", None, "Y02"), ("C", "B", "Y03"), ("C", None, None),
        ("H", 32768, "Y04"), ("H", 1.5, "Y04"), ("I", 2**31, "Y04"), ("I", -(2**31), None), ("B", 2**53, "Y04"),
        ("B", float("inf"), "Y05"),
        ("S", 3.5e38, "Y05"), ("D", float("-inf"), "Y05"), ("D", float("nan"), None), ("W", 253_402_300_800_000, "Y07"),
        ("W", -62_135_596_800_001, "Y07"), ("O", "10000-01-01", "Y07"), ("O", "2024-02-30", "Y06"), ("T", "äöüßé", None),
    ],
)  # fmt: skip
def test_a_value_is_refused_exactly_where_the_field_cannot_hold_it(name, value, code):
    frame = lots(1)[["global_id", "geometry"]].assign(**{n: [v] for n, v in (FINE | {name: value}).items()})
    assert [(each.code, each.field) for each in unfit(frame, definition(fields=EVERY))] == ([(code, name)] if code else [])


@pytest.mark.parametrize(
    ("shape", "layer", "code"),
    [
        ("POLYGON EMPTY", {}, "Y08"),
        ("POLYGON ((0 0, 1 NaN, 1 1, 0 0))", {}, "Y08"),
        ("POLYGON ((0 0, 10 10, 10 0, 0 10, 0 0))", {}, "Y09"),
        ("LINESTRING (0 0, 1 1)", {}, "Y10"),
        ("POLYGON ((0 0, 9 0, 9 9, 0 0))", {"hasZ": True}, "Y11"),
        ("POLYGON Z ((0 0 1, 9 0 1, 9 9 1, 0 0 1))", {"hasZ": True}, None),
        ("POLYGON ((0 0, 9 0, 9 9, 0 0))", {}, None),
        ("POINT (1 2)", {"geometry": "esriGeometryMultipoint"}, None),
    ],
)
def test_a_geometry_is_refused_exactly_where_the_layer_cannot_hold_it(shape, layer, code):
    frame = changed(lots(1), 0, geometry=shapely.from_wkt(shape))[["global_id", "geometry"]]
    found = unfit(frame, definition(fields=[], **layer))
    assert [each.code for each in found] == ([code] if code else [])


def test_a_crossing_ring_is_refused_with_its_place():
    # The diagonals of the square cross in its middle.
    bow = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    (refusal,) = unfit(changed(lots(1), 0, geometry=bow), LAYER)
    assert "5 5" in refusal.message and refusal.remedy == "Repair the outline: citygis repair."


def test_a_row_without_a_usable_key_is_refused_by_its_place():
    frame = lots(3).assign(global_id=[key(0), None, "12"])
    assert [(each.code, each.message) for each in unfit(frame, LAYER)] == [
        ("Y13", "Row 2 of the City's layer has no global_id."),
        ("Y13", "Row 3 of the City's layer has the global_id '12', which is no UUID."),
    ]
