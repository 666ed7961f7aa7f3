"""Ties: the fit of a drawing to the City, and what it must not hide."""

import math

import numpy as np
import pandas as pd
import pytest
import tract_maps

from citygis.city import default_city
from citygis.errors import CRSError, ReadError
from citygis.tracts.sources import read_plat
from citygis.tracts.ties import fit_ties, read_ties

SIX = tuple(f"RIV-0{n}" for n in range(1, 7))


@pytest.fixture(scope="module")
def plat(tmp_path_factory):
    return read_plat(tract_maps.landxml(tmp_path_factory.mktemp("map") / "l.xml", tract_maps.to_local), city=default_city())


def fit(plat, path, change=tract_maps.to_local, **more):
    held = tract_maps.held()
    return fit_ties(
        read_ties(tract_maps.ties(path, change, **more), plat, city=default_city(), held=held), city=default_city(), held=held
    )


def codes(found):
    return dict(zip(found.findings["code"], found.findings["severity"], strict=True))


def test_a_drawing_on_the_ground_is_known_by_its_scale(plat, tmp_path):
    found = fit(plat, tmp_path / "t.csv")
    assert found.fit.scale == pytest.approx(tract_maps.GROUND_FACTOR, abs=1e-7)
    # The drawing is turned counterclockwise by 7.5 degrees, so it is turned back clockwise.
    assert found.fit.rotation_deg == pytest.approx(7.5, abs=1e-4)
    assert found.is_ground
    # Reference 1.5: the combined factor at Lathrop is 0.999934, the convergence -0 28 30.
    assert found.expected_factor == pytest.approx(0.999934, abs=2e-6)
    assert found.convergence_deg == pytest.approx(-0.475, abs=0.01)
    assert codes(found) == {"N07": "review", "N08": "info"}


def test_grid_lengths_are_not_taken_for_ground(plat, tmp_path):
    def grid(places):
        return places - tract_maps.CENTER

    found = fit(plat, tmp_path / "t.csv", grid)
    assert not found.is_ground
    assert codes(found) == {"N07": "info", "N08": "info"}
    assert "from grid north" in found.findings.loc[found.findings["code"] == "N07", "message"].iloc[0]


def test_bearings_from_true_north_are_told_by_the_convergence(plat, tmp_path):
    found = fit(plat, tmp_path / "t.csv")
    turn = math.radians(-found.convergence_deg)
    matrix = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    # A map with true bearings: its azimuths are the grid's and the convergence.
    true = fit(plat, tmp_path / "n.csv", lambda places: (places - tract_maps.CENTER) @ matrix.T)
    assert "from true north" in true.findings.loc[true.findings["code"] == "N07", "message"].iloc[0]


def test_two_ties_with_residuals_of_nothing_are_an_error(plat, tmp_path):
    found = fit(plat, tmp_path / "t.csv", stations=SIX[:2])
    assert found.fit.rms_ft < 1e-3
    assert codes(found)["N05"] == "error"
    assert found.ties["left_out_ft"].isna().all()


def test_a_blunder_that_the_residuals_hide_is_named_by_leaving_each_tie_out(plat, tmp_path):
    found = fit(plat, tmp_path / "t.csv", stations=SIX, off=("RIV-03", (0.8, 0.0)))
    row = found.findings[found.findings["code"] == "N04"].iloc[0]
    assert (row["severity"], row["feature"]) == ("error", "M03")
    assert row["measure"] == pytest.approx(0.8, abs=0.01)
    assert found.ties["residual_ft"].max() < 0.6


@pytest.mark.parametrize(("factor", "severity"), [(1.0003, "error"), (1 / 0.9997, "error"), (1 / 0.99994, None)])
def test_a_scale_that_is_neither_grid_nor_ground_is_an_error(plat, tmp_path, factor, severity):
    found = fit(plat, tmp_path / "t.csv", lambda places: (places - tract_maps.CENTER) * factor)
    assert codes(found).get("N06") == severity


def test_a_mirrored_drawing_is_refused(plat, tmp_path):
    with pytest.raises(CRSError, match="mirrored"):
        fit(plat, tmp_path / "t.csv", tract_maps.mirrored)


def test_exchanged_axes_are_refused(plat, tmp_path):
    with pytest.raises(CRSError, match="Easting and northing of the map are exchanged"):
        fit(plat, tmp_path / "t.csv", lambda places: (places - tract_maps.CENTER)[:, ::-1])


def test_a_drawing_in_metres_taken_for_feet_is_refused(plat, tmp_path):
    with pytest.raises(CRSError, match="--unit m"):
        fit(plat, tmp_path / "t.csv", lambda places: (places - tract_maps.CENTER) * 1200 / 3937)


def test_ties_on_one_place_are_refused(plat, tmp_path):
    with pytest.raises(CRSError, match="do not place the map"):
        fit(plat, tmp_path / "t.csv", stations=("RIV-01", "RIV-01", "RIV-01"))


def read(plat, tmp_path, text):
    path = tmp_path / "ties.csv"
    path.write_text(text)
    return read_ties(path, plat, city=default_city(), held=tract_maps.held())


def test_a_tie_may_give_the_citys_coordinates_and_the_maps_point_by_name(plat, tmp_path):
    named = plat._replace(points=pd.DataFrame({"name": ["7", "8"], "easting": [1.0, 2.0], "northing": [3.0, 4.0]}))
    found = read(named, tmp_path, "name,city_easting,city_northing\n7,6340000,2123000\n8,6340001,2123001\n")
    assert found[["easting", "northing"]].to_numpy().tolist() == [[1, 3], [2, 4]]
    assert [point.coords[0] for point in found.geometry] == [(6340000, 2123000), (6340001, 2123001)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,easting,northing,control\nA,1,2,RIV-99\nB,3,4,RIV-02\n", "line 2: the City has no monument 'RIV-99'"),
        ("name,control\nnowhere,RIV-01\n", "no single point named 'nowhere'"),
        ("name,easting,northing,control\nA,1,,RIV-01\n", "line 2: '1', '' is no easting and northing"),
        ("name,easting,northing,control\nA,1,nan,RIV-01\n", "is no easting|is no place"),
        ("name,easting,northing,control,city_easting,city_northing\nA,1,2,RIV-01,5,6\n", "both a monument"),
        ("name,easting,northing,control\nA,1,2,RIV-01\n", "has 1 ties. Give three"),
        ("name,x,y,control\nA,1,2,RIV-01\n", "a column 'x'"),
    ],
)
def test_a_file_of_ties_that_cannot_be_used_says_the_line_and_what_to_do(plat, tmp_path, text, said):
    with pytest.raises(ReadError, match=said):
        read(plat, tmp_path, text)
