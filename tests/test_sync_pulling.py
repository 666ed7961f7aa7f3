"""What was edited there, laid over the City's layer: in the City's own system, by the same statement as on the way out."""

import fake_remote
import numpy as np
import pytest
import sync_city

from citygis import sync
from citygis.errors import CRSError
from citygis.gpkg import read_geopackage, write_geopackage
from citygis.sync.preparation import read_sides
from citygis.sync.pulling import pull, with_edits

WEB = {"wkid": 102100, "latestWkid": 3857}
FRAME = """
[frame]
label = "EPSG:3857"
really = "NAD83(2011)"
reason = "Filled from State Plane coordinates by projection alone"
stated_by = "County GIS"
"""


@pytest.fixture
def web(tmp_path):
    """A City's parcels in a layer in Web Mercator, and the text of one edited there."""
    city, target = sync_city.make(tmp_path, text=sync_city.TARGET.format(batch=200) + FRAME)
    here = sync_city.parcels(14)
    layer = fake_remote.FakeRemote(fake_remote.parcels_definition(extent={"spatialReference": WEB}))
    plan = sync.prepare(target, city=city, remote=layer, layer=here)
    assert sync.apply(plan, target, city=city, remote=layer, layer=here).is_clean
    layer.put({"SITUS": "9 THIRD PARTY LN"}, global_id=here["global_id"][0])
    return city, target, here, layer


def test_edits_come_back_into_the_citys_system_by_the_targets_statement(web):
    city, target, here, layer = web
    sides = read_sides(target, city=city, remote=layer, layer=here)
    found = with_edits(sides, {here["global_id"][0]}, target, city, layer=here)
    assert found["situs_text"].tolist() == ["9 THIRD PARTY LN", *here["situs_text"][1:]] and found.crs == here.crs
    assert found.geometry[0].hausdorff_distance(here.geometry[0]) < 0.01 and found.dtypes.equals(here.dtypes)
    assert not np.array_equal(sides.reading.frame.total_bounds, found.total_bounds)


def test_without_a_statement_there_is_no_way_back(web):
    city, target, here, layer = web
    sides = read_sides(target, city=city, remote=layer, layer=here)
    with pytest.raises(CRSError):
        with_edits(sides, {here["global_id"][0]}, target.model_copy(update={"frame": None}), city, layer=here)


def test_measures_that_are_left_out_are_told_when_both_sides_are_read(web):
    city, target, here, layer = web
    layer.layer["hasM"] = True
    said = []
    read_sides(target, city=city, remote=layer, layer=here, told=said.append)
    assert pull(layer).is_measured and [each for each in said if "measures (M)" in each and "Y29" in each]


def test_edits_of_a_table_leave_the_citys_ground_as_it_is(tmp_path):
    city, target = sync_city.make(tmp_path)
    here = sync_city.parcels(3)
    rows = [sync_city.row(each) | {"geometry": None} for each in here.itertuples()]
    table = fake_remote.parcels_definition(type="Table", geometryType=None)
    layer = fake_remote.FakeRemote(table, rows)
    sync.verify(target, city=city, remote=layer, layer=here)
    layer.put({"SITUS": "9 THIRD PARTY LN"}, global_id=here["global_id"][0])
    new = layer.put({"APN": "NEW", "ROLL_YEAR": 2026})
    sides = read_sides(target, city=city, remote=layer, layer=here)
    found = with_edits(sides, {here["global_id"][0], new}, target, city, layer=here)
    assert found["situs_text"].tolist()[:3] == ["9 THIRD PARTY LN", *here["situs_text"][1:]]
    assert found.geometry.iloc[:3].geom_equals(here.geometry).all() and found.geometry.isna().tolist() == [False] * 3 + [True]
    assert found.crs == here.crs and found["apn"].iloc[3] == "NEW"


@pytest.mark.parametrize("key", ["GlobalID", "Global_ID"])
def test_a_layer_whose_fields_are_called_like_our_columns_is_pulled_whole(tmp_path, key):
    fields = [each | {"name": key} if each["name"] == "GlobalID" else each for each in fake_remote.parcels_definition()["fields"]]
    if key == "GlobalID":
        fields.append({"name": "global_id", "type": "esriFieldTypeString", "nullable": True, "editable": True})
    fields.append({"name": "Geometry", "type": "esriFieldTypeString", "nullable": True, "editable": True})
    layer = sync_city.remote(sync_city.parcels(3), definition=fake_remote.parcels_definition(globalIdField=key, fields=fields))
    for global_id, row in layer.rows.items():
        row["attributes"] |= {key: "{" + global_id.upper() + "}", "global_id": "theirs", "Geometry": "a note"}
    pulled = pull(layer)
    out = write_geopackage(tmp_path / "out.gpkg", {pulled.name: pulled.frame})
    back = read_geopackage(out, pulled.name)
    assert set(back["global_id"]) == set(layer.rows) and set(back["Geometry_sent"]) == {"a note"}
    assert key != "GlobalID" or set(back["global_id_sent"]) == {"theirs"}
