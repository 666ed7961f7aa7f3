"""
Points between frames: the published place, both ways, and everything that has to be refused. Numbers are those of the table
computed with PROJ's own pipelines and NGS HTDP for -121.276, 37.822 (ellipsoid height -20 m), not of this code.
"""

import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from citygis.errors import CRSError
from citygis.geodesy import Frame, LocalSystem, Velocity, find_grid, parse_frame, transform_points
from citygis.geodesy.points import CHUNK

LON, LAT, HEIGHT = -121.276, 37.822, -20.0
NULL = (6337530.5197, 2122699.9719)
HELMERT_2026 = (6337535.5939, 2122699.3017)
RIGHT = (6337536.0795, 2122698.7714)
TOLERANCE = 0.001
CITY = Frame("NAD83(2011)", 2010.0)
ZONE_3 = "EPSG:6420"
SOURCE = "NGS HTDP 3.6.0"
HERE = Velocity(north_mm_yr=10.03, east_mm_yr=-9.33, up_mm_yr=-1.35, lon=-121.28, lat=37.82, source=SOURCE)


def to_city(frame, easting=LON, northing=LAT, height=HEIGHT, **options):
    options = {"source_crs": "EPSG:4326", "target": CITY, "target_crs": ZONE_3, "velocity": HERE, "tolerance_ft": 0.1} | options
    return transform_points(easting, northing, height, source=parse_frame(frame), **options)


def place(points):
    return float(points.easting[0]), float(points.northing[0])


# --- where points belong -----------------------------------------------------------------------------------------------------


def test_itrf_of_2026_lands_on_the_computed_place():
    points, lineage = to_city("ITRF2014@2026.0")
    assert place(points) == pytest.approx(RIGHT, abs=TOLERANCE)
    assert lineage.moved_ft == pytest.approx(5.69, abs=0.005)
    assert lineage.accuracy_ft == pytest.approx(16 * 0.5e-3 * 3937 / 1200, abs=1e-6)
    assert (lineage.source_epoch, lineage.target_epoch) == ("2026.00", "2010.00")
    assert "10.03" in lineage.velocity and SOURCE in lineage.velocity
    assert lineage.tolerance_ft == 0.1


@pytest.mark.parametrize("frame", ["ITRF2020@2026.0", "IGS20@2026.0", "WGS 84 (G2139)@2026.0", "WGS 84 (G2296)@2026.0"])
def test_frames_that_agree_to_millimetres_land_together(frame):
    # ITRF2020 lies 1.5 mm from ITRF2014 here (table: 0.001 ft east, 0.004 ft north).
    assert place(to_city(frame)[0]) == pytest.approx(RIGHT, abs=0.006)


def test_without_the_motion_it_is_the_plain_helmert_of_the_date():
    # The target at the date of observation: no motion in between.
    points, lineage = to_city("ITRF2014@2026.0", target=Frame("NAD83(2011)", 2026.0), velocity=None)
    assert place(points) == pytest.approx(HELMERT_2026, abs=TOLERANCE)
    assert lineage.velocity is None


@pytest.mark.parametrize(
    ("epoch", "north_ft", "east_ft"),
    [
        (1991.35, -0.613, 0.571),
        (1998.50, -0.378, 0.352),
        (2002.00, -0.263, 0.245),
        (2007.00, -0.099, 0.092),
        (2017.50, 0.247, -0.230),
        (2025.00, 0.493, -0.459),
        (2026.50, 0.543, -0.505),
    ],
)
def test_epochs_of_one_realization_lie_apart_as_the_ground_has_moved(epoch, north_ft, east_ft):
    # Coordinates of `epoch` have moved by that much since 2010.00 and come back by it. On the grid, turned by the convergence.
    points, _ = to_city(f"NAD83(2011)@{epoch}")
    turn = np.radians(-(28 / 60 + 30.3 / 3600) / 1)
    back_east, back_north = -east_ft, -north_ft
    grid_east = back_east * np.cos(turn) - back_north * np.sin(turn)
    grid_north = back_north * np.cos(turn) + back_east * np.sin(turn)
    assert np.subtract(place(points), NULL) == pytest.approx([grid_east, grid_north], abs=0.0015)


def test_csrn2025_is_the_citys_realization_two_thirds_of_a_foot_away():
    points, _ = to_city("CSRN2025")
    assert np.hypot(*np.subtract(place(points), NULL)) == pytest.approx(0.67, abs=0.005)


