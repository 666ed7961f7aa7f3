import csv
import hashlib
import json
from collections import Counter
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from sample_city import city

from citygis.city import open_city
from citygis.convert import convert
from citygis.quality import validate
from citygis.readers import read
from citygis.samples import SEED, sample_folder, write_city_base, write_deliveries
from citygis.samples.county import in_degrees
from citygis.samples.deliveries import BASE_LAYERS, CITY_BASE, COUNTY_Q3, COUNTY_Q4, DEPTH_RASTER
from citygis.samples.outside import EASTVALE_GEOJSON, HYDRANTS_CSV, POWER_KMZ, ZONING_GPKG

DELIVERIES = {
    COUNTY_Q3: ("parcel", "county_assessor", None),
    COUNTY_Q4: ("parcel", "county_assessor", None),
    POWER_KMZ: ("easement", "power_easements", None),
    EASTVALE_GEOJSON: ("right_of_way", "eastvale_right_of_way", None),
    ZONING_GPKG: ("zoning", "planning_zoning", None),
    HYDRANTS_CSV: ("hydrant", "public_works_hydrants", "EPSG:6420"),
}
"""Each delivery: the layer it becomes, its crosswalk, the system that its reader must be told."""
COMMITTED = sample_folder() / "deliveries"
RIVERBEND = open_city(sample_folder() / "city")


@cache
def truth() -> dict:
    return json.loads((COMMITTED / "truth.json").read_text(encoding="utf-8"))


def defects(delivery: str) -> list[dict]:
    return [defect for defect in truth()["defects"] if defect["delivery"] == delivery]


@cache
def county(delivery: str) -> gpd.GeoDataFrame:
    return pyogrio.read_dataframe(f"/vsizip/{COMMITTED / delivery}", on_invalid="ignore")


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Path:
    """The deliveries without defects."""
    folder = tmp_path_factory.mktemp("clean")
    write_deliveries(folder, city(), defects=False)
    return folder


def reported(path: Path) -> list[dict]:
    """What conversion and validation report of a delivery: code, row in the file, place in City feet."""
    layer, crosswalk, source_crs = DELIVERIES[path.name]
    raw = read(path, source_crs=source_crs)
    conversion = convert(raw, layer, crosswalk=crosswalk, city=RIVERBEND)
    assert len(conversion.layer) + len(conversion.quarantine) == len(raw)
    beside = {name: city().layers[name] for name in ("tract", "right_of_way")} if layer == "parcel" else {}
    findings = validate({layer: conversion.layer, **beside}, city=RIVERBEND)
    told = conversion.findings[conversion.findings["severity"] == "error"]
    rows = [{"code": row.quarantine_code, "row": _row(row.source_ref), "place": None} for row in conversion.quarantine.itertuples()]
    for row in pd.concat([findings, told]).itertuples():
        centre = shapely.centroid(row.geometry) if row.geometry is not None else None
        rows.append({"code": row.code, "row": _row(row.source_ref), "place": centre})
    return rows


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_every_planted_defect_is_reported_and_nothing_else(delivery):
    left = reported(COMMITTED / delivery)
    planted = defects(delivery)
    table = {}
    for defect in planted:
        hit = next((row for row in left if row["code"] == defect["code"] and _is_of(row, defect)), None)
        counts = table.setdefault(f"{defect['kind']} ({defect['code']})", Counter())
        counts["planted"] += 1
        if hit is not None:
            counts["found"] += 1
            left.remove(hit)
    follows = [row for row in left if any(row["code"] in (d["code"], *d["also"]) and _is_of(row, d) for d in planted)]
    false = [row for row in left if row not in follows]
    print(f"\n{delivery}")
    print(pd.DataFrame(table).T.fillna(0).astype(int).to_string())
    print(f"follow from them: {len(follows)}; false: {len(false)}")
    assert all(counts["planted"] == counts["found"] for counts in table.values()), table
    assert not false, false


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_a_clean_delivery_raises_nothing(clean, delivery):
    assert reported(clean / delivery) == []


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_the_truth_names_rows_of_the_file(delivery):
    rows = len(read(COMMITTED / delivery, source_crs=DELIVERIES[delivery][2]))
    assert defects(delivery)
    assert all(1 <= defect["row"] <= rows for defect in defects(delivery))


def test_every_promised_kind_of_parcel_defect_is_planted():
    kinds = Counter(defect["kind"] for defect in defects(COUNTY_Q3))
    assert kinds["overlap"] == 3
    assert kinds["gap"] == 2
    assert kinds["unretired_parent"] == 2
    assert {"bowtie", "null_geometry", "duplicate_apn", "undeclared_stack", "tiny", "out_of_tract", "apn_free_text"} <= set(kinds)
    assert {
        "apn_missing",
        "unknown_code",
        "text_too_long",
        "tra_not_six_digits",
        "tract_not_there",
        "longitude_sign_lost",
    } <= set(kinds)


