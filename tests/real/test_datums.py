"""
Published answers about datums: NGS HTDP outputs, the EPSG parameters of CSRN2025, NAD27 with the NOAA grids, and the table of what
PROJ does by itself at -121.276, 37.822 (every row, and that the wrong ones are refused or named).
"""

import json
import re
import shutil
import subprocess
import sys

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Geod, Transformer

from citygis.city import default_city
from citygis.errors import CRSError
from citygis.geodesy import Frame, Velocity, parse_frame, transform_frame, transform_points
from citygis.geodesy.realizations import realization
from citygis.geodesy.velocity import geocentric

LON, LAT, HEIGHT = -121.276, 37.822, -20.0
CITY = Frame("NAD83(2011)", 2010.0)
ELLIPSOID = Geod(ellps="GRS80")
TABLE = {
    # What PROJ is asked -> where it lands (ftUS) and how far that is from the right place.
    "4326 -> 2227": ((6337530.520, 2122699.972), 5.69),
    "4326 -> 6420": ((6337530.520, 2122699.972), 5.69),
    "4326 -> 2227 with grids": ((6337530.410, 2122699.360), 5.70),
    "ITRF2014 -> 2227": ((6337530.520, 2122699.972), 5.69),
    "ITRF2014 -> 6420, no epoch": ((6337534.864, 2122698.641), 1.22),
    "ITRF2014 -> 6420, 2026.0": ((6337535.594, 2122699.302), 0.72),
    "ITRF2020 -> 6420, 2026.0": ((6337535.593, 2122699.306), 0.72),
}
RIGHT = (6337536.079, 2122698.771)


@pytest.fixture(scope="module")
def answers(real_data):
    return {each["id"]: each for each in json.loads((real_data / "known_answers.json").read_text())["datum"]}


def to_city(frame, *, crs="EPSG:7912", tolerance_ft=0.1, height=HEIGHT, **options):
    options = {"target": CITY, "target_crs": "EPSG:6420", "velocity": default_city().velocity} | options
    return transform_points(LON, LAT, height, source=parse_frame(frame), source_crs=crs, tolerance_ft=tolerance_ft, **options)


def landed(points):
    return float(points.easting[0]), float(points.northing[0])


# --- known answers -----------------------------------------------------------------------------------------------------------


def test_lathrop_in_itrf2014_lands_on_each_computed_place(answers):
    known = answers["LATHROP-ITRF2014"]
    out, tolerance_ft = known["out"], known["tol_ft"]
    same, _ = to_city("NAD83(2011)@2010.0")
    assert landed(same) == pytest.approx(out["null_ftUS"], abs=tolerance_ft)
    for date in (2010.0, 2026.0):
        helmert, _ = to_city(f"ITRF2014@{date}", target=Frame("NAD83(2011)", date))
        assert landed(helmert) == pytest.approx(out[f"helmert_{date:.0f}"], abs=tolerance_ft)
    right, lineage = to_city("ITRF2014@2026.0")
    assert landed(right) == pytest.approx(out["helmert_2026_plus_HTDP_to_2010"], abs=tolerance_ft)
    assert lineage.accuracy_ft < 0.1


def test_csrn2025_has_the_published_parameters(answers):
    published = answers["EPSG-10953"]["out_mm_mas_ppb"]
    at = realization("ITRF2020").helmert.at(2025.0)
    assert at.translation_mm == pytest.approx([published[k] for k in ("tx", "ty", "tz")], abs=5e-12 * 1e3)
    assert at.rotation_mas == pytest.approx([published[k] for k in ("rx", "ry", "rz")], abs=1e-9)
    assert at.scale_ppb == pytest.approx(published["s"], abs=1e-9)


