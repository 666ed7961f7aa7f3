"""A sheet's layers out of the City's store."""

import pandas as pd
import pypdfium2
import pytest
from sheets_city import city_layers
from store_city import make_city, parcels, source

import citygis as cg
from citygis.city import default_city
from citygis.gpkg import write_geopackage
from citygis.sheets import Sheet, draw, sheet_layers
from citygis.sheets.dimensions import DimensionPlan
from citygis.sheets.sheet import Vicinity

SHEET = Sheet(
    paper="letter",
    scale="1in=100ft",
    view={"centre": (6_300_240.0, 2_100_110.0)},
    layers=("parcel",),
    title_block={"title": "Part"},
)


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """A store of a hundred parcels; a label put by hand on all sheets, another for one sheet only."""
    city = make_city(tmp_path_factory.mktemp("city"))
    lots = parcels(100)
    # Parcel 2 lies from E 6,300,200 to 280 and N 2,100,000 to 100.
    ids = lots["global_id"].iloc[[2, 2]].to_list()
    pins = pd.DataFrame({"layer": "parcel", "global_id": ids, "sheet": ["", "north"], "easting": [6_300_240.0, 6_300_230.0]})
    with cg.store(city) as db:
        db.load({"parcel": lots, "source_document": source()}, message="What the City had")
        db.pin_labels(pins.assign(northing=2_100_020.0, angle=0.0))
    return city


@pytest.mark.parametrize(("name", "easting"), [("north", 6_300_230.0), ("south", 6_300_240.0), ("", 6_300_240.0)])
def test_a_pin_of_the_sheet_goes_before_one_for_all(held, name, easting):
    with cg.store(held) as db:
        pins = sheet_layers(SHEET, db, city=held, name=name)["label_pins"]
    assert pins["easting"].to_list() == [easting]


def test_a_label_put_by_hand_stands_there_and_is_counted(held):
    with cg.store(held) as db:
        drawn = draw(SHEET, sheet_layers(SHEET, db, city=held), city=held)
    assert drawn.counts.set_index("style").loc["parcel", "pinned"] == 1


def test_the_sheet_says_how_current_the_store_is(held):
    with cg.store(held) as db:
        drawn = draw(SHEET, sheet_layers(SHEET, db, city=held), city=held)
        day = db.changes()["at"].iloc[-1].date().isoformat()
    with pypdfium2.PdfDocument(drawn.pdf()) as document:
        text = " ".join(document[0].get_textpage().get_text_range().split())
    assert f"geodatabase as of change 1, {day}." in text


def test_what_the_vicinity_map_and_the_dimensions_read_is_read_too(tmp_path):
    layers = city_layers(1, 2)
    layers["boundary_line"] = layers["street_centerline"][["geometry"]].assign(line_id="b1", bearing_text="N 0°00'00\" E")
    path = write_geopackage(tmp_path / "city.gpkg", layers)
    place = {"centre": tuple(float(v) for v in layers["parcel"].union_all().centroid.coords[0])}
    plain = SHEET.model_copy(update={"view": SHEET.view.model_copy(update=place)})
    city = default_city()
    assert "St_Name" not in sheet_layers(plain, path, city=city)["street_centerline"]
    assert "boundary_line" not in sheet_layers(plain, path, city=city)
    more = sheet_layers(plain.model_copy(update={"vicinity": Vicinity(), "dimensions": DimensionPlan()}), path, city=city)
    assert "St_Name" in more["street_centerline"]
    assert {"line_id", "bearing_text"} <= set(more["boundary_line"].columns)
