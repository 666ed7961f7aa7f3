"""
Drawings beside the checkout: a real subdivision, clean, dirty and on local ground, and a tract map as a county surveyor got it.
"""

import json
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

from citygis.cogo import area_sqft
from citygis.linework import courses_of, drawing_lots, georeference, placed
from citygis.readers.cad_units import drawing_in_feet
from citygis.readers.dxf import read_dxf

# Grid over ground of the place that the local drawing was made for (survey_intake.md, section 5.2).
COMBINED_FACTOR = 0.99993429


@pytest.fixture(scope="module")
def truth(real_data):
    return dict(json.loads((real_data / "cad" / "subd_truth_lot_areas.json").read_text()))


@lru_cache
def lots_of(path):
    return drawing_lots(drawing_in_feet(read_dxf(path), unit="us_survey_foot"))


@pytest.mark.parametrize(
    ("name", "factor", "within_sqft"), [("clean", 1, 0.01), ("dirty", 1, 3), ("local_ground", COMBINED_FACTOR, 3)]
)
def test_all_82_lots_are_numbered_and_have_their_area(real_data, truth, name, factor, within_sqft):
    found = lots_of(real_data / "cad" / f"subd_{name}.dxf").lots
    areas = found.polygons.dropna(subset="lot").set_index("lot")["area_sqft"] * factor**2
    assert sorted(areas.index) == sorted(truth)
    off = max(abs(areas[lot] - truth[lot]) for lot in truth)
    print(f"subd_{name}: {len(areas)} of {len(truth)} lots, worst {off:.4f} sq ft, snap {found.snap_ft} ft")
    assert off <= within_sqft
    assert found.snap_ft < found.shortest_ft
    assert not (found.findings["severity"] == "error").any()


def test_the_courses_of_every_lot_give_its_area(real_data):
    found = lots_of(real_data / "cad" / "subd_dirty.dxf").lots
    for row in found.polygons.dropna(subset="lot").itertuples():
        assert area_sqft(courses_of(found, row.face)) == pytest.approx(row.area_sqft, abs=1e-4)


def test_the_local_drawing_tied_to_the_grid_keeps_its_record(real_data, truth):
    ground = lots_of(real_data / "cad" / "subd_local_ground.dxf").lots
    grid = lots_of(real_data / "cad" / "subd_dirty.dxf").lots
    # The same corners of both drawings, moved into zone 3; the dirt of the two is the same.
    shift = np.array([6_336_000.0, 2_120_000.0])
    both = ground.polygons.dropna(subset="lot").set_index("lot"), grid.polygons.dropna(subset="lot").set_index("lot")
    centers = [polygons.geometry.loc[["1", "20", "45", "60", "82"]].centroid for polygons in both]
    ties = pd.DataFrame(
        {"name": list(centers[0].index), "easting": centers[0].x.to_numpy(), "northing": centers[0].y.to_numpy(),
         "target_easting": centers[1].x.to_numpy() + shift[0], "target_northing": centers[1].y.to_numpy() + shift[1]}
    )  # fmt: skip
    reference = georeference(ties, "EPSG:2227", ellipsoid_height_ft=-65)
    assert reference.fit.scale == pytest.approx(COMBINED_FACTOR, abs=1e-6)
    assert abs(reference.fit.rotation_deg) == pytest.approx(7.5, abs=1e-3)
    assert set(reference.findings["code"]) == {"W25"}
    made = placed(ground, reference)
    areas = made.polygons.dropna(subset="lot").set_index("lot")["area_sqft"]
    assert max(abs(areas[lot] - truth[lot]) for lot in truth) <= 3
    assert (made.courses["record_distance_ft"] == ground.courses["distance_ft"]).all()
    assert made.polygons.geometry.is_valid.all()


@pytest.mark.parametrize("name", ["MASTER", "PHASE2"])
def test_the_orange_county_tract_has_its_22_lots_and_seven_lettered_ones(real_data, name):
    made = lots_of(real_data / "cad" / "ocamc" / f"TR18184_{name}__libredwg.dxf")
    found = made.lots
    expected = {*(str(n) for n in range(1, 23)), *"ABCDEFG"}
    assert set(found.polygons["lot"].dropna()) == expected
    assert len(found.polygons["lot"].dropna()) == len(expected)
    assert not (found.polygons["kind"] == "sliver").any()
    assert found.polygons.geometry.is_valid.all()
    counts = {role: len(lines) for role, lines in made.linework.items()}
    # As ezdxf counts them, entity by entity: LINE, ARC and two-vertex LWPOLYLINE of the layers.
    assert counts == {"boundary": 244, "centerlines": 58, "easements": 50, "lots": 120, "right_of_way": 300, "ties": 3}
    assert not (made.findings["code"] == "K11").any()


def test_the_two_orange_county_drawings_are_the_same_ground(real_data):
    areas = [
        lots_of(real_data / "cad" / "ocamc" / f"TR18184_{name}__libredwg.dxf").lots.polygons.dropna(subset="lot").set_index("lot")
        for name in ("MASTER", "PHASE2")
    ]
    assert areas[0]["area_sqft"].to_dict() == pytest.approx(areas[1]["area_sqft"].to_dict(), abs=1e-6)


