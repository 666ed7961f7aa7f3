"""A drawn sheet, read back from its PDF."""

import io
import re

import geopandas as gpd
import numpy as np
import pandas as pd
import pikepdf
import pypdfium2
import pytest
import shapely
from sheets_city import city_layers

from citygis.city import Extent, default_city
from citygis.errors import SheetError, StoreError
from citygis.settings import check
from citygis.sheets import Sheet, Style, draw
from citygis.sheets.fonts import font
from citygis.sheets.scene import Texts

CITY = default_city()
LAYERS = city_layers(2, 3)
STYLES = ["right_of_way", "park", "parcel", "easement", "street_centerline", "tract", "corner"]


def sheet(**changes):
    least = {
        "paper": "map_act_18x26",
        "scale": "1in=100ft",
        "view": {"layer": "parcel", "centre": "features"},
        "layers": STYLES,
        "title_block": {"title": "Parcel Map", "date": "2026-11-21", "sheet_number": "2", "sheet_count": "7"},
    }
    return check(least | changes, Sheet, "own.toml")


@pytest.fixture(scope="module")
def figure():
    return draw(sheet(), LAYERS, city=CITY)


def words(figure):
    with pypdfium2.PdfDocument(figure.pdf()) as document:
        return document[0].get_textpage().get_text_range()


def section(figure, name):
    """The page content of one layer, by its marks."""
    with pikepdf.open(io.BytesIO(figure.pdf())) as pdf:
        page = pdf.pages[0].obj
        mark = next(k for k, v in page["/Resources"]["/Properties"].items() if str(v["/Name"]) == name)
        content = page["/Contents"].read_bytes()
    return re.search(rb"/OC " + mark.encode() + rb" BDC\s(.*?)\sEMC\s", content, re.DOTALL)[1].decode("latin1")


@pytest.mark.parametrize(
    ("paper", "width_in", "height_in"),
    [("map_act_18x26", 26, 18), ("arch_d", 36, 24), ("iso_a0", 1189 / 25.4, 841 / 25.4), ("ansi_d", 34, 22)],
)
@pytest.mark.parametrize("scale", [50, 100, 300])
def test_paper_and_scale_are_exact_on_every_paper(tmp_path, paper, width_in, height_in, scale):
    drawn = draw(sheet(paper=paper, scale=f"1in={scale}ft"), LAYERS, city=CITY)
    report = drawn.preflight(drawn.save(tmp_path / "sheet.pdf"))
    assert [check for check in report.checks if not check.passed] == []
    assert report.width_in == pytest.approx(width_in, abs=1e-5)
    assert report.height_in == pytest.approx(height_in, abs=1e-5)
    assert 1000 / report.feet_per_inch == pytest.approx(1000 / scale, abs=1e-6)


def test_a_thousand_foot_line_is_ten_inches_at_one_inch_to_a_hundred_feet():
    e, n = 6_331_000.0, 2_090_300.0
    line = gpd.GeoDataFrame(geometry=[shapely.LineString([(e - 500, n), (e + 500, n)])], crs=CITY.crs)
    style = Style(layer="control", line={"color": "#ff00ff", "width_pt": 1.0})
    drawn = draw(sheet(layers=["control"], view={"centre": [e, n]}), {"control": line}, city=CITY, styles={"control": style})
    left, right = re.search(r"([\d.]+) [\d.]+ m\s+([\d.]+) [\d.]+ l", section(drawn, "Control")).groups()
    assert (float(right) - float(left)) / 72 == pytest.approx(10, abs=0.001)


def test_every_parcel_number_on_the_map_is_found_in_the_text_exactly_once(figure):
    text = words(figure)
    shown = draw(sheet(scale="fit", paper="arch_d", view={}), LAYERS, city=CITY)
    text = words(shown)
    counts = pd.Series([len(re.findall(re.escape(apn), text)) for apn in LAYERS["parcel"]["apn_display"]])
    assert shown.unlabelled[shown.unlabelled["style"] == "parcel"].empty
    assert (counts == 1).all()


def test_each_feature_in_the_frame_is_labelled_or_listed(figure):
    counts = figure.counts.set_index("style")
    for style in ("parcel", "easement", "street_centerline"):
        assert counts.loc[style, "labelled"] + counts.loc[style, "unlabelled"] == counts.loc[style, "features"]
    inside = LAYERS["parcel"].intersects(shapely.box(*figure.frame.extent))
    assert counts.loc["parcel", "features"] == inside.sum()


