"""Swatches: the legend painted as the map is."""

from fractions import Fraction

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely

from citygis.settings import check
from citygis.sheets.features import batches, in_frame
from citygis.sheets.frame import Frame
from citygis.sheets.style import Style, read_style, style_paths, symbol_of, themed
from citygis.sheets.symbols import swatch, swatch_width_pt

CRS = pyproj.CRS("EPSG:6420")
FRAME = Frame(CRS, Fraction(100), 6_330_500.0, 2_090_250.0, 0.0, 0.0, 720.0, 360.0)
BOX = (100.0, 50.0, 140.0, 65.0)
KINDS = {"area": shapely.box(10, 10, 300, 300), "line": shapely.LineString([(0, 9), (400, 9)]), "point": shapely.Point(99, 99)}


def looks(paths):
    """What paths look like, wherever they are."""
    return {(p.fill, p.stroke, p.width_pt, p.dash_pt, p.closed, p.opacity) for p in paths}


def own(**tables):
    return check({"layer": "parcel"} | tables, Style, "own.toml")


STYLES = {
    "fill": ("area", own(fill="#e7efdb", opacity=0.5, line={"width_pt": 0.7})),
    "hatch": ("area", own(hatch={"spacing_mm": 1.5, "cross": True}, line={"dash_pt": [4, 2]})),
    "cased": ("line", own(casing={"width_pt": 3}, line={"color": "#eeeeee", "width_ft": 3})),
    "railway": ("line", own(line={"marks": {"every_pt": 9}})),
    "bullseye": ("point", own(marker={"shape": "bullseye", "size_pt": 6})),
    "target": ("point", own(marker={"shape": "target", "size_pt": 6})),
}


@pytest.mark.parametrize("name", STYLES)
def test_a_swatch_has_the_looks_of_the_map(name):
    kind, style = STYLES[name]
    shape = shapely.affinity.translate(KINDS[kind], 6_330_000, 2_090_000)
    drawn = batches(in_frame("own", style, gpd.GeoDataFrame(geometry=[shape], crs=CRS), FRAME), np.array([], object), FRAME)
    assert looks(swatch(symbol_of(style, 0), kind, BOX, FRAME)) == looks(drawn)


@pytest.mark.parametrize("name", style_paths())
@pytest.mark.parametrize("theme", [None, "black"])
def test_every_packaged_symbol_has_a_swatch_inside_its_box(name, theme):
    style = themed(read_style(name), theme)
    for number in range(len(style.classes) + 1):
        look = symbol_of(style, number)
        if look.legend:
            kind = "point" if look.marker else "area" if look.fill or look.hatch else "line"
            paths = swatch(look, kind, BOX, FRAME)
            points = np.concatenate([path.points for path in paths])
            assert len(points)
            assert (points >= (BOX[0] - 3, BOX[1] - 3)).all() and (points <= (BOX[2] + 3, BOX[3] + 3)).all()


def test_a_dashed_outline_is_shown_as_a_line_across_the_middle():
    (line,) = swatch(symbol_of(own(line={"dash_pt": [5, 2]}), 0), "area", BOX, FRAME)
    assert line.points.tolist() == [[100, 57.5], [140, 57.5]]


def test_a_whole_dash_pattern_or_two_marks_need_their_width():
    assert swatch_width_pt(symbol_of(own(line={"dash_pt": [20, 3, 4, 3]}), 0), FRAME) == 50
    assert swatch_width_pt(symbol_of(own(line={"marks": {"every_pt": 9}}), 0), FRAME) == 18
    assert swatch_width_pt(symbol_of(own(fill="#ffffff"), 0), FRAME) == 0


def test_another_kind_is_refused():
    with pytest.raises(ValueError, match="Must be area, line or point"):
        swatch(symbol_of(own(line={}), 0), "polygon", BOX, FRAME)
