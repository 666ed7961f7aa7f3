"""Numbers of sheets, and blocks that keep their width."""

import itertools

import pytest

from citygis.city import default_city
from citygis.settings import check
from citygis.sheets import Sheet, sign_off
from citygis.sheets.fonts import font
from citygis.sheets.profile import Statement, profiles
from citygis.sheets.scene import Texts
from citygis.sheets.sheet import Revision, SignOff
from citygis.sheets.title_block import Number, numbers, title_block


def sheet(number="1", count="1", **changes):
    block = {"title": "Parcel Map", "sheet_number": number, "sheet_count": count} | changes
    return check({"paper": "arch_d", "layers": ["parcel"], "title_block": block}, Sheet, "own.toml")


@pytest.mark.parametrize(
    ("number", "count", "pages", "said"),
    [
        ("1", "1", 1, ["1 of 1"]),
        ("1", "1", 3, ["1 of 3", "2 of 3", "3 of 3"]),
        ("7", "7", 2, ["7 of 8", "8 of 8"]),
        ("2", "7", 3, ["2 of 7", "2A of 7", "2B of 7"]),
        ("C-4", "C-4", 2, ["C-4 of C-4", "C-4A of C-4"]),
    ],
)
def test_pages_of_tables_follow_on_at_the_end_of_a_set_and_take_letters_in_its_midst(number, count, pages, said):
    assert [f"{one.sheet} of {one.count}" for one in numbers(sheet(number, count), pages)] == said


def test_letters_go_on_after_z():
    assert numbers(sheet("2", "7"), 29)[-1].sheet == "2AB"


LONG = "Antidisestablishmentarianism and the like " * 4
BLOCKS = {
    "revisions": lambda w, k: sign_off.revision_block(
        w, k, (Revision(number="12", date="21 November 2026", by="R. V.", text=LONG),)
    ),
    "seal": lambda w, k: sign_off.seal(w, k, "City of Riverbend"),
    "sign off": lambda w, k: sign_off.sign_off(w, k, (SignOff(role=LONG, name="R. Vega", license="PLS 0000"),)),
    "statement": lambda w, k: sign_off.statement(w, k, Statement(heading=LONG, text=LONG, signed_by=(LONG,))),
    "adjoining": lambda w, k: sign_off.adjoining(w, k, {"N": "C-12", "SE": "C-14"}, "C-13"),
    "title": lambda w, k: title_block(w, k, sheet(subtitle=LONG, drawn_by=LONG), default_city(), None, Number("1", "2")),
}


@pytest.mark.parametrize("k", [0.72, 1.0, 1.5])
@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_no_block_is_wider_than_its_column_or_writes_below_its_foot(name, k):
    width = 230.0 * k
    block = BLOCKS[name](width, k)
    for batch in (batch for group in block.groups for batch in group.batches):
        points = batch.points
        if isinstance(batch, Texts):
            assert (points[:, 0] + font(batch.font).widths(batch.strings) * batch.sizes_pt).max() <= width + 1e-6
            assert batch.sizes_pt.min() >= 5.0
        assert points[:, 0].min() >= -1e-6
        assert -block.height_pt - 1e-6 <= points[:, 1].min()
        assert points[:, 1].max() <= 1e-6


@pytest.mark.parametrize("k", [0.72, 1.0, 1.5])
def test_lines_of_a_block_do_not_run_into_each_other(k):
    for said in profiles()["assessment_diagram"].statements:
        block = sign_off.statement(250 * k, k, said)
        lines = sorted(
            (
                (batch.points[0, 1], batch.sizes_pt[0])
                for group in block.groups
                for batch in group.batches
                if isinstance(batch, Texts)
            ),
            reverse=True,
        )
        assert all(above - below >= size for (above, _), (below, size) in itertools.pairwise(lines))