def test_the_legend_names_what_is_in_the_frame_and_nothing_else(figure):
    seen = LAYERS["parcel"][LAYERS["parcel"].intersects(shapely.box(*figure.frame.extent))]
    assert {"REMAINDER", "GOVT"} <= set(seen["parcel_kind"])
    assert set(figure.legend) >= {"Parcel, lot line", "Designated remainder", "Public agency", "Tract boundary", "Easement"}
    assert "Common area" not in figure.legend
    only_fee = LAYERS | {"parcel": LAYERS["parcel"].assign(parcel_kind="FEE")}
    assert "Designated remainder" not in draw(sheet(), only_fee, city=CITY).legend


def test_the_legend_is_in_the_text_of_the_sheet(figure):
    text = words(figure)
    assert all(name in text for name in figure.legend)


def test_the_title_block_says_scale_sheet_datum_and_epoch(figure):
    text = words(figure)
    for said in ("1 inch = 100 feet", "2 of 7", "2026-11-21", "NAD83(2011), 2010.00", "US SURVEY FEET", "EPSG:6420"):
        assert said in text


def test_grid_figures_are_state_plane_coordinates_with_thousands(figure):
    text = words(figure)
    assert re.search(r"E 6,33\d,\d00", text)
    assert re.search(r"N 2,0\d\d,\d00", text)


def test_the_same_sheet_gives_the_same_bytes(figure):
    assert draw(sheet(), city_layers(2, 3), city=CITY).pdf() == figure.pdf()


def test_no_date_is_in_the_file(figure):
    with pikepdf.open(io.BytesIO(figure.pdf())) as pdf:
        assert not {"/CreationDate", "/ModDate"} & set(pdf.docinfo.keys())
        assert b"Date" not in pdf.Root["/Metadata"].read_bytes()


def test_the_file_is_sound_pdf(figure):
    with pikepdf.open(io.BytesIO(figure.pdf())) as pdf:
        assert pdf.check_pdf_syntax() == []


def test_fonts_are_embedded_truetype(figure):
    with pikepdf.open(io.BytesIO(figure.pdf())) as pdf:
        fonts = pdf.pages[0].obj["/Resources"]["/Font"]
        assert len(fonts) == 3
        for font in fonts.values():
            inner = font["/DescendantFonts"][0]
            assert (font["/Subtype"], inner["/Subtype"]) == ("/Type0", "/CIDFontType2")
            assert inner["/FontDescriptor"]["/FontFile2"].read_bytes()[:4] == b"\x00\x01\x00\x00"


def test_an_independent_reader_sees_the_fonts_embedded(figure, tmp_path, require_program):
    import subprocess

    path = figure.save(tmp_path / "sheet.pdf")
    listed = subprocess.run([require_program("pdffonts"), path], capture_output=True, text=True, check=True).stdout
    rows = listed.splitlines()[2:]
    assert len(rows) == 3
    assert all("CID TrueType" in row and row.split()[-5:-2] == ["yes", "yes", "yes"] for row in rows)


def test_layers_can_be_switched_and_print_scaling_is_off(figure):
    with pikepdf.open(io.BytesIO(figure.pdf())) as pdf:
        names = [str(group["/Name"]) for group in pdf.Root["/OCProperties"]["/OCGs"]]
        assert {"Parcels", "Parcels: labels", "Tracts", "Grid", "Scale bar", "Legend", "Title block"} <= set(names)
        assert len(pdf.Root["/OCProperties"]["/D"]["/Order"]) == len(names)
        assert pdf.Root["/ViewerPreferences"]["/PrintScaling"] == "/None"


def test_the_viewport_gives_the_corners_back_to_a_hundredth_of_a_foot(figure):
    import pyproj

    with pikepdf.open(io.BytesIO(figure.pdf())) as pdf:
        degrees = np.array([float(v) for v in pdf.pages[0].obj["/VP"][0]["/Measure"]["/GPTS"]]).reshape(-1, 2)
    back = pyproj.Transformer.from_crs(CITY.crs.geodetic_crs, CITY.crs, always_xy=True)
    e, n = back.transform(degrees[:, 1], degrees[:, 0])
    assert (min(e), min(n), max(e), max(n)) == pytest.approx(tuple(figure.frame.extent), abs=0.01)


