"""A series drawn: exact on every sheet, taken up again after a stop, one document."""

import json
import re
import subprocess

import numpy as np
import pandas as pd
import pikepdf
import pypdfium2
import pytest
import shapely
from sheets_city import city_layers

from citygis.city import default_city
from citygis.errors import SettingsError, SheetError
from citygis.settings import check
from citygis.sheets import Sheet, preflight
from citygis.sheets.atlas import LEDGER, atlas, bound, draw_pages, labelled_nowhere, pieces
from citygis.sheets.series import Series, chosen, leaves
from citygis.sheets.strips import street_names
from citygis.sheets.title_block import numbers

CITY = default_city()
LAYERS = city_layers(2, 3)
OPPOSITE = {"N": "S", "NE": "SW", "E": "W", "SE": "NW", "S": "N", "SW": "NE", "W": "E", "NW": "SE"}


def sheet(**changes):
    least = {
        "paper": "ansi_b",
        "scale": "1in=60ft",
        "layers": ["right_of_way", "parcel", "street_centerline"],
        "title_block": {"title": "Parcel Map"},
    }
    return check(least | changes, Sheet, "own.toml")


def series(**plan):
    return check({"sheet": "own"} | (plan or {"grid": {}}), Series, "series.toml")


def run(laid, folder, **options):
    return list(draw_pages(laid.pages, folder, stem="atlas", **options))


@pytest.fixture(scope="module")
def laid():
    return atlas(series(grid={"overlap_in": 1.0}, title="Atlas"), sheet(), LAYERS, city=CITY)


@pytest.fixture(scope="module")
def done(laid, tmp_path_factory):
    folder = tmp_path_factory.mktemp("atlas") / "atlas.sheets"
    drawn = run(laid, folder)
    path = folder.parent / "atlas.pdf"
    path.write_bytes(bound(laid.title, drawn))
    return path, drawn


def words(path, page):
    with pypdfium2.PdfDocument(path) as document:
        return document[page].get_textpage().get_text_range()


def test_every_sheet_shows_ground_at_the_scale_asked_and_together_they_cover_the_layer(laid):
    assert len(laid.leaves) == 6
    for leaf in laid.leaves:
        (e0, n0), (e1, n1) = leaf.frame.corners[:2]
        assert np.hypot(e1 - e0, n1 - n0) == pytest.approx(leaf.frame.width_pt / 72 * 60, abs=1e-6)
    ground = shapely.union_all([leaf.ground for leaf in laid.leaves])
    assert shapely.covers(ground, LAYERS["parcel"].geometry.values).all()


def test_adjoining_sheets_are_mutual(laid):
    around = {leaf.number: leaf.sheet.adjoining for leaf in laid.leaves}
    pairs = [(a, side, b) for a, sides in around.items() for side, b in sides.items()]
    assert pairs
    assert all(around[b][OPPOSITE[side]] == a for a, side, b in pairs)


def test_each_sheet_says_its_number_and_who_lies_beside_it(done, laid):
    path, drawn = done
    page = sum(len(one.sizes_in) for one in drawn[:1])
    for leaf in laid.leaves:
        text = words(path, page)
        assert f"{leaf.number} of 6" in text
        assert {f"Joins sheet {b}" for side, b in leaf.sheet.adjoining.items() if len(side) == 1} == set(
            re.findall(r"Joins sheet \d+", text)
        )
        page += 1


def test_the_document_begins_with_the_index_and_its_bookmarks_go_by_row(done):
    path, drawn = done
    with pikepdf.open(path) as pdf:
        with pdf.open_outline() as outline:
            tops = [(item.title, [child.title for child in item.children]) for item in outline.root]
        labels = [page.label for page in pdf.pages]
        assert len(pdf.pages) == sum(len(one.sizes_in) for one in drawn)
    assert tops == [
        ("Index", []),
        ("Row 1", ["Sheet 1", "Sheet 2", "Sheet 3"]),
        ("Row 2", ["Sheet 4", "Sheet 5", "Sheet 6"]),
    ]
    assert labels[0] == "Index"
    assert labels[-6:] == ["1", "2", "3", "4", "5", "6"]


def test_layers_are_shared_by_all_pages(done):
    with pikepdf.open(done[0]) as pdf:
        names = [str(layer["/Name"]) for layer in pdf.Root["/OCProperties"]["/OCGs"]]
        used = [{str(v["/Name"]) for v in page.obj["/Resources"]["/Properties"].values()} for page in pdf.pages]
    assert len(names) == len(set(names))
    assert sum("Parcels" in page for page in used) == 6
    assert {"Index: sheets", "Adjoining sheets", "Parcels: labels"} <= set(names)


