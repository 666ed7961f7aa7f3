"""Conversion as a whole: every row in one place, the same bytes each time, and the City's own columns."""

import tomllib

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from delivery import EAST, NORTH, delivery, square
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import citygis
from citygis.city import default_city
from citygis.convert import convert, parse_crosswalk
from citygis.errors import CRSError, SchemaError, SettingsError
from citygis.schema import empty_layer, feature_ids, geom_hashes, schema

MINIMAL = '[fields.apn]\nfrom = "AIN"\n'


def walk(text: str = MINIMAL, layer: str = "parcel"):
    return parse_crosswalk(tomllib.loads(f'agency = "County"\nlayer = "{layer}"\n{text}'))


def four(**changes):
    columns = {"AIN": pd.Series(["191-190-74", "19119075", "S.P.R.R.", "191 190 77"], dtype="str"), "LOT": [1.0, 2.0, 3.0, 4.0]}
    return delivery(columns | changes)


def test_the_package_is_called_like_its_function():
    assert len(citygis.convert(four(), "parcel", crosswalk=walk()).layer) == 3


def test_each_row_is_in_the_layer_or_in_the_quarantine_once():
    raw = four()
    result = convert(raw, "parcel", crosswalk=walk())
    assert result.layer["apn"].tolist() == ["19119074", "19119075", "19119077"]
    assert result.layer["apn_display"].tolist() == ["191-190-74", "191-190-75", "191-190-77"]
    assert result.quarantine.index.tolist() == [2]
    row = result.quarantine.iloc[0]
    assert (row.quarantine_code, row.quarantine_field, row.quarantine_value) == ("C03", "apn", "S.P.R.R.")
    assert "'S.P.R.R.' is not a parcel number" in row.quarantine_message
    assert row.AIN == "S.P.R.R."
    assert row.source_ref == "county.zip/parcels#3"
    assert result.quarantine.crs == raw.crs
    refs = [*result.layer["source_ref"], *result.quarantine["source_ref"]]
    assert sorted(refs) == sorted(raw["source_ref"])


def test_a_row_with_several_problems_lists_them_all():
    shapes = [None, square(1), square(2), square(3)]
    raw = delivery(
        {"AIN": pd.Series(["nothing", "19119075", "19119076", "19119077"], dtype="str"), "T": ["Z", "F", "F", "F"]},
        geometry=shapes,
    )
    table = MINIMAL + '[fields.parcel_kind]\nfrom = "T"\ndomain = { F = "FEE" }\n'
    row = convert(raw, "parcel", crosswalk=walk(table)).quarantine.iloc[0]
    assert row.quarantine_code == "C03"
    assert row.quarantine_codes == "C03 C01 C06"
    for part in ("apn: 'nothing'", "parcel_kind: 'Z'", "geometry: there is no geometry"):
        assert part in row.quarantine_message


def test_the_layer_has_the_schemas_columns_types_and_order():
    layer = convert(four(), "parcel", crosswalk=walk()).layer
    blank = empty_layer(schema().layer("parcel"), crs=default_city().crs)
    assert list(layer.columns) == list(blank.columns)
    assert [str(t) for t in layer.dtypes] == [str(t) for t in blank.dtypes]
    assert layer.crs == default_city().crs
    assert layer.index.tolist() == [0, 1, 2]


def test_what_citygis_works_out_is_right():
    layer = convert(four(), "parcel", crosswalk=walk()).layer
    assert layer["calc_area_sqft"].tolist() == [10_000.0] * 3
    assert layer["global_id"].tolist() == feature_ids("parcel", layer["apn"]).tolist()
    assert layer["geom_hash"].tolist() == geom_hashes(layer.geometry).tolist()
    assert (layer["created_by_record"] == layer["source_id"]).all()
    assert layer[["tx_from", "tx_to", "editor"]].isna().all(axis=None)


