"""The labels of a whole sheet: each feature labelled, keyed or told, and none on another."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from citygis.settings import check
from citygis.sheets.features import Features
from citygis.sheets.frame import Frame
from citygis.sheets.keys import key_table, same_ground
from citygis.sheets.labelling import labelling
from citygis.sheets.style import Style

CRS = pyproj.CRS("EPSG:6420")
FRAME = Frame(CRS, Fraction(10), 0.0, 0.0, 0.0, 0.0, 400.0, 300.0)


def style(name, placement="inside", priority=50, **label):
    rows = [{"text": "{name}"}]
    return check(
        {"layer": name, "label": {"rows": rows, "placement": placement, "priority": priority} | label}, Style, f"{name}.toml"
    )


def features(shapes, texts, style, kind="area"):
    shapes = np.array(shapes, dtype=object)
    table = pd.DataFrame({"name": pd.Series(texts, dtype="str"), "global_id": [f"{{{i}}}" for i in range(len(shapes))]})
    known = {"name": style.layer, "style": style, "table": table, "shapes": shapes, "kind": kind}
    rest = {name: 0 for name in Features._fields if name not in known}
    return Features(**(rest | known | {"symbols": np.zeros(len(shapes), dtype=int)}))


def numbered(shapes, style, kind="area"):
    return features(shapes, [f"191-190-{i:03d}" for i in range(len(shapes))], style, kind)


def overlapping(boxes):
    first, second = shapely.STRtree(boxes).query(boxes, predicate="intersects")
    return int((first < second).sum())


def leaders(put):
    out = []
    for group in put.groups:
        for batch in group.batches:
            if hasattr(batch, "stroke") and batch.stroke and not batch.closed:
                out += [shapely.LineString(pair) for pair in batch.points.reshape(-1, 2, 2)]
    return out


place = st.tuples(st.integers(5, 330), st.integers(5, 230))
lot = st.builds(
    lambda at, size, turn: shapely.affinity.rotate(shapely.box(at[0], at[1], at[0] + size[0], at[1] + size[1]), turn),
    place,
    st.tuples(st.integers(2, 60), st.integers(2, 60)),
    st.integers(0, 180),
)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(lot, min_size=1, max_size=25),
    st.lists(st.tuples(place, place).filter(lambda ends: ends[0] != ends[1]), max_size=6),
    st.lists(place, max_size=12),
    st.booleans(),
    st.sampled_from([0.0, 33.0, 90.0]),
)
def test_every_feature_is_labelled_keyed_or_told_and_nothing_overlaps(lots, streets, wells, leader, turn):
    seen = [
        numbered(lots, style("parcel", key_numbers=True, leader=leader)),
        numbered([shapely.LineString(ends) for ends in streets], style("street", "along", 10, curved=True), "line"),
        numbered([shapely.Point(at) for at in wells], style("well", "beside", 20, key_numbers=True, leader=leader), "point"),
    ]
    put = labelling([f for f in seen if len(f.shapes)], FRAME._replace(rotation_deg=turn))
    assert overlapping(put.boxes) == 0
    assert shapely.covers(shapely.box(*FRAME.box_pt), put.boxes).all()
    for f in seen:
        listed = put.unlabelled[put.unlabelled["style"] == f.name]
        assert put.placed.get(f.name, 0) + len(listed) == len(f.shapes)
        assert (listed["reason"] != "").all()
    drawn = np.array(leaders(put), dtype=object)
    if len(drawn):
        assert overlapping(drawn) == 0
        assert shapely.STRtree(put.boxes).query(drawn, predicate="crosses").size == 0


@settings(deadline=None, max_examples=12)
@given(st.lists(lot, min_size=2, max_size=15), st.randoms(use_true_random=False))
def test_the_order_of_the_features_decides_nothing(lots, random):
    names = [f"191-190-{i:03d}" for i in range(len(lots))]
    order = random.sample(range(len(lots)), len(lots))
    keyed = style("parcel", key_numbers=True)
    one = labelling([features(lots, names, keyed)], FRAME)
    other = labelling([features([lots[i] for i in order], [names[i] for i in order], keyed)], FRAME)
    assert shapely.equals(one.boxes, other.boxes).all()
    assert one.unlabelled[["text", "key"]].equals(other.unlabelled[["text", "key"]])


def test_a_label_of_higher_priority_is_never_displaced_by_a_lower():
    wells, hydrants = [shapely.Point(100, 100)], [shapely.Point(112, 100)]
    alone = labelling([numbered(wells, style("well", "beside", 1), "point")], FRAME)
    both = labelling(
        [numbered(hydrants, style("hydrant", "beside", 2), "point"), numbered(wells, style("well", "beside", 1), "point")], FRAME
    )
    assert shapely.equals(both.boxes[0], alone.boxes[0])


def test_a_sliver_without_room_has_a_number_on_a_leader():
    put = labelling([numbered([shapely.box(100, 100, 102, 150)], style("parcel", key_numbers=True))], FRAME)
    assert put.unlabelled["key"].tolist() == [1]
    (line,) = leaders(put)
    assert shapely.box(100, 100, 102, 150).contains(shapely.Point(line.coords[1]))
    assert key_table(put.unlabelled).rows == (("1", "191-190-000"),)


def test_with_leader_the_label_itself_stands_outside():
    put = labelling([numbered([shapely.box(100, 100, 102, 150)], style("parcel", key_numbers=True, leader=True))], FRAME)
    assert put.placed == {"parcel": 1}
    assert len(leaders(put)) == 1


def test_sixty_units_on_one_ground_share_a_number():
    put = labelling([numbered([shapely.box(100, 100, 200, 180)] * 60, style("parcel", key_numbers=True))], FRAME)
    assert put.placed == {"parcel": 0}
    assert put.unlabelled["key"].tolist() == [1] * 60
    assert set(put.unlabelled["reason"]) == {"several on one ground"}
    ((number, listed),) = key_table(put.unlabelled).rows
    assert number == "1"
    assert len(listed.split(", ")) == 60


def test_two_halves_of_a_box_do_not_lie_on_each_other():
    lower = shapely.Polygon([(0, 0), (10, 0), (10, 10)])
    upper = shapely.Polygon([(0, 0), (10, 10), (0, 10)])
    assert len(set(same_ground(np.array([lower, upper, lower])))) == 2


def test_numbers_run_as_a_page_is_read():
    slivers = [shapely.box(e, n, e + 2, n + 20) for n in (40, 220) for e in (300, 200, 100)]
    put = labelling([numbered(slivers, style("parcel", key_numbers=True))], FRAME)
    keys = put.unlabelled.set_index("text")["key"]
    # 003 to 005 lie above 000 to 002; in both rows the last lies furthest to the left.
    assert keys[[f"191-190-{i:03d}" for i in (5, 4, 3, 2, 1, 0)]].tolist() == [1, 2, 3, 4, 5, 6]


def test_labels_keep_off_what_is_taken():
    taken = shapely.box([0, 0], [0, 0], [400, 400], [140, 140])
    put = labelling([numbered([shapely.box(100, 100, 200, 180)], style("parcel"))], FRAME, taken=taken)
    assert not shapely.intersects(put.boxes[0], taken[0])


def test_a_scale_that_is_absurd_is_told_with_one_that_would_do():
    n = 70
    many = [shapely.box(5 + 5 * i, 5 + 4 * j, 10 + 5 * i, 9 + 4 * j) for i in range(n) for j in range(n)]
    put = labelling([numbered(many, style("parcel", key_numbers=True))], FRAME._replace(scale=Fraction(1000)))
    short = int(put.unlabelled["key"].isna().sum())
    (note,) = put.notes
    assert f"{short:,} labels have no room at 1 inch = 1,000 feet" in note
    assert "nine of ten would have room" in note


def test_a_ring_is_labelled_on_its_ground_and_not_in_its_hole():
    ring = shapely.difference(shapely.box(50, 50, 250, 250), shapely.box(90, 90, 210, 210))
    put = labelling([numbered([ring], style("parcel"))], FRAME)
    assert put.placed == {"parcel": 1}
    assert ring.covers(put.boxes[0])


@pytest.mark.parametrize("text", ["", None])
def test_a_feature_without_text_is_listed_without_number(text):
    put = labelling([features([shapely.box(50, 50, 150, 150)], [text], style("parcel", key_numbers=True))], FRAME)
    assert put.unlabelled["reason"].tolist() == ["no text"]
    assert put.unlabelled["key"].isna().all()


def test_a_text_of_two_hundred_characters_has_a_number_and_is_listed_whole():
    put = labelling([features([shapely.box(50, 50, 150, 150)], ["A" * 200], style("parcel", key_numbers=True))], FRAME)
    assert key_table(put.unlabelled).rows == (("1", "A" * 200),)
