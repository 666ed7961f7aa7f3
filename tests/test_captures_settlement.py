import numpy as np
import pandas as pd
import pytest

from citygis.captures.settlement import settle, stated_in_file
from citygis.city import default_city
from citygis.errors import CRSError
from citygis.geodesy import Frame, parse_frame
from citygis.readers.captures import captures_frame

CITY = default_city()
LON, LAT = -121.276, 37.822
DAY = pd.Timestamp("2026-10-15 18:00", tz="UTC")


def captures(fixes, *, kind="epoch", crs="EPSG:4326", time=DAY, datum=None, lon=LON, lat=LAT):
    n = len(fixes)
    columns = {"capture": kind, "fix_type": fixes, "time": pd.Series([time] * n), "datum_stated": datum}
    return captures_frame(columns, np.broadcast_to(lon, n), np.full(n, lat), crs=crs)


def settled(sent, **options):
    options = {"city": CITY, "purpose": "asset", "file": "rover.nmea"} | options
    return settle(sent, **options)


def test_corrected_positions_without_a_stated_frame_are_refused_for_a_parcel_with_three_ways_out():
    with pytest.raises(CRSError) as refusal:
        settled(captures(["FIXED", "FIXED", "FLOAT"]), purpose="parcel")
    told = str(refusal.value)
    assert "rover.nmea" in told and "2 FIXED" in told and "5.7 ft" in told
    assert all(f"  {number}. " in told for number in (1, 2, 3)) and "  4. " not in told
    assert "--frame" in told and "monument" in told and "OPUS" in told


@pytest.mark.parametrize("purpose", ["parcel", "asset"])
def test_corrections_are_never_taken_for_the_frame_that_the_format_names(purpose):
    # Every receiver writes WGS 84 into NMEA and GPX; a network's corrections make the numbers NAD83 all the same.
    with pytest.raises(CRSError, match="Ask whoever"):
        settled(captures(["FIXED"]), purpose=purpose)


def test_a_parcel_needs_a_statement_even_for_positions_without_corrections():
    with pytest.raises(CRSError, match="Three ways"):
        settled(captures(["SINGLE"]), purpose="parcel")


def test_positions_without_corrections_are_the_broadcast_frame_of_their_date():
    (one,) = settled(captures(["SINGLE", "DGPS"]))
    assert str(one.frame) == "WGS 84 (broadcast)" and one.needs_date and one.stated_by == "the format"


def test_a_sketch_may_be_in_doubt_by_its_cost_and_says_so():
    (one,) = settled(captures(["FIXED"]), purpose="sketch")
    assert one.stated_by == "nobody" and 5.5 < one.cost_ft < 5.9


def test_a_stated_frame_holds_for_corrected_epochs_and_the_others_of_the_stream_are_broadcast():
    sent = captures(["FIXED", "SINGLE", "FLOAT", "DGPS"])
    mine, theirs = settled(sent, frame=parse_frame("NAD83(2011)@2017.50"))
    assert mine.rows.tolist() == [0, 2] and str(mine.frame) == "NAD83(2011)@2017.50"
    assert theirs.rows.tolist() == [1, 3] and str(theirs.frame) == "WGS 84 (broadcast)"


def test_a_stated_frame_holds_for_every_row_of_a_file_that_software_wrote():
    (one,) = settled(captures(["FIXED", "SINGLE"], kind="point"), frame=parse_frame("NAD83(2011)@2017.50"))
    assert one.rows.tolist() == [0, 1]


def test_a_realization_without_an_epoch_is_no_statement_for_a_parcel():
    frame = captures(["FIXED"], kind="point", crs="EPSG:6318", datum="NAD83(2011) / California zone 3 (ftUS)")
    assert stated_in_file(frame) == Frame("NAD83(2011)")
    with pytest.raises(CRSError, match="without an epoch"):
        settled(frame, purpose="parcel")
    (one,) = settled(frame, purpose="asset")
    # 18.65 years at 13.7 mm a year, the farthest epoch in use from the City's.
    assert one.frame == CITY.frame and one.cost_ft == pytest.approx(18.65 * 13.70 / 304.8, abs=0.01)


def test_a_file_that_states_frame_and_epoch_needs_no_other_statement():
    (one,) = settled(captures(["FIXED"], kind="point", datum="NAD83(2011)@2010.00"), purpose="parcel")
    assert one.stated_by == "the file" and one.frame.epoch == 2010.0


def test_grid_coordinates_without_a_frame_are_refused_for_parcels_and_assets():
    frame = captures([None], kind="point", crs=None, lon=6337530.0, lat=2122700.0)
    for purpose in ("parcel", "asset"):
        with pytest.raises(CRSError, match="Three ways"):
            settled(frame, purpose=purpose)
    (one,) = settled(frame, purpose="sketch")
    assert one.source_crs == CITY.crs and one.frame == CITY.frame


def test_degrees_without_a_datum_are_not_taken_for_the_citys():
    frame = captures(["FIXED"], kind="point", crs=None)
    with pytest.raises(CRSError, match="Three ways"):
        settled(frame, purpose="asset")


def test_degrees_and_a_projected_source_crs_contradict_each_other():
    with pytest.raises(CRSError, match="one in degrees"):
        settled(captures(["FIXED"]), frame=parse_frame("NAD83(2011)@2010"), source_crs=CITY.crs)


@pytest.mark.parametrize("words", ["W84", "WGS84", "WGS-84", "wgs 84"])
def test_the_ways_receivers_write_wgs_84(words):
    assert stated_in_file(captures(["FIXED"], datum=words)) == Frame("WGS 84")


def test_two_statements_in_one_file_are_none():
    frame = captures(["FIXED", "FIXED"])
    frame["datum_stated"] = ["WGS84", "NAD83(2011)@2010.00"]
    assert stated_in_file(frame) is None


# -- what a receiver itself says -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("datum", ["999 moved by 0.08' N, 0.07' E, -47.7 m from W84", "TOKYO"])
def test_a_datum_that_the_file_names_and_nobody_knows_is_never_taken_for_wgs_84(datum):
    with pytest.raises(CRSError, match="no one frame"):
        settled(captures(["SINGLE"], crs=None, datum=datum), purpose="sketch")


def test_a_receiver_set_to_nad27_is_nad27_for_a_sketch_too():
    (one,) = settled(captures([None], crs=None, datum="NAD27 CONUS"), purpose="sketch")
    assert one.frame == Frame("NAD27") and one.stated_by == "the file"


def test_one_longitude_without_its_minus_does_not_hide_the_question_of_the_frame():
    sent = captures(["FIXED", "FIXED"], lon=np.array([LON, -LON]))
    with pytest.raises(CRSError, match="Three ways"):
        settled(sent, purpose="parcel")
    (taken,) = settled(captures(["FIXED", "FIXED"], lon=np.array([LON, -LON]), crs=None), purpose="sketch")
    assert 5 < taken.cost_ft < 6.5


def test_a_date_that_cannot_be_does_not_hide_the_question_of_the_frame():
    with pytest.raises(CRSError, match="Three ways"):
        settled(captures(["FIXED"], time=pd.Timestamp("2090-01-01", tz="UTC")), purpose="parcel")


def test_degrees_stated_to_be_in_nad27_are_degrees_on_its_ellipsoid():
    (one,) = settled(captures(["FIXED"], crs=None), purpose="asset", frame=parse_frame("NAD27"))
    assert one.source_crs.to_epsg() == 4267
