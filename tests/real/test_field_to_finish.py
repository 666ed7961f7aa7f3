"""Field to finish on a coded point file whose curve is known."""

import csv

import geopandas as gpd
import pandas as pd
import pytest

from citygis.captures.field_codes import field_codes
from citygis.captures.figures import figures


def test_a_coded_point_file_gives_its_curve_its_closed_figure_and_its_points(real_data):
    rows = list(csv.reader((real_data / "gps" / "points" / "field_to_finish_pnezd.csv").open(encoding="utf-8")))
    frame = {"name": pd.array([r[0] for r in rows], dtype="str"), "code": pd.array([r[4] for r in rows], dtype="str")}
    places = gpd.points_from_xy([float(r[2]) for r in rows], [float(r[1]) for r in rows])
    told = figures(gpd.GeoDataFrame(frame, geometry=places, crs="EPSG:6420"), field_codes())
    # The file rounds its shots to 0.0001 ft.
    curve = told.courses[told.courses["kind"] == "curve"].iloc[0]
    assert curve["radius_ft"] == pytest.approx(100.000, abs=0.0005) and curve["delta_deg"] == pytest.approx(90, abs=0.0005)
    assert (curve["from_shot"], curve["to_shot"], curve["hand"]) == (2, 4, "R")
    lines = told.lines.set_index("name")
    assert lines["closed"].to_dict() == {"EP1": False, "FL1": True, "EP2": False}
    assert lines.loc["FL1", "area_sqft"] == pytest.approx(1250)  # 50 x 50 / 2
    assert told.points.set_index("name")["code"].to_dict() == {"10": "FH", "12": "TREE"}
    assert told.points.set_index("name").loc["12", ["diameter_in", "species"]].tolist() == ["12", "OAK"]
    assert told.shots["use"].value_counts().to_dict() == {"figure": 10, "point": 2}
    assert set(told.findings["code"]) == {"F03", "F04"}  # EP2 is never ended; BC is a curve here, and asked about