def test_points_get_their_easting_and_northing():
    raw = delivery({"PID": ["A", "B"]}, geometry=[shapely.Point(EAST, NORTH), shapely.Point(EAST + 1, NORTH + 2)])
    layer = convert(raw, "control_station", crosswalk=walk('[fields.pid]\nfrom = "PID"', "control_station")).layer
    assert layer["e_ft"].tolist() == [EAST, EAST + 1]
    assert layer["n_ft"].tolist() == [NORTH, NORTH + 2]


def test_a_repeated_key_stays_and_is_told_apart_for_validation_to_find():
    raw = delivery({"AIN": pd.Series(["19119074", "191-190-74"], dtype="str")})
    layer = convert(raw, "parcel", crosswalk=walk()).layer
    assert layer["apn"].tolist() == ["19119074", "19119074"]
    assert layer["global_id"].nunique() == 2


def test_rows_that_share_a_value_are_a_stack_and_one_alone_is_not():
    raw = four(AIN=pd.Series(["19119074", "19119075", "19119076", "19119077"], dtype="str"), CONDO=["a", "a", "b", None])
    stack = convert(raw, "parcel", crosswalk=walk('stack = ["CONDO"]\n' + MINIMAL)).layer["stack_id"]
    assert stack[0] == stack[1]
    assert stack[2:].isna().all()


def test_the_same_input_gives_the_same_output():
    first, second = (convert(four(), "parcel", crosswalk=walk()) for _ in range(2))
    for a, b in ((first.layer, second.layer), (first.quarantine, second.quarantine), (first.findings, second.findings)):
        assert_frame_equal(pd.DataFrame(a), pd.DataFrame(b))


def test_the_data_given_is_not_changed():
    raw = four()
    before = raw.copy(deep=True)
    convert(raw, "parcel", crosswalk=walk())
    assert_frame_equal(pd.DataFrame(raw), pd.DataFrame(before))


def test_a_repeated_or_strange_index_does_no_harm():
    raw = four()
    raw.index = ["x", "x", "y", "y"]
    result = convert(raw, "parcel", crosswalk=walk())
    assert len(result.layer) == 3
    assert result.quarantine.index.tolist() == ["y"]


def test_outside_names_match_whatever_their_case_unless_told_otherwise():
    raw = four().rename(columns={"AIN": "Ain"})
    assert len(convert(raw, "parcel", crosswalk=walk()).layer) == 3
    with pytest.raises(SettingsError, match=r"`AIN` \(for apn\), did you mean `Ain`\?"):
        convert(raw, "parcel", crosswalk=walk("match_case = true\n" + MINIMAL))


def test_a_column_that_is_not_there_is_an_error_that_lists_what_is():
    with pytest.raises(SettingsError, match=r"`AINX` \(for apn\), did you mean `AIN`\?.*It has: AIN, LOT"):
        convert(four(), "parcel", crosswalk=walk('[fields.apn]\nfrom = "AINX"'))


def test_a_crosswalk_for_another_layer_is_refused():
    with pytest.raises(SettingsError, match="is for the layer zoning, not parcel"):
        convert(four(), "parcel", crosswalk=walk('[fields.code]\nfrom = "AIN"', "zoning"))


def test_an_unknown_layer_is_refused():
    with pytest.raises(SchemaError, match="no City layer 'parcels'"):
        convert(four(), "parcels")


def test_a_packaged_crosswalk_is_found_by_name_and_a_wrong_name_lists_them():
    raw = delivery(
        {
            "APN": pd.Series(["19119074"], dtype="str"),
            "categry": ["Existing"],
            "jrsdctn": ["LATHROP"],
            "class": ["M-1"],
            "fotprnt": [1.0],
        }
    )
    layer = convert(raw, "parcel", crosswalk="san_joaquin_warehouse_parcels").layer
    assert layer["note"].tolist() == ["Existing, LATHROP"]
    with pytest.raises(SettingsError, match="san_joaquin_warehouse_parcels"):
        convert(raw, "parcel", crosswalk="san_joaquin")


