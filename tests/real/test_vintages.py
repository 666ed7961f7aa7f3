"""
Real parcel layers told apart: written out again, and with edits whose truth is known.

No two vintages of one layer are among the files: Cambridge's FY2014 is an index of map sheets, not parcels. So each layer is held
against itself, written out as a county would write it again, and against a copy with edits.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.changes import compare
from citygis.changes.redline import redline_html
from citygis.readers import read

EACH = 12


@pytest.fixture(scope="module")
def cambridge(real_data) -> gpd.GeoDataFrame:
    return read(real_data / "parcels" / "cambridge_ParcelsFY2013.topojson", source_crs="EPSG:4326").to_crs("EPSG:2249")


@pytest.fixture(scope="module")
def san_joaquin(real_data) -> gpd.GeoDataFrame:
    return read(real_data / "parcels" / "sjv_WHcentral.shp").to_crs("EPSG:6420")


def written_again(layer, seed=0):
    """Other rows first, rings reversed, the last bits of every coordinate other."""
    rng = np.random.default_rng(seed)
    again = layer.iloc[rng.permutation(len(layer))].reset_index(drop=True)
    shapes = again.geometry.to_numpy().copy()
    some = rng.random(len(shapes)) < 0.5
    shapes[some] = shapely.reverse(shapes[some])
    # One step for all equal coordinates, so that rings stay closed.
    return again.set_geometry(gpd.GeoSeries(shapely.transform(shapes, lambda at: at + 8e-7 * np.sin(at * 1e3)), crs=layer.crs))


def test_the_index_of_the_next_year_is_no_delivery_of_parcels(real_data):
    index = read(real_data / "parcels" / "cambridge_ParcelMapIndexFY2014.geojson")
    assert len(index) == 286 and "PCIX_NO" in index and "ML" not in index


@pytest.mark.parametrize(("name", "key"), [("cambridge", "ML"), ("san_joaquin", "APN")])
def test_a_layer_written_out_again_has_not_changed(request, name, key):
    layer = request.getfixturevalue(name)
    changes = compare(layer, written_again(layer), key=key)
    assert changes.shift is None and changes.truncated is None
    assert changes.changes.empty, changes.changes[["kind", "old", "new", "message"]].head()
    assert changes.counts["unchanged"] == len(layer)


@pytest.mark.parametrize(("name", "key"), [("cambridge", "ML"), ("san_joaquin", "APN")])
def test_a_layer_that_lies_elsewhere_is_one_fact(request, name, key):
    layer = request.getfixturevalue(name)
    again = written_again(layer)
    again = again.set_geometry(again.translate(0.3, -0.2))
    changes = compare(layer, again, key=key)
    assert (changes.shift.easting_ft, changes.shift.northing_ft) == pytest.approx((0.3, -0.2), abs=1e-5)
    assert changes.changes.empty


def lone(layer, key):
    """Whole, valid lots with a number of their own that overlap no other, in the order of the layer."""
    shapes = layer.geometry.to_numpy()
    sound = shapely.is_valid(shapes) & (shapely.get_type_id(shapes) == 3) & (shapely.area(shapes) > 2_000)
    sound &= (layer[key].notna() & ~layer[key].duplicated(keep=False)).to_numpy()
    a, _ = shapely.STRtree(shapes).query(shapes[sound], predicate="overlaps")
    rows = np.flatnonzero(sound)
    return np.setdiff1d(rows, rows[a])


@pytest.mark.parametrize(("name", "key", "value"), [("cambridge", "ML", "LOC_ID"), ("san_joaquin", "APN", "class")])
def test_edits_of_real_lots_are_told_one_by_one(request, name, key, value):
    layer = request.getfixturevalue(name)
    value = value if value in layer else next(each for each in layer.columns if each not in (key, "geometry"))
    rows = np.random.default_rng(7).permutation(lone(layer, key))[: 5 * EACH].reshape(5, EACH)
    new, shapes, truth, born = layer.copy(), layer.geometry.to_numpy().copy(), set(), []
    for row in rows[0]:
        new.iloc[row, new.columns.get_loc(value)] = "changed"
        truth.add(("attribute", layer[key][row], layer[key][row]))
    for row in rows[1]:
        low_e, low_n, high_e, high_n = shapes[row].bounds
        west = shapely.box(low_e - 1, low_n - 1, (low_e + high_e) / 2, high_n + 1)
        halves = [shapely.intersection(shapes[row], west), shapely.difference(shapes[row], west)]
        names = [f"{layer[key][row]}-{letter}" for letter in "AB"]
        born += [layer.iloc[row].to_dict() | {key: each, "geometry": half} for each, half in zip(names, halves, strict=True)]
        truth.add(("split", layer[key][row], "; ".join(names)))
    for row in rows[2]:
        new.iloc[row, new.columns.get_loc(key)] = f"{layer[key][row]}-N"
        truth.add(("renumbered", layer[key][row], f"{layer[key][row]}-N"))
    for row in rows[3]:
        shapes[row] = shapely.simplify(shapes[row], 0).buffer(0.4, join_style="mitre", mitre_limit=2)
        truth.add(("moved", layer[key][row], layer[key][row]))
    gone = {layer[key][row] for row in rows[4]}
    truth |= {("retired", apn, "") for apn in gone}
    new = new.set_geometry(gpd.GeoSeries(shapes, crs=layer.crs)).drop(index=[*rows[1], *rows[4]])
    new = gpd.GeoDataFrame(pd.concat([new, gpd.GeoDataFrame(born, crs=layer.crs)], ignore_index=True), crs=layer.crs)
    again = written_again(new, seed=1)
    changes = compare(layer, again, key=key)
    told = {(row.kind, row.old, row.new) for row in changes.changes.itertuples()}
    assert told == truth
    page = redline_html(changes, layer, again)
    assert page.count("<article") == 5 * EACH
