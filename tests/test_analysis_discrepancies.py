"""Address points against ranges against parcels: planted faults are found in their class, and the sound grid has none."""

import pandas as pd
import pytest
import shapely
from quality_layers import FEET
from shapely import affinity
from street_grid import address_of, grid, row_of

from citygis.analysis import address_check
from citygis.analysis.discrepancies import CLASSES
from citygis.city import default_city
from citygis.errors import CRSError
from citygis.gpkg import read_geopackage
from citygis.samples import sample_folder


def asked(layers, **options):
    return address_check(layers["address_point"], layers["street_centerline"], layers["parcel"], **options)


def planted():
    """A fault of each kind, and the class and code it belongs to; far from each other."""
    yield "address point: record", "T15", lambda one: _set(one, 213, "Birch", Add_Number=237)
    yield "address point: record", "U01", lambda one: _set(one, 213, "Birch", St_Name=None)
    yield "address point against parcel", "T14", lambda one: _move(one, 213, "Birch", 60.0, 0.0)
    yield "address point against street", "U08", lambda one: _set(one, 213, "Birch", St_Name="Nowhere")
    yield "address point against street", "U09", lambda one: _set(one, 213, "Birch", St_PosTyp="Court")
    yield "address point against range", "U07", lambda one: _set(one, 213, "Birch", Add_Number=2013)
    yield "address point against range", "T16", lambda one: _set(one, 213, "Birch", Add_Number=214)
    yield "range: parity", "U02", lambda one: _line(one, "Birch 2", Parity_L="E")
    yield "range: overlap, direction, sequence", "U03", lambda one: _line(one, "Birch 2", FromAddr_L=151)
    yield "range: overlap, direction, sequence", "U12", lambda one: _line(one, "Birch 2", FromAddr_R=0)
    yield "street network", "T18", lambda one: _shorten(one, "Birch 1", 3.0)


def _set(layers, number, name, **values):
    for column, value in values.items():
        layers["address_point"].loc[address_of(grid(), number, name), column] = value


def _move(layers, number, name, east_ft, north_ft):
    points = layers["address_point"]
    row = address_of(layers, number, name)
    points.loc[row, "geometry"] = affinity.translate(points.geometry[row], east_ft, north_ft)


def _line(layers, label, **values):
    for column, value in values.items():
        layers["street_centerline"].loc[row_of(layers, label), column] = value


def _shorten(layers, label, by_ft):
    lines = layers["street_centerline"]
    k = row_of(layers, label)
    lines.loc[k, "geometry"] = shapely.ops.substring(lines.geometry[k], by_ft, lines.geometry[k].length)


def test_the_sound_grid_has_no_discrepancy_and_says_so_by_class():
    answer = asked(grid())
    assert not len(answer.table) and answer.agrees
    classes = answer.tables["classes"]
    assert set(classes["class"]) == set(CLASSES) and not classes["count"].any()


@pytest.mark.parametrize(("name", "code", "plant"), list(planted()), ids=[f"{code} {name}" for name, code, _ in planted()])
def test_a_planted_fault_is_found_in_its_class(name, code, plant):
    layers = grid()
    plant(layers)
    answer = asked(layers)
    assert (name, code) in set(answer.table[["class", "code"]].itertuples(index=False, name=None))
    counted = answer.tables["classes"].query("code == @code")
    assert counted["count"].sum() == (answer.table["code"] == code).sum() >= 1
    told = answer.table[answer.table["code"] == code].iloc[0]
    assert told["feature"] in counted["features"].str.cat() and told["remedy"]
    assert answer.agrees


def test_each_finding_is_on_the_map_once_by_its_severity():
    layers = grid()
    for _, code, plant in planted():
        if code in ("T14", "U12"):
            plant(layers)
    answer = asked(layers)
    assert sum(len(layer) for layer in answer.layers.values()) == len(answer.table) == len(answer.geometry)
    assert set(answer.layers) == set(answer.map.styles)
    assert all((layer.geom_type == "Point").all() for layer in answer.layers.values())


def test_an_address_point_is_named_by_its_address():
    layers = grid()
    _move(layers, 213, "Birch", 60.0, 0.0)
    assert asked(layers).table["address"].tolist() == ["213 Birch Street"]


def test_a_class_may_be_asked_for_alone_and_one_that_is_none_is_refused():
    layers = grid()
    _move(layers, 213, "Birch", 60.0, 0.0)
    _line(layers, "Cedar 2", Parity_L="E")
    assert set(asked(layers, classes=["parity"]).table["code"]) == {"U02"}
    with pytest.raises(ValueError, match="Invalid class 'sewer'"):
        asked(layers, classes=["sewer"])


def test_what_could_not_be_judged_is_told():
    told = asked(grid()).unanswered
    assert any("T17" in each for each in told["what"]) and told["why"].str.contains("right_of_way").any()


def test_a_rule_that_the_city_puts_off_is_told_and_finds_nothing():
    layers = grid()
    _move(layers, 213, "Birch", 60.0, 0.0)
    city = type(default_city()).model_validate(
        {**default_city().model_dump(), "crs": "EPSG:6420", "rules": {"T14": {"off": "being mapped anew"}}}
    )
    answer = asked(layers, city=city)
    assert not len(answer.table) and answer.unanswered["why"].str.contains("being mapped anew").any()


def test_retired_features_are_left_out_by_name():
    layers = grid()
    row = address_of(layers, 213, "Birch")
    layers["address_point"].loc[row, ["status", "St_Name"]] = ["RETIRED", "Nowhere"]
    answer = asked(layers)
    assert not len(answer.table) and answer.excluded["feature"].tolist() == [layers["address_point"]["NGUID"][row]]


def test_the_sample_city_agrees_with_itself_and_degrees_are_refused():
    base = sample_folder() / "city" / "city_base.gpkg"
    made = {name: read_geopackage(base, name) for name in ("address_point", "street_centerline", "parcel", "right_of_way")}
    answer = address_check(made["address_point"], made["street_centerline"], made["parcel"], right_of_way=made["right_of_way"])
    assert not len(answer.table) and answer.complete
    with pytest.raises(CRSError, match="in degrees"):
        address_check(made["address_point"].to_crs(4326), made["street_centerline"], made["parcel"])


def test_the_order_of_layers_changes_nothing():
    layers = grid()
    _move(layers, 213, "Birch", 60.0, 0.0)
    _line(layers, "Cedar 2", FromAddr_R=0)
    turned = {name: frame.iloc[::-1].reset_index(drop=True) for name, frame in layers.items()}
    one, other = asked(layers), asked(turned)
    pd.testing.assert_frame_equal(one.table, other.table)
    assert one.geometry.crs == FEET
