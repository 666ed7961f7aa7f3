"""
The transform guard. Numbers are from the published or independently computed table for -121.276, 37.822 (NGS HTDP method, PROJ
with and without the NOAA grids), not from this code.
"""

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from pyproj import CRS

from citygis.errors import CRSError
from citygis.geodesy import SameFrame, convergence_deg, find_grid, grid_scale_factor, null_shift_ft, transform_frame

LON, LAT = -121.276, 37.822
PROJECTED = (6337530.520, 2122699.972)  # NAD83(2011) at that place, projected
HELMERT_2010 = (6337534.8642, 2122698.6408)  # ITRF2014 at that place, in NAD83(2011), epoch 2010.0
HELMERT_2026 = (6337535.5939, 2122699.3017)
NAD83_HELD = {"North American Datum 1983": "the label of NAD83(2011) here"}
STATED = SameFrame("EPSG:4326", "NAD83(2011)", "the county relabels", "county GIS")


def points(crs, *places) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"name": [str(i) for i in range(len(places))]}, geometry=list(map(shapely.Point, places)), crs=crs)


def landed(frame: gpd.GeoDataFrame) -> tuple[float, float]:
    return frame.geometry.iloc[0].x, frame.geometry.iloc[0].y


def test_a_projection_alone_gives_the_published_coordinates():
    moved, lineage = transform_frame(points("EPSG:6318", (LON, LAT)), "EPSG:6420")
    assert landed(moved) == pytest.approx(PROJECTED, abs=0.001)
    assert lineage.accuracy_ft == 0
    assert lineage.statement is None
    assert "California zone 3" in lineage.operation


@pytest.mark.parametrize("target", ["EPSG:6420", "EPSG:2227"])
def test_wgs_84_is_refused_with_its_cost_and_the_way_out(target):
    with pytest.raises(CRSError, match="PROJ would move nothing") as refusal:
        transform_frame(points("EPSG:4326", (LON, LAT)), target, tolerance_ft=100)
    text = str(refusal.value)
    assert "World Geodetic System 1984" in text
    assert "about 5.1 ft" in text
    assert '[frame] label = "EPSG:4326"' in text
    assert "stated_by" in text


def test_wgs_84_stated_to_be_the_citys_datum_is_only_projected():
    moved, lineage = transform_frame(points("EPSG:4326", (LON, LAT)), "EPSG:6420", same_frame=STATED)
    assert landed(moved) == pytest.approx(PROJECTED, abs=0.001)
    assert "the county relabels" in lineage.statement
    assert lineage.stated_by == "county GIS"
    assert lineage.cost_ft == pytest.approx(np.hypot(*np.subtract(HELMERT_2026, PROJECTED)), abs=0.01)


def test_a_statement_about_another_label_does_not_count():
    with pytest.raises(CRSError, match="speaks of EPSG:4326"):
        transform_frame(points("EPSG:32610", (651_000, 4_187_000)), "EPSG:6420", same_frame=STATED)


def test_the_null_shift_costs_what_the_helmert_of_ngs_says():
    assert null_shift_ft(LON, LAT, epoch=2010.0) == pytest.approx(np.hypot(*np.subtract(HELMERT_2010, PROJECTED)), abs=0.005)
    assert null_shift_ft(LON, LAT, epoch=2026.0) == pytest.approx(np.hypot(*np.subtract(HELMERT_2026, PROJECTED)), abs=0.005)


@pytest.mark.filterwarnings("ignore:Best transformation is not available")
@pytest.mark.parametrize("target", ["EPSG:6420", "EPSG:2227"])
def test_nad27_without_its_grid_is_refused_and_the_grid_is_named(target):
    available = {grid for op in _operations("EPSG:4267", target) for grid in op}
    if "us_noaa_nadcon5_nad27_nad83_1986_conus.tif" in available:
        pytest.skip("this machine has the NAD27 grid")
    with pytest.raises(CRSError, match=r"us_noaa_nadcon5_nad27_nad83_1986_conus\.tif"):
        transform_frame(points("EPSG:4267", (LON, LAT)), target, tolerance_ft=100)


