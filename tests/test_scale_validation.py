"""The findings on parts are those on the whole, to the last column, with defects on the very edges of the parts."""

import dataclasses

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from conftest import REQUIRE_ALL
from lot_grid import EAST, NORTH, lots
from quality_layers import parcels

from citygis.city import default_city
from citygis.errors import CRSError, ReadError, SchemaError
from citygis.quality import validate
from citygis.samples.defects import plant_defects
from citygis.samples.parcel_fabric import parcel_fabric
from citygis.scale import left_out_of_dataset, repartition, rows_near, validate_dataset


def told(findings):
    plain = pd.DataFrame(findings.drop(columns="geometry")).astype(object)
    rows = zip(*(plain[name].where(plain[name].notna(), None) for name in plain), shapely.to_wkb(findings.geometry), strict=True)
    return sorted(map(repr, rows))


def parted(frame, folder, rows):
    folder.mkdir(exist_ok=True)
    frame.to_parquet(folder / "layer.parquet")
    return repartition(folder / "layer.parquet", folder / f"parts_{rows}", rows=rows)


def on_edges(dataset):
    """Rows that touch a row of another part, and how many parts meet there."""
    rows = []
    for part in range(len(dataset.parts)):
        own = dataset.frame(part)
        beside = rows_near(dataset, np.asarray(own.geometry.array, dtype=object), 0.5, without=part)
        if len(beside):
            rows.append(own.index.to_numpy()[np.unique(own.sindex.query(beside.geometry, predicate="dwithin", distance=0.01)[1])])
    return np.unique(np.concatenate(rows))


@pytest.fixture(scope="module")
def layer(tmp_path_factory):
    """5,000 parcels in no order with each kind of defect, and more of them along the edges that three parts will have."""
    layers, _ = plant_defects(parcel_fabric(5_000, seed=4), seed=5, per_kind=3)
    frame = layers["parcel"].sample(frac=1, random_state=6).reset_index(drop=True)
    frame["apn"] = [f"{k:08d}" for k in range(len(frame))]
    frame["status"], frame["tra"] = "ACTIVE", None
    frame.loc[0, "tra"] = "001-002"
    edge = on_edges(parted(frame, tmp_path_factory.mktemp("edges"), 1_700))
    assert len(edge) > 60
    rng = np.random.default_rng(7)
    edge = rng.permutation(edge[frame.geometry[edge].geom_type == "Polygon"])
    shapes = frame.geometry.array.copy()
    shapes[edge[:12]] = shapely.buffer(shapes[edge[:12]], 0.4, join_style="mitre")  # overlaps
    shapes[edge[12:24]] = shapely.buffer(shapes[edge[12:24]], -0.5, join_style="mitre")  # slivers all around
    shapes[edge[24:36]] = [without_a_vertex(shape) for shape in shapes[edge[24:36]]]
    shapes[edge[36:44]] = shapely.transform(shapes[edge[36:44]], lambda places: places + [0.06, 0.03])  # corners misaligned
    shapes[edge[44]] = shapes[edge[45]]  # twice the same geometry
    shapes[edge[46]] = None
    frame = frame.set_geometry(shapes)
    frame.loc[edge[47:53], "apn"] = frame.loc[edge[47], "apn"]  # one key in several parts
    frame.loc[edge[53], "apn"] = None
    frame.loc[edge[54:57], "status"] = ["RETIRED", "PROPOSED", "nonsense"]
    return frame


def without_a_vertex(shape):
    ring = list(shape.exterior.coords)
    return shapely.Polygon([*ring[:2], *ring[3:]]) if len(ring) > 5 else shape


@pytest.fixture(scope="module")
def whole(layer):
    return told(validate(layer, "parcel"))


@pytest.mark.parametrize("rows", [10_000, 1_700, 650])
def test_findings_on_one_three_and_eight_parts_are_those_on_the_whole(layer, whole, tmp_path, rows):
    assert told(validate_dataset(parted(layer, tmp_path, rows), "parcel")) == whole


def test_findings_of_other_processes_are_the_same(layer, whole, tmp_path):
    if not REQUIRE_ALL:
        pytest.importorskip("distributed")
    assert told(validate_dataset(parted(layer, tmp_path, 1_700), "parcel", engine="dask", workers=1)) == whole


def test_the_defects_on_the_edges_are_there(whole):
    text = "\n".join(whole)
    for code in ("A01", "A04", "A06", "A09", "G01", "G04", "T01", "T20", "T31", "T32", "T33"):
        assert f"'{code}'" in text, code


def test_shapes_alone_are_checked_in_any_system_in_metres_and_under_any_name(layer, tmp_path):
    metres = layer[["pid", "geometry"]].to_crs("EPSG:6419")
    dataset = parted(metres, tmp_path, 900)
    for options in ({"key": "pid", "only": "geometry"}, {"only": "geometry"}):
        assert told(validate_dataset(dataset, "lots", **options)) == told(validate(metres, "lots", **options))


def test_columns_alone_are_checked_in_parts_too(layer, tmp_path):
    found = validate_dataset(parted(layer, tmp_path, 900), "parcel", only="attributes")
    assert told(found) == told(validate(layer, "parcel", only="attributes"))


