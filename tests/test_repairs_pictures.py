"""The page of a repair, its pictures, and the histogram of moves."""

import re

from repair_lots import corner, lots, rings

from citygis.repairs import edit_pictures, moves, repair, repair_page


def mended(**columns):
    block = rings()
    block[0][2] = (corner(1, 1)[0] + 0.05, corner(1, 1)[1])
    e, n = corner(2.5, 0)
    block[2][1:1] = [(e, n), (e, n - 3), (e, n)]
    before = {"lot": lots(block, **columns)}
    return before, repair(before, only="geometry", key=("name" if columns else "pid"))


def test_every_edit_is_drawn_once_before_and_after_the_farthest_first():
    before, done = mended()
    pictures, more = edit_pictures(before, done)
    assert more == 0 and "spike taken out, 3.0000 ft" in pictures[0].caption
    assert any("corner snapped, 0.0500 ft" in each.caption for each in pictures)
    assert all(each.svg.count("<text") == 3 and "before</text>" in each.svg and "after</text>" in each.svg for each in pictures)


def test_what_is_not_drawn_is_counted():
    before, done = mended()
    pictures, more = edit_pictures(before, done, most=1)
    assert len(pictures) == 1 and more == len(edit_pictures(before, done)[0]) - 1


def test_names_from_the_data_are_escaped_and_the_page_needs_no_network():
    hostile = "</script><img src=x onerror=alert(1)>"
    before, done = mended(name=[f"{hostile}{i}" for i in range(6)])
    page = repair_page(before, done, title=hostile)
    assert "<img" not in page and "<script" not in page
    assert not re.search(r"https?://", page)


def test_moves_are_counted_by_accuracy_and_none_is_beyond_what_its_class_allows():
    counted = moves(mended()[1].edits)
    assert counted["accuracy"].tolist() == ["worse than 0.12 ft"] and counted["moves"].tolist() == [1]
    assert counted["to 0.07 ft"].tolist() == [1]
    assert (counted["largest_ft"] <= counted["allowed_ft"]).all()
