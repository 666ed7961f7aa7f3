"""A station whose State Plane coordinates the National Geodetic Survey publishes."""

import json

import geopandas as gpd
import pytest
import shapely

from citygis.geodesy import convergence_deg, grid_scale_factor, transform_frame


def degrees(text: str) -> float:
    d, m, s, *side = text.split()
    sign = -1 if d.startswith("-") or side in (["W"], ["S"]) else 1
    return sign * (abs(int(d)) + int(m) / 60 + float(s) / 3600)


def test_ngs_station_af9702_lands_on_its_published_coordinates(real_data):
    answers = json.loads((real_data / "known_answers.json").read_text())["datum"]
    station = next(answer for answer in answers if answer["id"] == "NGS-AF9702")
    place = shapely.Point(degrees(station["in"]["lon"]), degrees(station["in"]["lat"]))
    frame = gpd.GeoDataFrame(geometry=[place], crs="EPSG:4269")
    published, tolerance = station["out"], station["tol"]
    feet = transform_frame(frame, "EPSG:2227")[0].geometry.iloc[0]
    assert (feet.x, feet.y) == pytest.approx((published["E_ftUS"], published["N_ftUS"]), abs=tolerance["ft"] + 0.005)
    metres = transform_frame(frame, "EPSG:26943")[0].geometry.iloc[0]
    assert (metres.x, metres.y) == pytest.approx((published["E_m"], published["N_m"]), abs=tolerance["m"] + 0.0005)
    assert grid_scale_factor("EPSG:2227", feet.x, feet.y) == pytest.approx(published["k"], abs=tolerance["k"])
    expected = degrees(published["convergence"])
    assert convergence_deg("EPSG:2227", feet.x, feet.y) == pytest.approx(expected, abs=tolerance["arcsec"] / 3600)