def test_the_written_document_passes_preflight(done):
    path, drawn = done
    report = preflight(path, profile="ansi_b", pages=sum(len(one.sizes_in) for one in drawn))
    assert [check for check in report.checks if not check.passed] == []


def test_gdal_reads_place_and_layers_of_first_and_last_sheet(done, laid, require_program):
    program = require_program("gdalinfo")
    first = len(done[1][0].sizes_in)
    for page, leaf in ((first, laid.leaves[0]), (first + 5, laid.leaves[5])):
        said = subprocess.run(
            [program, "-json", "-mdd", "LAYERS", f"PDF:{page + 1}:{done[0]}"], capture_output=True, text=True, check=True
        ).stdout
        told = json.loads(said)
        assert "California zone 3" in told["coordinateSystem"]["wkt"]
        ring = shapely.from_wkt(told["metadata"][""]["NEATLINE"])
        assert ring.symmetric_difference(leaf.ground).area < 0.01 * ring.length
        assert any("Parcels" in name for name in told["metadata"]["LAYERS"].values())


def test_a_series_that_was_killed_goes_on_and_gives_the_same_bytes(laid, done, tmp_path):
    path, whole = done
    for count, _ in enumerate(draw_pages(laid.pages, tmp_path, stem="atlas"), start=1):
        if count == 3:
            break  # the generator is closed here, as by Ctrl-C
    assert len(list(tmp_path.glob("*.pdf"))) == 3
    again = run(laid, tmp_path, resume=True)
    assert [one.kept for one in again] == [True] * 3 + [False] * 4
    assert bound(laid.title, again) == path.read_bytes()
    assert [one.unlabelled for one in again] == [one.unlabelled for one in whole]


def test_a_sheet_that_is_gone_or_was_changed_by_hand_is_drawn_again(laid, done, tmp_path):
    import shutil

    folder = tmp_path / "sheets"
    shutil.copytree(done[1][0].path.parent, folder)
    (folder / "atlas_2.pdf").unlink()
    (folder / "atlas_3.pdf").write_bytes(b"%PDF-1.7 not ours")
    ledger = folder / LEDGER
    ledger.write_text(ledger.read_text() + '{"sheet": "4", "fi')
    again = run(laid, folder, resume=True)
    assert [one.page.number for one in again if not one.kept] == ["2", "3"]
    assert bound(laid.title, again) == done[0].read_bytes()
    assert [json.loads(line)["sheet"] for line in ledger.read_text().splitlines()][-2:] == ["2", "3"]


def test_only_the_sheets_that_show_a_change_are_drawn_again(laid):
    first = laid.leaves[0]
    lots = LAYERS["parcel"].geometry.values
    elsewhere = np.any([shapely.intersects(leaf.ground, lots) for leaf in laid.leaves[1:]], axis=0)
    at = np.flatnonzero(shapely.contains_properly(first.ground, lots) & ~elsewhere)[0]
    parcels = LAYERS["parcel"].copy()
    parcels.loc[parcels.index[at], "lot"] = "999"
    before = {page.number: page.inputs for page in laid.pages}
    after = {p.number: p.inputs for p in _laid(LAYERS | {"parcel": parcels}).pages}
    assert {number for number in before if before[number] != after[number]} == {"1"}


def test_another_style_or_word_changes_what_every_sheet_is_drawn_from(laid):
    before = {page.number: page.inputs for page in laid.pages}
    after = {p.number: p.inputs for p in _laid(LAYERS, title_block={"title": "Parcel Map", "drawn_by": "R. Ortega"}).pages}
    assert not set(before.values()) & set(after.values())


def _laid(layers, **changes):
    return atlas(series(grid={"overlap_in": 1.0}, title="Atlas"), sheet(**changes), layers, city=CITY)


def test_every_parcel_is_labelled_or_numbered_on_some_sheet(laid, done):
    assert [name for name, _ in labelled_nowhere(laid.leaves, done[1], LAYERS) if name == "parcel"] == []


