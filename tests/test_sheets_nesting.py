"""Sheets on a roll: nothing over anything, nothing lost, never longer than one after the other."""

import io
import itertools

import pikepdf
import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygis.errors import SheetError
from citygis.sheets.nesting import Nesting, Piece, Roll, nested_pdf, nesting

PAPERS = [(18.0, 26.0), (11.0, 8.5), (8.5, 14.0), (24.0, 36.0), (30.0, 22.0), (17.0, 11.0)]


def crossings(nest: Nesting, gap: float) -> list[tuple]:
    """Pairs of sheets on one cut that lie nearer to each other than the gap."""
    return [
        (a, b)
        for a, b in itertools.combinations(nest.placements, 2)
        if a.cut == b.cut
        and a.across_in + a.width_in + gap > b.across_in + 1e-6
        and b.across_in + b.width_in + gap > a.across_in + 1e-6
        and a.along_in + a.height_in + gap > b.along_in + 1e-6
        and b.along_in + b.height_in + gap > a.along_in + 1e-6
    ]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(2, 36), st.floats(2, 60), st.integers(1, 3)), min_size=1, max_size=9),
    st.sampled_from([36.0, 42.0]),
    st.sampled_from([0.0, 0.25]),
    st.sampled_from([0.0, 0.5]),
    st.sampled_from([70.0, 200.0]),
)
def test_every_sheet_lies_free_within_the_roll_and_none_is_lost(sizes, width, gap, margin, longest):
    roll = Roll(width_in=width + 2 * margin, gap_in=gap, margin_in=margin, longest_in=longest)
    pieces = [Piece(f"s{i}", w, h, n) for i, (w, h, n) in enumerate(sizes)]
    nest = nesting(pieces, roll)
    assert sorted(put.name for put in nest.placements) == sorted(p.name for p in pieces for _ in range(p.count))
    assert crossings(nest, gap) == []
    by_name = {piece.name: piece for piece in pieces}
    for put in nest.placements:
        asked = by_name[put.name][1:3]
        assert (put.width_in, put.height_in) == pytest.approx(asked[::-1] if put.turned else asked, abs=1e-6)
        assert put.across_in >= margin - 1e-6
        assert put.across_in + put.width_in <= roll.width_in - margin + 1e-6
        assert put.along_in >= margin - 1e-6
        assert put.along_in + put.height_in <= nest.cuts_in[put.cut] - margin + 1e-6
        assert nest.cuts_in[put.cut] <= longest + 1e-6
    one_by_one = sum((min(h for w, h in ((a, b), (b, a)) if w <= width + 1e-6) + gap) * n for a, b, n in sizes)
    if longest == 200.0 and one_by_one < 190:
        assert nest.used_in <= one_by_one - gap + 2 * margin + 1e-4


@given(st.permutations(range(6)))
@settings(max_examples=20, deadline=None)
def test_the_order_of_the_sheets_does_not_matter(order):
    pieces = [Piece(f"s{i}", *PAPERS[i]) for i in order]
    assert nesting(pieces, Roll()) == nesting(sorted(pieces), Roll())


def test_two_map_act_sheets_lie_side_by_side_on_a_36_inch_roll():
    nest = nesting([Piece("a", 26, 18, 2)], Roll(width_in=36))
    # Upright they are 18 in wide each: 26 in of roll, and no waste.
    assert (nest.used_in, nest.waste) == (26.0, pytest.approx(0.0))
    assert all(put.turned for put in nest.placements)
    assert nest.used_sqft == pytest.approx(26 * 36 / 144)


def test_the_estimate_is_the_length_over_the_speed_said():
    assert nesting([Piece("a", 36, 48)], Roll(inches_per_minute=12)).minutes == pytest.approx(4.0)
    assert nesting([Piece("a", 36, 48)], Roll()).minutes is None


def test_a_sheet_as_wide_as_the_roll_fits_and_a_wider_one_is_refused_by_name():
    assert nesting([Piece("a", 36, 48)], Roll(width_in=36)).used_in == 48
    with pytest.raises(SheetError, match="b, c do not fit a roll of 36 in"):
        nesting([Piece("a", 36, 48), Piece("b", 36.01, 48), Piece("c", 40, 40)], Roll(width_in=36))


def test_cuts_end_at_the_longest_page():
    nest = nesting([Piece("a", 36, 48, 5)], Roll(width_in=36))
    assert nest.cuts_in == (192.0, 48.0)


@pytest.mark.parametrize("pieces", [[Piece("a", 1, 1), Piece("a", 2, 2)], [Piece("a", 1, 1, 0)]])
def test_a_name_twice_or_no_copy_is_refused(pieces):
    with pytest.raises(ValueError, match="Must"):
        nesting(pieces, Roll())


