"""Index grids: the frames cover the ground, and neighbours name each other."""

import numpy as np
import pytest
import shapely

from citygis.errors import SettingsError, SheetError
from citygis.settings import check
from citygis.sheets.index_grid import NEIGHBOURS, GridPlan, index_grid, row_letters

OPPOSITE = {"N": "S", "NE": "SW", "E": "W", "SE": "NW", "S": "N", "SW": "NE", "W": "E", "NW": "SE"}
SIZE = {"width_ft": 1000.0, "height_ft": 600.0, "feet_per_inch": 100.0}


def grid(shapes, **plan):
    return index_grid(np.array(shapes, dtype=object), GridPlan(**plan), **SIZE)


def lots(n=60, seed=3):
    """Lots strewn over 6,000 x 4,000 ft with much empty ground between."""
    e, north = np.random.default_rng(seed).uniform(0, 1, (2, n))
    e, north = 6000 * e**2, 4000 * north
    return shapely.box(e, north, e + 80, north + 110)


def frames(made):
    return [shapely.box(c.easting - 500, c.northing - 300, c.easting + 500, c.northing + 300) for c in made.cells]


@pytest.mark.parametrize("overlap_in", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("origin", [None, (137.0, -61.0)])
def test_the_frames_cover_every_feature(overlap_in, origin):
    made = grid(lots(), overlap_in=overlap_in, origin=origin)
    ground = shapely.union_all(frames(made)).buffer(1e-6)
    assert shapely.covers(ground, lots()).all()
    assert made.empty > 0


def test_a_cell_without_features_is_left_out_and_counted():
    # 3 x 3 cells of 1000 x 600 ft; lots in two opposite corners only.
    made = grid([shapely.box(0, 0, 50, 50), shapely.box(2900, 1700, 2950, 1750)], overlap_in=0, origin=(0, 0))
    assert [(c.number, c.row, c.column) for c in made.cells] == [("1", 0, 2), ("2", 2, 0)]
    assert made.empty == 7
    assert [c.adjoining for c in made.cells] == [{}, {}]


def test_neighbours_name_each_other_from_opposite_sides():
    cells = {c.number: c for c in grid(lots()).cells}
    named = [(c.number, side, other) for c in cells.values() for side, other in c.adjoining.items()]
    assert len(named) > 20
    assert all(cells[other].adjoining[OPPOSITE[side]] == number for number, side, other in named)


def test_a_neighbour_lies_a_step_away_on_its_side():
    cells = {c.number: c for c in grid(lots(), overlap_in=0.5).cells}
    for cell in cells.values():
        for side, other in cell.adjoining.items():
            down, right = NEIGHBOURS[side]
            # 1000 and 600 ft less half an inch of 100 ft.
            assert cells[other].easting - cell.easting == pytest.approx(950 * right)
            assert cells[other].northing - cell.northing == pytest.approx(-550 * down)


def test_numbers_run_by_row_from_the_north_west():
    full = [shapely.box(0, 0, 1999, 1199)]
    made = grid(full, overlap_in=0, origin=(0, 0))
    assert [(c.number, c.easting, c.northing) for c in made.cells] == [
        ("1", 500, 900),
        ("2", 1500, 900),
        ("3", 500, 300),
        ("4", 1500, 300),
    ]
    lettered = grid(full, overlap_in=0, origin=(0, 0), numbering="letters")
    assert [c.number for c in lettered.cells] == ["A1", "A2", "B1", "B2"]
    assert lettered.cells[0].adjoining == {"E": "A2", "SE": "B2", "S": "B1"}


def test_letters_of_rows_go_on_after_z():
    assert [row_letters(i) for i in (0, 25, 26, 51, 52, 702)] == ["A", "Z", "AA", "AZ", "BA", "AAA"]


def test_four_cells_meet_at_the_origin():
    made = grid(lots(), overlap_in=0, origin=(333.0, 222.0))
    assert all((c.easting - 500 - 333) % 1000 == pytest.approx(0, abs=1e-6) for c in made.cells)
    assert all((c.northing - 300 - 222) % 600 == pytest.approx(0, abs=1e-6) for c in made.cells)


def test_without_an_origin_the_cells_lie_around_the_middle():
    made = grid([shapely.box(0, 0, 1500, 500)], overlap_in=0)
    assert [(c.easting, c.northing) for c in made.cells] == [(250, 250), (1250, 250)]


def test_the_order_of_the_features_does_not_matter():
    shapes = lots()
    assert grid(shapes) == grid(shapes[::-1])


def test_what_fits_one_sheet_takes_one():
    made = grid([shapely.box(0, 0, 950, 550), None, shapely.Polygon()], overlap_in=0.5)
    assert [c.number for c in made.cells] == ["1"]


def test_what_cannot_be_is_refused():
    with pytest.raises(SheetError, match=r"overlap_in smaller"):
        grid(lots(), overlap_in=3.1)
    with pytest.raises(SheetError, match="no feature with geometry"):
        grid([None, shapely.Polygon()])
    with pytest.raises(SheetError, match="far from the City"):
        grid([shapely.Point(0, 0), shapely.Point(9e6, 9e6)])
    with pytest.raises(SettingsError, match="did you mean `overlap_in`"):
        check({"overlap_inch": 1}, GridPlan, "own.toml")