def test_fit_takes_the_next_standard_scale():
    parcels = LAYERS["parcel"]
    drawn = draw(sheet(scale="fit", view={"layer": "parcel"}), LAYERS, city=CITY)
    extent = drawn.frame.extent
    west, south, east, north = parcels.total_bounds
    assert (
        extent.easting_min <= west and extent.northing_min <= south and extent.easting_max >= east and extent.northing_max >= north
    )
    # At the next larger standard scale it would not have fitted.
    needed = max((east - west) / drawn.frame.width_pt, (north - south) / drawn.frame.height_pt) * 72
    assert drawn.frame.scale == min(s for s in (50, 60, 100, 200) if s >= needed / 0.98)


def test_a_tract_is_shown_when_the_view_names_it():
    drawn = draw(sheet(scale="fit", view={"layer": "tract", "field": "tract_no", "values": ["4012"]}), LAYERS, city=CITY)
    tract = LAYERS["tract"].set_index("tract_no").geometry["4012"]
    assert shapely.box(*drawn.frame.extent).covers(tract)
    assert drawn.frame.easting == pytest.approx(sum(tract.bounds[::2]) / 2)


def test_units_of_a_condominium_share_a_number_and_are_listed():
    parcels = LAYERS["parcel"]
    lot = parcels.iloc[30]
    stack = parcels.loc[[parcels.index[30]] * 6].assign(apn_display=[f"901-010-{i:02d}" for i in range(6)], parcel_kind="CONDO")
    stack.index = range(5000, 5006)
    both = LAYERS | {"parcel": pd.concat([parcels, stack])}
    drawn = draw(sheet(scale="fit", paper="arch_d", view={}), both, city=CITY)
    listed = drawn.unlabelled[drawn.unlabelled["style"] == "parcel"]
    assert len(listed) > 0
    assert listed["key"].nunique() == 1
    text = words(drawn)
    for apn in [lot["apn_display"], *stack["apn_display"]]:
        assert len(re.findall(re.escape(apn), text)) == 1


def test_a_tower_of_units_is_listed_within_the_panel(tmp_path):
    parcels = LAYERS["parcel"]
    stack = parcels.loc[[parcels.index[30]] * 120].assign(apn_display=[f"901-010-{i:03d}" for i in range(120)], parcel_kind="CONDO")
    stack.index = range(5000, 5120)
    drawn = draw(sheet(scale="fit", paper="arch_d", view={}), LAYERS | {"parcel": pd.concat([parcels, stack])}, city=CITY)
    assert drawn.preflight(drawn.save(tmp_path / "tower.pdf")).passed
    text = words(drawn)
    assert all(len(re.findall(re.escape(apn), text)) == 1 for apn in stack["apn_display"])


def test_a_boundary_around_the_whole_frame_is_not_in_the_legend():
    west, south, east, north = LAYERS["parcel"].total_bounds
    far = gpd.GeoDataFrame(geometry=[shapely.box(west - 9e4, south - 9e4, east + 9e4, north + 9e4)], crs=CITY.crs)
    near = gpd.GeoDataFrame(geometry=[shapely.box(west + 300, south + 300, east + 9e4, north + 9e4)], crs=CITY.crs)
    for limit, there in ((far, False), (near, True)):
        drawn = draw(sheet(layers=["parcel", "city_limit"]), LAYERS | {"city_limit": limit}, city=CITY)
        assert ("City limit" in drawn.legend) is there


def test_the_sources_are_the_documents_of_what_is_drawn():
    parcels = LAYERS["parcel"].assign(source_id="d1")
    documents = pd.DataFrame(
        {
            "doc_id": ["d1", "d2"],
            "agency": ["County Assessor", "Elsewhere Water"],
            "doc_type": ["OTHER", "OTHER"],
            "uri": ["parcels_2026q3.zip", "mains.zip"],
        }
    )
    text = words(draw(sheet(), LAYERS | {"parcel": parcels, "source_document": documents}, city=CITY))
    assert "County Assessor: parcels_2026q3.zip." in text
    assert "Elsewhere" not in text


def test_the_key_map_comes_only_where_the_frame_shows_a_part():
    assert "KEY MAP" in words(draw(sheet(scale="1in=50ft"), LAYERS, city=CITY))
    assert "KEY MAP" not in words(draw(sheet(scale="fit", view={}, paper="arch_e"), LAYERS, city=CITY))


def test_a_layer_that_is_not_there_is_told_and_the_rest_drawn():
    drawn = draw(sheet(layers=[*STYLES, "hydrant"]), LAYERS, city=CITY)
    assert "hydrant" in drawn.absent


def test_features_without_geometry_are_counted():
    parcels = LAYERS["parcel"].copy()
    parcels.loc[parcels.index[:3], "geometry"] = None
    drawn = draw(sheet(), LAYERS | {"parcel": parcels}, city=CITY)
    assert drawn.counts.set_index("style").loc["parcel", "without_geometry"] == 3


