"""Blocks into the panel, tables into the rest and onto pages."""

import pytest

from citygis.errors import SheetError
from citygis.settings import check
from citygis.sheets import Sheet
from citygis.sheets.column import Block, Column
from citygis.sheets.composition import panel, table_page
from citygis.sheets.layout import layout
from citygis.sheets.scene import Texts
from citygis.sheets.sheet import page_of
from citygis.sheets.table import Table

ROWS = Table("Line table", ("No.", "Distance"), tuple((f"L{i}", f"{i}.00") for i in range(1, 900)), "lr")


def laid_out(**changes):
    sheet = check({"paper": "arch_d", "layers": ["parcel"], "title_block": {"title": "Map"}} | changes, Sheet, "own.toml")
    return layout(sheet, page_of(sheet))


def block(name, high):
    """A block of a line of text, `high` points deep at full size."""

    def written(width, k):
        column = Column(width, k)
        column.write(name, 7.0)
        column.y = -high * k / LAY.type_scale
        column.group(name)
        return column.block(name)

    return written


LAY = laid_out()
ROOM = LAY.columns[0][3] - LAY.columns[0][1]
TITLE = block("title", 100.0)


def nothing(width, k, room):
    return None


def tops(done):
    """Where each one-line group stands."""
    return {g.batches[0].strings[0]: float(g.batches[0].points[0, 1]) for g in done.groups if isinstance(g.batches[0], Texts)}


def test_blocks_stand_below_each_other_and_the_title_at_the_foot():
    done = panel(LAY, TITLE, lambda w, k: [block("one", 200)(w, k), block("two", 300)(w, k)], [], nothing)
    at = tops(done)
    assert done.type_scale == LAY.type_scale
    assert at["one"] - at["two"] == pytest.approx(200)
    assert LAY.columns[0][1] < at["title"] < LAY.columns[0][1] + 100


def test_what_does_not_fit_is_written_smaller():
    high = (ROOM - 100) * 1.1
    done = panel(LAY, TITLE, lambda w, k: [block("one", high)(w, k)], [], nothing)
    assert 0.72 <= done.type_scale < LAY.type_scale


def test_what_does_not_fit_in_the_smallest_type_is_named_with_what_it_lacks():
    with pytest.raises(SheetError, match=r"in too short for the recording block"):
        panel(LAY, TITLE, lambda w, k: [block("one", 100)(w, k), block("recording block", ROOM * 3)(w, k)], [], nothing)


def test_a_panel_below_fills_its_columns_one_after_the_other():
    lay = laid_out(panel="below", orientation="portrait", panel_in=5)
    high = lay.columns[0][3] - lay.columns[0][1]
    blocks = lambda w, k: [block(str(i), high * 0.6 * LAY.type_scale / lay.type_scale)(w, k) for i in range(3)]  # noqa: E731
    done = panel(lay, block("title", 60.0), blocks, [], nothing)
    left = [g.batches[0].points[0, 0] for g in sorted(done.groups, key=lambda g: g.name) if g.name.isdigit()]
    assert left == pytest.approx([lay.columns[i][0] for i in range(3)])


def rows_of(groups):
    return [
        s
        for g in groups
        if g.name == "Line table"
        for b in g.batches
        if isinstance(b, Texts)
        for s in b.strings
        if s[0] == "L" and s[1:].isdigit()
    ]


def test_a_table_goes_from_the_panel_to_pages_and_no_row_is_lost():
    done = panel(LAY, TITLE, lambda w, k: [block("one", ROOM - 300)(w, k)], [ROWS], nothing)
    rows, left, pages = rows_of(done.groups), done.left_over, 0
    while left:
        groups, left = table_page(LAY, TITLE, left)
        rows += rows_of(groups)
        pages += 1
    assert rows == [row[0] for row in ROWS.rows]
    assert pages >= 1


def test_the_key_map_gets_the_largest_space_that_is_left():
    given = []

    def fill(width, k, room):
        given.append(room)
        return None

    panel(LAY, TITLE, lambda w, k: [block("one", 200)(w, k)], [], fill)
    assert given == [pytest.approx(ROOM - 300)]


def test_a_block_moves_with_its_inset_and_its_clip():
    from fractions import Fraction

    import pyproj

    from citygis.sheets.frame import Frame
    from citygis.sheets.scene import Group, rectangle

    frame = Frame(pyproj.CRS("EPSG:6420"), Fraction(1000), 6.3e6, 2.1e6, 0.0, -80.0, 100.0, 80.0)
    group = Group("Vicinity map", (rectangle((0, -80, 100, 0)),), (0, -80, 100, 0))
    moved = Block("vicinity map", (group,), 80.0, (("Vicinity map", frame),)).at(300.0, 500.0)
    assert moved.groups[0].clip_pt == (300, 420, 400, 500)
    assert moved.groups[0].batches[0].points.min(axis=0).tolist() == [300, 420]
    assert moved.insets[0][1].box_pt == (300, 420, 400, 500)