@pytest.mark.parametrize(
    ("key", "north", "east", "up"), [("HTDP-Ex6-CA", 36.08, -24.88, -1.34), ("HTDP-Ex6-KS", 0.78, 2.21, -1.10)]
)
def test_htdp_moves_a_point_from_nad83_to_itrf2020_as_we_do(answers, key, north, east, up):
    known = answers[key]
    given, out = known["in"], known["out"]
    velocity = Velocity(
        north_mm_yr=north, east_mm_yr=east, up_mm_yr=up, source="NGS HTDP 3.6.0", lon=given["lon"], lat=given["lat"]
    )
    points, _ = transform_points(
        given["lon"],
        given["lat"],
        given["h"],
        source=Frame(given["frame"], given["epoch"]),
        source_crs="EPSG:6318",
        target=Frame(out["frame"], out["epoch"]),
        target_crs="EPSG:9990",
        velocity=velocity,
        tolerance_ft=0.1,
    )
    _, _, apart_m = ELLIPSOID.inv(points.easting[0], points.northing[0], out["lon"], out["lat"])
    assert apart_m < known["tol_m"]
    assert points.ellipsoid_height_m[0] == pytest.approx(out["h"], abs=known["tol_m"])


def velocity_in(frame, lon, lat, mm_yr):
    """A velocity relative to NAD83(2011) as one relative to a moving frame: where a point is ten years later, less where it was."""
    north, east, up = mm_yr
    velocity = Velocity(north_mm_yr=north, east_mm_yr=east, up_mm_yr=up, source="-", lon=lon, lat=lat)
    ends = []
    for date in (2005.0, 2015.0):
        points, _ = transform_points(
            lon,
            lat,
            0.0,
            source=Frame("NAD83(2011)", 2010.0),
            source_crs="EPSG:6318",
            target=Frame(frame, date),
            target_crs="EPSG:4326",
            velocity=velocity,
            tolerance_ft=1,
        )
        ends.append((points.easting[0], points.northing[0], points.ellipsoid_height_m[0]))
    azimuth, _, metres = ELLIPSOID.inv(*ends[0][:2], *ends[1][:2])
    run, turn = metres * 100, np.radians(azimuth)
    return run * np.cos(turn), run * np.sin(turn), (ends[1][2] - ends[0][2]) * 100


def test_velocities_go_over_to_itrf2008_as_htdp_has_them(answers, real_data):
    known = answers["HTDP-Ex7-CA"]
    there = velocity_in("ITRF2008", known["in"]["lon"], known["in"]["lat"], known["out"]["nad83_2011_mm_yr"])
    assert there == pytest.approx(known["out"]["itrf2008_mm_yr"], abs=known["tol"] + 0.005)
    # The file itself, both of its places.
    text = (real_data / "geodesy" / "Ex7_vel_trans.out").read_text()
    places = re.findall(r"latitude =\s+([\d.]+)\s+longitude =\s+([\d.]+)", text)
    rows = re.findall(r"(?:northward|eastward|upward) velocity\s+(-?[\d.]+)\s+(-?[\d.]+) mm/yr", text)
    assert len(places) == 2 and len(rows) == 6
    for i, (lat, lon) in enumerate(places):
        before, after = np.array(rows[3 * i : 3 * i + 3], dtype=float).T
        assert velocity_in("ITRF2008", -float(lon), float(lat), before) == pytest.approx(after, abs=0.015)


# --- HTDP outputs ------------------------------------------------------------------------------------------------------------


def ex6(real_data):
    """Places of output Ex6 by name: lon, lat, height in ITRF2020 at 2020.0; they were round numbers in NAD83(2011) at 2010.0."""
    text = (real_data / "geodesy" / "Ex6_NAmerica.out").read_text()
    rows = re.findall(r"^\s+(\d+\.\d{10})\s+(\d+\.\d{10})\s+(-?[\d.]+)\s+(\S.*?)\s*$", text, flags=re.MULTILINE)
    return {name: (-float(lon), float(lat), float(height)) for lat, lon, height, name in rows}