@pytest.mark.parametrize("delivery", [COUNTY_Q3, COUNTY_Q4])
def test_the_rows_of_the_county_s_defects_are_as_the_truth_says(delivery):
    table = county(delivery)
    by_kind = {defect["kind"]: table.iloc[defect["row"] - 1] for defect in defects(delivery)}
    assert by_kind["apn_free_text"]["AIN"] == "SEE MAP BOOK"
    assert by_kind["apn_missing"]["AIN"] is None or pd.isna(by_kind["apn_missing"]["AIN"])
    assert by_kind["unknown_code"]["PARTYPE"] == "77"
    assert len(by_kind["text_too_long"]["SITUS_ADDR"]) > 80
    assert len(by_kind["tra_not_six_digits"]["TRA"]) == 4
    assert by_kind["tract_not_there"]["TRACT"] == "9999"
    assert by_kind["null_geometry"].geometry is None
    assert by_kind["longitude_sign_lost"].geometry.bounds[0] > 0
    assert not by_kind["bowtie"].geometry.is_valid
    assert (table["AIN"] == by_kind["duplicate_apn"]["AIN"]).sum() == 2


def test_the_planted_overlaps_and_gaps_are_as_wide_as_the_truth_says():
    lots = city().layers["parcel"].set_index("apn").geometry
    rows = [defect for defect in defects(COUNTY_Q3) if defect["kind"] in ("overlap", "gap")]
    assert len(rows) == 5
    for defect in rows:
        moved, lot = _in_feet(county(COUNTY_Q3).geometry.to_numpy()[[defect["row"] - 1]])[0], lots[defect["key"]]
        away, back = (moved, lot) if defect["kind"] == "overlap" else (lot, moved)
        # The corners that moved are that far from the other outline; the sides they moved along are nearly square to it.
        farthest = shapely.distance(shapely.points(shapely.get_coordinates(away)), back).max()
        assert farthest == pytest.approx(defect["size"], rel=0.05)


def test_the_county_s_file_looks_like_a_county_s():
    info = pyogrio.read_info(f"/vsizip/{COMMITTED / COUNTY_Q3}")
    assert info["crs"] == "EPSG:4326"
    assert all(len(name) <= 10 for name in info["fields"])
    assert county(COUNTY_Q3)["AIN"].dropna().str.fullmatch(r"\d{12}|SEE MAP BOOK").all()


def test_a_vertex_that_neighbours_share_is_shared_in_the_file(clean):
    table = pyogrio.read_dataframe(f"/vsizip/{clean / COUNTY_Q3}")
    in_file = np.unique(shapely.get_coordinates(table.geometry), axis=0)
    in_city = np.unique(shapely.get_coordinates(city().layers["parcel"].geometry), axis=0)
    assert len(in_file) == len(in_city)


def test_the_file_s_degrees_give_the_city_s_feet_back():
    square = shapely.box(6_336_000, 2_122_000, 6_336_100, 2_122_100)
    back = _in_feet(in_degrees(np.array([square])))[0]
    assert shapely.hausdorff_distance(square, back) < 1e-6


def test_the_changes_of_the_next_quarter_are_in_the_files():
    old, new = (set(county(name)["AIN"].dropna().str[:8]) for name in (COUNTY_Q3, COUNTY_Q4))
    changes = truth()["changes"]
    counts = Counter(change["change"] for change in changes)
    assert counts["SPLIT"] == 12
    assert counts["MERGE"] == 8
    assert counts["LLA"] == 6
    assert counts["RENUMBER"] >= 5
    for change in changes:
        assert set(change["old"]) <= old
        assert set(change["new"]) <= new
        if change["change"] in ("SPLIT", "MERGE", "RENUMBER"):
            assert not set(change["old"]) & new
            assert not set(change["new"]) & old
    told = {apn for change in changes for apn in (*change["old"], *change["new"])}
    assert old ^ new <= told, "no number comes or goes that the truth does not tell"


def test_splits_and_merges_keep_their_ground():
    first, second = (
        county(name).assign(apn=lambda t: t["AIN"].str[:8]).drop_duplicates("apn").set_index("apn")
        for name in (COUNTY_Q3, COUNTY_Q4)
    )
    for change in truth()["changes"]:
        before = shapely.union_all(_in_feet(first.geometry.reindex(change["old"]).to_numpy()))
        after = shapely.union_all(_in_feet(second.geometry.reindex(change["new"]).to_numpy()))
        assert shapely.symmetric_difference(before, after).area < 0.1, change


def test_moved_lines_move_by_five_feet():
    old, new = (county(name).set_index(county(name)["AIN"].str[:8]) for name in (COUNTY_Q3, COUNTY_Q4))
    for change in truth()["changes"]:
        if change["change"] == "LLA":
            before, after = (_in_feet(table.geometry.loc[change["old"][:1]].to_numpy())[0] for table in (old, new))
            farthest = shapely.distance(shapely.points(shapely.get_coordinates(after)), before).max()
            assert farthest == pytest.approx(5.0, rel=0.05)


