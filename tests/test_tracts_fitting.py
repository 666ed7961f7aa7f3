"""Where a map lies: stated or tied, never guessed."""

import numpy as np
import pytest
import tract_maps
from pyproj import CRS

from citygis.city import Extent, default_city
from citygis.errors import CRSError
from citygis.geodesy import LocalSystem
from citygis.tracts.fitting import place_plat
from citygis.tracts.sources import read_plat


@pytest.fixture(scope="module")
def plat(tmp_path_factory):
    return read_plat(tract_maps.landxml(tmp_path_factory.mktemp("map") / "t.xml"), city=default_city())


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    return read_plat(tract_maps.landxml(tmp_path_factory.mktemp("map") / "l.xml", tract_maps.to_local), city=default_city())


def test_without_a_statement_a_map_is_refused_with_three_ways_and_the_cost(plat):
    with pytest.raises(CRSError) as refused:
        place_plat(plat, city=default_city())
    text = str(refused.value)
    assert "--frame" in text and "--ties" in text and "  3. " in text
    # 13.7 mm a year from 1991.35 to 2010.00: 0.84 ft (reference, 1.2).
    assert "0.8 ft" in text


def test_the_citys_own_frame_moves_nothing(plat):
    placed = place_plat(plat, city=default_city(), frame=tract_maps.FRAME, held=tract_maps.held())
    assert np.abs(placed.corners - plat.corners).max() < 1e-6
    assert (placed.scale, placed.is_ground) == (pytest.approx(1, abs=1e-9), False)
    assert "N09" not in placed.findings["code"].tolist()


def test_another_epoch_moves_the_map_by_the_motion_of_the_ground(plat):
    placed = place_plat(plat, city=default_city(), frame="NAD83(2011)@2017.50")
    # Reference 1.2: coordinates of 2017.50 are +0.247 N, -0.230 E of those of 2010.00, so they go back by that.
    assert (placed.corners - plat.corners).mean(axis=0) == pytest.approx([0.230, -0.247], abs=0.005)
    assert placed.move(plat.corners[:1])[0] == pytest.approx(placed.corners[0], abs=1e-6)


def test_ties_bring_a_local_drawing_within_five_thousandths_of_a_foot(local, plat, tmp_path):
    placed = place_plat(local, city=default_city(), ties=tract_maps.ties(tmp_path / "t.csv"), held=tract_maps.held())
    apart = np.hypot(*(placed.corners[:, None, :] - plat.corners[None, :, :]).T).min(axis=0)
    assert len(placed.corners) == len(plat.corners)
    assert apart.max() < 0.005
    assert placed.is_ground


def test_a_local_drawing_that_is_said_to_be_in_state_plane_is_refused(local):
    with pytest.raises(CRSError, match="no place in"):
        place_plat(local, city=default_city(), frame=tract_maps.FRAME)


def test_exchanged_axes_in_state_plane_are_refused(plat):
    swapped = plat._replace(corners=plat.corners[:, ::-1])
    with pytest.raises(CRSError, match="axes are exchanged"):
        place_plat(swapped, city=default_city(), frame=tract_maps.FRAME)


def test_a_map_where_the_city_has_nothing_is_an_error(plat):
    far = default_city().model_copy(
        update={"extent": Extent(easting_min=6_200_000, easting_max=6_300_000, northing_min=2_100_000, northing_max=2_200_000)}
    )
    placed = place_plat(plat, city=far, frame=tract_maps.FRAME)
    assert placed.findings.set_index("code").loc["N09", "severity"] == "error"


def test_the_system_that_the_file_names_is_the_form_of_its_numbers(plat):
    zone_3_metres = plat._replace(crs=CRS.from_epsg(6419))
    placed = place_plat(zone_3_metres, city=default_city(), frame=tract_maps.FRAME)
    # The plat is in the City's feet already; EPSG rounds the City's false easting to 0.0003 ft (reference, 1.4).
    assert np.abs(placed.corners - plat.corners).max() < 5e-4


def test_frame_and_ties_together_are_refused(plat, tmp_path):
    with pytest.raises(ValueError, match="Must be one of them"):
        place_plat(plat, city=default_city(), frame=tract_maps.FRAME, ties=tmp_path / "t.csv")


def test_a_local_system_of_the_citys_places_a_map_on_the_ground(local, plat):
    system = LocalSystem(
        scale=tract_maps.GROUND_FACTOR,
        rotation_deg=tract_maps.TURN_DEG,
        ground_easting_ft=5_000.0,
        ground_northing_ft=10_000.0,
        grid_easting_ft=tract_maps.CENTER[0],
        grid_northing_ft=tract_maps.CENTER[1],
        accuracy_ft=0.02,
        source="calibration of 2026-01-31",
    )
    city = default_city().model_copy(update={"local": {"yard": system}})
    placed = place_plat(local, city=city, frame="local:yard")
    apart = np.hypot(*(placed.corners[:, None, :] - plat.corners[None, :, :]).T).min(axis=0)
    assert apart.max() < 0.001
    assert placed.is_ground
    assert placed.scale == pytest.approx(tract_maps.GROUND_FACTOR, abs=1e-8)
