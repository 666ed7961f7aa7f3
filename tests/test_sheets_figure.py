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
SMALL = city_layers(1, 2)
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
    ("paper", "width_in", "height_in", "scale"),
    [
        ("map_act_18x26", 26, 18, 50),
        ("map_act_18x26_bound", 26, 18, 100),
        ("arch_d", 36, 24, 100),
        ("iso_a0", 1189 / 25.4, 841 / 25.4, 300),
        ("ansi_d", 34, 22, 60),
        ("letter", 11, 8.5, 200),
    ],
)
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
        ({"title_block": {"title": "Map", "notes": ["word " * 2400]}}, LAYERS, "too short for the notes"),
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


def texts(drawn, page=0):
    with pypdfium2.PdfDocument(drawn.pdf()) as document:
        return document[page].get_textpage().get_text_range()


@pytest.fixture(scope="module")
def full():
    """A sheet with everything that may stand on it, turned, with a page of tables."""
    block = {"title": "Parcel Map", "date": "2026-11-21", "notes": ["A note."]}
    return draw(
        sheet(
            view={"layer": "parcel", "centre": "features", "rotation_deg": 20.0},
            title_block=block,
            vicinity={},
            seal={},
            graticule=True,
            scale_bar_metres=True,
            dimensions={"size_pt": 5.0},
            sign_off=[{"role": "City Engineer", "name": "R. Vega"}],
            revisions=[{"number": "1", "date": "2026-03-02", "by": "RV", "text": "Lot line adjustment"}],
            adjoining={"N": "C-12", "E": "C-14"},
        ),
        SMALL,
        city=CITY,
    )


def test_a_turned_sheet_with_all_furniture_passes_its_preflight(full, tmp_path):
    report = full.preflight(full.save(tmp_path / "full.pdf"))
    assert [check for check in report.checks if not check.passed] == []
    names = {check.name for check in report.checks if not check.skipped}
    assert {"scale of the viewport", "blank margin"} <= names


def test_a_turned_line_is_still_exact_and_lies_turned():
    e, n = 6_331_000.0, 2_090_300.0
    line = gpd.GeoDataFrame(geometry=[shapely.LineString([(e - 500, n), (e + 500, n)])], crs=CITY.crs)
    style = Style(layer="control", line={"color": "#ff00ff", "width_pt": 1.0})
    view = {"centre": [e, n], "rotation_deg": 30}
    drawn = draw(sheet(layers=["control"], view=view), {"control": line}, city=CITY, styles={"control": style})
    group = next(group for group in drawn.scene.groups if group.name == "Control")
    run, rise = (group.batches[0].points[-1] - group.batches[0].points[0]) / 72
    assert np.hypot(run, rise) == pytest.approx(10, abs=0.001)
    assert np.degrees(np.arctan2(rise, run)) % 180 == pytest.approx(30, abs=0.01)


def test_a_strip_of_land_lies_level_when_the_view_is_turned_against_it():
    strip = shapely.LineString([(6_330_000, 2_090_000), (6_333_000, 2_093_000)]).buffer(40)
    layers = {"parcel": gpd.GeoDataFrame({"n": ["1"]}, geometry=[strip], crs=CITY.crs)}
    style = {"parcel": Style(layer="parcel", fill="#eeeeee")}
    drawn = draw(sheet(layers=["parcel"], scale="fit", view={"rotation_deg": -45}), layers, city=CITY, styles=style)
    corners = drawn.frame.to_page(shapely.get_coordinates(strip))
    left, bottom, right, top = drawn.frame.box_pt
    assert ((corners >= (left, bottom)) & (corners <= (right, top))).all()
    # 4,243 + 80 ft long and 80 ft wide, in the middle of the frame.
    per_foot = 72 / float(drawn.frame.scale)
    assert np.ptp(corners, axis=0) == pytest.approx(np.array([np.hypot(3000, 3000) + 80, 80]) * per_foot, rel=1e-3)
    assert (corners.min(axis=0) + corners.max(axis=0)) / 2 == pytest.approx([(left + right) / 2, (bottom + top) / 2], abs=0.1)


def test_a_table_without_room_goes_on_to_a_page_of_its_own_and_the_numbers_follow(full):
    assert len(full.pages) == 2
    assert "1 of 2" in texts(full)
    assert "2 of 2" in texts(full, 1)
    assert "Curve table" in {group.name for group in full.pages[1].scene.groups}
    assert full.pages[1].viewports == ()