def test_coordinates_of_the_citys_own_frame_are_only_projected():
    # RTK against a network that broadcasts NAD83(2011)@2010.00, in a file that says WGS 84: a second shift would cost 5 ft.
    points, lineage = to_city("NAD83(2011)@2010.00")
    assert place(points) == pytest.approx(NULL, abs=TOLERANCE)
    assert lineage.moved_ft == 0 and lineage.accuracy_ft == 0
    assert "helmert" not in lineage.pipeline


def test_each_point_has_its_own_date():
    dates = np.array([2010.0, 2020.5, 2026.0])
    points, lineage = to_city("ITRF2014", np.full(3, LON), np.full(3, LAT), np.full(3, HEIGHT), observed=dates)
    for i, date in enumerate(dates):
        alone, _ = to_city(f"ITRF2014@{date}")
        assert (points.easting[i], points.northing[i]) == pytest.approx(place(alone), abs=1e-6)
        assert points.ellipsoid_height_m[i] == pytest.approx(alone.ellipsoid_height_m[0], abs=1e-7)
    assert lineage.source_epoch == "2010.00 to 2026.00"


@settings(max_examples=40, deadline=None)
@given(
    st.floats(-121.6, -121.0),
    st.floats(37.6, 38.1),
    st.floats(-100, 2000),
    st.sampled_from(["ITRF2008", "ITRF2014", "ITRF2020", "WGS 84 (G1762)", "NAD83(2011)", "NAD83(HARN)"]),
    st.floats(1990, 2026),
)
def test_there_and_back_is_nowhere(lon, lat, height, name, epoch):
    other, options = Frame(name, epoch), {"velocity": HERE, "tolerance_ft": 5.0}
    there, _ = transform_points(
        lon, lat, height, source=CITY, source_crs="EPSG:6318", target=other, target_crs="EPSG:4326", **options
    )
    back, _ = transform_points(*there, source=other, source_crs="EPSG:4326", target=CITY, target_crs="EPSG:6318", **options)
    metres = np.hypot((back.easting[0] - lon) * 88_000, (back.northing[0] - lat) * 111_000)
    assert metres < 1e-4 and abs(back.ellipsoid_height_m[0] - height) < 1e-4


def test_captures_of_several_dates_can_be_made_from_the_citys_coordinates():
    dates = np.array([2026.40, 2026.41])
    there, _ = transform_points(
        *np.tile(np.array(NULL), (2, 1)).T,
        source=CITY,
        source_crs=ZONE_3,
        target=Frame("ITRF2014"),
        target_crs="EPSG:4326",
        observed=dates,
        velocity=HERE,
        tolerance_ft=0.1,
    )
    back, _ = to_city("ITRF2014", there.easting, there.northing, None, observed=dates)
    assert np.column_stack(back[:2]) == pytest.approx(np.tile(NULL, (2, 1)), abs=3e-4)


def test_many_points_on_threads_land_where_one_does():
    n = 2 * CHUNK + 17
    lon, dates = np.linspace(-121.4, -121.2, n), np.linspace(2015, 2026, n)
    points, _ = to_city("ITRF2014", lon, np.full(n, LAT), np.full(n, HEIGHT), observed=dates)
    for i in (0, CHUNK - 1, CHUNK, n - 1):
        alone, _ = to_city("ITRF2014", lon[i], LAT, HEIGHT, observed=dates[i])
        assert (points.easting[i], points.northing[i]) == pytest.approx(place(alone), abs=1e-6)


def test_the_arrays_given_are_not_changed():
    given_ = [np.array([LON, np.nan]), np.array([LAT, LAT]), np.array([HEIGHT, np.nan])]
    dates = np.array([2026.0, np.nan])
    before = [each.copy() for each in (*given_, dates)]
    to_city("ITRF2014", *given_, observed=dates)
    for each, was in zip((*given_, dates), before, strict=True):
        assert np.array_equal(each, was, equal_nan=True)


# --- heights and missing positions -------------------------------------------------------------------------------------------


def test_a_height_that_was_not_given_does_not_come_back():
    points, _ = to_city("ITRF2014@2026.0", [LON, LON], [LAT, LAT], [HEIGHT, np.nan])
    assert np.isfinite(points.ellipsoid_height_m[0]) and np.isnan(points.ellipsoid_height_m[1])
    assert points.easting[0] == pytest.approx(points.easting[1], abs=1e-4)
    without, _ = to_city("ITRF2014@2026.0", LON, LAT, None)
    assert np.isnan(without.ellipsoid_height_m).all()


