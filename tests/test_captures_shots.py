import numpy as np
import pandas as pd

from citygis.captures.field_codes import field_codes
from citygis.captures.gates import gates
from citygis.captures.shots import shots_of
from citygis.city import default_city
from citygis.readers.captures import captures_frame

CITY = default_city()
CODES, GATE = field_codes(), gates()["asset"]
EASTING, NORTHING = 6338000.0, 2123000.0


def captures(codes, places=None, *, names=None, kind="point"):
    n = len(codes)
    places = places if places is not None else [(50.0 * i, 0.0) for i in range(n)]
    columns = {"capture": kind, "name": names or [str(i + 1) for i in range(n)], "code": codes}
    frame = captures_frame(columns, *(np.array(places).T + np.array([[EASTING], [NORTHING]])), crs=CITY.crs)
    return frame.assign(
        source_id=pd.Series(["5f0d4a52-0000-5000-8000-000000000001"] * n, dtype="str"),
        source_ref=pd.Series([f"p.txt#line {i + 1}" for i in range(n)], dtype="str"),
    )


def shots(frame, layer):
    made = shots_of(frame, CITY.schema.layer(layer), codes=CODES, gate=GATE)
    used = set(frame.index) - set(made.rejected.index)
    assert made.rejected.index.is_unique and len(used) + len(made.rejected) == len(frame)
    return made


def test_of_coded_points_a_layer_takes_its_own():
    made = shots(captures(["FH", "FIP", "TREE 12 OAK", "FH", "words"]), "hydrant")
    assert made.shapes["name"].tolist() == ["1", "4"]
    assert made.rejected["reject_reason"].tolist() == ["other_layer"] * 3


def test_where_no_code_is_the_layers_descriptions_are_taken_and_known_codes_of_others_are_not():
    made = shots(captures(["hydrant at gate", "by the pump", "FIP"]), "hydrant")
    assert made.shapes["name"].tolist() == ["1", "2"] and made.rejected["reject_code"].tolist() == ["E18"]
    assert "F01" in made.findings["code"].tolist()


def test_a_code_brings_its_attributes_and_its_words():
    made = shots(captures(["FIP LS1234", "FMON"]), "corner")
    assert made.shapes["attributes"].tolist() == [
        {"kind": "FOUND", "monument": "iron pipe", "tag": "LS1234"},
        {"kind": "FOUND", "monument": "monument in well"},
    ]


def test_a_closed_figure_is_a_polygon_and_the_rest_is_told():
    made = shots(
        captures(["BLD1 B", "BLD1", "BLD1", "BLD1 CLS", "FH"], [(0, 0), (40, 0), (40, 30), (0, 30), (90, 0)]), "building_footprint"
    )
    assert made.shapes.geometry.area.tolist() == [1200.0]
    assert made.rejected["reject_reason"].to_dict() == {4: "other_layer"}


def test_single_points_make_no_line():
    made = shots(captures([None, None]), "street_centerline")
    assert made.shapes.empty and made.rejected["reject_reason"].tolist() == ["other_kind"] * 2


def test_shapes_without_a_name_get_one_that_no_other_day_has():
    made = shots(captures([None, None], names=[None, None]), "hydrant")
    assert made.shapes["name"].tolist() == ["5f0d4a52-1", "5f0d4a52-2"]


def test_lines_of_one_name_are_told_apart():
    frame = captures(["CL1 B", "CL1 E", "CL1 B", "CL1 E"])
    made = shots(frame, "street_centerline")
    assert made.shapes["name"].is_unique and len(made.shapes) == 2