def test_wgs_84_is_refused_under_a_crosswalk_that_does_not_state_the_frame():
    raw = four().to_crs("EPSG:6318").set_crs("EPSG:4326", allow_override=True)
    with pytest.raises(CRSError, match=r"about 5\.1 ft"):
        convert(raw, "parcel", crosswalk=walk())


def test_a_frame_that_is_not_the_citys_cannot_be_stated_away():
    raw = four().to_crs("EPSG:6318").set_crs("EPSG:4326", allow_override=True)
    frame = '[frame]\nlabel = "EPSG:4326"\nreally = "WGS 84"\nreason = "r"\nstated_by = "me"\n'
    with pytest.raises(CRSError, match="City is in NAD83"):
        convert(raw, "parcel", crosswalk=walk(frame + MINIMAL))


def test_data_that_lies_nowhere_is_refused_as_a_whole_and_one_stray_row_is_not():
    there = [shapely.box(-121.3, 37.8, -121.29, 37.81)] * 3
    swapped = shapely.box(37.8, -121.3, 37.81, -121.29)
    columns = {"AIN": pd.Series(["19119074", "19119075", "19119076"], dtype="str")}
    with pytest.raises(CRSError, match="axes are swapped"):
        convert(delivery(columns, geometry=[swapped] * 3, crs="EPSG:6318"), "parcel", crosswalk=walk())
    result = convert(delivery(columns, geometry=[*there[:2], swapped], crs="EPSG:6318"), "parcel", crosswalk=walk())
    assert (len(result.layer), result.quarantine["quarantine_code"].tolist()) == (2, ["C06"])


def test_a_value_that_the_driver_lost_keeps_the_row_out_only_where_a_field_is_made_of_it():
    told = pd.Series(
        [
            None,
            "Field AREA was sent as 'No.00', which is not a number.",
            "Field LOT was sent as '1O', which is not a number.",
            None,
        ],
        dtype="str",
    )
    raw = four(AIN=pd.Series(["19119074", "19119075", "19119076", "19119077"], dtype="str"))
    raw["read_code"] = told.where(told.isna(), "R04")
    raw["read_message"] = told
    result = convert(raw, "parcel", crosswalk=walk(MINIMAL + '[fields.lot]\nfrom = "LOT"\n'))
    assert result.quarantine.index.tolist() == [2]
    assert result.quarantine["quarantine_code"].tolist() == ["C02"]
    assert "sent as '1O'" in result.quarantine["quarantine_message"].iloc[0]
    lost = result.findings[result.findings["code"] == "R04"]
    assert lost["other"].tolist() == ["AREA"]
    assert lost["severity"].tolist() == ["review"]


def test_a_quarantine_may_be_converted_again_and_keeps_what_was_sent():
    raw = four()
    for times in (1, 2):
        raw = convert(raw, "parcel", crosswalk=walk()).quarantine.assign(quarantine_code=f"R{times}")
    last = convert(raw, "parcel", crosswalk=walk()).quarantine.iloc[0]
    assert (last.quarantine_code, last.quarantine_code_sent, last.quarantine_code_sent_sent) == ("C03", "R1", "R2")
    assert last.quarantine_value_sent == "S.P.R.R."


def test_a_ring_that_the_reader_could_not_close_is_quarantined_with_its_words():
    raw = delivery({"AIN": pd.Series(["19119074", "19119075"], dtype="str")}, geometry=[None, square(1)])
    raw["read_code"] = pd.Series(["R01", None], dtype="str")
    raw["read_message"] = pd.Series(["Ring 1 ends 4.0 ft from where it began.", None], dtype="str")
    quarantine = convert(raw, "parcel", crosswalk=walk()).quarantine
    assert quarantine["quarantine_code"].tolist() == ["C06"]
    assert "Ring 1 ends 4.0 ft" in quarantine["quarantine_message"].iloc[0]


