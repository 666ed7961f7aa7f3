"""Dimensions of a sheet: every course on the map, in a table or told, nothing on anything else."""

import re
from fractions import Fraction

import geopandas as gpd
import numpy as np
import pandas as pd
import pypdfium2
import pypdfium2.raw as pdfium
import pytest
import shapely
import tract_sheet

from citygis.errors import SettingsError
from citygis.settings import check
from citygis.sheets import Sheet, draw, prep
from citygis.sheets.dimensions import DimensionPlan, dimensions
from citygis.sheets.fonts import font
from citygis.sheets.frame import Frame
from citygis.sheets.pdf import pdf_bytes
from citygis.sheets.scene import Paths, Scene, Texts

CITY = tract_sheet.CITY
NONE = np.array([], dtype=object)
E, N = 6_340_000.0, 2_120_000.0
SQUARE = Frame(CITY.crs, Fraction(20), E + 50, N + 50, 0.0, 0.0, 720.0, 720.0)


def lots(*polygons):
    moved = [shapely.transform(polygon, lambda points: points + (E, N)) for polygon in polygons]
    return {"parcel": gpd.GeoDataFrame({"apn": [str(n) for n in range(len(moved))]}, geometry=moved, crs=CITY.crs)}


def strings(made):
    return [s for group in made.groups for batch in group.batches if isinstance(batch, Texts) for s in batch.strings]


def overlaps(boxes):
    first, second = shapely.STRtree(boxes).query(boxes, predicate="intersects")
    return int((first < second).sum())


def lot_labels(frame):
    """Boxes in the middle of the lots, as large as a lot number with a parcel number below."""
    shapes = prep.clipped(prep.on_page(np.asarray(tract_sheet.layers()["parcel"].geometry), frame), frame.box_pt)
    at = shapely.get_coordinates(shapely.point_on_surface(shapes[~shapely.is_empty(shapes)]))
    return shapely.box(at[:, 0] - 14, at[:, 1] - 10, at[:, 0] + 14, at[:, 1] + 10)


@pytest.fixture(scope="module", params=[60, 100])
def tract(request):
    """The tract at two scales with its lot labels; upright, and turned by 6 degrees so that its streets are level."""
    frame = tract_sheet.frame(request.param, rotation_deg=6.0 if request.param == 60 else 0.0)
    taken = lot_labels(frame)
    return frame, taken, dimensions(DimensionPlan(), tract_sheet.layers(), frame, CITY, taken=taken)


