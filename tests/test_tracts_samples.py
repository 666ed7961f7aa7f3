"""The tract of the sample city, written by another way in each file: one fabric from all of them."""

import json

import numpy as np
import pytest
import sample_city
import shapely
import tract_maps

from citygis.city import default_city
from citygis.samples import write_tract
from citygis.tracts import tract_work
from citygis.units import US_SURVEY_FOOT


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("survey")
    write_tract(folder, sample_city.city())
    return folder


@pytest.mark.parametrize(
    ("name", "unit"), [("3999.xml", None), ("3999_clean.dxf", US_SURVEY_FOOT), ("3999_plat.txt", US_SURVEY_FOOT)]
)
def test_the_tract_has_its_corners_lots_and_areas_from_each_file(folder, name, unit):
    truth = json.loads((folder / "truth.json").read_text())
    way = {"ties": folder / "tract_3999_ties.csv"} if name.endswith(".txt") else {"frame": tract_maps.FRAME}
    found = tract_work(folder / f"tract_{name}", "3999", city=default_city(), held=tract_maps.held(), unit=unit, retire=True, **way)
    assert not (found.findings["severity"] == "error").any()
    table = found.lots[found.lots["layer"] == "parcel"].set_index("lot")
    assert sorted(table.index) == sorted(truth["lots"])
    lines = found.layers["boundary_line"].geometry
    ends = shapely.points(np.vstack([shapely.get_coordinates(shapely.get_point(lines, at)) for at in (0, -1)]))
    places = shapely.points([(corner["easting"], corner["northing"]) for corner in truth["corners"]])
    _, apart = shapely.STRtree(places).query_nearest(ends, return_distance=True, all_matches=False)
    assert apart.max() < 0.005
    for lot, told in truth["lots"].items():
        assert table.loc[lot, "area_sqft"] == pytest.approx(told["area_sqft"], abs=0.5)
    assert found.retired == [truth["tract"]["parent_apn"]]