def test_the_grid_and_ground_distances_of_the_tie_are_texts(real_data):
    texts = set(read_dxf(real_data / "cad" / "ocamc" / "TR18184_MASTER__libredwg.dxf").texts["text"])
    assert {"N29°04'24\"W  28457.37'", "GRID=28,456.33'", "N46°03'43\"W 17221.47'"} <= texts


def test_the_areas_and_lengths_of_autocad_polylines(real_data):
    drawing = read_dxf(real_data / "cad" / "BulgeAreaAndLengthTests.dxf")
    # Table 2.4, row 10: published by the Dxflib tests.
    expected = [131.6307, 126.0766, 129.7362, 125.0200, 128.0246, 121.5797]
    areas = []
    for _, rows in drawing.lines.groupby("handle", sort=False):
        x, y, to_x, to_y = (rows[name].to_numpy() for name in ("start_easting", "start_northing", "end_easting", "end_northing"))
        turn = np.radians(rows["delta_deg"].fillna(0)) * rows["hand"].map({"L": 1, "R": -1}).fillna(0)
        radius = rows["radius"].fillna(0).to_numpy()
        closing = to_x[-1] * y[0] - x[0] * to_y[-1]
        areas.append(abs(float(np.sum(x * to_y - to_x * y) + closing + np.sum(radius**2 * (turn - np.sin(turn)))) / 2))
    assert sorted(areas) == pytest.approx(sorted(expected), abs=5e-5)


def test_texts_of_autocad(real_data):
    texts = read_dxf(real_data / "cad" / "TextTests.dxf").texts
    assert sorted(texts["kind"]) == ["MTEXT", "TEXT"]
    assert all("\\" not in text and "%%" not in text and text for text in texts["text"])


def test_a_georeferenced_drawing_says_so_and_its_numbers_are_still_local(real_data):
    drawing = read_dxf(real_data / "cad" / "ezdxf" / "houses_of_parliament_georeferenced.dxf")
    assert drawing.hint.crs.to_epsg() == 27700
    assert drawing.hint.is_local
    assert len(drawing.lines) == 15


def test_an_old_code_page_gives_russian_layers(real_data):
    drawing = read_dxf(real_data / "cad" / "ex3.dxf")
    assert "08_Поребрики" in set(drawing.lines["layer"])
    assert drawing.hint.insunits == "millimetres"
    assert len(drawing.points) == 1294
    assert drawing.tally.loc[drawing.tally["space"] == "model", "count"].sum() == 3584


def test_a_drawing_of_everything_is_counted_whole(real_data):
    drawing = read_dxf(real_data / "cad" / "example_2018.dxf")
    model = drawing.tally[drawing.tally["space"] == "model"]
    assert model["count"].sum() == 68
    assert drawing.tally.loc[drawing.tally["fate"] == "paper space", "count"].sum() == 2
    assert not drawing.tally["fate"].isin(["lost", "damaged"]).any()


def test_the_dwg_gives_the_same_linework_and_handles_as_its_dxf(real_data):
    pytest.importorskip("ezdwg")
    from citygis.readers.dwg import read_dwg

    folder = real_data / "cad" / "ocamc"
    dwg, dxf = read_dwg(folder / "TR18184_MASTER.dwg"), read_dxf(folder / "TR18184_MASTER__libredwg.dxf")
    columns = ["start_easting", "start_northing", "end_easting", "end_northing"]
    both = dwg.lines.merge(dxf.lines, on=["handle", "part"], suffixes=("", "_dxf"))
    assert len(both) == len(dxf.lines) == len(dwg.lines)
    for name in columns:
        assert (both[name] - both[f"{name}_dxf"]).abs().max() < 1e-8
    assert dict(zip(dwg.texts["handle"], dwg.texts["text"], strict=True)) == dict(
        zip(dxf.texts["handle"], dxf.texts["text"], strict=True)
    )
    assert not (dwg.findings["severity"] == "error").any()
    # The conversion on the way states metres; the drawing states nothing.
    assert dwg.hint.insunits == dxf.hint.insunits == "no unit"


def test_layers_that_a_dwg_switches_off_stay_off(real_data):
    pytest.importorskip("ezdwg")
    from citygis.readers.dwg import read_dwg

    path = real_data / "cad" / "ocamc" / "TR18184_ESRI.dwg"
    shown, all_of_it = read_dwg(path), read_dwg(path, include=["layer off"])
    assert "V-LINE-LOTS" not in set(shown.lines["layer"])
    assert len(all_of_it.lines) == 775
    assert (shown.findings["rule"] == "layer_off").any()


def test_what_the_dwg_reader_misses_is_an_error(real_data):
    pytest.importorskip("ezdwg")
    from citygis.readers.dwg import read_dwg

    found = read_dwg(real_data / "cad" / "example_2018.dwg").findings
    missing = found[found["rule"] == "dwg_entities"]
    assert list(missing["severity"]) == ["error"] and "INSERT 10" in missing["message"].iloc[0]
