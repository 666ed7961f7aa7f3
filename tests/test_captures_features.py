import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from citygis.captures.features import as_features, stated_values
from citygis.city import default_city
from citygis.convert import convert

CITY = default_city()


def marks(names, *, fix="FIXED", at=((6338000.0, 2123000.0),), **more):
    n = len(names)
    columns = {
        "name": pd.Series(names, dtype="str"),
        "code": pd.Series([None] * n, dtype="str"),
        "fix_type": pd.Series([fix] * n, dtype="str"),
        "h_rms_ft": [0.03] * n,
        "h_rms_m": [0.009] * n,
        "occupations": [1] * n,
        "source_id": pd.Series(["5f0d4a52-0000-5000-8000-000000000001"] * n, dtype="str"),
        "source_ref": pd.Series([f"day.csv#line {i}" for i in range(2, n + 2)], dtype="str"),
    } | more
    return gpd.GeoDataFrame(columns, geometry=gpd.points_from_xy(*np.array(at * n if len(at) == 1 else at).T), crs=CITY.crs)


def features(shapes, layer="corner", captures=None, **options):
    captures = shapes if captures is None else captures
    return as_features(shapes, CITY.schema.layer(layer), city=CITY, captures=captures, tolerance_ft=0.1, **options)


def codes(made):
    return made.findings["code"].tolist()


def converted(made, layer="corner"):
    result = convert(made.raw, layer, crosswalk=made.crosswalk, city=CITY)
    assert len(result.quarantine) == 0, result.quarantine.T
    return result.layer


def test_a_corner_says_frame_and_epoch_that_it_is_now_in():
    layer = converted(features(marks(["101"])))
    assert layer[["datum", "epoch", "fix_type", "method", "accuracy_basis"]].iloc[0].tolist() == [
        "NAD83(2011)", 2010.0, "FIXED", "GNSS_RTK", "STATED",
    ]  # fmt: skip
    assert layer["elev_ft"].isna().all()


def test_a_kind_that_nobody_said_is_told():
    made = features(marks(["101", "102"]))
    assert codes(made) == ["B01"] and converted(made)["kind"].tolist() == ["FOUND", "FOUND"]


def test_what_the_user_says_is_not_assumed():
    made = features(marks(["101"]), values={"kind": "SET"})
    assert codes(made) == [] and converted(made)["kind"].tolist() == ["SET"]


def test_what_a_field_code_says_stands_and_only_the_others_are_assumed():
    made = features(marks(["101", "102"], attributes=[{"kind": "SET", "monument": "iron pipe"}, None]))
    assert codes(made) == ["B01"] and made.findings["measure"].iat[0] == 1
    assert converted(made)["kind"].tolist() == ["SET", "FOUND"]


@pytest.mark.parametrize(
    "values",
    [{"kind": "MAYBE"}, {"colour": "red"}, {"h_accuracy_ft": "good"}, {"geom_hash": "x"}],
)
def test_a_value_that_the_field_does_not_take_is_wrong_usage(values):
    with pytest.raises(ValueError, match="Invalid"):
        stated_values(values, CITY.schema.layer("corner"))


def test_values_come_in_the_type_of_their_field():
    assert stated_values({"h_accuracy_ft": "0.05", "kind": "SET"}, CITY.schema.layer("corner")) == {
        "h_accuracy_ft": 0.05,
        "kind": "SET",
    }


def test_a_column_as_sent_fills_the_field_it_is_called_like():
    shapes = marks(["H-1"])
    sent = pd.DataFrame({"source_ref": shapes["source_ref"], "GPM": [1500.0]})
    assert converted(features(shapes, "hydrant", sent), "hydrant")["flow_gpm"].tolist() == [1500.0]


def test_a_point_number_that_another_corner_has_is_an_error():
    held = gpd.GeoDataFrame({"corner_id": ["101"]}, geometry=gpd.points_from_xy([6338000.0], [2123250.0]), crs=CITY.crs)
    made = features(marks(["101"]), existing=held, values={"kind": "FOUND"})
    assert codes(made) == ["B02"] and made.findings["measure"].iat[0] == pytest.approx(250.0)
    assert made.findings["severity"].iat[0] == "error"


def test_a_corner_captured_again_at_its_place_is_for_review():
    held = gpd.GeoDataFrame({"corner_id": ["101"]}, geometry=gpd.points_from_xy([6338000.03], [2123000.0]), crs=CITY.crs)
    made = features(marks(["101"]), existing=held, values={"kind": "FOUND"})
    assert codes(made) == ["B03"] and made.findings["measure"].iat[0] == pytest.approx(0.03)


@pytest.mark.parametrize(("fix", "method"), [("SINGLE", "GNSS_MAP"), ("DGPS", "GNSS_MAP"), ("PPK", "GNSS_RTK"), (None, "COGO")])
def test_the_method_follows_the_fix(fix, method):
    shapes = marks(["101"], fix=fix)
    sent = shapes.drop(columns="h_rms_m") if fix is None else shapes
    assert converted(features(shapes, captures=sent))["method"].tolist() == [method]


def test_a_second_occupation_is_a_test():
    assert converted(features(marks(["101"], occupations=[2])))["accuracy_basis"].tolist() == ["TESTED"]


def test_a_waypoint_that_states_no_fix_was_received_and_not_worked_out_in_an_office():
    shapes = marks(["W1", "W2"], fix=None)
    captures = pd.DataFrame({"source_ref": shapes["source_ref"], "capture": ["waypoint", "point"]})
    assert converted(features(shapes, captures=captures))["method"].tolist() == ["GNSS_MAP", "COGO"]


def test_scatter_alone_is_no_statement_of_accuracy():
    shapes = marks(["101"])
    assert converted(features(shapes, captures=shapes.drop(columns="h_rms_m")))["accuracy_basis"].tolist() == ["UNKNOWN"]
