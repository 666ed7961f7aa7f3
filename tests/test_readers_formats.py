"""What kind of file it is: the suffix proposes, the content decides."""

import json

import delivered
import pytest

from citygis.errors import ReadError
from citygis.readers import read
from citygis.readers.formats import dataset, delivery


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.dwg", b"AC9999", "no DWG of R13 to 2018"),
        ("a.dxf", b"1 2 3", "is not DXF"),
        ("a.osm", b"<osm/>", "OpenStreetMap"),
        ("a.vrt", b"<OGRVRTDataSource/>", "virtual dataset"),
        ("a.xlsx", b"PK", "spreadsheet"),
        ("a.rar", b"Rar!", "archive other than zip"),
        ("a.dbf", b"\3", "one part of a shapefile"),
        ("a.xyz", b"1 2 3", r"\.xyz is not read"),
        ("a", b"1 2 3", "a file without suffix is not read"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_what_to_do(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ReadError, match=said):
        read(tmp_path / name)


@pytest.mark.parametrize("suffix", [".gpkg", ".kml", ".parquet", ".fgb", ".tab", ".mif", ".geojson", ".json", ".topojson", ".shp"])
def test_content_of_another_format_under_a_known_suffix_is_refused(tmp_path, suffix):
    virtual = (
        b'<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>/etc/hostname</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'
    )
    (tmp_path / f"a{suffix}").write_bytes(virtual)
    with pytest.raises(ReadError):
        read(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".parquet", ".geojson", ".json", ".topojson"])
def test_a_file_cut_in_half_is_refused(tmp_path, suffix):
    path = delivered.write(tmp_path, suffix)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ReadError):
        read(path, source_crs="EPSG:4326" if suffix == ".topojson" else None)


def test_a_stored_pipeline_in_json_is_refused(tmp_path):
    pipeline = {"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline ! read /etc/hostname"}
    (tmp_path / "a.json").write_text(json.dumps(pipeline))
    with pytest.raises(ReadError, match="stored pipeline"):
        read(tmp_path / "a.json")


def test_a_linked_mapinfo_table_is_refused(tmp_path):
    (tmp_path / "a.tab").write_text("!table\n!version 300\nDefinition Table\n  Type LINKED\n")
    with pytest.raises(ReadError, match="type LINKED"):
        read(tmp_path / "a.tab")


@pytest.mark.parametrize(("suffix", "part"), [(".tab", ".map"), (".mif", ".mid")])
def test_a_mapinfo_file_without_a_part_is_refused(tmp_path, suffix, part):
    path = delivered.write(tmp_path, suffix)
    path.with_suffix(part).unlink()
    with pytest.raises(ReadError, match=f"parcels{part}"):
        read(path)


FEATURE = '{"type": "Feature", "properties": {}, "geometry": null}'


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (delivered.geojson([None]), "GeoJSON"),
        (delivered.topojson(), "TopoJSON"),
        (delivered.esri_json(), "Esri JSON"),
        (f"{FEATURE}\n{FEATURE}\n", "GeoJSONSeq"),
        (f'{{"features": [{",".join([FEATURE] * 3000)}], "type": "FeatureCollection"}}', "GeoJSON"),
    ],
    ids=["GeoJSON", "TopoJSON", "Esri JSON", "GeoJSONSeq", "type comes last"],
)
def test_json_is_told_apart_by_what_it_says(tmp_path, content, kind):
    (tmp_path / "a.json").write_text(content)
    assert dataset(tmp_path / "a.json", shown="a.json").format == kind


def test_json_in_another_encoding_is_refused(tmp_path):
    text = delivered.geojson([{"type": "Point", "coordinates": [-121.3, 37.8]}]).replace('"ROW"', '"Peña"')
    (tmp_path / "a.geojson").write_bytes(text.encode("cp1252"))
    with pytest.raises(ReadError, match=r"\(0xF1\) is not UTF-8"):
        read(tmp_path / "a.geojson")
    (tmp_path / "b.geojson").write_bytes(text.encode("utf-16"))
    with pytest.raises(ReadError, match="UTF-16"):
        read(tmp_path / "b.geojson")


def test_notes_beside_the_data_in_an_archive_are_no_layers(tmp_path):
    members = {
        "a.csv": b"apn,lon,lat\n1,-121.3,37.8\n",
        "settings.json": b"{}",
        "readme.txt": b"hello",
        "__MACOSX/._a.csv": b"\0\5",
    }
    with delivery(delivered.zipped(tmp_path / "a.zip", members)) as found:
        assert [one.path.name for one in found] == ["a.csv"]


def test_a_geodatabase_zipped_without_its_folder_is_found(tmp_path):
    geodatabase = delivered.write(tmp_path, ".gdb")
    path = delivered.zipped(tmp_path / "lots.zip", {file.name: file.read_bytes() for file in geodatabase.iterdir()})
    assert len(read(path, "parcels")) == 3


def test_what_was_unpacked_is_gone_afterwards(tmp_path):
    with delivery(delivered.write(tmp_path, ".zip")) as found:
        place = found[0].path
        assert place.exists()
    assert not place.exists()
