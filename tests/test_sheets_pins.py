"""Labels put in their place by hand."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely

from citygis.settings import check
from citygis.sheets.features import Features
from citygis.sheets.frame import Frame
from citygis.sheets.labelling import labelling
from citygis.sheets.pins import pins_of_sheet
from citygis.sheets.style import Style

CRS = pyproj.CRS("EPSG:6420")
# Ten feet to the inch: 7.2 points are a foot. The frame's middle is E 6,000,000 N 2,000,000.
FRAME = Frame(CRS, Fraction(10), 6_000_000.0, 2_000_000.0, 0.0, 0.0, 400.0, 400.0)
STYLE = check({"layer": "parcel", "label": {"rows": [{"text": "{apn}"}], "key_numbers": True}}, Style, "parcel")
COLUMNS = ["layer", "global_id", "sheet", "easting", "northing", "angle"]


def features(*boxes, style=STYLE, frame=FRAME, ids=None):
    """Parcels given as boxes on the page of `FRAME`, in feet."""
    ids = ids or [f"{{{i}}}" for i in range(len(boxes))]
    ground = np.array([shapely.box(*box) for box in boxes], dtype=object)
    shapes = shapely.transform(ground, lambda p: frame.to_page(FRAME.to_ground(p)))
    table = pd.DataFrame({"apn": [f"191-190-{i:02d}" for i in range(len(boxes))], "global_id": ids})
    known = {"name": "parcel", "style": style, "table": table, "shapes": shapes, "kind": "area"}
    rest = {name: 0 for name in Features._fields if name not in known}
    return Features(**(rest | known | {"symbols": np.zeros(len(boxes), dtype=int)}))


def pins(*rows):
    return pd.DataFrame(rows, columns=COLUMNS)


def pin(global_id, page_e, page_n, angle=0.0, sheet="", layer="parcel"):
    e, n = FRAME.to_ground(np.array([[page_e, page_n]]))[0]
    return (layer, global_id, sheet, e, n, angle)


def texts_of(put):
    (group,) = put.groups
    return [batch for batch in group.batches if hasattr(batch, "strings")]


def middles(put):
    return [box.centroid.coords[0] for box in put.boxes]


LOT = (50, 50, 150, 150)


def test_a_pinned_label_stands_with_its_middle_on_the_pin():
    put = labelling([features(LOT)], FRAME, pins=pins(pin("{0}", 110, 72)))
    assert middles(put) == [pytest.approx((110, 72))]
    assert put.placed == {"parcel": 1}


def test_a_pin_keeps_its_place_on_the_ground_and_its_angle_to_it_on_a_turned_sheet_at_another_scale():
    frame = FRAME._replace(scale=Fraction(20), rotation_deg=30.0)
    put = labelling([features(LOT, frame=frame)], frame, pins=pins(pin("{0}", 110, 72, angle=10.0)))
    ground = FRAME.to_ground(np.array([[110.0, 72.0]]))
    assert frame.to_ground(np.array(middles(put))) == pytest.approx(ground, abs=1e-6)
    assert texts_of(put)[0].angles_deg.tolist() == [pytest.approx(40)]


def test_a_pinned_label_goes_before_all_others():
    # The pin of the second lies where the first would have its label.
    put = labelling([features(LOT, (200, 50, 300, 150))], FRAME, pins=pins(pin("{1}", 100, 100)))
    assert put.placed == {"parcel": 2}
    assert shapely.STRtree(put.boxes).query(put.boxes, predicate="intersects").shape[1] == 2


def test_a_label_pinned_outside_its_parcel_has_a_leader_to_it():
    put = labelling([features(LOT)], FRAME, pins=pins(pin("{0}", 250, 200)))
    (group,) = put.groups
    ends = group.batches[0].points
    assert shapely.box(*LOT).contains(shapely.Point(ends[1]))
    assert not shapely.box(*LOT).intersects(shapely.Point(ends[0]))
    inside = labelling([features(LOT)], FRAME, pins=pins(pin("{0}", 100, 100)))
    assert len(inside.groups[0].batches) == 1


@pytest.mark.parametrize(("at", "reason"), [((900, 900), "pinned outside the frame"), ((399, 200), "pinned outside the frame")])
def test_a_pin_beyond_the_frame_is_told_and_not_moved(at, reason):
    put = labelling([features(LOT)], FRAME, pins=pins(pin("{0}", *at)))
    assert put.unlabelled["reason"].tolist() == [reason]
    assert put.unlabelled["key"].isna().all()
    assert len(put.boxes) == 0


def test_of_two_pins_on_one_place_the_second_is_told():
    put = labelling([features(LOT, (200, 50, 300, 150))], FRAME, pins=pins(pin("{0}", 100, 100), pin("{1}", 104, 100)))
    assert put.unlabelled["reason"].tolist() == ["pinned onto another pinned label"]
    assert put.placed == {"parcel": 1}


def test_a_suppressed_label_is_left_out_and_counted():
    put = labelling([features(LOT)], FRAME, pins=pins(pin("{0}", 100, 100)).assign(suppressed=True))
    assert put.unlabelled["reason"].tolist() == ["left out by hand"]
    assert len(put.boxes) == 0


def test_a_pin_whose_feature_is_gone_is_told():
    kept = pins(pin("{gone}", 100, 100), pin("{far}", 900, 900), pin("{0}", 100, 100), pin("{x}", 9, 9, layer="hydrant"))
    put = labelling([features(LOT)], FRAME, pins=kept)
    assert put.lost_pins["global_id"].tolist() == ["{gone}"]


def test_a_pin_of_the_sheet_goes_before_one_for_all_sheets():
    kept = pins(pin("{0}", 80, 80), pin("{0}", 110, 72, sheet="A-1"), pin("{0}", 60, 60, sheet="B-2"))
    assert middles(labelling([features(LOT)], FRAME, pins=kept, sheet="A-1")) == [pytest.approx((110, 72))]
    assert middles(labelling([features(LOT)], FRAME, pins=kept)) == [pytest.approx((80, 80))]


def test_the_order_of_pins_does_not_matter():
    kept = pins(pin("{0}", 100, 100), pin("{1}", 104, 100))
    two = [features(LOT, (200, 50, 300, 150))]
    one, other = labelling(two, FRAME, pins=kept), labelling(two, FRAME, pins=kept[::-1])
    assert middles(one) == middles(other)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (pins(pin("{0}", 1, 1)).drop(columns="angle"), "angle is missing"),
        (pins(pin("{0}", 1, 1)).assign(easting=np.nan), "Must have an easting"),
    ],
)
def test_pins_that_say_too_little_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        pins_of_sheet(bad)
