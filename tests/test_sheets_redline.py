"""A sheet for each group of changes."""

import geopandas as gpd
import pandas as pd
import pypdfium2
import pytest
import shapely

from citygis.changes import compare
from citygis.city import default_city
from citygis.errors import SheetError
from citygis.sheets import change_sheets

CITY = default_city()
EAST, NORTH = 6_336_000, 2_122_000


def lot(column, width=60.0):
    return shapely.box(EAST + 60 * column, NORTH, EAST + 60 * column + width, NORTH + 110)


def layer(rows, **values):
    frame = {"apn": pd.Series(list(rows), dtype="str"), **values}
    return gpd.GeoDataFrame(frame, geometry=list(rows.values()), crs=CITY.crs)


BASE = {f"{i:04d}": lot(i) for i in range(30)}


def sheets(old, new):
    return list(change_sheets(compare(old, new, key="apn"), old, new, key="apn", city=CITY))


def changed(**rows):
    return {k: v for k, v in {**BASE, **{k[1:]: v for k, v in rows.items()}}.items() if v is not None}


def words(figure, path):
    with pypdfium2.PdfDocument(figure.save(path)) as pdf:
        return pdf[0].get_textpage().get_text_bounded()


def test_each_group_of_changes_has_a_sheet_that_tells_it_and_passes_its_measurements(tmp_path):
    rows = changed(_0003=None, _A=lot(3, 20), _B=lot(3 + 1 / 3, 40), _0020=None, _Z=lot(20))
    one, two = sheets(layer(BASE), layer(rows))
    told = [words(each.figure, tmp_path / f"{each.cluster}.pdf") for each in (one, two)]
    assert sorted("0003 was divided into A, B." in each for each in told) == [False, True]
    assert sorted("0020 is now Z." in each for each in told) == [False, True]
    assert all(each.figure.preflight(tmp_path / f"{each.cluster}.pdf").passed for each in (one, two))


def test_a_lot_that_is_gone_is_shown_where_it_lay():
    (gone,) = sheets(layer(BASE), layer(changed(_0010=None)))
    frame = gone.figure.frame
    assert (frame.easting, frame.northing) == pytest.approx((EAST + 630, NORTH + 55), abs=1)


def test_changes_of_the_record_alone_have_no_sheet():
    use = pd.Series(["a"] * len(BASE))
    assert not sheets(layer(BASE, use=use), layer(BASE, use=use.where(use.index != 4, "b")))


def test_a_shift_of_the_layer_is_taken_away_before_drawing():
    rows = {k: shapely.transform(v, lambda places: places + [500, 0]) for k, v in changed(_0010=None).items()}
    (gone,) = sheets(layer(BASE), layer(rows))
    assert gone.figure.frame.easting == pytest.approx(EAST + 630, abs=1)


def test_layers_in_another_system_are_refused():
    old, new = (layer(rows).to_crs("EPSG:2227") for rows in (BASE, changed(_0010=None)))
    with pytest.raises(SheetError):
        sheets(old, new)