def test_every_place_of_ex6_moved_as_a_north_american_place_does(real_data):
    places = ex6(real_data)
    assert len(places) == 7
    implied = {}
    for name, (lon, lat, height) in places.items():
        start = round(lon, 3), round(lat, 3), round(height, -1)
        assert max(abs(lon - start[0]), abs(lat - start[1])) < 4e-5
        # HTDP's place of 2020.0 in NAD83(2011) of the same date, without any velocity: what is left in ten years is the motion.
        back, _ = transform_points(
            lon,
            lat,
            height,
            source=Frame("ITRF2020", 2020.0),
            source_crs="EPSG:9990",
            target=Frame("NAD83(2011)", 2020.0),
            target_crs="EPSG:6318",
            tolerance_ft=0.1,
        )
        azimuth, _, metres = ELLIPSOID.inv(*start[:2], back.easting[0], back.northing[0])
        turn = np.radians(azimuth)
        motion = metres * 100 * np.cos(turn), metres * 100 * np.sin(turn)
        rise = (back.ellipsoid_height_m[0] - start[2]) * 100
        implied[name] = (*motion, rise)
    # Stated by HTDP itself: Ex5 and Ex2 style outputs, Ex7.
    assert implied["Kansas"] == pytest.approx((0.78, 2.21, -1.10), abs=0.1)
    assert implied["California"] == pytest.approx((36.08, -24.88, -1.34), abs=0.1)
    # The plate is stable in the east; Washington, Alaska and the Caribbean creep.
    for name in ("Maine", "Florida", "Kansas"):
        assert np.hypot(*implied[name][:2]) < 5, name
    for name in ("Washington", "Alaska", "Puerto Rico"):
        assert np.hypot(*implied[name][:2]) < 40, name
    # With the velocity that each implies, our way there is HTDP's to 0.1 mm.
    for name, (lon, lat, height) in places.items():
        north, east, up = implied[name]
        start = round(lon, 3), round(lat, 3), round(height, -1)
        velocity = Velocity(north_mm_yr=north, east_mm_yr=east, up_mm_yr=up, source="implied", lon=start[0], lat=start[1])
        there, _ = transform_points(
            *start,
            source=CITY,
            source_crs="EPSG:6318",
            target=Frame("ITRF2020", 2020.0),
            target_crs="EPSG:9990",
            velocity=velocity,
            tolerance_ft=0.1,
        )
        assert ELLIPSOID.inv(there.easting[0], there.northing[0], lon, lat)[2] < 1e-4, name
        assert there.ellipsoid_height_m[0] == pytest.approx(height, abs=1e-4), name


def test_ex5_kansas_with_its_geocentric_coordinates(real_data):
    text = (real_data / "geodesy" / "Ex5_trans.out").read_text()
    north, east, up = (float(re.search(rf"(-?[\d.]+) mm/yr\s+{way}", text)[1]) for way in ("north", "east", "up"))
    xyz = [float(re.search(rf"^\s+{axis}\s+-?[\d.]+\s+(-?[\d.]+) m", text, re.MULTILINE)[1]) for axis in "XYZ"]
    velocity = Velocity(north_mm_yr=north, east_mm_yr=east, up_mm_yr=up, source="NGS HTDP 3.6.0", lon=-98.0, lat=39.0)
    points, _ = transform_points(
        -98.0,
        39.0,
        370.0,
        source=CITY,
        source_crs="EPSG:6318",
        target=Frame("ITRF2020", 2020.0),
        target_crs="EPSG:9990",
        velocity=velocity,
        tolerance_ft=0.1,
    )
    cart = Transformer.from_pipeline("+proj=cart +ellps=GRS80")
    there = cart.transform(
        np.radians(points.easting[0]), np.radians(points.northing[0]), points.ellipsoid_height_m[0], radians=True
    )
    assert there == pytest.approx(xyz, abs=0.0011)


