"""What was edited there, laid over the City's layer: in the City's own system, by the same statement as on the way out."""

import fake_remote
import numpy as np
import pytest
import sync_city

from citygis import sync
from citygis.errors import CRSError
from citygis.sync.preparation import read_sides
from citygis.sync.pulling import with_edits

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