def test_hydrants_are_text_with_eastings_and_northings():
    with (COMMITTED / HYDRANTS_CSV).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    by_kind = {defect["kind"]: rows[defect["row"] - 1] for defect in defects(HYDRANTS_CSV)}
    assert by_kind["coordinate_text"]["EASTING"] == "see sketch"
    assert by_kind["id_missing"]["ASSET"] == ""
    assert by_kind["number_text"]["GPM"] == "low"
    assert (by_kind["zero_coordinates"]["EASTING"], by_kind["zero_coordinates"]["NORTHING"]) == ("0", "0")
    assert sum(row["ASSET"] == by_kind["duplicate_id"]["ASSET"] for row in rows) == 2


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """The sample files made anew."""
    folder = tmp_path_factory.mktemp("made")
    write_deliveries(folder / "deliveries", city(), seed=SEED)
    write_city_base(folder / "city", city())
    return folder


def test_the_same_seed_writes_the_same_bytes(made, tmp_path):
    write_deliveries(tmp_path / "deliveries", city(), seed=SEED)
    write_city_base(tmp_path / "city", city())
    for path in (path for path in made.rglob("*") if path.is_file()):
        assert _sha256(path) == _sha256(tmp_path / path.relative_to(made)), path.name


@pytest.mark.parametrize("name", [*DELIVERIES, CITY_BASE])
def test_the_committed_files_are_what_the_generator_makes(made, name):
    # Rows and shapes, not bytes: other versions of SQLite, GDAL and zlib pack the same content differently.
    folder = "city" if name == CITY_BASE else "deliveries"
    layers = [layer for layer, _ in pyogrio.list_layers(made / folder / name)] if name.endswith(".gpkg") else [None]
    for layer in layers:
        options = {"layer": layer, "on_invalid": "ignore"}
        new, old = (_rows_of(path / folder / name, options) for path in (made, sample_folder()))
        attributes = [column for column in new.columns if column != "geometry"]
        message = f"{name}: run scripts/make_sample_data.py and commit what it makes"
        pd.testing.assert_frame_equal(pd.DataFrame(new)[attributes], pd.DataFrame(old)[attributes], obj=message)
        if "geometry" in new:
            there = new.geometry.notna()
            assert (there == old.geometry.notna()).all()
            assert shapely.equals_exact(new.geometry[there].array, old.geometry[there].array, tolerance=1e-6).all(), message


def test_the_committed_truth_is_what_the_generator_makes(made):
    assert json.loads((made / "deliveries" / "truth.json").read_text(encoding="utf-8")) == truth()


def test_the_city_holds_what_no_delivery_brings():
    path = sample_folder() / "city" / CITY_BASE
    assert set(BASE_LAYERS) == {name for name, _ in pyogrio.list_layers(path)}
    assert pyogrio.read_info(path, layer="tract")["crs"] == "EPSG:6420"


def test_the_depth_raster_agrees_with_the_bands_of_depth():
    import rasterio

    bands = city().layers["flood_200yr"].sort_values("depth_ft", ascending=False)
    with rasterio.open(sample_folder() / "city" / DEPTH_RASTER) as raster:
        assert raster.crs.to_epsg() == 6420
        assert raster.res == (20.0, 20.0)
        points = shapely.get_coordinates(shapely.point_on_surface(bands.geometry))
        depths = [value[0] for value in raster.sample(points)]
    for depth, deepest in zip(depths, bands["depth_ft"], strict=True):
        assert 0 < depth <= deepest + 0.2


def test_the_committed_files_stay_small():
    assert sum(path.stat().st_size for path in sample_folder().rglob("*") if path.is_file()) < 15_000_000


def _in_feet(geometry: np.ndarray) -> np.ndarray:
    from pyproj import Transformer

    forth = Transformer.from_crs("EPSG:6318", "EPSG:6420", always_xy=True)
    return shapely.transform(geometry, lambda lonlat: np.column_stack(forth.transform(lonlat[:, 0], lonlat[:, 1])))


def _row(source_ref) -> int | None:
    return None if pd.isna(source_ref) else int(source_ref.rpartition("#")[2])


def _is_of(row: dict, defect: dict) -> bool:
    """Whether a report is about a defect: its row, or a place within the defect's reach."""
    if row["row"] == defect["row"]:
        return True
    return row["place"] is not None and row["place"].distance(shapely.Point(defect["where"])) <= defect["radius_ft"]


def _rows_of(path: Path, options: dict) -> pd.DataFrame:
    if path.suffix == ".csv":
        return pd.read_csv(path, dtype="str")
    return pyogrio.read_dataframe(f"/vsizip/{path}" if path.suffix == ".zip" else path, **options)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