def test_retired_parcels_are_not_drawn():
    parcels = LAYERS["parcel"].assign(status=["RETIRED", *["ACTIVE"] * (len(LAYERS["parcel"]) - 1)])
    drawn = draw(sheet(scale="fit", view={}), LAYERS | {"parcel": parcels}, city=CITY)
    assert drawn.counts.set_index("style").loc["parcel", "features"] == len(parcels) - 1


def test_drawing_changes_no_layer():
    before = {name: layer.copy() for name, layer in LAYERS.items()}
    draw(sheet(), LAYERS, city=CITY)
    for name, layer in LAYERS.items():
        pd.testing.assert_frame_equal(pd.DataFrame(layer), pd.DataFrame(before[name]))


def test_a_preview_is_a_png_of_the_whole_sheet(figure):
    from PIL import Image

    image = Image.open(io.BytesIO(figure._repr_png_()))
    assert image.size == (26 * 72, 18 * 72)


def test_nothing_is_overwritten_unasked(figure, tmp_path):
    path = tmp_path / "sheet.pdf"
    path.write_text("mine")
    with pytest.raises(StoreError, match="--overwrite"):
        figure.save(path)
    assert path.read_text() == "mine"
    figure.save(path, overwrite=True)
    assert path.read_bytes() == figure.pdf()


