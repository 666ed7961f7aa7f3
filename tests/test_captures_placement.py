import numpy as np
import pandas as pd
import pytest

from citygis.captures.placement import misplaced, place_captures
from citygis.captures.settlement import Settled
from citygis.city import default_city
from citygis.geodesy import Frame
from citygis.readers.captures import captures_frame

CITY = default_city()
LON, LAT = -121.276, 37.822


def reason(easting, northing, crs):
    from pyproj import CRS

    return misplaced(np.array([easting]), np.array([northing]), CRS.from_user_input(crs), CITY)["reject_reason"].iat[0]


@pytest.mark.parametrize(
    ("easting", "northing", "crs", "expected"),
    [
        (121.276, 37.822, "EPSG:4326", "longitude_without_west"),
        (37.822, -121.276, "EPSG:4326", "swapped"),
        (37.822, 121.276, "EPSG:4326", "swapped_without_west"),
        (-74.0, 40.7, "EPSG:4326", "outside_zone"),
        (0.0, 0.0, "EPSG:4326", "outside_zone"),
        (2122700.0, 6337530.0, "EPSG:6420", "swapped"),
        (1931682.9, 647000.2, "EPSG:6420", "metres"),
    ],
)
def test_what_seems_to_have_happened_to_a_position_outside_the_zone(easting, northing, crs, expected):
    assert reason(easting, northing, crs) == expected


@pytest.mark.parametrize(("easting", "northing", "crs"), [(LON, LAT, "EPSG:4326"), (6337530.0, 2122700.0, "EPSG:6420")])
def test_a_position_in_the_zone_is_not_touched(easting, northing, crs):
    assert pd.isna(reason(easting, northing, crs))


def placed(times, *, frame=Frame("ITRF2014"), lon=(LON,), lat=(LAT,), height=(-20.0,)):
    columns = {"capture": "point", "time": pd.Series(pd.to_datetime(times, utc=True)), "ellipsoid_height_m": height}
    sent = captures_frame(columns, np.array(lon), np.array(lat), crs="EPSG:4326")
    settled = [Settled(np.arange(len(sent)), frame, sent.crs, "stated", "--frame")]
    return place_captures(sent, settled, city=CITY, tolerance_ft=0.1)


def test_an_observation_of_2026_lands_where_the_published_chain_says():
    # ITRF2014 at 2026.0 by the time-dependent Helmert of NGS, and 16 years of ground motion back to 2010.00.
    frame = placed(["2026-01-01T00:00:00Z"]).frame
    assert frame.geometry.x.iat[0] == pytest.approx(6337536.0795, abs=0.001)
    assert frame.geometry.y.iat[0] == pytest.approx(2122698.7714, abs=0.001)
    assert frame["epoch_observed"].iat[0] == pytest.approx(2026.0, abs=0.001)


def test_rows_in_are_rows_placed_and_rows_told():
    made = placed(
        ["2026-01-01T00:00:00Z", None, "2026-01-01T00:00:02Z"],
        lon=(LON, LON, -LON),
        lat=(LAT, LAT, LAT),
        height=(-20.0, -20.0, -20.0),
    )
    assert made.frame.index.tolist() == [0]
    assert made.rejected["reject_reason"].to_dict() == {1: "no_date", 2: "longitude_without_west"}


def test_a_date_is_not_asked_for_where_the_frame_has_an_epoch():
    assert len(placed([None], frame=Frame("NAD83(2011)", 2017.5)).frame) == 1


def test_a_missing_height_stays_missing():
    assert np.isnan(placed(["2026-01-01T00:00:00Z"], height=(np.nan,)).frame["ellipsoid_height_m"].iat[0])


def test_the_lineage_says_who_stated_the_frame():
    (lineage,) = placed(["2026-01-01T00:00:00Z"]).lineages
    assert (lineage.statement, lineage.stated_by, lineage.source_epoch) == ("stated", "--frame", "2026.00")
    assert lineage.moved_ft == pytest.approx(5.69, abs=0.01)


def test_nothing_to_place_is_an_empty_frame_in_the_citys_system():
    made = placed([None])
    assert made.frame.empty and made.frame.crs == CITY.crs and len(made.rejected) == 1


def test_ground_coordinates_of_a_defined_system_are_scaled_turned_and_moved():
    from citygis.geodesy import LocalSystem

    yard = LocalSystem(
        scale=0.99993, rotation_deg=0.0, ground_easting_ft=5000.0, ground_northing_ft=5000.0, grid_easting_ft=6338000.0,
        grid_northing_ft=2123000.0, accuracy_ft=0.05, source="calibration of 2026-10-01 (fictional)",
    )  # fmt: skip
    city = CITY.model_copy(update={"local": {"yard": yard}})
    sent = captures_frame({"capture": "point"}, np.array([6000.0]), np.array([5000.0]), crs=None)
    settled = [Settled(np.array([0]), Frame("local:yard"), city.crs, "stated", "--frame")]
    frame = place_captures(sent, settled, city=city, tolerance_ft=0.1).frame
    # 1,000 ft on the ground are 999.93 ft on the grid.
    assert (frame.geometry.x.iat[0], frame.geometry.y.iat[0]) == pytest.approx((6338999.93, 2123000.0), abs=1e-6)


@pytest.mark.parametrize("time", ["1899-12-30T00:00:00Z", "2199-01-01T00:00:00Z"])
def test_a_date_that_cannot_be_costs_its_row_and_not_the_file(time):
    made = placed([time, "2026-01-01T00:00:00Z"], lon=(LON, LON), lat=(LAT, LAT), height=(-20.0, -20.0))
    assert made.frame.index.tolist() == [1] and made.rejected["reject_reason"].to_dict() == {0: "impossible_date"}
