"""The index of a series: which street and which parcel is on which sheet."""

import geopandas as gpd
import numpy as np
import pypdfium2
import pytest
import shapely
from sheets_city import city_layers

from citygis.city import default_city
from citygis.settings import check
from citygis.sheets import Sheet, draw
from citygis.sheets.frame import Frame
from citygis.sheets.index_page import index_page, number_boxes, parcel_table, sheet_index, street_table
from citygis.sheets.series import Leaf, Series, leaves
from citygis.sheets.shares import at_home, shares

CITY = default_city()
LAYERS = city_layers(2, 3)


def leaf(number, west, east):
    """A sheet that shows 100 ft from south to north, and from `west` to `east`."""
    frame = Frame(CITY.crs, 72, (west + east) / 2, 50.0, 0.0, 0.0, east - west, 100.0)
    return Leaf(number, f"Sheet {number}", "", None, frame, shapely.box(west, 0, east, 100))


TWO = (leaf("A1", 0, 100), leaf("A2", 90, 190))
"""They share the ground from 90 to 100 ft."""


def parcels(**boxes):
    shapes = [shapely.box(west, 10, east, 20) for west, east in boxes.values()]
    return gpd.GeoDataFrame({"apn_display": list(boxes)}, geometry=shapes, crs=CITY.crs)


def test_a_parcel_is_on_the_sheets_that_show_at_least_half_of_it():
    told = parcel_table(parcels(whole=(10, 20), both=(92, 98), more=(80, 104), half=(80, 100), none=(300, 310)), TWO)
    # `more`: 20 of 24 ft on A1, 14 on A2. `half`: all on A1, half on A2.
    assert told.rows == (("both", "A1, A2"), ("half", "A1, A2"), ("more", "A1, A2"), ("whole", "A1"))
    told = parcel_table(parcels(mostly=(60, 99), little=(60, 108)), TWO)
    # `mostly`: 9 of 39 ft on A2. `little`: 40 of 48 on A1, 18 of 48 on A2.
    assert told.rows == (("little", "A1"), ("mostly", "A1"))


def test_a_parcel_larger_than_a_sheet_is_on_the_one_that_shows_most_of_it():
    told = parcel_table(parcels(long=(-400, 130)), TWO)
    # 100 of 530 ft on A1, 40 on A2: no sheet shows half.
    assert told.rows == (("long", "A1"),)


def test_a_street_is_on_every_sheet_it_reaches_into():
    lines = [[(10, 50), (40, 50)], [(40, 50), (120, 50)], [(150, 0), (150, 90)], [(500, 0), (500, 90)]]
    streets = gpd.GeoDataFrame(
        {"St_PreDir": ["W", "W", None, None], "St_Name": ["Almond", "Almond", "Egret", "Far"], "St_PosTyp": ["Street"] * 4},
        geometry=[shapely.LineString(line) for line in lines],
        crs=CITY.crs,
    )
    assert street_table(streets, TWO).rows == (("Egret Street", "A2"), ("W Almond Street", "A1, A2"))
    assert street_table(streets.iloc[::-1], TWO) == street_table(streets, TWO)


def test_shares_are_of_area_and_of_length_and_all_of_a_point():
    shapes = np.array(
        [shapely.box(80, 0, 120, 10), shapely.LineString([(80, 50), (120, 50)]), shapely.Point(95, 5), None], dtype=object
    )
    found = shares(TWO, shapes)
    told = {(TWO[i].number, int(s)): float(share) for i, s, share in zip(*found, strict=True)}
    # 20 of 40 ft on A1, 30 of 40 on A2.
    assert told == pytest.approx({("A1", 0): 0.5, ("A1", 1): 0.5, ("A1", 2): 1, ("A2", 0): 0.75, ("A2", 1): 0.75, ("A2", 2): 1})


def test_what_no_sheet_shows_whole_is_at_home_where_most_of_it_is():
    lots = parcels(whole=(10, 20), east=(80, 140), tie=(70, 120), far=(300, 310))
    homes = at_home(shares(TWO, lots.geometry.values), lots.index, 2)
    # `east`: 20 of 60 ft on A1, 50 on A2. `tie`: 30 of 50 ft on both.
    assert [list(home) for home in homes] == [[2], [1]]


