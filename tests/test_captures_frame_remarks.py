import numpy as np
import pandas as pd
import pytest

from citygis.captures.frame_remarks import frame_findings
from citygis.captures.placement import place_captures
from citygis.captures.settlement import Settled
from citygis.city import default_city
from citygis.geodesy import parse_frame
from citygis.readers.captures import captures_frame

CITY = default_city()


def remarks(
    frame, *, time="2026-01-01", datum=None, crs="EPSG:4326", at=(-121.276, 37.822), by="--frame", cost_ft=None, office=False
):
    times = pd.Series(pd.to_datetime([time], utc=True))
    sent = captures_frame({"capture": "point", "time": times, "datum_stated": datum}, *np.array([at]).T, crs=crs)
    one = Settled(np.array([0]), parse_frame(frame), sent.crs or CITY.crs, "so it is", by, cost_ft)
    way = place_captures(sent, [one], city=CITY, tolerance_ft=10.0)
    options = {"city": CITY, "layer": "corner", "purpose": "parcel", "is_office": office}
    found = frame_findings("day.csv", sent, [one], way.lineages, **options).set_index("code")
    assert found.index.is_unique
    return found


def test_a_stated_frame_is_told_with_how_far_it_moves():
    found = remarks("ITRF2014@2026.0")
    assert list(found.index) == ["D04"] and found.loc["D04", "measure"] == pytest.approx(5.69, abs=0.01)
    assert "--frame" in found.loc["D04", "message"]


def test_a_frame_that_nobody_stated_is_for_review_with_its_cost():
    found = remarks("WGS 84@2026.0", by="nobody", cost_ft=5.7)
    assert list(found.index) == ["D05"] and found.loc["D05", "measure"] == 5.7


def test_numbers_taken_for_the_zone_by_their_size_are_told_with_the_cost_of_the_other_foot():
    found = remarks("NAD83(2011)@2010", crs=None, at=(6337530.0, 2122700.0))
    # 2 parts in a million of the easting and of the northing.
    assert "12.7 ft east and 4.2 ft north" in found.loc["D06", "message"]


def test_a_frame_that_the_file_contradicts_is_an_error():
    found = remarks("ITRF2014@2026.0", datum="NAD83(2011)@2010.00")
    assert found.loc["D07", "severity"] == "error"


def test_the_label_of_every_format_contradicts_nothing():
    assert "D07" not in remarks("NAD83(2011)@2010", datum="WGS84").index


def test_a_list_of_finished_points_is_told_to_be_unchecked():
    assert "D09" in remarks("NAD83(2011)@2010", office=True).index


def test_captures_of_twenty_years_ago_are_asked_about():
    found = remarks("ITRF2014", time="2006-05-18")
    assert found.loc["D10", "severity"] == "review" and found.loc["D10", "measure"] > 19


def test_an_old_date_does_not_matter_where_the_epoch_is_stated():
    assert "D10" not in remarks("ITRF2014@2026.0", time="2006-05-18").index