def test_an_ellipsoid_height_stays_one_and_changes_with_the_frame():
    # The Helmert of 2026.0 lifts it by 0.53 m here; it is never made into an elevation.
    points, _ = to_city("ITRF2014@2026.0")
    assert points.ellipsoid_height_m[0] == pytest.approx(HEIGHT + 0.53, abs=0.03)


def test_no_position_stays_none_and_needs_no_date():
    points, _ = to_city("ITRF2014", [LON, np.nan, LON], [LAT, LAT, np.nan], [1.0, 2.0, 3.0], observed=[2026.0, np.nan, np.nan])
    assert np.isfinite(points.easting[0]) and np.isnan(points.easting[1:]).all() and np.isnan(points.northing[1:]).all()
    nothing, _ = to_city("ITRF2014", [np.nan], [np.nan], None)
    assert np.isnan(nothing.easting).all()
    empty, lineage = to_city("ITRF2014", [], [], None)
    assert len(empty.easting) == 0 and lineage.moved_ft == 0


def test_one_point_out_of_the_world_is_infinite_and_all_of_them_are_refused():
    points, _ = to_city("ITRF2014@2026.0", [LON, LON], [LAT, 95.0], None)
    assert np.isfinite(points.easting[0]) and np.isinf(points.easting[1])
    with pytest.raises(CRSError, match="Axes may be swapped"):
        to_city("ITRF2014@2026.0", [LAT], [LON], None)


def test_arrays_of_different_lengths_are_a_wrong_argument():
    with pytest.raises(ValueError, match="one length"):
        to_city("ITRF2014@2026.0", [LON, LON], [LAT], None)
    with pytest.raises(ValueError, match="one for each point"):
        to_city("ITRF2014", [LON] * 3, [LAT] * 3, None, observed=[2026.0, 2026.0])
    with pytest.raises(ValueError, match="tolerance_ft"):
        to_city("ITRF2014@2026.0", tolerance_ft=0)


# --- dates -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("observed", [None, np.nan, [np.nan]])
@pytest.mark.parametrize("frame", ["ITRF2014", "WGS 84 (G2139)", "WGS 84"])
def test_a_moving_frame_without_a_date_is_refused_with_its_cost(frame, observed):
    # PROJ takes 2010.0 instead: 1.22 ft off for 2026.0, and a little more each year.
    with pytest.raises(CRSError, match=r"1 points in .* have no date.*here 1\.[2-9] ft off.*decimal year"):
        to_city(frame, observed=observed, tolerance_ft=10)


def test_points_without_a_date_among_others_are_counted():
    with pytest.raises(CRSError, match="2 points in ITRF2014 have no date"):
        to_city("ITRF2014", [LON] * 3, [LAT] * 3, None, observed=[2026.0, np.nan, np.nan])


@pytest.mark.parametrize("date", [1979.9, 2099.0])
def test_a_date_that_cannot_be_is_refused(date):
    with pytest.raises(CRSError, match="cannot be"):
        to_city("ITRF2014", [LON] * 2, [LAT] * 2, None, observed=[2020.0, date])
    options = {"source_crs": "EPSG:4326", "target": CITY, "target_crs": ZONE_3, "velocity": HERE, "tolerance_ft": 0.1}
    for frame in (Frame("NAD83(2011)", date), Frame("ITRF2014", date), Frame("ITRF2014", np.nan)):
        with pytest.raises(CRSError, match="cannot be"):
            transform_points(LON, LAT, source=frame, **options)
    with pytest.raises(CRSError, match="cannot be"):
        to_city("ITRF2014", observed=np.inf)


def test_an_epoch_that_nobody_states_is_refused_for_parcels_and_costed_for_assets():
    with pytest.raises(CRSError, match=r"0\.67 ft.*up to 0\.8\d ft.*1991\.35"):
        to_city("NAD83(2011)")
    points, lineage = to_city("NAD83(2011)", tolerance_ft=1.0)
    assert place(points) == pytest.approx(NULL, abs=TOLERANCE)
    assert 0.83 < lineage.accuracy_ft <= 1.0
    # The date of observation is not the epoch of a frame that moves with the plate.
    with pytest.raises(CRSError, match="without its epoch"):
        to_city("NAD83(2011)", observed=2026.0)


def test_nad83_without_a_realization_is_used_only_where_a_foot_is_enough():
    with pytest.raises(CRSError, match="which realization"):
        to_city("NAD83@2010.0", tolerance_ft=0.9)
    assert to_city("NAD83@2010.0", tolerance_ft=1.0)[1].accuracy_ft > 0.3