def test_every_tag_on_the_map_is_in_a_table(full):
    on_map = next(group for group in full.scene.groups if group.name == "Dimensions")
    tags = {s for b in on_map.batches if isinstance(b, Texts) for s in b.strings if re.fullmatch(r"[LC]\d+", s)}
    tables = [g for page in full.pages for g in page.scene.groups if g.name in ("Line table", "Curve table")]
    rows = {s for g in tables for b in g.batches if isinstance(b, Texts) for s in b.strings if re.fullmatch(r"[LC]\d+", s)}
    assert len(tags) > 50
    assert tags == rows


def test_what_people_fill_in_is_on_the_sheet(full):
    text = texts(full)
    for said in ("C-12", "C-14", "place of seal", "City Engineer, R. Vega", "Lot line adjustment", "REVISIONS", "VICINITY MAP"):
        assert said in text


def test_the_vicinity_map_has_coordinates_of_its_own(full):
    (main, small) = full.pages[0].viewports
    assert (main.name, small.name) == ("Map", "Vicinity map")
    assert small.frame.scale >= 3 * main.frame.scale
    inside = shapely.box(*small.frame.box_pt)
    assert shapely.covers(inside, shapely.Polygon(small.frame.to_page(main.frame.corners)))
    assert not inside.intersects(shapely.box(*main.frame.box_pt))
    assert small.frame.rotation_deg == main.frame.rotation_deg


def test_the_metre_bar_is_as_long_as_its_metres(full):
    bar = next(group for group in full.scene.groups if group.name == "Metre bar")
    metres = max(float(string.split()[0].replace(",", "")) for string in bar.batches[-1].strings)
    # 1 in = 100 US survey feet = 100 x 1200/3937 m.
    assert np.ptp(bar.batches[1].points[:, 0]) / 72 * 100 * 1200 / 3937 == pytest.approx(metres, rel=1e-9)


def test_no_label_stands_on_the_degrees(full):
    from citygis.sheets.graticule import graticule

    _, boxes = graticule(full.frame, 1.0)
    placed = [b for g in full.scene.groups if g.name.endswith(": labels") for b in g.batches if isinstance(b, Texts)]
    corners = [_corners(batch) for batch in placed]
    assert not shapely.intersects(shapely.multipoints(np.concatenate(corners)), boxes).any()


def test_a_filed_map_is_black_and_white():
    seal, signers = {"text": "Surveyor"}, [{"role": "Surveyor"}]
    drawn = draw(
        sheet(profile="map_act", paper=None, seal=seal, sign_off=signers, title_block={"title": "Tract 1"}), LAYERS, city=CITY
    )
    colours = set()
    for batch in (batch for page in drawn.pages for group in page.scene.groups for batch in group.batches):
        colours |= {batch.color} if isinstance(batch, Texts) else {batch.fill, batch.stroke}
    assert colours - {None} == {"#000000", "#ffffff"}


def test_a_profile_is_asked_for_before_anything_is_drawn():
    with pytest.raises(SheetError, match=r"\[seal\]"):
        draw(sheet(profile="map_act", paper=None), {}, city=CITY)


def test_a_roll_is_as_long_as_its_view_needs():
    west, south, east, north = LAYERS["parcel"].total_bounds
    drawn = draw(sheet(paper="roll_24", scale="1in=50ft", view={"layer": "parcel"}), LAYERS, city=CITY)
    assert drawn.page.height_in == 24
    needed = (east - west) / 50
    assert needed < drawn.page.width_in < needed / 0.98 + 9
    assert drawn.page.width_in * 4 == round(drawn.page.width_in * 4)
    assert shapely.box(*drawn.frame.extent).covers(shapely.box(west, south, east, north))


def test_a_roll_longer_than_a_pdf_page_says_which_scale_would_do():
    wide = LAYERS["parcel"].copy()
    wide.geometry = wide.geometry.scale(6, 1, origin=(6_330_000, 2_090_000))
    with pytest.raises(SheetError, match=r'at most 200 in.*Draw at "1in=\d+ft"'):
        draw(sheet(paper="roll_42", scale="1in=40ft", view={"layer": "parcel"}), LAYERS | {"parcel": wide}, city=CITY)


