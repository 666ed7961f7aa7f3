"""Moves counted by how well corners are known."""

import pandas as pd

from citygis.repairs.histogram import moves


def log(*rows):
    names = ["operation", "from_easting", "distance_ft", "accuracy_ft", "tolerance_ft", "row"]
    places = {"layer": "lot", "from_northing": 0.0, "to_easting": 1.0, "to_northing": 0.0}
    return pd.DataFrame(rows, columns=names).assign(**places)


def test_a_corner_that_two_features_share_counts_once_and_spikes_are_no_moves():
    known = (0.05, 0.05)
    shared = [("snap_corner", 0.0, 0.02, *known, row) for row in (1, 2)]
    table = moves(log(*shared, ("remove_spike", 5.0, 3.0, *known, 3)))
    (row,) = table.to_dict("records")
    assert (row["accuracy"], row["moves"], row["largest_ft"]) == ("0.07 ft or better", 1, 0.02)


def test_a_bar_holds_its_upper_end_and_classes_stand_apart():
    table = moves(log(("snap_corner", 0.0, 0.02, 0.04, 0.04, 1), ("snap_corner", 1.0, 0.0201, 5.0, 0.12, 2)))
    assert table["accuracy"].tolist() == ["0.04 ft or better", "worse than 0.12 ft"]
    assert table["to 0.02 ft"].tolist() == [1, 0] and table["to 0.04 ft"].tolist() == [0, 1]
