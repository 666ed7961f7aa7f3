"""An edit checked where it was made says what a check of the whole layer says."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.errors import CRSError, SchemaError
from citygis.quality import standing, validate
from citygis.samples.defects import plant_defects
from citygis.samples.parcel_fabric import parcel_fabric

EAST, NORTH = 6_336_000.0, 2_122_000.0


def told(findings):
    plain = pd.DataFrame(findings.drop(columns="geometry")).astype(object)
    rows = zip(*(plain[name].where(plain[name].notna(), None) for name in plain), shapely.to_wkb(findings.geometry), strict=True)
    return sorted(map(repr, rows))


def check(layer, name="parcel", key="pid"):
    return validate(layer, name, only="geometry", key=key)


@pytest.fixture(scope="module")
def fabric():
    layers, _ = plant_defects(parcel_fabric(600, seed=4), seed=5, per_kind=1)
    return layers["parcel"].set_index("pid", drop=False)


def moved_corner(shape, rng):
    if shape is None or shape.geom_type != "Polygon":
        return shape
    ring = np.array(shape.exterior.coords)[:-1]
    ring[rng.integers(len(ring))] += rng.normal(0, rng.choice([0.005, 0.05, 0.5, 5.0]), 2)
    return shapely.Polygon(ring, [hole.coords for hole in shape.interiors])


EDITS = (
    moved_corner,
    lambda shape, rng: shapely.transform(shape, lambda c: c + rng.normal(0, rng.choice([0.01, 0.1, 3.0]), 2)),
    lambda shape, rng: shapely.reverse(shape),
    lambda shape, rng: None,
    lambda shape, rng: shapely.transform(shape, lambda c: c[:, ::-1]),
    lambda shape, rng: shapely.buffer(shape, rng.uniform(-2, 2), join_style="mitre"),
)


@pytest.mark.parametrize("seed", range(6))
def test_after_random_edits_the_findings_are_those_of_a_full_run(fabric, seed):
    rng = np.random.default_rng(seed)
    layer, now = fabric, standing(fabric, "parcel", key="pid")
    for _ in range(2):
        rows = rng.choice(len(layer), 5, replace=False)
        shapes = [EDITS[rng.integers(len(EDITS))](shape, rng) for shape in layer.geometry.iloc[rows]]
        edited = layer.iloc[rows].set_geometry(gpd.GeoSeries(shapes, index=layer.index[rows], crs=layer.crs))
        added = layer.iloc[[rng.integers(len(layer))]].assign(pid=f"N{rng.integers(1_000_000)}")
        added = added.set_index("pid", drop=False)
        gone = [label for label in rng.choice(layer.index, 2, replace=False) if label not in edited.index]
        now = now.after(pd.concat([edited, added]), removed=gone)
        layer = pd.concat([layer.drop(gone), added])
        layer.loc[edited.index, "geometry"] = edited.geometry
        assert told(now.findings) == told(check(layer))


def lots(n=8):
    shapes = [shapely.box(EAST + 60 * i, NORTH, EAST + 60 * (i + 1), NORTH + 110) for i in range(n)]
    return gpd.GeoDataFrame({"pid": [f"L{i}" for i in range(n)]}, geometry=shapes, crs="EPSG:6420")


def test_a_strip_along_many_lots_is_told_whole_after_an_edit_at_one_end():
    south = lots(20)
    north = lots(20).assign(pid=[f"N{i}" for i in range(20)])
    north.geometry = north.translate(0, 110.5)
    both = pd.concat([south, north], ignore_index=True)
    shorter = both.iloc[[0]].set_geometry([shapely.box(EAST, NORTH, EAST + 60, NORTH + 109.5)])
    now = standing(both, "parcel", key="pid").after(shorter)
    both.loc[0, "geometry"] = shorter.geometry[0]
    assert told(now.findings) == told(check(both))
    assert now.findings["code"].eq("T33").any()


def test_an_edit_undone_restores_the_findings():
    layer = lots()
    first = standing(layer, "parcel", key="pid")
    wide = layer.iloc[[3]].set_geometry([shapely.box(EAST + 178, NORTH, EAST + 240, NORTH + 110)])
    there = first.after(wide)
    assert there.findings["code"].tolist() == ["T01"]
    assert told(there.after(layer.iloc[[3]]).findings) == told(first.findings)


def test_the_way_that_most_rings_run_may_turn_over_with_an_edit():
    layer = lots(3)
    layer.geometry = [shapely.orient_polygons(g, exterior_cw=i > 0) for i, g in enumerate(layer.geometry)]
    now = standing(layer, "parcel", key="pid")
    assert now.findings["feature"].tolist() == ["L0"]
    turned = layer.iloc[[1]].set_geometry(shapely.reverse(layer.geometry.iloc[[1]].array))
    assert now.after(turned).findings["feature"].tolist() == ["L2"]


def test_a_layer_in_metres_gets_its_findings_in_metres():
    layer = lots().set_crs("EPSG:6419", allow_override=True)
    edit = layer.iloc[[0]].set_geometry([shapely.box(EAST, NORTH, EAST + 60.5, NORTH + 110)])
    now = standing(layer, "parcel", key="pid").after(edit)
    layer.loc[0, "geometry"] = edit.geometry[0]
    assert told(now.findings) == told(check(layer))
    assert now.findings.crs == layer.crs


def test_features_without_a_name_keep_the_number_of_their_place():
    layer = lots().drop(columns="pid")
    edit = layer.iloc[[5]].set_geometry([shapely.box(EAST + 295, NORTH, EAST + 360, NORTH + 110)])
    now = standing(layer, "lots").after(edit)
    assert set(now.findings[["feature", "other"]].iloc[0]) == {"#5", "#6"}


def test_no_edit_is_no_change():
    first = standing(lots(), "parcel", key="pid")
    assert first.after() is first


def test_an_edit_that_cannot_be_placed_is_refused():
    first = standing(lots(), "parcel", key="pid")
    with pytest.raises(CRSError, match="edited rows are in"):
        first.after(lots(1).set_crs("EPSG:2227", allow_override=True))
    with pytest.raises(SchemaError, match="edited twice"):
        first.after(pd.concat([lots(1), lots(1)]))
    with pytest.raises(SchemaError, match="no row 99"):
        first.after(removed=[99])
    with pytest.raises(SchemaError, match="no row 2"):
        first.after(removed=[2]).after(removed=[2])
    with pytest.raises(SchemaError, match="twice"):
        standing(pd.concat([lots(1), lots(1)]), "parcel")
