"""Worked on in feet, handed back in metres."""

import numpy as np
import pytest
import shapely
from repair_lots import lots, rings

from citygis.city import default_city
from citygis.quality.validation import subjects_of
from citygis.repairs.grounds import grounds_of
from citygis.repairs.metres import FEET_PER_METRE, drawn_in_metres


def test_a_us_survey_foot_is_1200_in_3937_of_a_metre():
    assert pytest.approx(3937 / 1200, rel=1e-15) == FEET_PER_METRE


def test_known_vertices_come_back_as_sent_and_new_ones_are_scaled():
    frame = lots(rings()).to_crs("EPSG:6419")
    sent = np.asarray(frame.geometry.array, dtype=object)
    subjects, _ = subjects_of({"lot": frame}, city=default_city(), only="geometry")
    grounds = grounds_of(subjects, default_city(), are_measured=False)
    held = grounds["lot"].shapes
    corners = shapely.get_coordinates(held[0])
    corners[2] += 0.05  # stands nowhere else
    drawn = drawn_in_metres(grounds, {"lot": sent}, {"lot": np.array([held[1], shapely.Polygon(corners)])})["lot"]
    assert shapely.to_wkb(drawn[0]) == shapely.to_wkb(sent[1])
    made, was = shapely.get_coordinates(drawn[1]), shapely.get_coordinates(sent[0])
    assert (np.delete(made, 2, axis=0) == np.delete(was, 2, axis=0)).all()
    assert np.allclose(made[2] - was[2], 0.05 / FEET_PER_METRE, atol=1e-8)