def test_a_stack_of_units_that_no_sheet_shows_whole_is_numbered_where_most_of_it_is(tmp_path):
    big = shapely.union_all(LAYERS["parcel"].geometry.values).convex_hull
    units = LAYERS["parcel"].iloc[:4].assign(apn_display=[f"901-010-{i:02d}" for i in range(4)], parcel_kind="CONDO", lot=None)
    units = units.set_geometry([big] * 4, crs=CITY.crs)
    own = atlas(series(grid={}, index=False), sheet(), {"parcel": units}, city=CITY)
    assert not any(shapely.covers(leaf.ground, big) for leaf in own.leaves)
    drawn = run(own, tmp_path)
    assert labelled_nowhere(own.leaves, drawn, {"parcel": units}) == []
    shown = [shapely.area(shapely.intersection(leaf.ground, big)) for leaf in own.leaves]
    told = [sum(f"901-010-{i:02d}" in words(one.path, 0) for i in range(4)) for one in drawn]
    assert told[int(np.argmax(shown))] == 4


def test_a_pin_holds_on_every_sheet_it_lies_on():
    plan = series(grid={"overlap_in": 3.0}, index=False)
    laid = atlas(plan, sheet(), LAYERS, city=CITY)
    parcels = LAYERS["parcel"].assign(global_id=[f"g{i}" for i in range(len(LAYERS["parcel"]))])
    grounds = np.array([leaf.ground for leaf in laid.leaves], dtype=object)
    middles = shapely.point_on_surface(parcels.geometry.values)
    inside = np.array([shapely.contains_properly(shapely.buffer(ground, -40), middles) for ground in grounds])
    at = int(np.flatnonzero(inside.sum(axis=0) >= 2)[0])
    pin = {"layer": "parcel", "global_id": f"g{at}", "sheet": "", "angle": 33.0}
    pins = pd.DataFrame([pin | {"easting": middles[at].x, "northing": middles[at].y}])
    own = atlas(plan, sheet(), LAYERS | {"parcel": parcels, "label_pins": pins}, city=CITY)
    there = [page for page, held in zip(own.pages, inside[:, at], strict=True) if held]
    assert len(there) >= 2
    for page in there:
        assert page.draw().counts.set_index("style").loc["parcel", "pinned"] == 1


def test_strips_are_turned_name_each_other_and_say_where_they_meet(tmp_path):
    plan = {"street": "bluegill street", "overlap_in": 0.5}
    own = atlas(series(strip=plan, index=False), sheet(), LAYERS, city=CITY)
    assert len(own.leaves) == 3
    assert [leaf.sheet.adjoining for leaf in own.leaves] == [{"E": "2"}, {"W": "1", "E": "3"}, {"W": "2"}]
    line = LAYERS["street_centerline"].geometry[street_names(LAYERS["street_centerline"]) == "Bluegill Street"]
    assert shapely.union_all([leaf.ground for leaf in own.leaves]).buffer(0.01).covers(line.union_all())
    one = next(draw_pages(own.pages[1:2], tmp_path, stem="s"))
    text = words(one.path, 0)
    assert own.leaves[1].frame.rotation_deg != 0
    assert "Grid north is turned" in text
    stations = re.findall(r"MATCH LINE (\d+\+\d\d\.\d\d), SEE SHEET (\d)", text)
    left, right = own.leaves[0].match_lines["said"][0], own.leaves[1].match_lines["said"]
    assert {number for _, number in stations} == {"1", "3"}
    assert left.replace("sheet 2", "sheet 1") == right[0]
    assert own.leaves[0].match_lines.geometry[0].equals(own.leaves[1].match_lines.geometry[0])


def test_each_tract_has_a_sheet_at_the_scale_that_fits_it():
    plan = {"layer": "tract", "field": "tract_no", "scale": "fit", "name": "Tract No. {value}"}
    own = leaves(series(per_feature=plan), sheet(), LAYERS, CITY).leaves
    assert [leaf.name for leaf in own] == [f"Sheet {i}, Tract No. {4010 + i}" for i in range(1, len(own) + 1)]
    tracts = LAYERS["tract"].set_index("tract_no").geometry
    for leaf, number in zip(own, tracts.index, strict=True):
        assert leaf.ground.covers(tracts[number])
        assert leaf.sheet.fixed_scale == leaf.frame.scale
        assert leaf.sheet.title_block.subtitle == f"Tract No. {number}"
    two = leaves(series(per_feature=plan | {"values": ["4013", 4011]}), sheet(), LAYERS, CITY).leaves
    assert [leaf.sheet.title_block.subtitle for leaf in two] == ["Tract No. 4013", "Tract No. 4011"]