def test_ex2_ridgecrest_moves_along_the_axes_as_htdp_prints(real_data):
    text = (real_data / "geodesy" / "Ex2_vel.out").read_text()
    stated = {way: float(re.search(rf"{way} VELOCITY\s+=\s+(-?[\d.]+)", text)[1]) for way in ("NORTH", "EAST", "UP", "X", "Y", "Z")}
    velocity = Velocity(north_mm_yr=stated["NORTH"], east_mm_yr=stated["EAST"], up_mm_yr=stated["UP"], source="NGS HTDP 3.6.0")
    vector = geocentric(velocity, -(117 + 34 / 60 + 31 / 3600), 35 + 43 / 60 + 36 / 3600)
    assert np.multiply(vector, 1000) == pytest.approx([stated[axis] for axis in "XYZ"], abs=0.011)


def test_one_vector_is_enough_for_the_city(real_data):
    grid = json.loads((real_data / "geodesy" / "lathrop_velocity_grid.json").read_text())
    rows = np.array(grid["rows"])
    velocity = default_city().velocity
    near = (np.abs(rows[:, 0] - velocity.lat) < 0.1) & (np.abs(rows[:, 1] - velocity.lon) < 0.1)
    assert near.sum() >= 12
    off = np.hypot(rows[near, 4] - velocity.north_mm_yr, rows[near, 5] - velocity.east_mm_yr)
    assert off.max() < velocity.sigma_mm_yr
    # Every vector of the grid is one relative to NAD83(2011) and one relative to ITRF2008: they agree through our Helmert.
    for lat, lon, north, east, nad_north, nad_east in rows[::7]:
        assert velocity_in("ITRF2008", lon, lat, (nad_north, nad_east, -1.35))[:2] == pytest.approx((north, east), abs=0.02)


# --- NAD27 -------------------------------------------------------------------------------------------------------------------


def test_nad27_with_its_grid_lands_where_nadcon5_puts_it(answers, real_data):
    known = answers["NAD27-LATHROP"]
    lat, lon = known["in"]["nad27"]
    options = {"source": Frame("NAD27"), "target": Frame("NAD83(1986)"), "tolerance_ft": 1.0, "grids": real_data / "geodesy"}
    degrees, lineage = transform_points(lon, lat, source_crs="EPSG:4267", target_crs="EPSG:4269", **options)
    assert (degrees.northing[0], degrees.easting[0]) == pytest.approx(known["out"]["nad83"], abs=1e-10)
    assert lineage.grids_used == ("us_noaa_nadcon5_nad27_nad83_1986_conus.tif",)
    feet, _ = transform_points(lon, lat, source_crs="EPSG:4267", target_crs="EPSG:2227", **options)
    assert landed(feet) == pytest.approx(known["out"]["epsg2227"], abs=0.001)
    # Both answers that PROJ gives without the grid, and what they cost.
    right = known["out"]["epsg2227"]
    assert np.hypot(*np.subtract(known["degraded_without_grid"], right)) == pytest.approx(15.6, abs=0.05)
    assert np.hypot(*np.subtract(known["ballpark"], right)) == pytest.approx(306, abs=0.5)


def test_nad27_reaches_the_city_for_assets_and_not_for_parcels(real_data):
    options = {"crs": "EPSG:4267", "height": None, "grids": real_data / "geodesy"}
    points, lineage = to_city("NAD27", tolerance_ft=1.0, **options)
    assert lineage.grids_used == ("us_noaa_nadcon5_nad27_nad83_1986_conus.tif", "us_noaa_cnhpgn.tif")
    assert 0.5 < lineage.accuracy_ft < 1.0
    # By PROJ with the same grids to NAD83(HARN), and from 1991.35 to 2010.00 by the epoch table (0.613 ft north, 0.571 ft west).
    harn = Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad"
        f" +step +proj=gridshift +grids={real_data}/geodesy/us_noaa_nadcon5_nad27_nad83_1986_conus.tif"
        f" +step +proj=hgridshift +grids={real_data}/geodesy/us_noaa_cnhpgn.tif +step +proj=unitconvert +xy_in=rad +xy_out=deg"
    ).transform(LON, LAT)
    east, north = Transformer.from_crs("EPSG:6318", "EPSG:6420", always_xy=True).transform(*harn)
    assert landed(points) == pytest.approx((east - 0.571, north + 0.613), abs=0.01)
    with pytest.raises(CRSError, match="NADCON5"):
        to_city("NAD27", tolerance_ft=0.1, **options)


