"""CAD drawings: what is taken, exactly, and that nothing is left out in silence."""

import json
import math

import ezdxf
import pytest
import shapely
from ezdxf.entities import Insert

import citygis as cg
from citygis.errors import CRSError, ReadError
from citygis.readers.cad_primitives import SAGITTA
from citygis.readers.dxf import read_dxf
from tests.drawings import new_drawing, saved


def fates(drawing):
    return drawing.tally.groupby("fate")["count"].sum().to_dict()


def codes(drawing):
    return dict(zip(drawing.findings["code"], drawing.findings["message"], strict=True))


def test_a_quarter_circle_bulge_is_an_arc_with_its_radius_and_hand(tmp_path):
    document, msp = new_drawing()
    # tan(90 / 4 degrees): a quarter circle of radius 10 that turns left.
    msp.add_lwpolyline([(0, 0, math.tan(math.radians(22.5))), (10, 10, 0), (20, 10, 0)], format="xyb", dxfattribs={"layer": "LOT"})
    lines = read_dxf(saved(document, tmp_path)).lines
    assert list(lines["kind"]) == ["arc", "line"]
    one = lines.iloc[0]
    assert one["radius"] == pytest.approx(10, abs=1e-9)
    assert one["delta_deg"] == pytest.approx(90, abs=1e-9)
    assert one["hand"] == "L"
    assert (one["center_easting"], one["center_northing"]) == pytest.approx((0, 10), abs=1e-9)
    assert list(lines["part"]) == [1, 2]
    # Every vertex of the chords lies on the circle, every chord within the sagitta of it.
    points = shapely.get_coordinates(one["geometry"])
    assert all(math.hypot(x, y - 10) == pytest.approx(10, abs=1e-9) for x, y in points)
    middles = (points[1:] + points[:-1]) / 2
    assert max(10 - math.hypot(x, y - 10) for x, y in middles) <= SAGITTA


def test_two_vertices_with_bulges_and_closed_are_a_whole_circle(tmp_path):
    document, msp = new_drawing()
    msp.add_lwpolyline([(0, 0, 1), (10, 0, 1)], format="xyb", close=True)
    lines = read_dxf(saved(document, tmp_path)).lines
    assert list(lines["kind"]) == ["arc", "arc"]
    assert lines["radius"].tolist() == pytest.approx([5, 5])
    assert lines["delta_deg"].tolist() == pytest.approx([180, 180])


def test_an_arc_drawn_from_below_turns_the_other_way_and_lies_on_the_other_side(tmp_path):
    document, msp = new_drawing()
    msp.add_arc((10, 0), 5, 0, 90, dxfattribs={"extrusion": (0, 0, -1)})
    msp.add_lwpolyline([(10, 0, 1), (20, 0, 0)], format="xyb", dxfattribs={"extrusion": (0, 0, -1)})
    lines = read_dxf(saved(document, tmp_path)).lines
    assert list(lines["hand"]) == ["R", "R"]
    # Seen from below easting runs to the left: the centre (10, 0) is at (-10, 0).
    assert lines["center_easting"].tolist() == pytest.approx([-10, -15])
    assert lines.loc[0, ["start_easting", "start_northing"]].tolist() == pytest.approx([-15, 0])
    assert lines.loc[0, ["end_easting", "end_northing"]].tolist() == pytest.approx([-10, 5])


def test_a_spline_and_an_ellipse_are_chords_within_a_hundredth_of_a_foot_and_say_so(tmp_path):
    document, msp = new_drawing()
    msp.add_ellipse((0, 0), major_axis=(100, 0), ratio=0.5)
    msp.add_spline([(0, 0), (50, 80), (100, -80), (150, 0)])
    drawing = read_dxf(saved(document, tmp_path))
    assert drawing.lines["is_approximate"].all()
    assert "2 curves are no arcs" in codes(drawing)["K04"]
    ellipse = drawing.lines[drawing.lines["handle"] == drawing.lines["handle"].iloc[0]]
    middles = (
        (ellipse["start_easting"] + ellipse["end_easting"]) / 2,
        (ellipse["start_northing"] + ellipse["end_northing"]) / 2,
    )
    # A chord's middle lies inside; the gradient of the ellipse turns the value into a distance.
    for x, y in zip(*middles, strict=True):
        value = (x / 100) ** 2 + (y / 50) ** 2 - 1
        gradient = math.hypot(2 * x / 100**2, 2 * y / 50**2)
        assert abs(value) / gradient <= 0.01