def test_numbers_in_values_sort_by_size():
    parcels = LAYERS["parcel"].iloc[:3].assign(lot=["10", "9", "9A"])
    plan = {"layer": "parcel", "field": "lot", "scale": "fit"}
    own = leaves(series(per_feature=plan), sheet(), {"parcel": parcels}, CITY).leaves
    assert [leaf.name for leaf in own] == ["Sheet 1, 9", "Sheet 2, 9A", "Sheet 3, 10"]


def test_some_sheets_are_chosen_by_number_and_range(laid):
    assert [leaf.number for leaf in chosen(laid.leaves, "5, 2-3")] == ["2", "3", "5"]
    for wrong, said in (("7", "1 to 6"), ("3-2", "backwards"), (",", "No sheet"), ("1-", "no sheet ''")):
        with pytest.raises(SheetError, match=said):
            chosen(laid.leaves, wrong)
    some = atlas(series(), sheet(), LAYERS, city=CITY, only=lambda every: chosen(every, "2"))
    assert [page.number for page in some.pages] == ["2"]


def test_pages_become_pieces_for_a_roll(done):
    found = pieces(done[1])
    assert len(found) == sum(len(one.sizes_in) for one in done[1])
    assert {(piece.width_in, piece.height_in) for piece in found} == {(17.0, 11.0)}
    assert len({piece.name for piece in found}) == len(found)


def test_the_same_layers_give_the_same_bytes(laid, done, tmp_path):
    page = next(page for page in _laid(city_layers(2, 3)).pages if page.number == "5")
    one = next(draw_pages([page], tmp_path, stem="atlas"))
    assert one.sha256 == next(other.sha256 for other in done[1] if other.page.number == "5")


@pytest.mark.parametrize(
    ("plan", "changes", "said"),
    [
        ({"grid": {}}, {"scale": "fit"}, "of one scale"),
        ({"grid": {"layer": "lots"}}, {}, "names layer 'lots'"),
        ({"strip": {"street": "Blugill Street"}}, {}, "did you mean 'Bluegill Street'"),
        ({"per_feature": {"layer": "tract", "field": "tract"}}, {}, "did you mean 'tract_no'"),
        ({"per_feature": {"layer": "tract", "field": "tract_no", "values": ["9"]}}, {}, "no feature whose tract_no is '9'"),
        ({"per_feature": {"layer": "tract", "field": "tract_no"}}, {"scale": "1in=10ft"}, "does not fit"),
    ],
)
def test_what_cannot_be_laid_out_says_why(plan, changes, said):
    with pytest.raises(SheetError, match=said):
        leaves(series(**plan), sheet(**changes), LAYERS, CITY)


def test_what_no_style_draws_has_no_sheet():
    parcels = LAYERS["parcel"]
    gone = parcels.assign(status=["RETIRED"] * 66 + ["ACTIVE"] * (len(parcels) - 66))
    own = leaves(series(), sheet(), LAYERS | {"parcel": gone}, CITY).leaves
    ground = shapely.union_all([leaf.ground for leaf in own])
    assert shapely.covers(ground, parcels.geometry.values[66:]).all()
    assert not shapely.covers(ground, parcels.geometry.values[:66]).all()


def test_the_last_sheets_tables_take_letters_as_those_of_the_others_do():
    plan = {"layer": "tract", "field": "tract_no", "scale": "fit"}
    last = leaves(series(per_feature=plan), sheet(), LAYERS, CITY).leaves[-1]
    assert [one.sheet for one in numbers(last.sheet, 3)] == [last.number, f"{last.number}A", f"{last.number}B"]


def test_a_series_lies_in_one_way_only():
    with pytest.raises(SettingsError, match="one of"):
        check({"sheet": "own"}, Series, "series.toml")
    with pytest.raises(SettingsError, match="one of"):
        check({"sheet": "own", "grid": {}, "strip": {"street": "A"}}, Series, "series.toml")
    with pytest.raises(SettingsError, match="unknown key"):
        check({"sheet": "own", "gird": {}}, Series, "series.toml")


def test_a_broken_line_in_the_midst_of_the_ledger_is_told(laid, tmp_path):
    (tmp_path / LEDGER).write_text('{"sheet": "1"\n{}\n')
    with pytest.raises(SheetError, match=r"ledger\.jsonl:1 is no JSON"):
        next(draw_pages(laid.pages, tmp_path, stem="atlas", resume=True))
