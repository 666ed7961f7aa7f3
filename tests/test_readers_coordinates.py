"""Frames: stated, missing, wrong, vague, or stated in two ways."""

import delivered
import numpy as np
import pytest
import shapely
from pyproj import CRS

from citygis.errors import CRSError
from citygis.readers import read
from citygis.readers.coordinates import candidates, settle


def lots(crs: str) -> np.ndarray:
    """Three lots near 37.82 N 121.28 W, in the numbers of `crs`."""
    return delivered.parcels(crs).geometry.to_numpy()


def settled(numbers: str, *, stated: str | None = None, given: str | None = None) -> CRS:
    crs = CRS.from_user_input(stated) if stated else None
    return settle(lots(numbers), crs, "says so", CRS.from_user_input(given) if given else None, shown="a.shp")


@pytest.mark.parametrize("crs", ["EPSG:6420", "EPSG:2227", "EPSG:26910", "EPSG:4326", "EPSG:6318", "EPSG:3857", "EPSG:6419"])
def test_a_stated_frame_that_the_numbers_fit_is_taken(crs):
    assert settled(crs, stated=crs) == CRS.from_user_input(crs)


@pytest.mark.parametrize("crs", ["EPSG:6420", "EPSG:6419", "EPSG:26910", "EPSG:3857", "EPSG:4326"])
def test_a_missing_frame_is_refused_with_the_systems_that_would_fit_and_the_option(crs):
    with pytest.raises(CRSError) as refusal:
        settled(crs)
    message = str(refusal.value)
    assert "the file says so" in message and crs in message and "--source-crs EPSG:" in message and "never guesses" in message


def test_numbers_in_exchanged_columns_are_told(tmp_path):
    northing_first = shapely.transform(lots("EPSG:6420"), lambda points: points[:, ::-1])
    names = [fit.name for fit in candidates(shapely.get_coordinates(northing_first))]
    assert len(names) == 1 and "columns exchanged" in names[0]


@pytest.mark.parametrize(
    ("numbers", "stated"),
    [
        ("EPSG:6420", "EPSG:4326"),  # feet in a GeoJSON
        ("EPSG:6420", "EPSG:4269"),  # a geographic .prj beside feet
        ("EPSG:4326", "EPSG:6420"),  # a State Plane .prj beside degrees
        ("EPSG:6420", "EPSG:26910"),  # feet called metres
        ("EPSG:26910", "EPSG:6420"),
        ("EPSG:6419", "EPSG:6420"),  # the right zone in the wrong unit
        ("EPSG:6420", "EPSG:6419"),
        ("EPSG:3857", "EPSG:6420"),
    ],
)
def test_a_frame_that_the_numbers_cannot_be_in_is_refused(numbers, stated):
    with pytest.raises(CRSError, match="but its numbers"):
        settled(numbers, stated=stated)


def test_a_wrong_frame_is_put_right_by_stating_the_frame():
    assert settled("EPSG:6420", stated="EPSG:4326", given="EPSG:6420").to_epsg() == 6420


def test_a_missing_frame_is_settled_by_stating_it():
    assert settled("EPSG:6420", given="EPSG:2227").to_epsg() == 2227


def test_a_stated_frame_that_the_numbers_cannot_be_in_is_refused_too():
    with pytest.raises(CRSError, match=r"--source-crs says EPSG:4326 .* but its numbers"):
        settled("EPSG:6420", given="EPSG:4326")


def test_two_statements_that_disagree_are_refused_where_the_numbers_fit_the_file():
    with pytest.raises(CRSError, match="and its numbers fit that"):
        settled("EPSG:4326", stated="EPSG:4326", given="EPSG:6318")


def test_naming_the_realization_of_a_nad83_label_is_no_disagreement():
    assert settled("EPSG:2227", stated="EPSG:2227", given="EPSG:6420").to_epsg() == 6420


def test_another_zone_is_a_disagreement_even_within_nad83():
    with pytest.raises(CRSError, match="and its numbers fit that"):
        settled("EPSG:2227", stated="EPSG:2227", given="EPSG:2226")


@pytest.mark.parametrize(
    "wkt",
    [
        'LOCAL_CS["site grid",UNIT["US survey foot",0.304800609601219]]',
        'GEOGCS["unknown",DATUM["unknown",SPHEROID["GRS 1980",6378137,298.2572221]],PRIMEM["Greenwich",0],UNIT["degree",0.01745]]',
    ],
    ids=["local", "no datum"],
)
def test_a_frame_that_is_not_tied_to_the_earth_is_refused(wkt):
    crs = CRS.from_wkt(wkt)
    numbers = lots("EPSG:4326" if crs.is_geographic else "EPSG:6420")
    with pytest.raises(CRSError, match=r"local and tied to no place|names no datum"):
        settle(numbers, crs, "states it", None, shown="a.shp")