def test_lot_numbers_in_block_attributes_are_texts_with_their_tag(tmp_path):
    document, msp = new_drawing()
    block = document.blocks.new("LOTNO")
    block.add_circle((0, 0), 8)
    block.add_attdef("LOT", (0, 0), dxfattribs={"height": 4})
    insert = msp.add_blockref("LOTNO", (100, 200), dxfattribs={"layer": "LOT"})
    insert.add_auto_attribs({"LOT": "17"})
    drawing = read_dxf(saved(document, tmp_path))
    text = drawing.texts.iloc[0]
    assert (text["kind"], text["tag"], text["text"], text["block"]) == ("ATTRIB", "LOT", "17", "LOTNO")
    assert (text["easting"], text["northing"]) == (100, 200)
    assert json.loads(drawing.inserts["attributes"].iloc[0]) == {"LOT": "17"}
    # What lies on layer 0 of the block is drawn on the layer of its reference.
    assert set(drawing.lines["layer"]) == {"LOT"}
    assert drawing.lines["center_easting"].tolist() == [100, 100]


def test_blocks_in_blocks_are_turned_scaled_and_named_by_their_path(tmp_path):
    document, msp = new_drawing()
    document.blocks.new("INNER").add_line((0, 0), (1, 0))
    document.blocks.new("OUTER").add_blockref("INNER", (10, 0), dxfattribs={"rotation": 90})
    msp.add_blockref("OUTER", (100, 100), dxfattribs={"xscale": 2, "yscale": 2, "zscale": 2})
    drawing = read_dxf(saved(document, tmp_path))
    line = drawing.lines.iloc[0]
    assert line["block"] == "OUTER/INNER"
    assert line[["start_easting", "start_northing", "end_easting", "end_northing"]].tolist() == pytest.approx([120, 100, 120, 102])


def test_a_repeated_block_is_placed_as_often_as_it_says(tmp_path):
    document, msp = new_drawing()
    document.blocks.new("TICK").add_line((0, 0), (1, 0))
    msp.add_blockref("TICK", (0, 0), dxfattribs={"row_count": 2, "column_count": 3, "row_spacing": 10, "column_spacing": 20})
    drawing = read_dxf(saved(document, tmp_path))
    assert sorted(zip(drawing.lines["start_easting"], drawing.lines["start_northing"], strict=True)) == [
        (0, 0), (0, 10), (20, 0), (20, 10), (40, 0), (40, 10),
    ]  # fmt: skip


def test_every_entity_is_counted_once_taken_or_with_its_reason(tmp_path):
    document, msp = new_drawing(layers=("LOT", "FROZEN", "OFF"))
    document.layers.get("FROZEN").freeze()
    document.layers.get("OFF").off()
    msp.add_line((0, 0), (1, 1), dxfattribs={"layer": "LOT"})
    msp.add_line((0, 0), (2, 1), dxfattribs={"layer": "FROZEN"})
    msp.add_line((0, 0), (3, 1), dxfattribs={"layer": "OFF"})
    msp.add_line((0, 0), (4, 1), dxfattribs={"invisible": 1})
    msp.add_line((5, 5), (5, 5))
    msp.add_hatch().paths.add_polyline_path([(0, 0), (1, 0), (1, 1)])
    document.layout("Layout1").add_line((0, 0), (6, 1))
    external = document.blocks.new("SITE")
    external.block.dxf.flags = 4
    external.block.dxf.xref_path = "../site.dwg"
    msp.add_blockref("SITE", (0, 0))
    drawing = read_dxf(saved(document, tmp_path))
    assert fates(drawing) == {
        "taken": 1, "frozen layer": 1, "layer off": 1, "invisible": 1, "damaged": 1, "not linework": 1, "external reference": 1,
        "paper space": 1,
    }  # fmt: skip
    assert drawing.tally["count"].sum() == len(msp) + len(document.layout("Layout1"))
    assert len(drawing.lines) == 1
    told = codes(drawing)
    assert "SITE (../site.dwg)" in told["K02"]
    assert "HATCH 1" in told["K07"]
    assert "it has no length" in told["K08"]
    assert (drawing.findings["rule"].isin(["frozen_layer", "layer_off", "invisible", "paper_space"])).sum() == 4