@pytest.mark.parametrize(
    ("changes", "layers", "said"),
    [
        ({"layers": ["parcels"]}, LAYERS, "did you mean 'parcel"),
        ({"scale": "1in=20ft", "view": {"layer": "parcel"}}, LAYERS, 'Draw at "1in='),
        ({"view": {"centre": [6_000_000, 2_000_000]}}, LAYERS, "Nothing lies in the frame"),
        ({"view": {"layer": "tract", "field": "tract_no", "values": ["9999"]}}, LAYERS, "no feature"),
        ({"view": {"layer": "tract", "field": "tractno", "values": ["4012"]}}, LAYERS, "did you mean 'tract_no'"),
        ({"view": {"layer": "trakt"}}, LAYERS, "did you mean 'tract'"),
        ({"scale": "fit", "view": {"centre": [6_331_000, 2_090_300]}}, LAYERS, "Give [view] extent or layer, or a scale"),
        ({"paper": {"width_in": 5, "height_in": 5}}, LAYERS, "no room for a map"),
        ({}, {}, "None of the sheet's layers"),
        ({}, LAYERS | {"parcel": LAYERS["parcel"].set_crs(None, allow_override=True)}, "no CRS"),
        ({}, LAYERS | {"parcel": LAYERS["parcel"].to_crs("EPSG:4326")}, "citygis convert"),
        ({}, LAYERS | {"parcel": LAYERS["parcel"].to_crs("EPSG:6419")}, "citygis convert"),
        ({}, LAYERS | {"parcel": LAYERS["parcel"].drop(columns="apn_display")}, "reads 'apn_display'"),
        ({}, LAYERS | {"parcel": pd.DataFrame({"apn": ["1"]})}, "no geometry column"),
        ({"title_block": {"title": "Plan 東"}}, LAYERS, "cannot write '東'"),
        ({"title_block": {"title": "Map", "notes": ["word " * 3000]}}, LAYERS, "too short for legend and notes"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_what_to_do(changes, layers, said):
    with pytest.raises(SheetError) as caught:
        draw(sheet(**changes), layers, city=CITY)
    assert said in str(caught.value)


def test_a_scale_too_large_for_the_paper_says_which_paper_would_do():
    with pytest.raises(SheetError, match=r"1in=\d+ft.*take paper"):
        draw(sheet(scale="1in=50ft", view={"layer": "parcel", "field": "lot", "values": ["1", "2"]}), LAYERS, city=CITY)


def test_a_feature_at_the_other_end_of_the_world_does_not_make_the_sheet_small(caplog):
    low_e, low_n, high_e, high_n = (float(v) for v in LAYERS["parcel"].total_bounds)
    extent = Extent(easting_min=low_e - 500, northing_min=low_n - 500, easting_max=high_e + 500, northing_max=high_n + 500)
    city = CITY.model_copy(update={"extent": extent})
    stray = LAYERS["parcel"].iloc[:1].copy()
    stray.geometry = stray.geometry.translate(2e7, 0)
    layers = LAYERS | {"parcel": pd.concat([LAYERS["parcel"], stray], ignore_index=True)}
    whole = sheet(scale="fit", view={"layer": "parcel"})
    assert draw(whole, layers, city=city).frame.scale == draw(whole, LAYERS, city=city).frame.scale
    assert "not shown: 1" in caplog.text


def test_long_words_in_the_title_block_stay_in_their_cells(tmp_path):
    block = {
        "title": "Parcel Map",
        "subtitle": "W" * 120,
        "drawn_by": "Somebody With A Long Name And A Licence, PLS 12345",
        "checked_by": "Antidisestablishmentarianism" * 3,
        "date": "21 November 2026, in the afternoon",
        "notes": ["x" * 300],
    }
    drawn = draw(sheet(title_block=block), LAYERS, city=CITY)
    assert [check for check in drawn.preflight(drawn.save(tmp_path / "sheet.pdf")).checks if not check.passed] == []
    right = 26 * 72 - 72
    ends = [
        at + wide * size
        for group in drawn.scene.groups
        if group.name in ("Title block", "Notes")
        for batch in group.batches
        if isinstance(batch, Texts)
        for at, wide, size in zip(batch.points[:, 0], font(batch.font).widths(batch.strings), batch.sizes_pt, strict=True)
    ]
    assert max(ends) < right
    title = next(group for group in drawn.scene.groups if group.name == "Title block")
    written = "".join(s for batch in title.batches if isinstance(batch, Texts) for s in batch.strings).replace(" ", "")
    assert "Antidisestablishmentarianism" * 3 in written


@pytest.mark.parametrize("inside_ft", [1.0, 3.0, 60.0])
def test_no_street_name_is_cut_by_the_frame(inside_ft):
    view = {"centre": [6_331_000.0, 2_090_300.0]}
    shown = draw(sheet(view=view), LAYERS, city=CITY).frame.extent
    north = shown.northing_max - inside_ft
    streets = gpd.GeoDataFrame(
        {"name": ["Edge Street", "Middle Street"]},
        geometry=[
            shapely.LineString([(shown.easting_min, n), (shown.easting_max, n)]) for n in (north, (north + shown.northing_min) / 2)
        ],
        crs=CITY.crs,
    )
    style = Style(layer="street", line={}, label={"placement": "along", "rows": [{"text": "{name}", "size_pt": 8.0}]})
    drawn = draw(sheet(layers=["street"], view=view), {"street": streets}, city=CITY, styles={"street": style})
    left, bottom, right, top = drawn.frame.box_pt
    names = [batch for group in drawn.scene.groups if group.name == "Street: labels" for batch in group.batches]
    corners = np.concatenate([_corners(batch) for batch in names])
    assert (corners >= [left, bottom]).all()
    assert (corners <= [right, top]).all()
    written = {string for batch in names for string in batch.strings}
    # At 100 ft to the inch the smallest type, 5 pt, is 7 ft high, its middle on the line.
    assert written == ({"Edge Street", "Middle Street"} if inside_ft == 60 else {"Middle Street"})
    assert len(drawn.unlabelled) == 2 - len(written)


def _corners(batch):
    """Where the baselines of texts begin and end, and the tops of their capitals."""
    turn = np.radians(batch.angles_deg)
    along, up = np.column_stack([np.cos(turn), np.sin(turn)]), np.column_stack([-np.sin(turn), np.cos(turn)])
    wide = (font(batch.font).widths(batch.strings) * batch.sizes_pt)[:, None]
    high = (font(batch.font).cap_height * batch.sizes_pt)[:, None]
    starts = batch.points
    return np.concatenate([starts, starts + wide * along, starts + high * up, starts + wide * along + high * up])


def test_a_long_name_in_the_legend_does_not_run_into_the_next():
    long = "parcels, whose area as recorded is more than two hundredths from the area computed from their courses, " * 2
    styles = {
        name: Style(layer="parcel", legend=f"{name} {long}", line={}, where={"parcel_kind": (kind,)})
        for name, kind in (("one", "FEE"), ("two", "GOVT"), ("three", "REMAINDER"))
    }
    drawn = draw(sheet(layers=list(styles)), LAYERS, city=CITY, styles=styles)
    legend = next(group for group in drawn.scene.groups if group.name == "Legend")
    lines = [batch for batch in legend.batches if isinstance(batch, Texts)]
    lines = lines[[batch.strings for batch in lines].index(("LEGEND",)) + 1 :]
    baselines = [float(batch.points[0, 1]) for batch in lines]
    assert len(baselines) > 9
    assert (-np.diff(baselines) >= max(batch.sizes_pt[0] for batch in lines)).all()