def test_a_citys_grids_may_lie_under_a_folder_with_blanks(real_data, tmp_path):
    folder = tmp_path / "City of Riverbend" / "grids"
    folder.mkdir(parents=True)
    for name in ("us_noaa_nadcon5_nad27_nad83_1986_conus.tif", "us_noaa_cnhpgn.tif"):
        shutil.copy(real_data / "geodesy" / name, folder)
    options = {"crs": "EPSG:4267", "height": None, "tolerance_ft": 1.0}
    there, _ = to_city("NAD27", grids=folder, **options)
    assert landed(there) == landed(to_city("NAD27", grids=real_data / "geodesy", **options)[0])


def test_a_point_outside_the_grid_is_infinite(real_data):
    points, _ = transform_points(
        [LON, -30.0],
        [LAT, 0.0],
        source=Frame("NAD27"),
        source_crs="EPSG:4267",
        target=Frame("NAD83(1986)"),
        target_crs="EPSG:4269",
        tolerance_ft=1.0,
        grids=real_data / "geodesy",
    )
    assert np.isfinite(points.easting[0]) and np.isinf(points.easting[1])


# --- the table of what PROJ does by itself -----------------------------------------------------------------------------------


def by_itself(source, target, *, date=None, height=HEIGHT):
    operation = Transformer.from_crs(source, target, always_xy=True)
    return operation.transform(LON, LAT, height, *([] if date is None else [date]))[:2]


@pytest.mark.filterwarnings("ignore:Best transformation is not available")
def test_proj_by_itself_is_as_wrong_as_the_table_says_and_the_right_answer_is_ours():
    rows = {
        "4326 -> 2227": by_itself("EPSG:4326", "EPSG:2227"),
        "4326 -> 6420": by_itself("EPSG:4326", "EPSG:6420"),
        "ITRF2014 -> 2227": by_itself("EPSG:7912", "EPSG:2227", date=2026.0),
        "ITRF2014 -> 6420, no epoch": by_itself("EPSG:7912", "EPSG:6420"),
        "ITRF2014 -> 6420, 2026.0": by_itself("EPSG:7912", "EPSG:6420", date=2026.0),
        "ITRF2020 -> 6420, 2026.0": by_itself("EPSG:9989", "EPSG:6420", date=2026.0),
    }
    ours, _ = to_city("ITRF2014@2026.0")
    assert landed(ours) == pytest.approx(RIGHT, abs=0.001)
    for name, place in rows.items():
        where, off_ft = TABLE[name]
        assert place == pytest.approx(where, abs=0.001), name
        assert np.hypot(*np.subtract(place, landed(ours))) == pytest.approx(off_ft, abs=0.006), name


def test_asking_proj_for_the_best_only_does_not_help():
    for options in ({"only_best": True}, {"allow_ballpark": False}):
        place = Transformer.from_crs("EPSG:4326", "EPSG:6420", always_xy=True, **options).transform(LON, LAT)
        assert place == pytest.approx(TABLE["4326 -> 6420"][0], abs=0.001)
    with pytest.raises(CRSError, match=r"6\.56 ft"):
        to_city("EPSG:4326", observed=2026.0)


def test_to_crs_drops_the_date_and_takes_heights_as_they_are():
    frame = gpd.GeoDataFrame(geometry=[shapely.Point(LON, LAT, HEIGHT)], crs="EPSG:7912")
    silent = frame.to_crs("EPSG:6420").geometry.iloc[0]
    assert (silent.x, silent.y) == pytest.approx(TABLE["ITRF2014 -> 6420, no epoch"][0], abs=0.001)
    with pytest.raises(CRSError, match="have no date"):
        to_city("ITRF2014")
    points, lineage = to_city("ITRF2014", observed=2026.0)
    assert landed(points) == pytest.approx(RIGHT, abs=0.001) and lineage.source_epoch == "2026.00"
    # The Helmert lifts the ellipsoid height by 0.53 m.
    assert points.ellipsoid_height_m[0] - HEIGHT == pytest.approx(0.53, abs=0.03)


