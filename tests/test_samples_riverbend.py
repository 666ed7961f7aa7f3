import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from sample_city import city

from citygis.city import open_city
from citygis.quality import validate
from citygis.samples import riverbend, sample_folder
from citygis.samples.survey import bearing, dms
from citygis.schema import empty_layer, geom_hashes, normalise_apn, schema

LAYERS = city().layers
CITY = open_city(sample_folder() / "city")
SPATIAL = [name for name in LAYERS if schema().layer(name).geometry != "None"]


def test_the_true_city_raises_no_finding():
    findings = validate(LAYERS, city=CITY)
    assert len(findings) == 0, findings[["code", "layer", "feature", "message"]].head(20).to_string()


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_has_the_columns_and_types_of_the_schema(name):
    template = empty_layer(schema().layer(name), crs=CITY.crs)
    frame = LAYERS[name]
    assert list(frame.columns) == list(template.columns)
    attributes = [column for column in frame.columns if column != "geometry"]
    assert frame[attributes].dtypes.equals(template[attributes].dtypes)
    assert list(frame.index) == list(range(len(frame)))
    if name in SPATIAL:
        assert frame.crs == CITY.crs
        assert set(frame.geom_type) == {schema().layer(name).geometry}
        assert (frame["geom_hash"] == geom_hashes(frame.geometry)).all()


@pytest.mark.parametrize("name", SPATIAL)
def test_what_the_store_fills_is_left_to_it(name):
    assert LAYERS[name][["tx_from", "tx_to", "editor"]].isna().all(axis=None)


@pytest.mark.parametrize("name", SPATIAL)
def test_every_feature_names_a_document_that_is_there(name):
    documents = set(LAYERS["source_document"]["doc_id"])
    assert set(LAYERS[name]["source_id"]) <= documents
    if "doc_id" in LAYERS[name]:
        assert set(LAYERS[name]["doc_id"]) <= documents


def test_parcel_numbers_are_unique_and_spelt_as_the_county_does():
    parcels = LAYERS["parcel"]
    assert parcels["apn"].is_unique
    spelt = normalise_apn(parcels["apn_display"], CITY.apn_profiles)
    assert (spelt["apn"] == parcels["apn"]).all()
    assert set(spelt["apn_profile"]) == {"san_joaquin"}


def test_parcels_and_rights_of_way_fill_each_tract_exactly():
    parcels, ways, tracts = (LAYERS[name] for name in ("parcel", "right_of_way", "tract"))
    ground = np.concatenate([parcels[_first_of_stack(parcels)].geometry, ways[ways["row_kind"] != "VACATED"].geometry])
    assert shapely.coverage_is_valid(ground)
    inner = shapely.point_on_surface(ground)
    for tract in tracts.geometry:
        within = shapely.area(ground[shapely.within(inner, tract)]).sum()
        assert within == pytest.approx(tract.area, abs=0.01)


def test_the_condominiums_stand_on_one_footprint_with_their_common_area():
    stacked = LAYERS["parcel"].dropna(subset="stack_id")
    for _, stack in stacked.groupby("stack_id"):
        assert stack["geom_hash"].nunique() == 1
        assert stack["parcel_kind"].value_counts().to_dict() == {"CONDO": 24, "COMMON": 1}
    assert stacked["stack_id"].nunique() == 1


def test_the_vacated_alley_lies_on_the_parcels_that_got_it():
    ways = LAYERS["right_of_way"]
    vacated = ways[ways["row_kind"] == "VACATED"]
    assert vacated["status"].tolist() == ["RETIRED"]
    shared = shapely.area(shapely.intersection(LAYERS["parcel"].geometry.to_numpy(), vacated.geometry.iloc[0]))
    assert shared.sum() == pytest.approx(vacated.geometry.iloc[0].area, abs=0.1)
    assert (shared > 1).sum() > 5


def test_kinds_that_the_city_must_have_are_there():
    assert {"FEE", "CONDO", "COMMON", "GOVT", "REMAINDER"} == set(LAYERS["parcel"]["parcel_kind"])
    assert {"ACCEPTED", "FEE", "CANAL", "VACATED"} == set(LAYERS["right_of_way"]["row_kind"])
    assert len(LAYERS["tract"]) >= 6
    assert len(LAYERS["easement"]) >= 60
    assert {"CENTERED", "LEFT", "IRREGULAR"} <= set(LAYERS["easement"]["strip_side"].dropna())
    assert LAYERS["easement"]["blanket"].sum() > 0
    assert 1900 <= len(LAYERS["parcel"]) <= 2200


def test_boundary_lines_give_the_parcels_back():
    lines, parcels = LAYERS["boundary_line"], LAYERS["parcel"]
    sides = pd.concat([lines.assign(parcel=lines["left_parcel"]), lines.assign(parcel=lines["right_parcel"])])
    rings = sides.dropna(subset="parcel").groupby("parcel")["geometry"].agg(lambda parts: shapely.polygonize(list(parts)).geoms[0])
    lots = parcels[_first_of_stack(parcels)].set_index("global_id").geometry
    built = gpd.GeoSeries(rings, crs=lots.crs).reindex(lots.index)
    assert (geom_hashes(built) == geom_hashes(lots)).all()


