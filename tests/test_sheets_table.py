"""Tables in the room there is."""

import itertools

import numpy as np
import pytest

from citygis.sheets.fonts import font
from citygis.sheets.scene import Texts
from citygis.sheets.table import Table, table_block

COURSES = Table(
    "Line table",
    ("No.", "Bearing", "Distance"),
    tuple((f"L{i}", f"N {i % 90}°{i % 60:02d}'{(7 * i) % 60:02d}\" E", f"{i * 3.17:,.2f}") for i in range(1, 121)),
    "llr",
)


def texts(block):
    """Strings of a block with left end, right end and baseline."""
    for group in block.groups:
        for batch in group.batches:
            if isinstance(batch, Texts):
                wide = font(batch.font).widths(batch.strings) * batch.sizes_pt
                for string, (left, low), one in zip(batch.strings, batch.points, wide, strict=True):
                    yield string, left, left + one, low


def drawn_over(table, boxes, k=1.0):
    """The strings of a table drawn into one box after another, and what is left."""
    strings = []
    for width, height in boxes:
        if table is None:
            break
        block, table = table_block(table, width, height, k)
        if block is not None:
            assert block.height_pt <= height
            strings += [string for string, *_ in texts(block)]
    return strings, table


def test_a_table_that_fits_is_drawn_whole():
    strings, rest = drawn_over(COURSES, [(600, 900)])
    assert rest is None
    cells = [cell for row in COURSES.rows for cell in row]
    assert sorted(s for s in strings if s in cells) == sorted(cells)


@pytest.mark.parametrize("height", [70, 90, 133.7, 260])
@pytest.mark.parametrize("width", [110, 200, 330])
def test_what_has_no_room_comes_in_the_next_place_and_no_row_twice(width, height):
    strings, rest = drawn_over(COURSES, [(width, height)] * 60)
    assert rest is None
    numbers = [s for s in strings if s.startswith("L") and s[1:].isdigit()]
    assert numbers == [row[0] for row in COURSES.rows]


def test_nothing_stands_outside_its_box_or_on_another_cell():
    block, _ = table_block(COURSES, 330, 260, 1.0)
    placed = list(texts(block))
    assert min(left for _, left, _, _ in placed) >= -1e-6
    assert max(right for _, _, right, _ in placed) <= 330 + 1e-6
    for low in {round(low, 3) for *_, low in placed}:
        row = sorted((left, right) for _, left, right, at in placed if round(at, 3) == low)
        assert all(right < left for (_, right), (left, _) in itertools.pairwise(row))


def test_numbers_are_flush_right():
    block, _ = table_block(COURSES, 150, 900, 1.0)
    ends = [right for string, _, right, _ in texts(block) if string in {row[2] for row in COURSES.rows}]
    assert len(ends) > 30
    assert np.ptp(ends) == pytest.approx(0, abs=1e-6)


def test_a_table_is_not_begun_where_three_lines_have_no_room():
    block, rest = table_block(COURSES, 200, 40, 1.0)
    assert block is None
    assert rest is COURSES


def test_a_long_cell_is_broken_into_lines_and_loses_no_word():
    apns = [f"901-010-{i:03d}" for i in range(120)]
    table = Table("Numbers on the map", ("No.", "Stands for"), (("1", ", ".join(apns)), ("2", "191-010-01")), "rl")
    strings, rest = drawn_over(table, [(250, 70), (250, 120), (250, 500)])
    assert rest is None
    words = " ".join(strings).replace(",", "").split()
    assert [w for w in words if w.startswith("901")] == apns
    assert "191-010-01" in words


def test_what_is_left_over_says_so_and_keeps_its_layer():
    block, rest = table_block(COURSES, 200, 120, 1.0)
    assert rest.title == "Line table, continued"
    again, rest = table_block(rest, 200, 120, 1.0)
    assert rest.title == "Line table, continued"
    assert {group.name for group in (*block.groups, *again.groups)} == {"Line table"}


def test_a_table_without_rows_draws_nothing():
    assert table_block(COURSES._replace(rows=()), 200, 500, 1.0) == (None, None)