def _operations(source, target):
    group = pyproj.transformer.TransformerGroup(source, target)
    return [[g.short_name for g in op.grids if g.available] for t in group.transformers for op in t.operations or ()]


def test_a_moving_frame_is_refused_because_no_date_is_known():
    with pytest.raises(CRSError, match="date it was observed"):
        transform_frame(points("EPSG:7912", (LON, LAT)), "EPSG:6420", tolerance_ft=100)


def test_a_ballpark_is_refused_and_the_same_datum_by_statement_is_not():
    frame = points("EPSG:26943", (1937530.0, 622700.0))
    with pytest.raises(CRSError, match=r"move nothing|unknown accuracy"):
        transform_frame(frame, "EPSG:6420", tolerance_ft=100)
    moved, lineage = transform_frame(frame, "EPSG:6420", same_datum=NAD83_HELD)
    # The same zone in metres: only the unit changes.
    assert landed(moved) == pytest.approx((1937530.0 * 3937 / 1200, 622700.0 * 3937 / 1200), abs=0.001)
    assert lineage.stated_by == "city.toml"
    assert lineage.cost_ft is None


def test_an_older_realization_is_refused_with_both_statements_that_settle_it():
    if find_grid("us_noaa_nadcon5_nad83_harn_nad83_fbn_conus.tif"):
        pytest.skip("the grids between the realizations are here")
    with pytest.raises(
        CRSError, match=r'\[frame\] label = "EPSG:2926", really = "NAD83\(2011\)".*\[same_datum\] "(.+)" = "why"'
    ) as told:
        transform_frame(points("EPSG:2926", (1_640_000.0, 640_000.0)), "EPSG:6597", tolerance_ft=100)
    name = str(told.value).split('[same_datum] "')[1].split('"')[0]
    moved, lineage = transform_frame(
        points("EPSG:2926", (1_640_000.0, 640_000.0)), "EPSG:6597", tolerance_ft=0.1, same_datum={name: "letter"}
    )
    assert landed(moved) == (1_640_000.0, 640_000.0) and lineage.stated_by == "city.toml"


def test_a_worse_operation_than_the_tolerance_is_refused():
    with pytest.raises(CRSError):
        transform_frame(points("EPSG:4152", (LON, LAT)), "EPSG:6420", tolerance_ft=0.1)


def test_the_same_zone_under_two_labels_keeps_every_bit():
    place = (6337530.123456789, 2122699.987654321)
    moved, lineage = transform_frame(points("EPSG:2227", place), "EPSG:6420", same_datum=NAD83_HELD)
    assert landed(moved) == place
    assert lineage.pipeline == "proj=noop"
    assert moved.crs == CRS.from_epsg(6420)


def test_the_same_zone_as_esri_writes_it_keeps_every_bit():
    # The same definition, with the false easting unrounded, the standard parallels exchanged and other names throughout.
    esri = (
        'PROJCS["NAD_1983_StatePlane_California_III_FIPS_0403_Feet",GEOGCS["GCS_North_American_1983",'
        'DATUM["D_North_American_1983",SPHEROID["GRS_1980",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],'
        'UNIT["Degree",0.0174532925199433]],PROJECTION["Lambert_Conformal_Conic"],PARAMETER["False_Easting",6561666.666666666],'
        'PARAMETER["False_Northing",1640416.666666667],PARAMETER["Central_Meridian",-120.5],'
        'PARAMETER["Standard_Parallel_1",37.06666666666667],PARAMETER["Standard_Parallel_2",38.43333333333333],'
        'PARAMETER["Latitude_Of_Origin",36.5],UNIT["Foot_US",0.3048006096012192]]'
    )
    moved, lineage = transform_frame(points(esri, PROJECTED), "EPSG:6420", same_datum=NAD83_HELD)
    assert landed(moved) == PROJECTED
    assert lineage.pipeline == "proj=noop"