def test_a_course_by_its_numbers_ends_where_its_line_does():
    lines = LAYERS["boundary_line"]
    start, end = (shapely.get_coordinates(shapely.get_point(lines.geometry.to_numpy(), k)) for k in (0, -1))
    azimuth = np.radians(lines["direction_az"])
    reached = start + np.column_stack([lines["distance_ft"] * np.sin(azimuth), lines["distance_ft"] * np.cos(azimuth)])
    assert np.abs(reached - end).max() < 1e-6


def test_arcs_agree_with_their_chord_radius_and_hand():
    arcs = LAYERS["boundary_line"].dropna(subset="radius_ft")
    assert len(arcs) > 500
    angle = arcs["arc_length_ft"] / arcs["radius_ft"]
    assert np.allclose(2 * arcs["radius_ft"] * np.sin(angle / 2), arcs["distance_ft"], atol=1e-6)
    # The hand: the middle of the drawn line lies to the right of the chord of a curve to the left, and the other way round.
    start, end = (shapely.get_coordinates(shapely.get_point(arcs.geometry.to_numpy(), k)) for k in (0, -1))
    middle = shapely.get_coordinates(shapely.line_interpolate_point(arcs.geometry.to_numpy(), 0.5, normalized=True))
    chord, arm = end - start, middle - start
    cross = chord[:, 0] * arm[:, 1] - chord[:, 1] * arm[:, 0]
    bent = np.abs(cross) / arcs["distance_ft"].to_numpy() > 0.001
    assert bent.sum() > 400
    assert (np.where(cross < 0, "L", "R") == arcs["curve_side"])[bent].all()


def test_every_end_of_a_course_is_a_corner():
    lines = LAYERS["boundary_line"].geometry.to_numpy()
    ends = np.vstack([shapely.get_coordinates(shapely.get_point(lines, k)) for k in (0, -1)])
    corners = shapely.get_coordinates(LAYERS["corner"].geometry)
    assert {tuple(p) for p in ends.tolist()} == {tuple(p) for p in corners.tolist()}


@pytest.mark.parametrize(
    ("azimuth", "text"),
    [
        (0, "N 0°00'00\" E"),
        (45.504166666, "N 45°30'15\" E"),
        (135, "S 45°00'00\" E"),
        (225.5, "S 45°30'00\" W"),
        (359.99999, "N 0°00'00\" W"),
    ],
)
def test_a_bearing_is_quadrant_text(azimuth, text):
    assert bearing(azimuth) == text


def test_sixty_seconds_are_carried():
    assert dms(29.99999) == "30°00'00\""


def test_addresses_lie_in_their_parcels_and_are_unique():
    points = LAYERS["address_point"]
    lots = LAYERS["parcel"].set_index("apn").geometry.reindex(points["apn"])
    assert shapely.within(points.geometry.to_numpy(), lots.to_numpy()).all()
    assert not points.duplicated(["Add_Number", "St_Name", "St_PosTyp"]).any()


def test_every_address_is_in_the_range_of_a_centerline_of_its_street():
    points, lines = LAYERS["address_point"], LAYERS["street_centerline"]
    pairs = points[["NGUID", "Add_Number", "St_Name", "St_PosTyp"]].merge(
        lines, on=["St_Name", "St_PosTyp"], suffixes=("", "_line")
    )
    fits = [pairs["Add_Number"].between(pairs[f"FromAddr_{side}"], pairs[f"ToAddr_{side}"]) for side in "LR"]
    odd = (pairs["Add_Number"] % 2).map({1: "O", 0: "E"})
    on_side = [fit & (pairs[f"Parity_{side}"] == odd) for fit, side in zip(fits, "LR", strict=True)]
    assert set(pairs["NGUID"][on_side[0] | on_side[1]]) == set(points["NGUID"])


def test_zoning_and_flood_zones_cover_the_city_once():
    limit = LAYERS["city_limit"].geometry.iloc[0]
    for name, slack_sqft in (("zoning", 0.01), ("flood_zone", 5.0)):
        areas = LAYERS[name].geometry.area.sum()
        assert areas == pytest.approx(limit.area, abs=slack_sqft)


def test_easements_lie_on_parcels():
    ground = shapely.coverage_union_all(LAYERS["parcel"][_first_of_stack(LAYERS["parcel"])].geometry.to_numpy())
    outside = shapely.area(shapely.difference(LAYERS["easement"].geometry.to_numpy(), ground))
    assert outside.max() < 0.1


def test_buildings_keep_clear_of_lot_lines():
    lots = shapely.STRtree(city().fabric.faces)
    buildings = LAYERS["building_footprint"].geometry.to_numpy()
    assert shapely.is_valid(buildings).all()
    building, _ = lots.query(buildings, predicate="within")
    assert len(building) == len(buildings)


def test_nobody_real_is_on_the_roll():
    names = LAYERS["parcel_owner"]["owner_name"]
    assert names.str.fullmatch(r"Sample Owner \d{4}|City of Riverbend").all()


def test_the_same_seed_gives_the_same_city():
    again = riverbend().layers
    for name, frame in LAYERS.items():
        pd.testing.assert_frame_equal(pd.DataFrame(frame), pd.DataFrame(again[name]))


def _first_of_stack(parcels: gpd.GeoDataFrame) -> np.ndarray:
    return ~parcels["geom_hash"].duplicated().to_numpy()