def test_hidden_linework_is_taken_only_when_asked_for(tmp_path):
    document, msp = new_drawing(layers=("FROZEN", "OFF"))
    document.layers.get("FROZEN").freeze()
    document.layers.get("OFF").off()
    msp.add_line((0, 0), (2, 1), dxfattribs={"layer": "FROZEN"})
    msp.add_line((0, 0), (3, 1), dxfattribs={"layer": "OFF"})
    path = saved(document, tmp_path)
    assert len(read_dxf(path).lines) == 0
    assert list(read_dxf(path, include=["layer off"]).lines["layer"]) == ["OFF"]
    assert len(read_dxf(path, include=["layer off", "frozen layer"]).lines) == 2
    with pytest.raises(ValueError, match="Invalid include 'paper'"):
        read_dxf(path, include=["paper"])


def test_a_frozen_reference_hides_all_of_its_block(tmp_path):
    document, msp = new_drawing(layers=("LOT", "FROZEN"))
    document.layers.get("FROZEN").freeze()
    document.blocks.new("B").add_line((0, 0), (1, 0), dxfattribs={"layer": "LOT"})
    msp.add_blockref("B", (0, 0), dxfattribs={"layer": "FROZEN"})
    assert len(read_dxf(saved(document, tmp_path)).lines) == 0


def test_civil_objects_are_counted_named_and_asked_for(tmp_path):
    document, msp = new_drawing()
    msp.add_line((0, 0), (1, 1))
    path = saved(document, tmp_path)
    text = path.read_text()
    proxy = "  0\nACAD_PROXY_ENTITY\n  5\nFFF1\n100\nAcDbEntity\n  8\nLOT\n100\nAcDbProxyEntity\n 90\n498\n 91\n500\n"
    parcel = "  0\nAECC_PARCEL\n  5\nFFF2\n100\nAcDbEntity\n  8\nLOT\n"
    place = text.index("ENDSEC", text.index("ENTITIES"))
    place = text.rindex("  0\n", 0, place)
    path.write_text(text[:place] + proxy + parcel + text[place:])
    drawing = read_dxf(path)
    assert fates(drawing)["foreign object"] == 2
    told = drawing.findings[drawing.findings["code"] == "K01"].iloc[0]
    assert told["severity"] == "error"
    assert "2 objects" in told["message"] and "AECC_PARCEL 1" in told["message"]
    assert "LandXML" in told["remedy"]


def test_texts_are_plain_words_with_their_middle(tmp_path):
    document, msp = new_drawing()
    msp.add_text("N 45%%d30'15\" E", dxfattribs={"height": 2, "insert": (0, 0)})
    msp.add_mtext(
        "{\\fArial|b1;LOT 5}\\P\\H0.7x;41,278 SF", dxfattribs={"insert": (100, 50), "char_height": 4, "attachment_point": 5}
    )
    msp.add_text("7", dxfattribs={"height": 10}).set_placement((30, 40), align=ezdxf.enums.TextEntityAlignment.MIDDLE_CENTER)
    found = read_dxf(saved(document, tmp_path)).texts
    assert list(found["text"]) == ["N 45°30'15\" E", "LOT 5\n41,278 SF", "7"]
    # Anchored in its middle, the middle is the anchor; anchored at its left foot, it lies half a letter up and half the text along.
    assert found.loc[1, ["middle_easting", "middle_northing"]].tolist() == [100, 50]
    assert found.loc[2, ["middle_easting", "middle_northing"]].tolist() == pytest.approx([30, 40])
    assert found.loc[0, "middle_northing"] == 1.0
    assert 0 < found.loc[0, "middle_easting"] < 30


def test_the_code_page_of_an_old_drawing_is_used(tmp_path):
    document, msp = new_drawing("R2000")
    document.encoding = "cp1251"
    document.header["$DWGCODEPAGE"] = "ANSI_1251"
    msp.add_text("Граница")
    path = saved(document, tmp_path)
    assert "Граница".encode("cp1251") in path.read_bytes()
    drawing = read_dxf(path)
    assert list(drawing.texts["text"]) == ["Граница"]
    assert "K09" not in codes(drawing)


def test_a_code_page_that_is_not_stated_is_told_and_can_be_stated(tmp_path):
    document, msp = new_drawing("R2000")
    document.encoding = "cp1251"
    msp.add_text("Граница")
    path = saved(document, tmp_path)
    lines = path.read_bytes().split(b"\n")
    at = next(n for n, line in enumerate(lines) if b"$DWGCODEPAGE" in line)
    path.write_bytes(b"\n".join(lines[: at - 1] + lines[at + 3 :]))
    guessed = read_dxf(path)
    assert guessed.texts["text"].iloc[0] != "Граница"
    assert "K09" in codes(guessed)
    stated = read_dxf(path, encoding="cp1251")
    assert stated.texts["text"].iloc[0] == "Граница"
    assert "K09" not in codes(stated)
    with pytest.raises(ValueError, match="Invalid encoding 'klingon'"):
        read_dxf(path, encoding="klingon")


