"""The real 82-lot subdivision, as DXF clean and dirty, on the ground, and as LandXML: the same lots."""

import json

import numpy as np
import pandas as pd
import pytest

from citygis.city import default_city
from citygis.tracts import read_plat, tract_work
from citygis.tracts.plat import edge_courses, exact_areas_sqft
from citygis.units import US_SURVEY_FOOT

GROUND = 0.99993429
"""Of subd_local_ground.dxf (reference, 5.2)."""


def areas(path):
    plat = read_plat(path, city=default_city(), unit=US_SURVEY_FOOT)
    found = pd.Series(exact_areas_sqft(plat, edge_courses(plat.edges, plat.corners)), index=plat.lots["lot"])
    return plat, found[found.index.notna()].sort_index()


@pytest.fixture(scope="module")
def landxml(real_data):
    return areas(real_data / "cad" / "landxml" / "nathancrews__subdivision.xml")


@pytest.fixture(scope="module")
def truth(real_data):
    return pd.Series(dict(json.loads((real_data / "cad" / "subd_truth_lot_areas.json").read_text()))).sort_index()


def test_landxml_gives_the_82_lots_with_their_stated_areas_and_not_the_boundary(landxml, truth):
    plat, found = landxml
    assert len(found) == 82
    assert np.abs(found - truth).max() < 0.01
    assert plat.lots["kind"].value_counts().to_dict() == {"lot": 82, "unnumbered": 4}
    # Boundary less lots: 866,105 sq ft of streets (reference, 4.2).
    streets = exact_areas_sqft(plat, edge_courses(plat.edges, plat.corners))[plat.lots["lot"].isna()].sum()
    assert streets == pytest.approx(866_105, abs=10)


@pytest.mark.parametrize(("name", "factor", "tolerance"), [("clean", 1, 0.01), ("dirty", 1, 3), ("local_ground", GROUND, 3)])
def test_the_drawings_give_the_same_lots(real_data, landxml, truth, name, factor, tolerance):
    plat, found = areas(real_data / "cad" / f"subd_{name}.dxf")
    assert found.index.tolist() == landxml[1].index.tolist() == truth.index.tolist()
    assert np.abs(found * factor**2 - truth).max() < tolerance
    assert len(plat.corners) == len(landxml[0].corners)


def test_the_drawing_on_the_ground_is_tied_to_the_citys_grid(real_data, landxml, tmp_path):
    """The map set down in the City by four of its own corners, found on the drawing on the ground by their lots."""
    grid, drawing = landxml[0], read_plat(real_data / "cad" / "subd_local_ground.dxf", city=default_city(), unit=US_SURVEY_FOOT)
    place = np.array([6_340_000.0, 2_122_000.0])
    known, seen = _same_corners(grid, drawing)
    chosen = [int(np.argmax(known @ np.array(way))) for way in ((1, 1), (-1, 1), (1, -1), (-1, -1), (1, 0))]
    rows = [f"C{n},{seen[n, 0]:.4f},{seen[n, 1]:.4f},{known[n, 0] + place[0]:.4f},{known[n, 1] + place[1]:.4f}" for n in chosen]
    ties = tmp_path / "ties.csv"
    ties.write_text("\n".join(["name,easting,northing,city_easting,city_northing", *rows]) + "\n")
    made = tract_work(real_data / "cad" / "subd_local_ground.dxf", "9001", city=default_city(), ties=ties, unit=US_SURVEY_FOOT)
    assert made.placement.scale == pytest.approx(GROUND, abs=5e-6)
    # The drawing is turned by -7.5 degrees as CAD counts, clockwise (reference, 4.2); it is turned back counterclockwise.
    assert made.placement.rotation_deg == pytest.approx(-7.5, abs=0.001)
    assert made.placement.is_ground
    numbered = made.lots[made.lots["lot"].notna()].set_index("lot")["area_sqft"].sort_index()
    assert np.abs(numbered - landxml[1]).max() < 3
    assert len(made.layers["parcel"]) == 82
    assert len(made.quarantine) == 0


@pytest.mark.parametrize(("name", "lot"), [("nsw__DP1178630p_V2", "101"), ("nsw__DP1189041p_V6", "51")])
def test_a_plan_makes_its_own_lot_and_none_of_its_neighbours(real_data, name, lot):
    plat, found = areas_of_plan(real_data / "cad" / "landxml" / f"{name}.xml")
    assert found.index.tolist() == [lot]
    square = (1200 / 3937) ** 2
    assert float(found[lot]) * square == pytest.approx(float(plat.lots["stated_area_sqft"].dropna().iloc[0]) * square, rel=0.001)
    assert not plat.findings["severity"].eq("error").any()


def areas_of_plan(path):
    plat = read_plat(path, city=default_city())
    found = pd.Series(exact_areas_sqft(plat, edge_courses(plat.edges, plat.corners)), index=plat.lots["lot"])
    return plat, found[found.index.notna()]


def _same_corners(grid, drawing):
    """Corners of both, paired by the lots that meet at them."""

    def keys(plat):
        found = {}
        for left, right, start, end in plat.edges[["left", "right", "start", "end"]].to_numpy():
            for corner in (start, end):
                names = [plat.lots["lot"].iloc[row] for row in (left, right) if row >= 0]
                found.setdefault(corner, set()).update(name for name in names if isinstance(name, str))
        by_lots = {}
        for corner, lots in found.items():
            by_lots.setdefault(frozenset(lots), []).append(corner)
        return {lots: corners[0] for lots, corners in by_lots.items() if len(corners) == 1 and len(lots) > 1}

    one, two = keys(grid), keys(drawing)
    shared = sorted(set(one) & set(two), key=sorted)
    return np.array([grid.corners[one[k]] for k in shared]), np.array([drawing.corners[two[k]] for k in shared])
