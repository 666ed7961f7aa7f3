"""Two deeds that leave ground between them: a repair leaves it open, and closes what only the drawing opened."""

import numpy as np
import pytest
from test_quality_gores import boundary_lines, deed, parcels
from test_quality_gores import lots as two_lots

from citygis.repairs import repair
from citygis.repairs.evidence import OF_RECORD


@pytest.mark.parametrize("seed", range(4))
def test_a_gore_between_two_deeds_stays_open(seed):
    places = two_lots(np.random.default_rng(seed), apart_ft=0.5)
    drawn = [np.round(each, 4) for each in places]
    layers = {"parcel": parcels(drawn), "boundary_line": boundary_lines([deed(each) for each in places], drawn)}
    done = repair(layers, only="geometry")
    assert done.layers["parcel"] is layers["parcel"] and len(done.edits) == 0
    gores = done.left[done.left["rule"] == "record_gore"]
    assert len(gores) == 1 and OF_RECORD in gores["because"].iloc[0]


@pytest.mark.parametrize("seed", range(4))
def test_a_strip_that_only_the_drawing_opened_is_closed(seed):
    apart = two_lots(np.random.default_rng(seed), apart_ft=0.06)
    together = two_lots(np.random.default_rng(seed), apart_ft=0.0)
    drawn = [np.round(each, 4) for each in apart]
    layers = {"parcel": parcels(drawn), "boundary_line": boundary_lines([deed(each) for each in together], drawn, shared=True)}
    done = repair(layers, only="geometry")
    west, east = done.layers["parcel"].geometry
    assert west.intersection(east).length == pytest.approx(np.hypot(*(apart[0][2] - apart[0][1])), abs=0.1)
    assert set(done.edits["operation"]) == {"snap_corner"} and (done.edits["distance_ft"] <= 0.12).all()