def test_a_cut_off_drawing_is_an_error_and_never_a_smaller_one(tmp_path):
    document, msp = new_drawing()
    for n in range(200):
        msp.add_line((n, 0), (n, 1))
    path = saved(document, tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"OBJECTS") - 2000])
    try:
        drawing = read_dxf(path)
    except ReadError:
        return
    cut = drawing.findings[drawing.findings["rule"] == "cut_off"]
    assert list(cut["severity"]) == ["error"]
    assert len(drawing.lines) < 200


@pytest.mark.parametrize(
    "content",
    [
        b"not a drawing at all\n" * 100,
        b"\x00" * 5000,
        b"AC1032" + b"\x00" * 5000,
        b"AutoCAD Binary DXF\r\n\x1a\x00" + b"\xff" * 500,
        b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>",
    ],
)
def test_what_is_no_drawing_is_refused_in_one_error(tmp_path, content):
    path = tmp_path / "h.dxf"
    path.write_bytes(content)
    with pytest.raises(ReadError):
        read_dxf(path)


def test_every_way_of_damage_is_one_error_or_a_finding(tmp_path):
    document, msp = new_drawing()
    msp.add_lwpolyline([(0, 0, 0.5), (10, 0, 0), (10, 10, 0)], format="xyb", close=True)
    msp.add_text("LOT 1", dxfattribs={"insert": (5, 5)})
    whole = saved(document, tmp_path).read_bytes()
    path = tmp_path / "hurt.dxf"
    for step in range(60):
        place = 200 + step * (len(whole) - 400) // 60
        path.write_bytes(whole[:place] + b"\nZZZ\n\xff" + whole[place + 3 :])
        try:
            drawing = read_dxf(path)
        except ReadError:
            continue
        assert len(drawing.lines) == 3 or len(drawing.findings)


def test_coordinates_that_are_no_numbers_are_damaged_entities(tmp_path):
    document, msp = new_drawing()
    msp.add_line((0, 0), (1e308, float("inf")))
    msp.add_circle((0, 0), -5)
    msp.add_line((0, 0), (1, 1))
    drawing = read_dxf(saved(document, tmp_path))
    assert len(drawing.lines) == 1
    assert fates(drawing)["damaged"] == 2


def test_blocks_that_multiply_without_end_are_refused(tmp_path):
    document, msp = new_drawing()
    document.blocks.new("B0").add_line((0, 0), (1, 0))
    for n in range(1, 9):
        block = document.blocks.new(f"B{n}")
        for k in range(10):
            block.add_blockref(f"B{n - 1}", (k, n))
    msp.add_blockref("B8", (0, 0), dxfattribs={"row_count": 2000, "column_count": 2000, "row_spacing": 1, "column_spacing": 1})
    with pytest.raises(ReadError, match="More than is taken"):
        read_dxf(saved(document, tmp_path))


def test_explosion_stops_at_its_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("citygis.readers.cad_contents.MOST_ENTITIES", 500)
    document, msp = new_drawing()
    document.blocks.new("B0").add_line((0, 0), (1, 0))
    for n in range(1, 4):
        block = document.blocks.new(f"B{n}")
        for k in range(10):
            block.add_blockref(f"B{n - 1}", (k, n))
    msp.add_blockref("B3", (0, 0))
    with pytest.raises(ReadError, match="explodes to more than 500 entities"):
        read_dxf(saved(document, tmp_path))


def test_a_block_that_refers_to_itself_ends(tmp_path):
    document, msp = new_drawing()
    block = document.blocks.new("LOOP")
    block.add_line((0, 0), (1, 0))
    other = document.blocks.new("POOL")
    other.add_blockref("LOOP", (5, 5))
    block.add_blockref("POOL", (5, 5))
    msp.add_blockref("LOOP", (0, 0))
    path = saved(document, tmp_path)
    try:
        drawing = read_dxf(path)
    except ReadError:
        return
    assert len(drawing.lines) <= 3
    assert len(drawing.findings)


def test_a_leader_says_where_its_text_belongs(tmp_path):
    document, msp = new_drawing()
    msp.add_leader([(10, 10), (30, 20), (32, 20)])
    found = read_dxf(saved(document, tmp_path)).leaders
    assert found[["tip_easting", "tip_northing", "tail_easting", "tail_northing"]].iloc[0].tolist() == [10, 10, 32, 20]