def test_a_projection_of_its_own_on_a_known_datum_is_taken():
    own = CRS.from_proj4("+proj=tmerc +lat_0=37.8 +lon_0=-121.3 +k=1.00001 +x_0=50000 +y_0=50000 +datum=NAD83 +units=us-ft")
    numbers = delivered.parcels().to_crs(own).geometry.to_numpy()
    assert settle(numbers, own, "states it", None, shown="a.shp") == own


def test_a_layer_without_coordinates_still_needs_a_frame():
    with pytest.raises(CRSError, match="no coordinates to judge by"):
        settle(np.array([None, None], dtype=object), None, "states no coordinate system", None, shown="a.shp")


def test_a_frame_that_is_none_is_a_wrong_argument(tmp_path):
    with pytest.raises(ValueError, match="Invalid source_crs 'EPSG:1'"):
        read(delivered.write(tmp_path, ".csv"), source_crs="EPSG:1")


# -- as files --------------------------------------------------------------------------------------------------------------------


def test_state_plane_feet_in_a_geojson_are_refused(tmp_path):
    (tmp_path / "a.geojson").write_text(delivered.geojson([{"type": "Point", "coordinates": [6337500.0, 2122600.0]}]))
    with pytest.raises(CRSError, match=r"GeoJSON, which is WGS 84 .* no degrees.*EPSG:6420"):
        read(tmp_path / "a.geojson")
    assert read(tmp_path / "a.geojson", source_crs="EPSG:6420").crs.to_epsg() == 6420


def test_an_old_geojson_that_states_its_frame_is_taken_at_its_word(tmp_path):
    point = {"type": "Point", "coordinates": [6337500.0, 2122600.0]}
    (tmp_path / "a.geojson").write_text(delivered.geojson([point], crs="urn:ogc:def:crs:EPSG::2227"))
    assert read(tmp_path / "a.geojson").crs.to_epsg() == 2227


def test_a_prj_of_another_system_is_refused(tmp_path):
    path = delivered.write(tmp_path, ".shp")
    path.with_suffix(".prj").write_text(CRS.from_epsg(4269).to_wkt("WKT1_ESRI"))
    with pytest.raises(CRSError, match="which are no degrees"):
        read(path)
    path.with_suffix(".prj").write_text("this is no coordinate system")
    with pytest.raises(CRSError, match="--source-crs"):
        read(path)


def test_the_esri_spelling_of_zone_3_is_zone_3(tmp_path):
    path = delivered.write(tmp_path, ".shp")
    path.with_suffix(".prj").write_text(CRS.from_epsg(2227).to_wkt("WKT1_ESRI"))
    assert read(path).crs.to_epsg() == 2227


def test_a_geopackage_of_undefined_system_is_refused(tmp_path):
    path = delivered.write_wkb(tmp_path / "a.gpkg", [shapely.to_wkb(lot) for lot in lots("EPSG:6420")], crs=None)
    with pytest.raises(CRSError, match="--source-crs EPSG:6420"):
        read(path)


def test_degrees_in_a_table_state_no_datum_and_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("id,Longitude,Latitude\n1,-121.27,37.82\n")
    with pytest.raises(CRSError, match="degrees in Longitude and Latitude, but a table states no datum"):
        read(tmp_path / "a.csv")


def system(name: str, metres: str) -> str:
    """Zone 3 as a .prj would have it, under a name and in a foot."""
    return (
        f'PROJCS["{name}",GEOGCS["GCS_North_American_1983",DATUM["D_North_American_1983",SPHEROID["GRS_1980",6378137.0,298.257222101]],'
        'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Lambert_Conformal_Conic"],'
        f'PARAMETER["False_Easting",{2_000_000 / float(metres)}],PARAMETER["False_Northing",{500_000 / float(metres)}],'
        'PARAMETER["Central_Meridian",-120.5],PARAMETER["Standard_Parallel_1",37.06666666666667],'
        'PARAMETER["Standard_Parallel_2",38.43333333333333],PARAMETER["Latitude_Of_Origin",36.5],'
        f'UNIT["Foot",{metres}]]'
    )


@pytest.mark.parametrize(
    ("name", "metres", "settled"),
    [
        ("NAD_1983_StatePlane_California_III_FIPS_0403_Feet", "0.3048006096012192", True),
        ("NAD_1983_StatePlane_California_III_FIPS_0403_Feet", "0.3048", False),
        ("NAD83 / California zone 3 (ftUS)", "0.3048", False),
        ("NAD_1983_StatePlane_Arizona_East_FIPS_0201_Feet_Intl", "0.3048006096012192", False),
        ("NAD_1983_StatePlane_Arizona_East_FIPS_0201_Feet_Intl", "0.3048", True),
    ],
)
def test_a_name_and_a_unit_that_speak_of_different_feet_are_refused(name, metres, settled):
    stated = CRS.from_user_input(system(name, metres))
    square = np.array([shapely.box(6_337_000, 2_122_000, 6_337_100, 2_122_100)])
    if settled:
        assert settle(square, stated, "says so", None, shown="a.shp") == stated
    else:
        with pytest.raises(CRSError, match="foot and whose unit"):
            settle(square, stated, "says so", None, shown="a.shp")