@pytest.mark.filterwarnings("ignore:Best transformation is not available")
@pytest.mark.parametrize("target", ["EPSG:2227", "EPSG:6420"])
def test_what_proj_would_do_by_itself_is_refused_for_layers(target):
    for crs in ("EPSG:4326", "EPSG:7912", "EPSG:9989"):
        frame = gpd.GeoDataFrame(geometry=[shapely.Point(LON, LAT)], crs=crs)
        with pytest.raises(CRSError, match=r"move nothing|date it was observed"):
            transform_frame(frame, target, tolerance_ft=100)


def test_the_fixed_epoch_of_the_esri_transformation_is_nearly_two_feet_off():
    # WGS_1984_(ITRF00)_To_NAD_1983, Esri 108190: seven parameters of 1997, whatever the date.
    where = Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +ellps=WGS84"
        " +step +proj=helmert +x=0.9956 +y=-1.9013 +z=-0.5215 +rx=0.025915 +ry=0.009426 +rz=0.011599 +s=0.00062"
        " +convention=coordinate_frame +step +inv +proj=cart +ellps=GRS80 +step +proj=lcc +lat_0=36.5 +lon_0=-120.5"
        " +lat_1=38.43333333333333 +lat_2=37.06666666666667 +x_0=2000000.0001016 +y_0=500000.0001016 +ellps=GRS80"
        " +step +proj=unitconvert +xy_in=m +xy_out=us-ft"
    ).transform(LON, LAT, HEIGHT)[:2]
    assert where == pytest.approx((6337534.273, 2122698.108), abs=0.002)
    ours, _ = to_city("ITRF2014@2026.0")
    assert np.hypot(*np.subtract(where, landed(ours))) == pytest.approx(1.92, abs=0.01)


def test_the_answer_is_the_same_on_a_machine_that_has_the_grids(real_data):
    code = """
import sys, warnings
import pyproj
pyproj.datadir.append_data_dir(sys.argv[1])
from pyproj import Transformer
from citygis.city import default_city
from citygis.geodesy import Frame, transform_points
warnings.simplefilter("ignore")
print(*Transformer.from_crs("EPSG:4326", "EPSG:2227", always_xy=True).transform(-121.276, 37.822))
city = default_city()
points, _ = transform_points(-121.276, 37.822, -20.0, source=Frame("ITRF2014", 2026.0), source_crs="EPSG:4326", target=city.frame,
    target_crs="EPSG:2227", velocity=city.velocity, tolerance_ft=0.1)
print(points.easting[0], points.northing[0])
"""
    run = subprocess.run([sys.executable, "-c", code, str(real_data / "geodesy")], check=True, capture_output=True, text=True)
    alone, ours = (tuple(map(float, line.split())) for line in run.stdout.splitlines())
    where, off_ft = TABLE["4326 -> 2227 with grids"]
    assert alone == pytest.approx(where, abs=0.001)
    assert np.hypot(*np.subtract(alone, RIGHT)) == pytest.approx(off_ft, abs=0.01)
    assert ours == pytest.approx(RIGHT, abs=0.001)


def test_a_projection_of_nad27_is_that_of_the_guidance_note(answers):
    known = answers["EPSG-GN7-2-LCC2SP"]
    place = known["in"]["lon"], known["in"]["lat"]
    points, _ = transform_points(
        *place, source=Frame("NAD27"), source_crs="EPSG:4267", target=Frame("NAD27"), target_crs="EPSG:32040", tolerance_ft=0.1
    )
    assert landed(points) == pytest.approx((known["out"]["E"], known["out"]["N"]), abs=known["tol_ft"])