def test_the_way_most_rings_run_is_that_of_the_whole_layer(tmp_path):
    # One part in three runs the other way; by itself it would find nothing wrong.
    frame = lots(30, 30)
    dataset = parted(frame, tmp_path / "first", 300)
    turned = dataset.frame(0).index
    frame.loc[turned, "geometry"] = shapely.reverse(frame.geometry.array[turned])
    found = validate_dataset(parted(frame, tmp_path / "second", 300), "lots", only="geometry", key="number")
    assert len(found) == 300 and set(found["code"]) == {"G10"}
    assert told(found) == told(validate(frame, "lots", only="geometry", key="number"))


def test_a_strip_that_runs_through_all_parts_is_one_finding(tmp_path):
    # Two rows of 20 lots with 0.5 ft between them: one strip 2,000 ft long, in parts of eight lots.
    south, north = lots(20, 1), lots(20, 1)
    north["geometry"] = shapely.transform(north.geometry.array, lambda places: places + [0.0, 100.5])
    north["number"] += 20
    frame = pd.concat([south, north], ignore_index=True)
    dataset = parted(frame, tmp_path, 8)
    assert len(dataset.parts) == 5
    found = validate_dataset(dataset, "lots", only="geometry", key="number")
    assert told(found) == told(validate(frame, "lots", only="geometry", key="number")) and len(found) > 0


def test_four_parts_that_meet_at_one_corner_tell_it_once(tmp_path):
    frame = lots(2, 2)
    ring = np.array(frame.geometry[3].exterior.coords)
    at = np.hypot(*(ring - [EAST + 100.0, NORTH + 100.0]).T) < 1.0
    frame.loc[3, "geometry"] = shapely.Polygon(np.where(at[:, None], ring + 0.05, ring))
    found = validate_dataset(parted(frame, tmp_path, 1), "lots", only="geometry", key="number")
    assert told(found) == told(validate(frame, "lots", only="geometry", key="number"))
    assert found["code"].tolist() == ["T31"]


@pytest.mark.parametrize("n", [0, 1])
def test_none_and_one(tmp_path, n):
    frame = parcels().iloc[:n]
    assert told(validate_dataset(parted(frame, tmp_path, 10), "parcel")) == told(validate(frame, "parcel"))


def test_sound_lots_in_parts_have_no_findings_but_those_of_absent_layers(tmp_path):
    assert told(validate_dataset(parted(parcels(), tmp_path, 1), "parcel")) == told(validate(parcels(), "parcel")) == []


def test_what_cannot_be_judged_in_parts_is_named(tmp_path):
    dataset = parted(lots(2, 2), tmp_path, 2)
    codes = {item.code for item in left_out_of_dataset(dataset, "street_centerline")}
    assert {"U02", "U05", "T17"} <= codes
    codes = {item.code for item in left_out_of_dataset(dataset, "flood_zone")}
    assert "T30" in codes
    assert left_out_of_dataset(dataset, "parcel", only="geometry") == []


def test_what_validate_refuses_is_refused(tmp_path):
    dataset = parted(lots(2, 2).to_crs("EPSG:6318"), tmp_path / "degrees", 2)
    with pytest.raises(CRSError, match="in degrees"):
        validate_dataset(dataset, "parcel")
    with pytest.raises(CRSError, match="the City's system"):
        validate_dataset(dataclasses.replace(dataset, crs=lots(1, 1).to_crs("EPSG:6419").crs), "parcel")
    dataset = parted(lots(2, 2), tmp_path / "feet", 2)
    with pytest.raises(SchemaError, match="no column 'apn'"):
        validate_dataset(dataset, "parcel", key="apn")
    with pytest.raises(ValueError, match="Invalid only"):
        validate_dataset(dataset, "parcel", only="all")


def test_lines_in_one_part_and_polygons_in_another_are_refused(tmp_path):
    frame = lots(2, 1)
    frame.loc[1, "geometry"] = frame.geometry[1].exterior
    with pytest.raises(SchemaError, match="each by itself"):
        validate_dataset(parted(frame, tmp_path, 1), "lots", only="geometry")


def test_a_feature_without_a_neighbourhood_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("citygis.scale.neighbourhood.LEAST_ALLOWED", 20)
    frame = lots(40, 2)
    long = shapely.box(EAST, NORTH + 200.3, EAST + 4_000.0, NORTH + 260.0)
    frame = pd.concat([frame, gpd.GeoDataFrame({"number": [80]}, geometry=[long], crs=frame.crs)], ignore_index=True)
    with pytest.raises(ReadError, match="has no neighbourhood"):
        validate_dataset(parted(frame, tmp_path, 4), "lots", only="geometry", key="number")


def test_the_city_may_put_a_rule_off(layer, tmp_path):
    city = default_city()
    off = city.model_copy(update={"rules": {"T01": type(city).model_fields["rules"].annotation.__args__[1](off="not now")}})
    few = layer.cx[:, : layer.geometry.bounds["miny"].quantile(0.2)].reset_index(drop=True)
    assert "T01" in set(validate(few, "parcel")["code"])
    found = validate_dataset(parted(few, tmp_path, 500), "parcel", city=off)
    assert "T01" not in set(found["code"]) and told(found) == told(validate(few, "parcel", city=off))