def test_reading_twice_gives_the_same_bytes(tmp_path):
    document, msp = new_drawing()
    msp.add_lwpolyline([(0, 0, 0.3), (10, 0, 0), (10, 10, -0.2)], format="xyb", close=True)
    msp.add_text("LOT 1", dxfattribs={"insert": (5, 5)})
    path = saved(document, tmp_path)
    first, second = read_dxf(path), read_dxf(path)
    assert first.lines.to_json() == second.lines.to_json()
    assert first.texts.to_json() == second.texts.to_json()


def test_read_and_inspect_take_a_drawing_and_never_guess_its_frame(tmp_path):
    document, msp = new_drawing()
    msp.add_lwpolyline([(6336000, 2121000, 0.3), (6336100, 2121000, 0), (6336100, 2121100, 0)], format="xyb", close=True,
                       dxfattribs={"layer": "LOT"})  # fmt: skip
    msp.add_text("LOT 1", dxfattribs={"insert": (6336050, 2121050), "layer": "LOT"})
    path = saved(document, tmp_path)
    with pytest.raises(CRSError, match="no GEODATA"):
        cg.read(path, "lines")
    frame = cg.read(path, "lines", source_crs="EPSG:2227")
    assert list(frame["kind"]) == ["arc", "line", "line"]
    assert frame["source_ref"].iloc[1].startswith("drawing.dxf/lines#")
    assert frame["read_code"].tolist()[0] == "R02"
    text = str(cg.inspect(path))
    assert "Layer lines: 3 rows" in text and "Layer texts: 1 rows" in text
    assert "LOT 3" in text and "LOT 1" in text
    assert "$INSUNITS says" in text


def test_a_binary_drawing_is_read_as_the_same_in_text(tmp_path):
    document, _ = new_drawing()
    document.modelspace().add_lwpolyline(
        [(0, 0, 0.5), (10, 0, 0), (10, 10, 0)], format="xyb", close=True, dxfattribs={"layer": "LOT"}
    )
    document.modelspace().add_text("LOT 1", dxfattribs={"layer": "LOT"})
    document.saveas(tmp_path / "text.dxf")
    document.saveas(tmp_path / "binary.dxf", fmt="bin")
    text, binary = read_dxf(tmp_path / "text.dxf"), read_dxf(tmp_path / "binary.dxf")
    columns = ["kind", "start_easting", "start_northing", "end_easting", "end_northing", "delta_deg", "hand", "layer"]
    assert len(binary.lines) == 3 and binary.lines[columns].equals(text.lines[columns])
    assert binary.texts["text"].tolist() == ["LOT 1"]
    assert "K06" not in set(binary.findings["code"])


def test_blocks_that_multiply_are_refused_before_they_are_exploded(tmp_path, monkeypatch):
    document, _ = new_drawing()
    for n in range(12):
        block = document.blocks.new(f"B{n}")
        if n == 0:
            block.add_line((0, 0), (1, 1))
        for k in range(10 if n else 0):
            block.add_blockref(f"B{n - 1}", (k, 0))
    document.modelspace().add_blockref("B11", (0, 0))
    path = saved(document, tmp_path)
    exploded = []
    monkeypatch.setattr(Insert, "virtual_entities", lambda insert, **options: exploded.append(insert) or iter(()))
    with pytest.raises(ReadError, match="blocks within blocks"):
        read_dxf(path)
    assert not exploded


def test_a_line_without_length_bounds_nothing_and_is_for_review(tmp_path):
    document, msp = new_drawing()
    msp.add_line((5, 5), (5, 5))
    msp.add_line((6, 6, 0), (6, 6, 9))
    told = read_dxf(saved(document, tmp_path)).findings
    told = told[told["code"] == "K08"]
    assert told[["rule", "severity", "measure"]].values.tolist() == [["no_length", "review", 2]]


def test_what_else_cannot_be_drawn_stays_an_error(tmp_path):
    document, msp = new_drawing()
    msp.add_lwpolyline([(5, 5), (5, 5)])
    msp.add_arc((5, 5), 0, 0, 90)
    msp.add_line((1e400, 5), (1e400, 5))
    told = read_dxf(saved(document, tmp_path)).findings
    told = told[told["code"] == "K08"]
    assert told[["severity", "measure"]].values.tolist() == [["error", 3]]