@pytest.fixture(scope="module")
def drawn():
    sheet = check(
        {
            "profile": "parcel_map",
            "scale": "1in=100ft",
            "layers": ["parcel", "street_centerline"],
            "title_block": {"title": "Parcel Map", "notes": ["Of the sheets only."]},
        },
        Sheet,
        "own.toml",
    )
    plan = check({"sheet": "own", "title": "Parcel Atlas", "grid": {"numbering": "letters"}}, Series, "series.toml")
    every = leaves(plan, sheet, LAYERS, CITY).leaves
    index = index_page(plan, sheet, every, LAYERS, CITY)
    return every, index, draw(index.sheet, index.layers, city=CITY, styles=index.styles, tables=index.tables)


def test_the_index_map_shows_every_sheet_with_its_number(drawn):
    every, _, figure = drawn
    counts = figure.counts.set_index("style")
    assert counts.loc["index_number", "labelled"] == len(every)
    for one in every:
        assert shapely.Polygon(figure.frame.corners).covers(one.cell)


def test_the_index_is_on_the_paper_of_the_sheets_and_says_which_series_it_is_of(drawn):
    every, _, figure = drawn
    assert (figure.page.width_in, figure.page.height_in, figure.page.margin_in) == (26.0, 18.0, 1.0)
    assert figure.pages[0].number == "Index"
    with pypdfium2.PdfDocument(figure.pdf()) as document:
        text = document[0].get_textpage().get_text_range()
    assert "Parcel Atlas" in text
    assert f"Index of {len(every)}" in text
    assert "Of the sheets only." not in text


def test_every_parcel_and_every_street_is_in_its_tables(drawn):
    _, index, figure = drawn
    with pypdfium2.PdfDocument(figure.pdf()) as document:
        words = "".join(page.get_textpage().get_text_range() for page in document)
    for apn in LAYERS["parcel"]["apn_display"]:
        assert words.count(apn) == 1
    for name, _ in index.tables[0].rows:
        assert name in words


def test_a_table_that_is_not_asked_or_not_drawn_is_left_out(drawn):
    every, index, _ = drawn
    assert [table.title for table in index.tables] == ["Index of streets", "Index of parcels"]
    plan = check({"sheet": "own", "grid": {}, "index": {"parcels": False}}, Series, "series.toml")
    only = index_page(plan, every[0].sheet, every, LAYERS, CITY)
    assert [table.title for table in only.tables] == ["Index of streets"]
    bare = every[0].sheet.model_copy(update={"layers": ("right_of_way",)})
    assert index_page(plan, bare, every, LAYERS, CITY).tables == ()


def test_a_number_stands_level_within_its_cell():
    tilted = shapely.Polygon([(0, 0), (80, 60), (50, 100), (-30, 40)])
    boxes = number_boxes((TWO[0], TWO[1]._replace(cell=tilted)), CITY).geometry
    for box, cell in zip(boxes, (TWO[0].cell, tilted), strict=True):
        assert cell.buffer(1e-6).covers(box)
        west, south, east, north = box.bounds
        assert box.equals(shapely.box(west, south, east, north))
        assert east - west == pytest.approx(2 * (north - south))
    oblong = number_boxes((TWO[0]._replace(cell=shapely.box(0, 0, 500, 100)),), CITY).geometry[0]
    assert (oblong.centroid.x, oblong.centroid.y) == pytest.approx((250, 50))
    # The circle in the square cell has a radius of 50 ft; half the box's height is 50 over the root of 5.
    assert boxes[0].bounds[3] - boxes[0].bounds[1] == pytest.approx(2 * 50 / 5**0.5, rel=0.02)


def test_cells_have_the_numbers_of_their_sheets():
    index = sheet_index(TWO, CITY)
    assert list(index["number"]) == ["A1", "A2"]
    assert index.crs == CITY.crs
