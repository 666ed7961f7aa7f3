"""Reading: every format alike, every row accounted for."""

import hashlib
import json
import math
import sqlite3
import struct
import warnings

import delivered
import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from citygis.errors import CRSError, ReadError
from citygis.readers import read
from citygis.schema import source_id_of

FORMATS = (
    ".shp", ".zip", ".gpkg", ".gdb", ".gdb.zip", ".geojson", ".geojsonl", ".topojson", ".kml", ".kmz", ".csv", ".parquet", ".fgb",
    ".tab", ".mif", ".json",
)  # fmt: skip
STATES_NO_CRS = {".topojson": "EPSG:4326", ".csv": "EPSG:6420"}


@pytest.fixture(params=FORMATS)
def delivery(request, tmp_path):
    """The same three parcels in every format."""
    return delivered.write(tmp_path, request.param), STATES_NO_CRS.get(request.param)


def test_every_format_gives_the_same_rows(delivery):
    path, crs = delivery
    frame = read(path, source_crs=crs)
    assert frame["APN"].tolist() == delivered.APNS
    assert frame["LOT"].astype(int).tolist() == [1, 2, 3]
    assert frame["ACRES"].astype(float).tolist() == pytest.approx([0.1377] * 3)
    assert frame["NOTE"].fillna("").tolist() == ["", "Peña", "Peña"]
    assert "read_code" not in frame


def test_every_format_gives_the_same_ground(delivery):
    path, crs = delivery
    frame = read(path, source_crs=crs)
    truth = delivered.parcels()
    # A MapInfo table keeps coordinates as 32-bit integers over the whole Earth: to 0.1 ft here.
    near = frame.to_crs(truth.crs).geometry
    assert near.distance(truth.geometry).max() < 0.5
    assert near.area.to_numpy() == pytest.approx([6000.0] * 3, abs=20.0)


def test_every_row_says_where_it_came_from(delivery):
    path, crs = delivery
    frame = read(path, source_crs=crs)
    assert frame["source_ref"].tolist() == [f"{path.name}/parcels#{row}" for row in (1, 2, 3)]
    assert frame["source_id"].nunique() == 1 and frame["source_id"].str.len().eq(36).all()


def test_the_same_bytes_have_the_same_source_wherever_they_lie(tmp_path):
    first = delivered.write(tmp_path, ".geojson")
    second = tmp_path / "elsewhere.geojson"
    second.write_bytes(first.read_bytes())
    assert read(first)["source_id"].iloc[0] == read(second)["source_id"].iloc[0]
    assert read(first)["source_id"].iloc[0] == source_id_of(hashlib.sha256(first.read_bytes()).hexdigest())


def test_an_integer_column_with_nulls_stays_integers(tmp_path):
    frame = delivered.parcels()
    frame["BIG"] = pd.array([2**53 + 1, None, 7], dtype="Int64")
    frame.to_file(tmp_path / "a.gpkg")
    assert read(tmp_path / "a.gpkg")["BIG"].tolist() == [2**53 + 1, pd.NA, 7]


def test_leading_zeros_of_a_table_of_text_are_kept(tmp_path):
    (tmp_path / "a.csv").write_text("apn,easting,northing\n00119074,6337500.5,2122600\n")
    frame = read(tmp_path / "a.csv", source_crs=6420)
    assert frame["apn"].tolist() == ["00119074"] and frame["easting"].tolist() == ["6337500.5"]
    assert frame.geometry.iloc[0] == shapely.Point(6337500.5, 2122600)


def test_columns_sent_under_our_own_names_are_kept_apart(tmp_path):
    frame = delivered.parcels().assign(source_ref=["x", "y", "z"])
    frame.to_file(tmp_path / "a.gpkg")
    back = read(tmp_path / "a.gpkg")
    assert back["source_ref_sent"].tolist() == ["x", "y", "z"] and back["source_ref"].iloc[0] == "a.gpkg/a#1"


def test_a_feature_id_is_the_row_of_a_geopackage_also_where_its_own_count_is_old(tmp_path):
    delivered.parcels(count=4).to_file(tmp_path / "a.gpkg")
    with sqlite3.connect(tmp_path / "a.gpkg") as db:
        for trigger in [row[0] for row in db.execute("select name from sqlite_master where type = 'trigger'")]:
            db.execute(f'drop trigger "{trigger}"')
        db.execute("delete from a where fid = 2")
    db.close()
    assert read(tmp_path / "a.gpkg")["source_ref"].tolist() == ["a.gpkg/a#1", "a.gpkg/a#3", "a.gpkg/a#4"]


# -- one bad row never stops the read ----------------------------------------------------------------------------------------