def test_a_table_becomes_a_layer_without_geometry():
    raw = pd.DataFrame({"APN": pd.Series(["191-190-74", "x"], dtype="str"), "OWNER": ["Sample Owner 1", "Sample Owner 2"]})
    table = '[fields.apn]\nfrom = "APN"\n[fields.owner_name]\nfrom = "OWNER"'
    result = convert(raw, "parcel_owner", crosswalk=walk(table, "parcel_owner"))
    assert not isinstance(result.layer, gpd.GeoDataFrame)
    assert result.layer["apn"].tolist() == ["19119074"]
    assert result.lineage is None
    assert len(result.quarantine) == 1


def test_a_table_cannot_become_a_layer_with_geometry():
    with pytest.raises(SchemaError, match="has no geometry"):
        convert(pd.DataFrame({"AIN": ["19119074"]}), "parcel", crosswalk=walk())


def test_no_rows_make_an_empty_layer():
    result = convert(four().iloc[:0], "parcel", crosswalk=walk())
    assert (len(result.layer), len(result.quarantine)) == (0, 0)


JUNK = st.one_of(
    st.none(),
    st.text(max_size=90),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.binary(max_size=4),
    st.dates(),
    st.datetimes(),
    st.sampled_from(["19119074", "191-190-75", "FEE", "F", "2025-01-02", "12.0", "ACRE", "", "N/A"]),
)
SHAPES = st.sampled_from(
    [
        None,
        square(0),
        square(1),
        shapely.Point(EAST, NORTH),
        shapely.Polygon(),
        shapely.GeometryCollection(),
        shapely.MultiPolygon([square(2)]),
        shapely.Polygon([(np.inf, 0), (1, 1), (2, 0)]),
        shapely.LineString([(EAST, NORTH), (EAST + 1, NORTH)]),
        shapely.force_3d(square(3), 9.0),
    ]
)
EVERYTHING = """
stack = ["a"]
[fields.apn]
from = "a"
[fields.parcel_kind]
from = ["b", "c"]
domain = { F = "FEE", "12" = "CONDO" }
default = "FEE"
[fields.stated_area]
from = "c"
scale = 43560.0
[fields.stated_area_unit]
from = "d"
[fields.legal_from]
from = "e"
[fields.roll_year]
from = "b"
[fields.city_owned]
from = "d"
[fields.situs_text]
concat = "{c} {d}"
[fields.tract_id]
from = "e"
reference = "tract"
[fields.lot]
from = "a"
split = { separator = "-", index = 2 }
"""


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(JUNK, JUNK, JUNK, JUNK, JUNK, SHAPES), max_size=8))
def test_no_junk_loses_or_doubles_a_row(rows):
    columns = {name: pd.Series([row[i] for row in rows], dtype=object) for i, name in enumerate("abcde")}
    raw = gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries([row[5] for row in rows], crs="EPSG:6420"))
    raw["source_ref"] = pd.Series([f"f#{i}" for i in range(len(rows))], dtype="str")
    for crosswalk in (walk(EVERYTHING), None):
        try:
            result = convert(raw, "parcel", crosswalk=crosswalk)
        except CRSError:
            # Every shape lies nowhere: the file as a whole is refused, and says so.
            continue
        assert sorted([*result.layer["source_ref"], *result.quarantine["source_ref"]]) == sorted(raw["source_ref"])
        assert result.quarantine["quarantine_code"].notna().all()
        assert result.layer["apn"].notna().all()


def test_a_table_without_coordinates_is_refused_for_a_layer_of_ground():
    table = gpd.GeoDataFrame({"APN": ["191-190-74"]}, geometry=gpd.GeoSeries([None]))
    with pytest.raises(SchemaError, match="no geometry"):
        convert(table, "parcel")
