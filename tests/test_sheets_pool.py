"""What a sheet is drawn from, cut and hashed."""

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from sheets_city import city_layers

from citygis.city import default_city
from citygis.settings import check
from citygis.sheets import Sheet
from citygis.sheets.frame import Extent
from citygis.sheets.pool import cut, inputs_hash, pool, rows_in

CITY = default_city()
LAYERS = city_layers(1, 2, cul_de_sac=False)
WEST, SOUTH, *_ = LAYERS["parcel"].total_bounds
CORNER = Extent(WEST, SOUTH, WEST + 200, SOUTH + 200)
SHEET = check({"paper": "letter", "layers": ["parcel"], "title_block": {"title": "A"}}, Sheet, "own.toml")


def mark(layers=LAYERS, sheet=SHEET, styles=None):
    given = pool(layers)
    return inputs_hash(given, rows_in(given, CORNER), CORNER, sheet, styles or {}, CITY)


def moved(layer, row, distance):
    shapes = layer.geometry.values.copy()
    shapes[row] = shapely.transform(shapes[row], lambda points: points + distance)
    return layer.set_geometry(gpd.GeoSeries(shapes, index=layer.index, crs=layer.crs))


def test_layers_are_cut_to_what_meets_the_ground_and_those_of_the_key_map_are_whole():
    shown = cut(pool(LAYERS | {"source_document": pd.DataFrame({"doc_id": ["a", "b"]})}), CORNER)
    boxes = shapely.box(*shapely.bounds(LAYERS["parcel"].geometry.values).T)
    assert list(shown["parcel"].index) == list(LAYERS["parcel"].index[shapely.intersects(boxes, shapely.box(*CORNER))])
    assert 0 < len(shown["parcel"]) < len(LAYERS["parcel"])
    assert len(shown["street_centerline"]) == len(LAYERS["street_centerline"])
    assert len(shown["source_document"]) == 2


def test_the_same_inputs_have_the_same_hash():
    assert mark(city_layers(1, 2, cul_de_sac=False)) == mark()


def test_a_change_in_the_frame_changes_the_hash_and_one_beyond_does_not():
    parcels, near = LAYERS["parcel"], rows_in(pool(LAYERS), CORNER)["parcel"]
    far = next(i for i in range(len(parcels)) if i not in near)
    assert mark(LAYERS | {"parcel": moved(parcels, near[0], 0.001)}) != mark()
    assert mark(LAYERS | {"parcel": moved(parcels, far, 0.001)}) == mark()
    for row, same in ((near[0], False), (far, True)):
        other = parcels.copy()
        other.loc[parcels.index[row], "lot"] = "900"
        assert (mark(LAYERS | {"parcel": other}) == mark()) is same


def test_a_street_that_moves_far_off_is_on_the_key_map_and_a_name_there_is_not():
    streets, near = LAYERS["street_centerline"], rows_in(pool(LAYERS), CORNER)["street_centerline"]
    far = next(i for i in range(len(streets)) if i not in near)
    assert mark(LAYERS | {"street_centerline": moved(streets, far, 5.0)}) != mark()
    other = streets.copy()
    other.loc[streets.index[far], "St_Name"] = "Other"
    assert mark(LAYERS | {"street_centerline": other}) == mark()


@pytest.mark.parametrize(("distance", "same"), [(50.0, False), (5000.0, True)])
def test_only_pins_in_the_frame_or_of_its_features_count(distance, same):
    pin = {"layer": "parcel", "global_id": "g", "sheet": "", "angle": 0.0, "northing": SOUTH + 50}
    pins = pd.DataFrame([pin | {"easting": WEST + distance}])
    assert (mark(LAYERS | {"label_pins": pins}) == mark(LAYERS | {"label_pins": pins.iloc[:0]})) is same


def test_words_styles_and_documents_change_the_hash():
    assert mark(sheet=SHEET.model_copy(update={"title_block": SHEET.title_block.model_copy(update={"title": "B"})})) != mark()
    from citygis.sheets import read_style

    other = read_style("parcel").model_copy(update={"legend": "Lot"})
    assert mark(styles={"parcel": other}) != mark()
    one, two = (LAYERS | {"source_document": pd.DataFrame({"doc_id": [name]})} for name in "ab")
    assert mark(one) != mark(two)


def test_a_change_set_with_its_counts_is_part_of_the_hash():
    one, two = (LAYERS | {"last_change": pd.DataFrame({"id": [1], "counts": [{"parcel": n}]})} for n in (1, 2))
    assert mark(one) == mark(one | {"last_change": one["last_change"].copy()})
    assert mark(one) != mark(two)


def test_a_picture_below_the_map_counts_by_its_size_and_time(tmp_path):
    picture = tmp_path / "ortho.tif"
    picture.write_bytes(b"II*\x00")
    sheet = check(SHEET.model_dump(exclude_unset=True) | {"underlays": [{"file": str(picture)}]}, Sheet, "own.toml")
    before = mark(sheet=sheet)
    assert mark(sheet=sheet) == before
    picture.write_bytes(b"II*\x00\x00")
    assert mark(sheet=sheet) != before
