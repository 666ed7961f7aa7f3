"""The sheets a new City starts with, drawn."""

import numpy as np
import pypdfium2
import pytest
import shapely
from sheets_city import city_layers

from citygis.city import default_city
from citygis.sheets import Sheet, draw, profiles, sheet_templates
from citygis.sheets.fonts import font
from citygis.sheets.scene import Texts

CITY = default_city().model_copy(update={"name": "City of Riverbend"})
LAYERS = city_layers(2, 3)
LAYERS["parcel"]["calc_area_sqft"] = LAYERS["parcel"].area


@pytest.fixture(scope="module", params=sheet_templates(), ids=lambda path: path.stem)
def drawn(request, tmp_path_factory):
    figure = draw(Sheet.from_file(request.param), LAYERS, city=CITY)
    return figure, figure.save(tmp_path_factory.mktemp("sheet") / "sheet.pdf")


def test_it_passes_its_preflight_against_its_profile(drawn):
    figure, path = drawn
    assert [check for check in figure.preflight(path).checks if not check.passed] == []


def test_the_words_of_its_profile_can_be_read_in_the_file(drawn):
    figure, path = drawn
    with pypdfium2.PdfDocument(path) as document:
        text = " ".join(" ".join(page.get_textpage().get_text_range() for page in document).split()).casefold()
    profile = profiles()[figure.sheet.profile]
    assert profile.words or figure.sheet.profile in ("letter_exhibit", "parcel_map", "wall_map")
    assert all(words.casefold() in text for words in profile.words)
    if "sheet_numbers" in profile.furniture:
        assert f"1 of {len(figure.pages)}" in text


def test_nothing_of_the_panel_stands_in_the_map_or_on_something_else(drawn):
    figure, _ = drawn
    inset = {"Grid", "Graticule", "Dimensions", *(g.name for g in figure.scene.groups if "labels" in g.name)}
    boxes = []
    for group in figure.scene.groups:
        for batch in group.batches if group.name not in inset and not group.clip_pt else ():
            if isinstance(batch, Texts):
                wide = font(batch.font).widths(batch.strings) * batch.sizes_pt
                low, high = batch.points, batch.points + np.column_stack([wide, font(batch.font).cap_height * batch.sizes_pt])
                boxes += list(shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1]))
    boxes = np.array(boxes, dtype=object)
    assert len(boxes) > 20
    assert not shapely.intersects(boxes, shapely.box(*figure.frame.box_pt)).any()
    left, right = shapely.STRtree(boxes).query(boxes, predicate="overlaps")
    assert not len(left), [(str(boxes[i]), str(boxes[j])) for i, j in zip(left, right, strict=True)][:3]
