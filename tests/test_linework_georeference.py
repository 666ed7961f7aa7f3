"""Local drawings tied to the ground: what the residuals of a fit do not tell is told."""

import math

import numpy as np
import pandas as pd
import pytest

from citygis.cogo import area_sqft
from citygis.errors import CRSError
from citygis.geodesy import combined_factor, convergence_deg
from citygis.linework import courses_of, georeference, lots, placed
from tests.drawings import arc, linework, straight, texts

CRS = "EPSG:2227"
MIDDLE = np.array([6_336_500.0, 2_122_000.0])
HEIGHT_FT = -85.0
# Six points of a local survey, 5,000 and 5,000 in its middle.
LOCAL = np.array([(4200, 4300), (5900, 4150), (5800, 5700), (4300, 5900), (5000, 5100), (5300, 4500)], dtype=float)


def ties(*, scale=None, rotation_deg=0.0, source=LOCAL, noise=(0.01, -0.008, 0.006, -0.01, 0.004, 0.007)):
    scale = float(combined_factor(CRS, *MIDDLE, HEIGHT_FT)) if scale is None else scale
    angle = math.radians(rotation_deg)
    # Clockwise, as azimuths turn.
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    n = len(LOCAL)
    target = MIDDLE + scale * (LOCAL - 5000) @ turn.T + np.column_stack([noise[:n], noise[:n][::-1]])
    return pd.DataFrame(
        {"name": [f"P{k + 1}" for k in range(n)], "easting": source[:, 0], "northing": source[:, 1],
         "target_easting": target[:, 0], "target_northing": target[:, 1]}
    )  # fmt: skip


def codes(reference):
    return sorted(set(reference.findings["code"]))


def test_a_ground_drawing_with_grid_bearings_fits_without_a_word():
    found = georeference(ties(), CRS, ellipsoid_height_ft=HEIGHT_FT)
    assert codes(found) == []
    assert found.is_usable
    assert abs(found.fit.scale_ppm(found.expected_scale)) < 10
    assert found.ties["residual_ft"].max() < 0.02
    assert found.expected_scale == pytest.approx(0.99993, abs=1e-5)


def test_geodetic_bearings_turn_the_drawing_by_the_convergence():
    # At Lathrop, west of the central meridian, the convergence is about -0.48 degrees: true north lies east of grid north.
    convergence = float(convergence_deg(CRS, *MIDDLE))
    found = georeference(ties(rotation_deg=-convergence), CRS, ellipsoid_height_ft=HEIGHT_FT)
    assert codes(found) == []
    assert found.fit.rotation_deg == pytest.approx(-convergence, abs=0.001)
    turned = georeference(ties(rotation_deg=convergence), CRS, ellipsoid_height_ft=HEIGHT_FT)
    assert codes(turned) == ["W25"]


def test_two_ties_prove_nothing_whatever_their_residuals():
    found = georeference(ties().iloc[:2], CRS, ellipsoid_height_ft=HEIGHT_FT)
    assert found.ties["residual_ft"].max() < 1e-6
    assert "W20" in codes(found)


def test_a_mirrored_drawing_is_an_error_and_is_not_placed():
    mirrored = LOCAL * [-1, 1]
    found = georeference(ties(source=mirrored), CRS, ellipsoid_height_ft=HEIGHT_FT)
    assert "W21" in codes(found)
    assert not found.is_usable
    with pytest.raises(CRSError, match="mirrored"):
        placed(_square(), found)


def test_exchanged_axes_are_told_from_a_mirror():
    found = georeference(ties(source=LOCAL[:, ::-1]), CRS, ellipsoid_height_ft=HEIGHT_FT)
    assert "W22" in codes(found) and "W21" not in codes(found)


def test_metres_are_told():
    found = georeference(ties(source=LOCAL * 1200 / 3937), CRS, ellipsoid_height_ft=HEIGHT_FT)
    assert "W23" in codes(found) and not found.is_usable
    assert "W24" not in codes(found)


def test_a_scale_that_is_neither_ground_nor_grid_is_told():
    # 66 ppm lie between ground and grid; another 40 belong to neither.
    factor = float(combined_factor(CRS, *MIDDLE, HEIGHT_FT))
    found = georeference(ties(scale=factor - 40e-6), CRS, ellipsoid_height_ft=HEIGHT_FT)
    assert codes(found) == ["W24"]
    assert found.findings["measure"].iloc[0] == pytest.approx(-40, abs=6)
    assert codes(georeference(ties(scale=1.0), CRS, ellipsoid_height_ft=HEIGHT_FT)) == []


def test_a_blunder_hidden_among_small_residuals_is_found_at_its_point():
    wrong = ties()
    wrong.loc[2, "target_easting"] += 0.8
    found = georeference(wrong, CRS, ellipsoid_height_ft=HEIGHT_FT)
    named = found.findings[found.findings["code"] == "W26"].sort_values("measure")
    assert named["feature"].iloc[-1] == "P3"
    assert named["measure"].iloc[-1] == pytest.approx(0.8, abs=0.05)
    # Its own residual is much smaller: the fit bends towards it.
    assert found.ties.loc[2, "residual_ft"] < 0.6


def test_exchanged_names_are_an_error():
    wrong = ties()
    wrong.loc[[0, 1], ["target_easting", "target_northing"]] = wrong.loc[[1, 0], ["target_easting", "target_northing"]].to_numpy()
    found = georeference(wrong, CRS, ellipsoid_height_ft=HEIGHT_FT)
    assert not found.is_usable


def test_placed_lots_are_scaled_turned_and_keep_what_was_drawn():
    ground = _square()
    reference = georeference(ties(rotation_deg=30.0), CRS, ellipsoid_height_ft=HEIGHT_FT)
    grid = placed(ground, reference)
    scale = reference.fit.scale
    one, before = (made.polygons.set_index("lot").loc["1"] for made in (grid, ground))
    assert one["area_sqft"] == pytest.approx(before["area_sqft"] * scale**2, rel=1e-12)
    assert one["record_area_sqft"] == before["area_sqft"]
    assert area_sqft(courses_of(grid, int(one["face"]))) == pytest.approx(one["area_sqft"], rel=1e-9)
    assert grid.polygons.crs.to_epsg() == grid.courses.crs.to_epsg() == 2227
    assert (grid.courses["record_distance_ft"] == ground.courses["distance_ft"]).all()
    assert grid.courses["distance_ft"].tolist() == pytest.approx((ground.courses["distance_ft"] * scale).tolist())
    turned = (grid.courses["azimuth_deg"] - grid.courses["record_azimuth_deg"]) % 360
    assert turned.tolist() == pytest.approx([30] * len(turned), abs=0.01)
    # The derived polygon has the area of the courses but for its sagitta, and lies where the ties say.
    assert one["geometry"].area == pytest.approx(one["area_sqft"], rel=1e-4)
    assert math.dist(one["geometry"].centroid.coords[0], MIDDLE) < 200


def test_ties_that_cannot_be_used_are_refused():
    with pytest.raises(ValueError, match="no column 'target_easting'"):
        georeference(ties().drop(columns="target_easting"), CRS)
    with pytest.raises(ValueError, match="at least 2"):
        georeference(ties().iloc[:1], CRS)
    with pytest.raises(CRSError):
        georeference(ties(), "EPSG:4326")


def _square():
    lines = linework(
        straight((4950, 4950), (5050, 4950), (5050, 5030)),
        arc((5030, 5030), 20, 0, 90),
        straight((5030, 5050), (4950, 5050), (4950, 4950)),
    )
    return lots(lines, texts(("1", 5000, 5000)))