# --- motion ------------------------------------------------------------------------------------------------------------------


def test_epochs_apart_without_a_velocity_are_refused_where_it_matters():
    for frame in ("ITRF2014@2026.0", "NAD83(2011)@2025.0"):
        for tolerance_ft in (0.1, 1.0):
            with pytest.raises(CRSError, match=r"states no velocity.*NGS HTDP"):
                to_city(frame, velocity=None, tolerance_ft=tolerance_ft)
    points, lineage = to_city("ITRF2014@2026.0", velocity=None, tolerance_ft=10)
    assert place(points) == pytest.approx(HELMERT_2026, abs=TOLERANCE)
    assert lineage.accuracy_ft == pytest.approx(16 * 0.05 * 3937 / 1200, abs=1e-6)


def test_leaving_the_motion_out_would_cost_what_the_study_says():
    assert np.hypot(*np.subtract(RIGHT, HELMERT_2026)) == pytest.approx(0.72, abs=0.005)
    with_motion, _ = to_city("ITRF2014@2026.0")
    assert np.hypot(*np.subtract(place(with_motion), HELMERT_2026)) == pytest.approx(0.72, abs=0.005)


def test_a_velocity_of_another_place_is_not_good_enough_for_parcels():
    far = (-122.0, 37.0)  # 110 km away, where the ground moves 30 mm a year otherwise
    with pytest.raises(CRSError, match="what the velocity may be off by"):
        to_city("ITRF2014@2026.0", *far, tolerance_ft=1.0)
    near, _ = to_city("ITRF2014@2026.0", -121.4, 37.85)
    assert np.isfinite(near.easting).all()


# --- accuracy ----------------------------------------------------------------------------------------------------------------


def test_wgs_84_alone_is_good_to_two_metres_and_says_so():
    for tolerance_ft in (0.1, 1.0):
        with pytest.raises(CRSError, match=r"6\.56 ft.*WGS 84 \(broadcast\)"):
            to_city("EPSG:4326", observed=2026.0, tolerance_ft=tolerance_ft)
    points, lineage = to_city("WGS 84", observed=2026.0, tolerance_ft=10)
    assert place(points) == pytest.approx(RIGHT, abs=0.006)
    assert lineage.accuracy_ft == pytest.approx(6.56, abs=0.01)


def test_what_a_receiver_gives_by_itself_is_the_realization_of_the_day():
    points, lineage = to_city("WGS 84 (broadcast)", observed=2026.0)
    assert place(points) == pytest.approx(RIGHT, abs=0.006)
    assert 0.06 < lineage.accuracy_ft <= 0.1
    with pytest.raises(CRSError, match=r"known since 2012\.1 only"):
        to_city("WGS 84 (broadcast)", observed=2005.0)


def test_realizations_of_nad83_good_to_decimetres_are_refused_for_parcels():
    for frame in ("NAD83(NSRS2007)@2010.0", "NAD83(CORS96)@2010.0", "NAD83(HARN)@2010.0"):
        with pytest.raises(CRSError, match=r"is good to 0\.\d\d ft"):
            to_city(frame)
        assert to_city(frame, tolerance_ft=1.0)[1].accuracy_ft < 0.3


# --- forms -------------------------------------------------------------------------------------------------------------------


def test_the_form_may_be_projected_and_in_metres():
    metres = Transformer.from_crs("EPSG:6318", "EPSG:6419", always_xy=True).transform(LON, LAT)
    points, _ = to_city("ITRF2014@2026.0", *metres, source_crs="EPSG:6419")
    assert place(points) == pytest.approx(RIGHT, abs=TOLERANCE)


def test_the_two_feet_are_kept_apart_to_the_last_digit():
    oregon_like = (
        "+proj=lcc +lat_1=38.4 +lat_2=37.1 +lat_0=36.5 +lon_0=-120.4 +x_0=2000000 +y_0=500000 +ellps=GRS80 +units={} +no_defs"
    )
    at = {}
    for unit in ("us-ft", "ft"):
        at[unit] = to_city("NAD83(2011)@2010.0", LON, LAT, None, target_crs=oregon_like.format(unit))[0]
    for axis in ("easting", "northing"):
        survey, international = getattr(at["us-ft"], axis)[0], getattr(at["ft"], axis)[0]
        assert international / survey == pytest.approx(1.000002000004, abs=1e-12)