SQUARE = [(0.0, 0.0), (60.0, 0.0), (60.0, 100.0), (0.0, 100.0), (0.0, 0.0)]
AT = [(delivered.EASTING + e, delivered.NORTHING + n) for e, n in SQUARE]


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb"])
def test_one_unclosed_ring_is_reported_and_the_others_are_read(tmp_path, suffix):
    blobs = [delivered.ring_wkb(AT), delivered.ring_wkb(AT[:4]), delivered.ring_wkb(AT)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = delivered.write_wkb(tmp_path / f"a{suffix}", blobs)
    frame = read(path).sort_values("ROW", ignore_index=True)
    assert frame["read_code"].fillna("").tolist() == ["", "R01", ""]
    assert frame.geometry.isna().tolist() == [False, True, False]
    # From (0, 0) to (0, 100): the gap is the missing side.
    assert "not closed" in frame["read_message"][1] and "100 apart" in frame["read_message"][1]


def test_an_unclosed_ring_of_a_geojson_is_reported(tmp_path):
    rings = [[[-121.3, 37.8], [-121.2, 37.8], [-121.2, 37.9], [-121.3, 37.8]], [[-121.3, 37.8], [-121.2, 37.8], [-121.2, 37.9]]]
    (tmp_path / "a.geojson").write_text(delivered.geojson({"type": "Polygon", "coordinates": [ring]} for ring in rings))
    frame = read(tmp_path / "a.geojson")
    assert frame["read_code"].fillna("").tolist() == ["", "R01"] and frame.geometry.iloc[1] is None


def test_an_unclosed_ring_of_a_shapefile_is_reported(tmp_path):
    path = delivered.write(tmp_path, ".shp")
    content = bytearray(path.read_bytes())
    first_ring = 100 + 8 + 44 + 4  # file header, record header, shape header, one part
    content[first_ring + 4 * 16 : first_ring + 4 * 16 + 8] = struct.pack("<d", delivered.EASTING + 30)
    path.write_bytes(content)
    frame = read(path)
    assert frame["read_code"].fillna("").tolist() == ["R01", "", ""] and frame.geometry.isna().sum() == 1


def test_a_coordinate_that_is_no_number_is_reported_with_its_vertex(tmp_path):
    broken = [AT[0], (math.nan, AT[1][1]), *AT[2:]]
    endless = [AT[0], AT[1], (AT[2][0], math.inf), *AT[3:]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = delivered.write_wkb(tmp_path / "a.gpkg", [delivered.ring_wkb(points) for points in (AT, broken, endless)])
    frame = read(path)
    assert frame["read_code"].fillna("").tolist() == ["", "R03", "R03"]
    assert frame["read_message"].iloc[1].startswith("Vertex 2 of 5") and frame["read_message"].iloc[2].startswith("Vertex 3 of 5")


def test_a_null_geometry_is_as_sent_and_no_problem(tmp_path):
    (tmp_path / "a.geojson").write_text(delivered.geojson([{"type": "Point", "coordinates": [-121.3, 37.8]}, None]))
    frame = read(tmp_path / "a.geojson")
    assert len(frame) == 2 and frame.geometry.iloc[1] is None and "read_code" not in frame


@pytest.mark.parametrize(
    ("geometry", "code"),
    [
        ({"type": "Circle", "coordinates": [-121.3, 37.8]}, "R01"),
        ({"type": "Point", "coordinates": ["a", "b"]}, "R01"),
        ({"type": "Point", "coordinates": [math.nan, 37.8]}, "R03"),
        ({"type": "Polygon", "coordinates": [[[-121.3, 37.8], [-121.2, None], [-121.2, 37.9], [-121.3, 37.8]]]}, "R01"),
    ],
)
def test_a_geometry_that_the_driver_makes_null_in_silence_is_reported(tmp_path, geometry, code):
    (tmp_path / "a.geojson").write_text(delivered.geojson([{"type": "Point", "coordinates": [-121.3, 37.8]}, geometry]))
    frame = read(tmp_path / "a.geojson")
    assert frame["read_code"].fillna("").tolist() == ["", code]


@pytest.mark.parametrize("suffix", [".gpkg", ".gdb"])
def test_a_true_curve_is_drawn_within_a_hundredth_of_a_foot_and_said_to_be(tmp_path, suffix):
    e, n = delivered.EASTING, delivered.NORTHING
    # A half circle of radius 50 ft: 3,926.99 sq ft.
    curve = delivered.arc_wkb((e, n), (e + 50, n + 50), (e + 100, n))
    path = delivered.write_wkb(
        tmp_path / f"a{suffix}",
        [delivered.ring_wkb(AT), curve],
        geometry_type="MultiPolygon" if suffix == ".gdb" else "Unknown",
    )
    frame = read(path)
    assert frame["read_code"].fillna("").tolist() == ["", "R02"]
    drawn = shapely.get_coordinates(frame.geometry.iloc[1])
    radii = np.hypot(drawn[:, 0] - (e + 50), drawn[:, 1] - n)
    assert radii == pytest.approx(50.0, abs=1e-4)  # a geodatabase keeps 0.0001 of its unit
    middles = (drawn[1:-1] + drawn[:-2]) / 2
    sagittas = 50 - np.hypot(middles[:, 0] - (e + 50), middles[:, 1] - n)
    assert 0.005 < sagittas.max() <= 0.01
    assert frame.geometry.iloc[1].area == pytest.approx(math.pi * 50**2 / 2, abs=1.2)


def test_a_value_that_the_driver_cannot_parse_is_quoted(tmp_path):
    path = delivered.write(tmp_path, ".shp")
    table = path.with_suffix(".dbf")
    content = table.read_bytes()
    at = content.rindex(b"0.1377")
    table.write_bytes(content[:at] + b"No.077" + content[at + 6 :])
    frame = read(path)
    assert frame["read_code"].fillna("").tolist() == ["", "", "R04"]
    assert "ACRES" in frame["read_message"].iloc[2] and "No.077" in frame["read_message"].iloc[2]


def test_an_integer_too_long_for_a_double_is_quoted(tmp_path):
    collection = json.loads(delivered.geojson([{"type": "Point", "coordinates": [-121.3, 37.8]}] * 2))
    collection["features"][0]["properties"]["APN"] = 12345678901234567890123
    collection["features"][1]["properties"]["APN"] = 12
    (tmp_path / "a.geojson").write_text(json.dumps(collection))
    frame = read(tmp_path / "a.geojson")
    assert frame["read_code"].fillna("").tolist() == ["R04", ""] and "APN" in frame["read_message"].iloc[0]


def test_rows_of_too_few_or_too_many_cells_are_reported(tmp_path):
    (tmp_path / "a.csv").write_text("apn,lon,lat\n1,-121.3,37.8\n2,-121.3\n3,-121.3,37.8,extra\n")
    frame = read(tmp_path / "a.csv", source_crs=4269)
    assert len(frame) == 3
    assert frame["read_code"].fillna("").tolist() == ["", "R01", "R04"]
    assert "2 cells" in frame["read_message"].iloc[1] and "'extra'" in frame["read_message"].iloc[2]


# -- which layer ------------------------------------------------------------------------------------------------------------------


def test_several_layers_are_listed_and_one_must_be_named(tmp_path):
    for name in ("lots", "easements"):
        delivered.parcels().to_file(tmp_path / "a.gpkg", layer=name)
    with pytest.raises(ReadError, match=r"2 layers: (lots, easements|easements, lots)\. Name"):
        read(tmp_path / "a.gpkg")
    with pytest.raises(ReadError, match=r"no layer 'parcels'\. It has:"):
        read(tmp_path / "a.gpkg", "parcels")
    assert len(read(tmp_path / "a.gpkg", "lots")) == 3


def test_several_shapefiles_in_one_zip_are_told_apart(tmp_path):
    members = {}
    for name in ("lots", "easements"):
        delivered.parcels().to_file(tmp_path / f"{name}.shp")
        members |= {f"data/{file.name}": file.read_bytes() for file in tmp_path.glob(f"{name}.*")}
    path = delivered.zipped(tmp_path / "a.zip", members)
    with pytest.raises(ReadError, match="2 layers: easements, lots"):
        read(path)
    assert read(path, "lots")["source_ref"].iloc[0] == "a.zip/data/lots.shp/lots#1"


def test_a_broken_neighbour_in_a_zip_does_not_stop_the_layer_that_is_asked_for(tmp_path):
    delivered.write(tmp_path, ".shp")
    members = {file.name: file.read_bytes() for file in tmp_path.glob("parcels.*")} | {"broken.shp": b"nothing"}
    path = delivered.zipped(tmp_path / "a.zip", members)
    assert len(read(path, "parcels")) == 3
    with pytest.raises(ReadError, match=r"broken\.shx"):
        read(path, "broken")


def test_a_table_beside_the_only_layer_with_geometry_does_not_have_to_be_ruled_out(tmp_path):
    delivered.parcels().to_file(tmp_path / "a.gpkg", layer="lots")
    pyogrio.write_dataframe(pd.DataFrame({"APN": ["1"], "OWNER": ["nobody"]}), tmp_path / "a.gpkg", layer="roll")
    assert len(read(tmp_path / "a.gpkg")) == 3
    roll = read(tmp_path / "a.gpkg", "roll")
    assert roll.geometry.isna().all() and roll.crs is None


@pytest.mark.parametrize("kind", ["TIN", "POLYHEDRALSURFACE"])
def test_a_layer_of_surfaces_in_three_dimensions_does_not_stop_the_others(tmp_path, kind):
    path = tmp_path / "a.gpkg"
    for name in ("lots", "roofs"):
        delivered.parcels().to_file(path, layer=name)
    with sqlite3.connect(path) as db:
        db.execute("update gpkg_geometry_columns set geometry_type_name = ? where table_name = 'roofs'", (kind,))
    db.close()
    assert len(read(path, "lots")) == 3
    with pytest.raises(ReadError, match=r"2 layers: (lots, roofs|roofs, lots)"):
        read(path)
    with pytest.raises(ReadError, match="roofs holds surfaces in three dimensions"):
        read(path, "roofs")


@pytest.mark.parametrize(
    ("suffix", "damage"),
    [
        (".geojson", lambda content: content.replace(b'"type": "Feature",', b'"kind": "Feature",', 1)),
        (".geojsonl", lambda content: content.replace(b'"type": "Feature"', b'"type": "Fea', 1)),
        (".mif", lambda content: content),
        (".csv", lambda content: content.replace(b'"POLYGON', b'""POLYGON', 1)),
    ],
)
def test_a_record_that_a_driver_skips_or_runs_together_is_not_lost_in_silence(tmp_path, suffix, damage):
    path = delivered.write(tmp_path, suffix)
    path.write_bytes(damage(path.read_bytes()))
    if suffix == ".mif":
        attributes = path.with_suffix(".mid")
        attributes.write_bytes(b"".join(attributes.read_bytes().splitlines(keepends=True)[:2]))
    try:
        frame = read(path, source_crs=STATES_NO_CRS.get(suffix))
    except ReadError as refusal:
        assert "Ask the sender" in str(refusal)
    else:
        assert len(frame) == 3 and frame["read_code"].notna().any()


def test_a_property_called_geometry_is_no_feature_more(tmp_path):
    collection = json.loads(delivered.geojson([{"type": "Point", "coordinates": [-121.3, 37.8]}] * 2))
    collection["features"][0]["properties"]["geometry"] = "point"
    (tmp_path / "a.geojson").write_text(json.dumps(collection))
    assert read(tmp_path / "a.geojson")["geometry_sent"].tolist()[0] == "point"


def test_an_empty_layer_is_refused(tmp_path):
    delivered.parcels().iloc[:0].to_file(tmp_path / "a.gpkg")
    with pytest.raises(ReadError, match="empty: it has columns but no rows"):
        read(tmp_path / "a.gpkg")


def test_a_server_answer_that_stopped_at_its_limit_is_refused(tmp_path):
    (tmp_path / "a.json").write_text(delivered.esri_json(exceededTransferLimit=True))
    with pytest.raises(ReadError, match="exceededTransferLimit"):
        read(tmp_path / "a.json")


def test_mixed_geometry_types_are_read_as_sent(tmp_path):
    shapes = [
        {"type": "Point", "coordinates": [-121.3, 37.8]},
        {"type": "LineString", "coordinates": [[-121.3, 37.8], [-121.2, 37.8]]},
    ]
    (tmp_path / "a.geojson").write_text(delivered.geojson(shapes))
    assert read(tmp_path / "a.geojson").geom_type.tolist() == ["Point", "LineString"]


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_reading_changes_nothing_beside_the_file(tmp_path, journal):
    path = delivered.write(tmp_path, ".gpkg")
    with sqlite3.connect(path) as db:
        assert db.execute(f"pragma journal_mode = {journal}").fetchone() == (journal,)
    db.close()
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert len(read(path)) == 3
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_reading_is_the_same_as_geopandas_reads_where_nothing_is_wrong(tmp_path):
    path = delivered.write(tmp_path, ".gpkg")
    ours, theirs = read(path), gpd.read_file(path)
    assert ours.geometry.geom_equals_exact(theirs.geometry, 0).all() and ours.crs == theirs.crs
    pd.testing.assert_frame_equal(
        pd.DataFrame(ours[list(theirs.columns[:-1])]), pd.DataFrame(theirs.iloc[:, :-1]), check_dtype=False
    )


def test_a_missing_frame_is_named_in_the_error_of_read(tmp_path):
    path = delivered.write(tmp_path, ".shp")
    path.with_suffix(".prj").unlink()
    with pytest.raises(CRSError, match=r"parcels\.shp, layer parcels: the file states no coordinate system"):
        read(path)
