"""Point files and receiver tables that others wrote, against what is published of them."""

import numpy as np
import pytest

from citygis.errors import ReadError
from citygis.readers.points import looks_like_points, read_points
from citygis.readers.receivers import profile_of, read_receiver_csv

# The box of a place whose eastings are near 1.456 M and northings near 538 k, as the surveyor's file has them.
PLACE = (1_450_000, 530_000, 1_460_000, 545_000)


@pytest.fixture
def points(real_data):
    return real_data / "gps" / "points"


def test_a_surveyors_file_has_its_1311_points_and_codes(points):
    captures = read_points(points / "bezitopo_topo0.asc", box=PLACE)
    assert captures.records == {"point": 1311} and len(captures.frame) == 1311 and captures.rejected.empty
    counts = captures.frame["code"].value_counts()
    assert counts[["SW", "GS", "EC", "TOPWALL"]].tolist() == [252, 155, 94, 83]
    assert any("Order PNEZD by magnitude: 1,311 of 1,311 rows" in note for note in captures.notes)
    first = captures.frame.iloc[0]
    assert (first.geometry.x, first.geometry.y, first["elevation"]) == (1455644.371, 538542.57, 681.31)


def test_a_file_around_the_origin_is_asked_about(points):
    with pytest.raises(ReadError, match="--order"):
        read_points(points / "bezitopo_samepnts.asc")
    assert len(read_points(points / "bezitopo_samepnts.asc", order="PNEZD").frame) == 8


def test_field_codes_come_out_as_keyed_in(points):
    frame = read_points(points / "field_to_finish_pnezd.csv", order="PNEZD").frame
    assert frame["code"].tolist()[-3:] == ["FH", "EP2", "TREE 12 OAK"] and frame["code"].iloc[6] == "FL1 B EP2 B"
    assert (frame.geometry.x.iloc[3], frame.geometry.y.iloc[3]) == (529.2893, 1170.7107)


@pytest.mark.parametrize("name", ["Leica1200.rw5", "Leica1200.rw5.csv", "051012-1.RAW", "nikon_dtm.tops", "sokkia_sdr33.tops"])
def test_raw_files_of_instruments_are_refused(real_data, name):
    path = real_data / "gps" / "rw5" / name
    assert not looks_like_points(path)
    with pytest.raises(ReadError, match="export the points as text"):
        read_points(path, order="PNEZD")


def test_no_table_of_the_collection_is_taken_for_points_or_a_receivers(real_data):
    tables = [path for suffix in ("csv", "txt") for path in real_data.rglob(f"*.{suffix}")]
    assert len(tables) > 10
    assert {path.name for path in tables if looks_like_points(path)} == {"field_to_finish_pnezd.csv"}
    assert {path.name for path in tables if profile_of(path)} == {"emlid_flow360_peoria_excerpt.csv"}


def test_emlid_rows_reproject_to_their_own_stated_coordinates(points):
    captures = read_receiver_csv(points / "emlid_flow360_peoria_excerpt.csv")
    frame = captures.frame
    assert frame["stated_offset_ft"].max() < 0.005 and frame.crs.to_epsg() == 6318
    assert frame["fix_type"].tolist() == ["SINGLE", "FIXED", "FIXED"] and captures.records == {"row": 3, "header": 1}
    assert frame["elevation"].tolist() == [571.803, 570.143, 570.712] and frame["elevation_unit"].eq("ft_us").all()
    assert frame["vertical_datum"].eq("NAVD88(GEOID18)").all() and frame["height_at"].eq("mark").all()
    assert frame["time"].iloc[1].isoformat() == "2026-05-20T15:27:09.400000+00:00"


def test_emlid_heights_and_accuracies_are_in_the_feet_of_the_system(points):
    frame = read_receiver_csv(points / "emlid_flow360_peoria_excerpt.csv").frame
    # The geoid lies about 33 m below the ellipsoid at Peoria; elevation less ellipsoid height is that only when both are feet.
    separation_m = frame["elevation"] * 1200 / 3937 - frame["ellipsoid_height_m"]
    assert separation_m.between(32.5, 33.5).all()
    # The maker's own Lateral RMS, in feet, is the radial one.
    lateral_m = frame["Lateral RMS"].astype(float) * 1200 / 3937
    assert np.abs(frame["h_rms_m"] - lateral_m).max() < 0.0005