def test_a_mix_up_of_feet_at_lathrop_is_refused_and_costs_what_it_costs():
    assert np.multiply(NULL, 0.000002000004) == pytest.approx([12.675, 4.245], abs=0.001)
    wrong = (
        "+proj=lcc +lat_1=38.4333333333333 +lat_2=37.0666666666667 +lat_0=36.5 +lon_0=-120.5 +x_0=2000000.0001016"
        " +y_0=500000.0001016 +ellps=GRS80 +units=ft +no_defs"
    )
    with pytest.raises(CRSError, match=r"12\.7 ft east and 4\.2 ft north"):
        to_city("NAD83(2011)@2010.0", *NULL, None, source_crs=wrong)


def test_a_form_that_contradicts_the_frame_is_refused():
    with pytest.raises(CRSError, match="300 ft"):
        to_city("NAD83(2011)@2010.0", 1937530, 622700, None, source_crs="EPSG:26743")
    with pytest.raises(CRSError, match="300 ft"):
        to_city("NAD27", *NULL, None, source_crs="EPSG:2227")


def test_longitudes_from_another_meridian_are_refused():
    with pytest.raises(CRSError, match="counts longitude from Paris"):
        to_city("NAD83(2011)@2010.0", source_crs="+proj=longlat +ellps=GRS80 +pm=paris +no_defs")


def test_no_form_at_all_is_refused():
    with pytest.raises(CRSError, match="never guesses"):
        to_city("ITRF2014@2026.0", source_crs=None)


# --- grids -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "crs", "words"),
    [
        ("NAD27", "EPSG:4267", r"us_noaa_nadcon5_nad27_nad83_1986_conus\.tif.*15\.6 ft off.*306 ft off"),
        ("NAD83(1986)", "EPSG:4269", r"us_noaa_cnhpgn\.tif"),
    ],
)
def test_a_frame_that_needs_a_grid_is_refused_without_it(tmp_path, frame, crs, words):
    if find_grid("us_noaa_nadcon5_nad27_nad83_1986_conus.tif") or find_grid("us_noaa_cnhpgn.tif"):
        pytest.skip("this machine has the grids")
    with pytest.raises(CRSError, match=words):
        to_city(frame, source_crs=crs, tolerance_ft=100, grids=tmp_path)


def test_a_damaged_grid_is_one_refusal(tmp_path):
    for name in ("us_noaa_nadcon5_nad27_nad83_1986_conus.tif", "us_noaa_cnhpgn.tif"):
        (tmp_path / name).write_bytes(b"II*\0 not a grid")
    with pytest.raises(CRSError, match="may be damaged"):
        to_city("NAD27", source_crs="EPSG:4267", tolerance_ft=100, grids=tmp_path)


# --- local systems -----------------------------------------------------------------------------------------------------------

YARD = LocalSystem(
    scale=0.999934,
    rotation_deg=90.0,
    ground_easting_ft=5000.0,
    ground_northing_ft=5000.0,
    grid_easting_ft=6337000.0,
    grid_northing_ft=2122000.0,
    accuracy_ft=0.05,
    source="calibration of the corporation yard",
)


def test_a_local_system_goes_through_its_definition():
    # 1,000 ft north of the origin on the ground is 999.934 ft east of it on the grid: turned by 90 degrees clockwise.
    points, lineage = to_city("local:yard", 5000.0, 6000.0, None, source_crs=None, local={"yard": YARD})
    assert place(points) == pytest.approx((6337000 + 999.934, 2122000.0), abs=1e-6)
    assert lineage.accuracy_ft == 0.05 and "corporation yard" in lineage.operation


def test_a_local_system_without_a_definition_is_refused():
    with pytest.raises(CRSError, match=r"'depot' is not defined. There are: yard.*\[local.depot\]"):
        to_city("local:depot", 5000.0, 6000.0, None, local={"yard": YARD})
    with pytest.raises(CRSError, match="calibration of the corporation yard"):
        to_city("local:yard", 5000.0, 6000.0, None, local={"yard": YARD}, tolerance_ft=0.01)
    with pytest.raises(CRSError, match="City's own grid"):
        to_city("local:yard", 5000.0, 6000.0, None, local={"yard": YARD}, target_crs="EPSG:6318")


# --- the machine -------------------------------------------------------------------------------------------------------------


def test_neither_the_network_nor_a_crs_pair_decides():
    was = pyproj.network.is_network_enabled()
    _, lineage = to_city("ITRF2014@2026.0")
    assert pyproj.network.is_network_enabled() is was
    assert lineage.pipeline.startswith("proj=pipeline") and "helmert" in lineage.pipeline
    assert lineage.proj_version == pyproj.proj_version_str and lineage.epsg_version
