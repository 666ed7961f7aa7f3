"""The log of a repair."""

import pandas as pd
from repair_lots import CRS

from citygis.repairs.edits import COLUMNS, edits_frame


def rows():
    return pd.DataFrame(
        {
            "layer": ["lot", "lot"],
            "row": [4, 2],
            "operation": ["snap_corner", "drop_repeated_vertex"],
            "from_easting": [10.0, 0.0],
            "from_northing": [10.0, 0.0],
            "to_easting": [13.0, 0.0],
            "to_northing": [14.0, 0.0],
        }
    )


def test_a_move_is_a_line_and_what_stays_in_place_a_point_in_the_order_of_rows():
    log = edits_frame(rows(), crs=CRS)
    assert list(log.columns) == list(COLUMNS) and log["row"].tolist() == [2, 4]
    assert log.geometry.geom_type.tolist() == ["Point", "LineString"] and log.length.tolist() == [0.0, 5.0]


def test_an_edit_has_one_name_whatever_the_order_of_the_rows():
    one, other = edits_frame(rows(), crs=CRS), edits_frame(rows().iloc[::-1], crs=CRS)
    assert one["edit_id"].tolist() == other["edit_id"].tolist() and one["edit_id"].nunique() == 2


def test_a_log_of_nothing_has_the_columns():
    log = edits_frame(None, crs=CRS)
    assert list(log.columns) == list(COLUMNS) and len(log) == 0
