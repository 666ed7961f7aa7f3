"""Labels on real layers: San José's zoning codes and Cambridge's parcel numbers, read back from the written page."""

import io

import geopandas as gpd
import numpy as np
import pikepdf
import pyproj
import pytest
import shapely

from citygis.city import default_city
from citygis.settings import check
from citygis.sheets import Sheet, draw
from citygis.sheets.style import Style

CAP_HEIGHT = 1456 / 2048
"""Of Roboto Condensed (its OS/2 table)."""


@pytest.fixture(scope="module", params=["zoning", "parcel"])
def figure(request, real_data):
    if request.param == "zoning":
        path, scale, text = real_data / "city" / "sanjose" / "Zoning.zip", "1in=1000ft", "{ZONING}"
    else:
        path, scale, text = real_data / "parcels" / "cambridge_ParcelsFY2013.topojson", "1in=200ft", "{ML}"
    if not path.exists():
        pytest.skip(f"{path.name} is not there")
    layer = gpd.read_file(path)
    if layer.crs is None:  # TopoJSON is in degrees.
        layer = layer.set_crs(4326).to_crs(2249)
    city = default_city().model_copy(update={"crs": pyproj.CRS(layer.crs), "realization": "NAD83"})
    label = {"rows": [{"text": text}], "key_numbers": True}
    style = check({"layer": request.param, "title": "Real", "line": {"width_pt": 0.25}, "label": label}, Style, "real.toml")
    sheet = {
        "paper": "arch_e",
        "scale": scale,
        "view": {"centre": "features"},
        "layers": ["real"],
        "title_block": {"title": "Real"},
    }
    return draw(check(sheet, Sheet, "real.toml"), {request.param: layer}, city=city, styles={"real": style})


def boxes_in_the_file(pdf_bytes, layer):
    """The ground of each text of a layer, by its matrix, its glyphs and the widths the file itself gives."""
    with pikepdf.open(io.BytesIO(pdf_bytes)) as pdf:
        page = pdf.pages[0]
        resources = page.obj["/Resources"]
        (mark,) = [name for name, group in resources["/Properties"].items() if str(group["/Name"]) == layer]
        widths = {}
        for name, font in resources["/Font"].items():
            of = list(font["/DescendantFonts"][0]["/W"])
            widths[name] = {int(first): float(some[0]) / 1000 for first, some in zip(of[::2], of[1::2], strict=True)}
        corners, inside = [], False
        for operands, operator in pikepdf.parse_content_stream(page):
            match str(operator):
                case "BDC" if str(operands[0]) == "/OC":
                    inside = str(operands[1]) == mark
                case "Tf":
                    face, size = str(operands[0]), float(operands[1])
                case "Tm":
                    a, b, c, d, e, f = map(float, operands)
                case "Tj" if inside:
                    glyphs = np.frombuffer(bytes(operands[0]), dtype=">u2")
                    wide = sum(widths[face][int(glyph)] for glyph in glyphs) * size
                    square = np.array([(0, 0), (wide, 0), (wide, CAP_HEIGHT * size), (0, CAP_HEIGHT * size)])
                    corners.append(square @ np.array([(a, b), (c, d)]) + (e, f))
    return shapely.polygons(np.array(corners))


def test_no_label_on_the_written_page_touches_another(figure):
    boxes = boxes_in_the_file(figure.pdf(), "Real: labels")
    (row,) = figure.counts.to_dict("records")
    assert len(boxes) == row["labelled"] + figure.unlabelled["key"].nunique() > 1_000
    one, other = shapely.STRtree(boxes).query(boxes, predicate="intersects")
    assert (one == other).all()


def test_every_feature_has_its_label_or_a_number_unless_the_frame_cuts_it(figure):
    (row,) = figure.counts.to_dict("records")
    listed = figure.unlabelled
    assert row["labelled"] + len(listed) == row["features"]
    bare = listed[listed["key"].isna()]
    assert set(bare["reason"]) <= {"cut by the frame", "no text"}