def test_a_label_stands_where_somebody_put_it():
    parcels = LAYERS["parcel"].assign(global_id=[f"g{i}" for i in range(len(LAYERS["parcel"]))])
    place = shapely.get_coordinates(parcels.geometry.iloc[[30]].representative_point())[0] + (3.0, -2.0)
    pins = pd.DataFrame(
        {"layer": ["parcel"], "global_id": ["g30"], "sheet": [""], "easting": place[:1], "northing": place[1:], "angle": 0.0}
    )
    view = {"centre": [float(v) for v in place]}
    drawn = draw(sheet(view=view), LAYERS | {"parcel": parcels, "label_pins": pins}, city=CITY)
    assert drawn.counts.set_index("style").loc["parcel", "pinned"] == 1
    wanted = parcels["apn_display"].iloc[30]
    batches = [b for g in drawn.scene.groups if g.name == "Parcels: labels" for b in g.batches if isinstance(b, Texts)]
    ((at, wide),) = [
        (point, font(b.font).widths([s])[0] * size)
        for b in batches
        for s, point, size in zip(b.strings, b.points, b.sizes_pt, strict=True)
        if s == wanted
    ]
    assert at[0] + wide / 2 == pytest.approx(drawn.frame.to_page([place])[0, 0], abs=0.1)


def test_invalid_geometry_is_drawn_mended_and_counted():
    parcels = LAYERS["parcel"].copy()
    west, south, east, north = parcels.geometry.iloc[40].bounds
    parcels.loc[parcels.index[40], "geometry"] = shapely.Polygon([(west, south), (east, north), (east, south), (west, north)])
    drawn = draw(sheet(scale="fit", view={}), LAYERS | {"parcel": parcels}, city=CITY)
    counts = drawn.counts.set_index("style")
    assert counts.loc["parcel", "invalid"] == 1
    assert counts.loc["parcel", "drawn"] == len(parcels)


def test_an_empty_layer_is_told_and_the_rest_drawn():
    drawn = draw(sheet(), LAYERS | {"easement": LAYERS["easement"].iloc[:0]}, city=CITY)
    assert drawn.absent == ("easement",)


@pytest.fixture(scope="module")
def tiny():
    return draw(sheet(paper="letter", scale="1in=50ft", layers=["parcel"]), SMALL, city=CITY)


@pytest.mark.parametrize(
    ("name", "begins"),
    [("a.pdf", b"%PDF"), ("a.PNG", b"\x89PNG"), ("a.svg", b"<"), ("a.plt", b"\x1b%-12345X"), ("a.tif", b"II*\x00")],
)
def test_a_sheet_is_saved_as_what_its_file_is_called(tiny, tmp_path, name, begins):
    path = tiny.save(tmp_path / name, dpi=40)
    assert path.read_bytes().startswith(begins)
    with pytest.raises(StoreError, match="--overwrite"):
        tiny.save(path, dpi=40)


def test_pages_that_a_file_cannot_hold_lie_beside_it(full, tmp_path):
    full.save(tmp_path / "full.plt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full.plt", "full_2.plt"]
    assert full.files(tmp_path / "full.pdf") == (tmp_path / "full.pdf",)


def test_a_file_that_does_not_say_what_it_is_to_be_is_refused(figure, tmp_path):
    with pytest.raises(SheetError, match=r"\.pdf, \.png"):
        figure.save(tmp_path / "sheet.dwg")
    assert not list(tmp_path.iterdir())


def test_an_archive_says_so_and_looks_the_same(figure):
    with pikepdf.open(io.BytesIO(figure.pdf(archive=True))) as pdf:
        assert "/OutputIntents" in pdf.Root
    with pikepdf.open(io.BytesIO(figure.pdf())) as pdf:
        assert "/OutputIntents" not in pdf.Root


def test_two_runs_of_a_sheet_of_several_pages_give_the_same_bytes(full):
    again = draw(full.sheet, city_layers(1, 2), city=CITY)
    assert again.pdf() == full.pdf()


def test_an_underlay_lies_below_everything_and_is_told(tmp_path):
    import rasterio
    from rasterio.transform import from_origin

    path = tmp_path / "ortho.tif"
    west, _, _, north = LAYERS["parcel"].total_bounds
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=200,
        height=200,
        count=3,
        dtype="uint8",
        crs=CITY.crs,
        transform=from_origin(west, north, 5, 5),
    ) as out:
        out.write(np.full((3, 200, 200), 120, dtype="uint8"))
    drawn = draw(sheet(underlays=[{"file": str(path), "title": "Orthophoto"}]), LAYERS, city=CITY)
    assert drawn.scene.groups[0].name == "Orthophoto"
    assert drawn.scene.groups[0].clip_pt == drawn.frame.box_pt
    # 5 ft pixels at 100 ft to the inch are 20 to the inch.
    assert "ortho.tif, 20 dots per inch" in " ".join(texts(drawn).split())