def texts_of_pdf(groups, frame):
    """Texts of a written sheet as pdfium finds them: strings, and where their middles are."""
    width, height = frame.left_pt + frame.width_pt + 36, frame.bottom_pt + frame.height_pt + 36
    file = pdf_bytes(Scene(width, height, tuple(groups)), viewports=(), title="t", subject="t")
    strings, middles = [], []
    with pypdfium2.PdfDocument(file) as document:
        page = document[0]
        text = page.get_textpage()
        for thing in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_TEXT]):
            length = pdfium.FPDFTextObj_GetText(thing, text, None, 0)
            buffer = (pdfium.FPDF_WCHAR * (length // 2 + 1))()
            pdfium.FPDFTextObj_GetText(thing, text, buffer, length)
            string = bytes(buffer).decode("utf-16-le").split("\0")[0].strip()
            left, bottom, right, top = thing.get_bounds()
            if string:
                strings.append(string)
                middles.append(((left + right) / 2, (bottom + top) / 2))
    return np.array(strings), shapely.points(middles)


def test_every_course_of_the_plat_is_on_the_sheet_as_recorded_and_nothing_else_is(tract):
    frame, _, made = tract
    texts, middles = texts_of_pdf(made.groups, frame)
    lines = tract_sheet.layers()["boundary_line"]
    drawn = prep.clipped(prep.on_page(np.asarray(lines.geometry), frame), frame.box_pt)
    is_tag = np.array([bool(re.fullmatch(r"[LC]\d+", text)) for text in texts])
    # What is written along a course lies nearer to it than to any other.
    nearest = shapely.STRtree(drawn).query_nearest(middles[~is_tag], all_matches=False)[1]
    along = pd.Series(texts[~is_tag]).groupby(nearest).agg(list).to_dict()
    rows = [row for table in (made.line_table, made.curve_table) for row in table.rows]
    assert sorted(texts[is_tag]) == sorted(row[0] for row in rows)
    untold = []
    for n, (ref, shape) in enumerate(zip(lines["source_ref"], drawn, strict=True)):
        said = tract_sheet.plat_table()[re.search(r"([LC]\d+)$", ref)[1]]
        if len(said) == 5:
            radius, delta, length, bearing, chord = said
        else:
            bearing, length = said
        bearings = {bearing, tract_sheet.opposite(bearing)}
        lengths = {f"{float(length):.2f}", f"{float(length):.3f}"}
        if n in along:
            got = along.pop(n)
            told = re.split(r"\s+(?=[\d.]+' \(R\)$)", got[0]) if len(got) == 1 else got
            assert told[0] in bearings
            assert told[1] in {f"{each}' (R)" for each in lengths}
            assert len(told) == 2
        elif len(said) == 5 and not shape.is_empty:
            own = next(row for row in rows if row[1] == delta and row[5] in bearings and float(row[2]) == float(radius))
            assert own[3] in lengths
            assert float(own[6]) == pytest.approx(float(chord), abs=0.0051)
            assert own[-1] == "R"
            rows.remove(own)
        elif not shape.is_empty:
            own = next((row for row in rows if len(row) == 4 and row[1] in bearings and row[2] in lengths), None)
            if own is None:
                untold.append(lines["line_id"].iloc[n])
            else:
                assert own[-1] == "R"
                rows.remove(own)
    assert along == {}
    assert rows == []
    assert untold == made.unplaced["line_id"].tolist()


def test_every_course_in_the_frame_is_accounted_for_once(tract):
    frame, _, made = tract
    whole = prep.clipped(prep.on_page(np.asarray(tract_sheet.layers()["boundary_line"].geometry), frame), frame.box_pt)
    assert len(made.courses) == int((~shapely.is_empty(whole)).sum())
    on_map = len(made.courses) - int((made.courses["tag"] != "").sum()) - len(made.unplaced)
    assert on_map > 100
    assert sum("(R)" in string for string in strings(made)) == on_map


def test_dimensions_touch_neither_each_other_nor_the_labels_nor_the_frame(tract):
    frame, taken, made = tract
    assert overlaps(np.concatenate([made.boxes, taken])) == len(
        shapely.STRtree(taken).query(taken, predicate="intersects")[0]
    ) / 2 - (len(taken) / 2)
    assert shapely.covers(shapely.box(*frame.box_pt), made.boxes).all()


def test_letters_lie_within_the_boxes_that_are_told(tract):
    _, _, made = tract
    tree = shapely.STRtree(made.boxes)
    face = font("regular")
    for batch in (b for g in made.groups for b in g.batches if isinstance(b, Texts)):
        wide = face.widths(list(batch.strings)) * batch.sizes_pt
        angle = np.radians(batch.angles_deg)
        along, up = np.column_stack([np.cos(angle), np.sin(angle)]), np.column_stack([-np.sin(angle), np.cos(angle)])
        high = face.cap_height * batch.sizes_pt
        corners = [
            batch.points + along * (wide * f)[:, None] + up * (high * g)[:, None] for f, g in ((0, 0), (1, 0), (1, 1), (0, 1))
        ]
        inked = shapely.polygons(np.stack(corners, axis=1))
        assert set(tree.query(shapely.buffer(inked, -0.05), predicate="within")[0]) == set(range(len(inked)))


def test_texts_are_read_from_below_or_from_the_right(tract):
    angles = np.concatenate([b.angles_deg for g in tract[2].groups for b in g.batches if isinstance(b, Texts)])
    assert ((angles > -80.001) & (angles <= 100.001)).all()


def test_tags_are_numbered_without_gaps_from_the_top_of_the_page_down(tract):
    _, _, made = tract
    tagged = made.courses[made.courses["tag"] != ""]
    for letter in "LC":
        own = tagged[tagged["tag"].str.startswith(letter)]
        number = own["tag"].str[1:].astype(int)
        assert sorted(number) == list(range(1, len(own) + 1))
        middle = shapely.get_coordinates(shapely.line_interpolate_point(own["geometry"].to_numpy(object), 0.5, normalized=True))
        by_number = middle[np.argsort(number.to_numpy())]
        assert (np.diff(by_number[:, 1]) < 7).all()


def test_the_same_layers_in_another_order_make_the_same_sheet(tract):
    frame, taken, made = tract
    shuffled = {name: layer.sample(frac=1, random_state=3) for name, layer in tract_sheet.layers().items()}
    again = dimensions(DimensionPlan(), shuffled, frame, CITY, taken=taken[::-1])
    assert strings(again) == strings(made)
    for one, other in zip(made.groups[0].batches, again.groups[0].batches, strict=True):
        assert np.array_equal(one.points, other.points)


@pytest.mark.parametrize(("rotation_deg", "scale", "curves"), [(45.0, 50, "map"), (-97.0, 200, "table"), (171.0, 400, "map")])
def test_whatever_the_scale_and_turn_nothing_overlaps_and_nothing_is_lost(rotation_deg, scale, curves):
    frame = tract_sheet.frame(scale, rotation_deg=rotation_deg, width_pt=900, height_pt=700)
    layers = {"parcel": tract_sheet.layers()["parcel"], "boundary_line": tract_sheet.layers()["boundary_line"].iloc[::2]}
    made = dimensions(DimensionPlan(curves=curves, min_length_ft=10.0), layers, frame, CITY, taken=lot_labels(frame))
    assert set(made.courses["basis"]) == {"R", "C"}
    assert overlaps(made.boxes) == 0
    assert shapely.covers(shapely.box(*frame.box_pt), made.boxes).all()
    tags = made.courses["tag"][made.courses["tag"] != ""]
    rows = [row[0] for table in (made.line_table, made.curve_table) if table for row in table.rows]
    assert sorted(rows) == sorted(tags)
    written = strings(made)
    assert set(tags) <= set(written)
    along = sum("(R)" in string or "(C)" in string for string in written)
    assert along + len(tags) + len(made.unplaced) == len(made.courses)


def test_a_drawn_sheet_says_all_of_the_plat_on_its_map_and_in_its_tables():
    sheet = Sheet.model_validate(
        {
            "paper": "map_act_18x26",
            "scale": "1in=100ft",
            "layers": ["parcel"],
            "view": {"layer": "parcel"},
            "title_block": {"title": "Tract No. 3999"},
            "dimensions": {},
        }
    )
    figure = draw(sheet, tract_sheet.layers(), city=CITY)
    assert not len(figure.undimensioned)
    with pypdfium2.PdfDocument(figure.pdf()) as document:
        text = "\n".join(page.get_textpage().get_text_range() for page in document)
    text = text.replace("\r", " ").replace("\n", " ")
    for said in tract_sheet.plat_table().values():
        bearing, length = (said[3], said[2]) if len(said) == 5 else said
        assert bearing in text or tract_sheet.opposite(bearing) in text
        assert f"{float(length):.2f}" in text or f"{float(length):.3f}" in text
        for elements in said[:2] if len(said) == 5 else ():
            assert elements.removesuffix("0") in text
    assert "Basis of bearings: grid north of NAD83(2011)" in text


def test_a_square_lot_has_bearing_above_and_distance_below_on_each_side():
    made = dimensions(DimensionPlan(mark_basis=False), lots(shapely.box(0, 0, 80, 100)), SQUARE, CITY, taken=NONE)
    assert sorted(strings(made)) == sorted(["N 0°00'00\" E", "N 90°00'00\" E", "80.00'", "100.00'"] * 2)
    assert made.line_table is None
    assert not len(made.unplaced)


@pytest.mark.parametrize(("bearings", "count"), [("all", 7), ("boundary", 6), ("none", 0)])
def test_bearings_are_on_all_courses_or_on_the_boundary_or_on_none(bearings, count):
    pair = lots(shapely.box(0, 0, 50, 100), shapely.box(50, 0, 100, 100))
    made = dimensions(DimensionPlan(bearings=bearings), pair, SQUARE, CITY, taken=NONE)
    assert sum(string.startswith("N ") for string in strings(made)) == count
    assert sum("'" in string and "(C)" in string for string in strings(made)) == 7


def test_a_short_course_has_a_tag_and_without_tables_is_told():
    small = lots(shapely.box(40, 40, 46, 100))
    made = dimensions(DimensionPlan(), small, SQUARE, CITY, taken=NONE)
    assert [row[2:] for row in made.line_table.rows] == [("6.00", "C"), ("6.00", "C")]
    assert {"L1", "L2"} <= set(strings(made))
    bare = dimensions(DimensionPlan(tables=False), small, SQUARE, CITY, taken=NONE)
    assert bare.line_table is None
    assert list(bare.unplaced["reason"]) == ["no room", "no room"]
    assert list(bare.unplaced["length"]) == ["6.00", "6.00"]
    assert sorted(bare.unplaced["northing"]) == pytest.approx([N + 40, N + 100])


def test_a_course_in_a_crowd_has_its_tag_on_a_leader():
    small = lots(shapely.box(48, 48, 49, 49))
    made = dimensions(DimensionPlan(), small, SQUARE, CITY, taken=NONE)
    assert sorted(strings(made)) == ["L1", "L2", "L3", "L4"]
    leaders = [batch for batch in made.groups[0].batches if isinstance(batch, Paths)]
    assert sum(len(batch.starts) for batch in leaders) == 4


def test_curves_are_tagged_or_written_along_their_arc():
    angle = np.radians(np.linspace(0, 90, 60))
    pie = shapely.Polygon([(0, 0), *np.column_stack([95 * np.cos(angle), 95 * np.sin(angle)])])
    tabled = dimensions(DimensionPlan(), lots(pie), SQUARE, CITY, taken=NONE)
    assert [row[:4] for row in tabled.curve_table.rows] == [("C1", "90°00'00\"", "95.00", "149.23")]
    written = dimensions(DimensionPlan(curves="map"), lots(pie), SQUARE, CITY, taken=NONE)
    assert written.curve_table is None
    assert {"R=95.00'  Δ=90°00'00\"", "L=149.23' (C)"} <= set(strings(written))


def records(*rows):
    table = pd.DataFrame([{"line_id": f"B{n}", "line_kind": "RECORD", "status": "ACTIVE"} | row for n, row in enumerate(rows)])
    places = [shapely.LineString(np.asarray(points, dtype=float) + (E, N)) for points in table.pop("at")]
    return {"boundary_line": gpd.GeoDataFrame(table, geometry=places, crs=CITY.crs)}


def test_a_junior_record_is_told_or_stands_in_the_table_below_the_senior_one():
    two = records(
        {"at": [(0, 50), (90, 50)], "bearing_text": "EAST", "distance_ft": 90.0, "rank": 1},
        {"at": [(0, 50), (90, 50)], "bearing_text": "WEST", "distance_ft": 90.2, "rank": 2},
    )
    told = dimensions(DimensionPlan(), two, SQUARE, CITY, taken=NONE)
    assert sorted(strings(told)) == ["90.00' (R)", "EAST"]
    assert list(told.unplaced["reason"]) == ["a junior record of B0"]
    both = dimensions(DimensionPlan(rivals=True), two, SQUARE, CITY, taken=NONE)
    assert strings(both) == ["L1"]
    assert both.line_table.rows == (("L1", "EAST", "90.00", "R"), ("L1", "WEST", "90.20", "R2"))
    assert not len(both.unplaced)


def test_a_bearing_of_another_basis_than_its_distance_is_marked_itself():
    made = dimensions(DimensionPlan(), records({"at": [(0, 0), (60, 80)], "distance_ft": 99.98}), SQUARE, CITY, taken=NONE)
    assert sorted(strings(made)) == ["99.98' (R)", "N 36°52'12\" E (C)"]


def test_what_is_not_dimensioned_says_why():
    made = dimensions(
        DimensionPlan(min_length_ft=2.0),
        records(
            {"at": [(0, 0), (40, 8), (90, 2)], "line_kind": "NATURAL"},
            {"at": [(10, 50), (11.9, 50)]},
            {"at": [(147.9, 20), (300, 20)]},
            {"at": [(0, 80), (90, 80)]},
        ),
        SQUARE,
        CITY,
        taken=NONE,
    )
    assert made.unplaced.set_index("line_id")["reason"].to_dict() == {
        "B0": "a natural boundary",
        "B1": "shorter than 2 ft",
        "B2": "cut by the frame",
    }


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"distances": "ground"}, "Must give combined_factor"),
        ({"rivals": True, "tables": False}, "Must have tables = true with rivals = true"),
        ({"bearing": "all"}, "unknown key `bearing`; did you mean `bearings`"),
        ({"size_pt": 4.9}, "size_pt"),
        ({"combined_factor": 1.2}, "combined_factor"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(tables, said):
    with pytest.raises(SettingsError, match=re.escape(said)):
        check(tables, DimensionPlan, "sheet.toml")


def test_a_frame_without_courses_has_no_dimensions():
    far = SQUARE._replace(easting=E + 5000)
    made = dimensions(DimensionPlan(), lots(shapely.box(0, 0, 9, 9)), far, CITY, taken=NONE)
    assert made.groups == ()
    assert made.notes == ()
    assert not len(made.courses)