def shortest(sizes: list[tuple[float, float]], width: float) -> float:
    """The shortest roll over every order and every turn, each sheet as low as it goes at any corner of those before it."""
    best = float("inf")
    for order in itertools.permutations(range(len(sizes))):
        for turns in itertools.product((False, True), repeat=len(sizes)):
            put: list[tuple[float, float, float, float]] = []
            for i in order:
                w, h = sizes[i][::-1] if turns[i] else sizes[i]
                spots = [
                    (y, x)
                    for x in {0.0, *(b[0] + b[2] for b in put)}
                    for y in {0.0, *(b[1] + b[3] for b in put)}
                    if x + w <= width
                    and not any(x < b[0] + b[2] and b[0] < x + w and y < b[1] + b[3] and b[1] < y + h for b in put)
                ]
                if not spots:
                    break
                y, x = min(spots)
                put.append((x, y, w, h))
            else:
                best = min(best, max(b[1] + b[3] for b in put))
    return best


@pytest.mark.parametrize(
    "sizes",
    [
        [(18, 26), (11, 17), (11, 17), (8.5, 11)],
        [(24, 18), (12, 36), (10, 30), (12, 9)],
        [(30, 20), (15, 16), (14, 21), (6, 30)],
        [(22, 34), (17, 22), (11, 17), (17, 11)],
    ],
)
def test_small_rolls_are_within_a_tenth_of_the_best_of_all_orders(sizes):
    nest = nesting([Piece(f"s{i}", *size) for i, size in enumerate(sizes)], Roll(width_in=36))
    assert nest.used_in <= 1.1 * shortest(sizes, 36.0)


@pytest.fixture(scope="module")
def two_sheets(tmp_path_factory):
    """A 4 x 6 in and a 3 x 2 in sheet, a one-inch line on each at 1 in from the lower left; the second's box starts elsewhere."""
    folder = tmp_path_factory.mktemp("sheets")
    for name, box, line in (("a", [0, 0, 288, 432], "72 72 m 144 72 l"), ("b", [10, 20, 226, 164], "82 92 m 154 92 l")):
        with pikepdf.new() as pdf:
            page = pdf.add_blank_page(page_size=(10, 10))
            page.obj["/MediaBox"] = pikepdf.Array(box)
            layer = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name=pikepdf.String(f"Layer {name}")))
            page.obj["/Resources"] = pikepdf.Dictionary(Properties=pikepdf.Dictionary(L0=layer))
            page.obj["/Contents"] = pdf.make_stream(f"/OC /L0 BDC 8 w {line} S EMC".encode())
            state = pikepdf.Dictionary(OFF=pikepdf.Array([layer] if name == "b" else []))
            pdf.Root["/OCProperties"] = pikepdf.Dictionary(OCGs=pikepdf.Array([layer]), D=state)
            pdf.save(folder / f"{name}.pdf")
    return {name: (folder / f"{name}.pdf", 0) for name in "ab"}


def test_a_roll_as_pdf_keeps_every_sheet_at_its_size_and_place(two_sheets):
    roll = Roll(width_in=6.5, margin_in=0.25, gap_in=0.1)
    # 6 in wide between the margins: the 4 x 6 in sheet must lie turned.
    nest = nesting([Piece("a", 4, 6)], roll)
    (put,) = nest.placements
    assert put.turned
    data = nested_pdf(nest, roll, two_sheets)
    with pypdfium2.PdfDocument(data) as document:
        page = document[0]
        assert page.get_size() == pytest.approx((6.5 * 72, nest.cuts_in[0] * 72), abs=0.001)
        ink = page.render(scale=1, grayscale=True).to_numpy() < 128
    rows, columns = ink.nonzero()
    # Turned a quarter to the left, (x, y) of the sheet lies at (0.25 + 6 - y, 0.25 + x) in: x 5.25, y 1.25 to 2.25, 8 pt wide.
    assert (columns.min(), columns.max() + 1) == pytest.approx((5.25 * 72 - 4, 5.25 * 72 + 4), abs=1)
    height = nest.cuts_in[0] * 72
    assert (height - rows.max() - 1, height - rows.min()) == pytest.approx((1.25 * 72, 2.25 * 72), abs=1)


def test_a_layer_that_is_off_in_a_sheet_stays_off_on_the_roll(two_sheets):
    roll = Roll(width_in=8)
    nest = nesting([Piece("a", 4, 6), Piece("b", 3, 2)], roll)
    data = nested_pdf(nest, roll, two_sheets)
    assert data == nested_pdf(nest, roll, two_sheets)
    with pikepdf.open(io.BytesIO(data)) as pdf:
        properties = pdf.Root["/OCProperties"]
        assert [str(g["/Name"]) for g in properties["/OCGs"]] == ["Layer a", "Layer b"]
        assert [str(g["/Name"]) for g in properties["/D"]["/OFF"]] == ["Layer b"]
        marks = [form["/Resources"]["/Properties"]["/L0"].objgen for form in pdf.pages[0].obj["/Resources"]["/XObject"].values()]
        assert set(marks) == {group.objgen for group in properties["/OCGs"]}
        assert pdf.Root["/ViewerPreferences"]["/PrintScaling"] == "/None"