def test_the_two_feet_are_not_the_same_projection():
    international = CRS.from_proj4(
        "+proj=lcc +lat_1=38.4333333333333 +lat_2=37.0666666666667 +lat_0=36.5 +lon_0=-120.5 +x_0=2000000.0001016"
        " +y_0=500000.0001016 +ellps=GRS80 +units=ft +no_defs"
    )
    held = {international.geodetic_crs.datum.name: "the test says so"}
    frame = points(international, (PROJECTED[0] * 1.000002000004, PROJECTED[1] * 1.000002000004))
    moved, _ = transform_frame(frame, "EPSG:6420", same_datum=held)
    # A mix-up of feet moves this place by 12.675 ft east and 4.245 ft north; here it must come back.
    assert landed(moved) == pytest.approx(PROJECTED, abs=0.001)
    assert frame.geometry.iloc[0].x - PROJECTED[0] == pytest.approx(12.675, abs=0.001)
    assert frame.geometry.iloc[0].y - PROJECTED[1] == pytest.approx(4.245, abs=0.001)


def test_heights_nulls_index_and_columns_are_kept():
    shapes = [shapely.Point(LON, LAT, 12.5), shapely.Point(LON, LAT), None, shapely.Polygon()]
    frame = gpd.GeoDataFrame({"name": list("abcd")}, geometry=shapes, crs="EPSG:6318", index=[7, 7, 8, 9])
    before = frame.copy(deep=True)
    moved, _ = transform_frame(frame, "EPSG:6420")
    assert list(moved.index) == [7, 7, 8, 9]
    assert list(moved.columns) == list(frame.columns)
    assert moved.geometry.iloc[0].z == 12.5
    assert not moved.geometry.iloc[1].has_z
    assert moved.geometry.iloc[2] is None
    assert moved.geometry.iloc[3].is_empty
    assert frame.geometry.geom_equals(before.geometry).iloc[[0, 1, 3]].all()


def test_swapped_axes_are_not_put_right():
    moved, _ = transform_frame(points("EPSG:6318", (LAT, LON), (LON, LAT)), "EPSG:6420")
    assert not np.isfinite(moved.geometry.iloc[0].x)
    assert moved.geometry.iloc[1].x == pytest.approx(PROJECTED[0], abs=0.001)


def test_feet_under_a_label_of_degrees_are_refused():
    with pytest.raises(CRSError, match="no places in it"):
        transform_frame(points("EPSG:4326", PROJECTED), "EPSG:6420")


def test_no_crs_and_a_local_system_are_refused():
    with pytest.raises(CRSError, match="never guesses"):
        transform_frame(points(None, (1, 2)), "EPSG:6420")
    local = CRS.from_wkt('LOCAL_CS["site grid",UNIT["foot",0.3048]]')
    with pytest.raises(CRSError, match="not tied to the earth"):
        transform_frame(points(local, (1, 2)), "EPSG:6420")


def test_many_vertices_on_threads_land_where_one_does():
    lon = np.linspace(-121.5, -121.0, 450_000)
    line = shapely.linestrings(np.column_stack([lon, np.full_like(lon, LAT)]))
    frame = gpd.GeoDataFrame(geometry=[line], crs="EPSG:6318")
    moved, _ = transform_frame(frame, "EPSG:6420")
    there = shapely.get_coordinates(moved.geometry.iloc[0])
    for i in (0, 199_999, 200_000, 449_999):
        alone, _ = transform_frame(points("EPSG:6318", (lon[i], LAT)), "EPSG:6420")
        assert tuple(there[i]) == landed(alone)


def test_the_network_setting_is_left_as_it_was():
    was = pyproj.network.is_network_enabled()
    transform_frame(points("EPSG:6318", (LON, LAT)), "EPSG:6420")
    assert pyproj.network.is_network_enabled() is was


def test_convergence_and_scale_at_the_study_place():
    # k 0.99992994, convergence -0 28 30.3
    assert grid_scale_factor("EPSG:6420", *PROJECTED) == pytest.approx(0.99992994, abs=5e-9)
    assert convergence_deg("EPSG:6420", *PROJECTED) == pytest.approx(-(28 / 60 + 30.3 / 3600), abs=0.05 / 3600)


def test_degrees_have_no_convergence():
    with pytest.raises(CRSError, match="not projected"):
        convergence_deg("EPSG:6318", LON, LAT)
