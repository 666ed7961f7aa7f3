"""Hostile and broken files: one clear refusal each."""

import struct
import zipfile

import delivered
import pytest

from citygis.errors import ReadError
from citygis.readers import guard, read
from citygis.readers.guard import members, require_local_file, require_plain_xml, unpack

BOMB = '<!DOCTYPE kml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'


# -- paths -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/vsicurl/http://example.org/a.shp",
        "/vsizip/a.zip",
        "https://example.org/a.geojson",
        "PG:dbname=city",
        "s3://bucket/a.gpkg",
    ],
)
def test_what_is_not_a_file_on_this_machine_is_refused(path):
    with pytest.raises(ReadError, match="not a file on this machine"):
        read(path)


def test_a_missing_file_a_folder_and_an_empty_file_are_refused(tmp_path):
    (tmp_path / "empty.shp").touch()
    (tmp_path / "folder").mkdir()
    for name, said in (("nothing.shp", "is not there"), ("folder", "is a folder"), ("empty.shp", r"empty \(0 bytes\)")):
        with pytest.raises(ReadError, match=said):
            read(tmp_path / name)


def test_a_folder_says_what_is_in_it(tmp_path):
    delivered.write(tmp_path, ".geojson")
    with pytest.raises(ReadError, match=r"In it: parcels\.geojson"):
        read(tmp_path)


def test_a_gdb_folder_without_tables_is_refused(tmp_path):
    (tmp_path / "a.gdb").mkdir()
    with pytest.raises(ReadError, match="no tables"):
        require_local_file(tmp_path / "a.gdb")


# -- archives --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../lots.shp", "a/../../lots.shp", "/tmp/lots.shp", "C:\\lots.shp", "..\\lots.shp"])
def test_a_member_that_leads_out_of_the_archive_is_refused_and_nothing_is_written(tmp_path, name):
    (tmp_path / "in").mkdir()
    path = delivered.zipped(tmp_path / "in" / "a.zip", {name: b"x"})
    with pytest.raises(ReadError, match="leads out of the archive"):
        read(path)
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["a.zip", "in"]


def test_a_link_in_an_archive_is_refused(tmp_path):
    link = zipfile.ZipInfo("parcels.geojson")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/hostname")
    with pytest.raises(ReadError, match="is a link"):
        read(tmp_path / "a.zip")


def test_an_encrypted_member_is_refused(tmp_path):
    path = delivered.zipped(tmp_path / "a.zip", {"parcels.csv": b"apn\n1\n"})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1  # the encryption flag of the central directory
    path.write_bytes(content)
    with pytest.raises(ReadError, match="encrypted"):
        read(path)


def test_an_archive_that_claims_a_gigabyte_is_refused_by_its_claim(tmp_path):
    path = delivered.zipped(tmp_path / "a.zip", {"parcels.csv": b"apn\n1\n"})
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\1\2")
    content[entry + 24 : entry + 28] = struct.pack("<I", 1 << 30)
    path.write_bytes(content)
    with pytest.raises(ReadError, match="archive bomb"):
        read(path)


def test_zeros_packed_a_thousand_times_are_refused_before_they_are_unpacked(tmp_path):
    path = tmp_path / "a.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("parcels.dbf", "w", force_zip64=True) as member,
    ):
        for _ in range(300):
            member.write(bytes(1 << 20))
    with pytest.raises(ReadError, match="archive bomb"):
        members(path)


def test_an_archive_beyond_the_largest_is_refused_by_its_total(tmp_path, monkeypatch):
    monkeypatch.setattr(guard, "LARGEST_ARCHIVE_BYTES", 10)
    with pytest.raises(ReadError, match="unpacks to"):
        members(delivered.zipped(tmp_path / "a.zip", {"a.csv": b"apn\n1\n", "b.csv": b"apn\n22\n"}))


def test_too_many_members_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(guard, "MOST_MEMBERS", 2)
    with pytest.raises(ReadError, match="3 members"):
        members(delivered.zipped(tmp_path / "a.zip", {f"{i}.csv": b"a" for i in range(3)}))


def test_two_members_of_one_name_are_refused(tmp_path):
    with pytest.raises(ReadError, match="one over the other"):
        members(delivered.zipped(tmp_path / "a.zip", {"a.csv": b"a", "A.CSV": b"b"}))


def test_a_cut_off_archive_is_refused(tmp_path):
    path = delivered.write(tmp_path, ".zip")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ReadError, match="not a whole zip archive"):
        read(path)


def test_a_member_whose_bytes_were_changed_is_refused(tmp_path):
    path = delivered.zipped(tmp_path / "a.zip", {"parcels.csv": b"apn,lon,lat\n" + b"1,-121.3,37.8\n" * 50})
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ReadError, match="cannot be unpacked"):
        unpack(path, members(path), tmp_path / "out")


def test_an_archive_without_data_says_what_is_in_it(tmp_path):
    with pytest.raises(ReadError, match=r"In it: readme\.pdf"):
        read(delivered.zipped(tmp_path / "a.zip", {"readme.pdf": b"%PDF"}))


# -- XML -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        delivered.kml(prolog=BOMB).encode(),
        delivered.kml(prolog="\n\n<!-- a remark -->" + BOMB).encode(),
        b"\xef\xbb\xbf" + delivered.kml(prolog=BOMB).encode(),
        delivered.kml(prolog='<?xml version="1.0" encoding="UTF-16"?>' + BOMB).encode("utf-16"),
        delivered.kml(prolog='<?xml version="1.0" encoding="UTF-16BE"?>' + BOMB).encode("utf-16-be"),
        delivered.kml(prolog='<!DOCTYPE kml SYSTEM "http://example.org/kml.dtd">').encode(),
        delivered.kml(prolog='<!DOCTYPE kml [<!ENTITY x SYSTEM "file:///etc/hostname">]>').encode(),
    ],
    ids=["plain", "behind a remark", "behind a mark", "UTF-16", "UTF-16 without mark", "outside type", "outside entity"],
)
def test_a_document_type_is_refused_wherever_it_hides(tmp_path, content):
    (tmp_path / "a.kml").write_bytes(content)
    with pytest.raises(ReadError, match="document type or entities"):
        read(tmp_path / "a.kml")
    with pytest.raises(ReadError, match="document type or entities"):
        read(delivered.zipped(tmp_path / "a.kmz", {"doc.kml": content}))


def test_a_cut_off_kml_is_refused_with_its_line(tmp_path):
    (tmp_path / "a.kml").write_text(delivered.kml()[:-40])
    with pytest.raises(ReadError, match=r"not well-formed XML .*line 1"):
        read(tmp_path / "a.kml")


def test_a_kml_nested_without_end_is_refused(tmp_path):
    (tmp_path / "a.kml").write_text(delivered.kml(inside="<Folder>" * 200 + "</Folder>" * 200))
    with pytest.raises(ReadError, match="nested more than 100 deep"):
        read(tmp_path / "a.kml")


def test_links_in_a_kml_are_not_followed(tmp_path, caplog):
    link = "<NetworkLink><Link><href>http://example.org/more.kml</href></Link></NetworkLink>"
    (tmp_path / "a.kml").write_text(f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{link}</Document></kml>')
    with pytest.raises(ReadError, match="only links"):
        read(tmp_path / "a.kml")
    (tmp_path / "b.kml").write_text(delivered.kml(inside=link, name="agency"), encoding="utf-8")
    assert len(read(tmp_path / "b.kml")) == 3
    assert "1 links to other files" in caplog.text


def test_a_feature_where_kml_may_not_have_it_is_not_dropped_in_silence(tmp_path):
    mark = "<Placemark><Point><coordinates>-121.3,37.8</coordinates></Point></Placemark>"
    folders = "".join(f"<Folder><name>{name}</name>{mark}</Folder>" for name in ("A", "B"))
    (tmp_path / "a.kml").write_text(f'<kml xmlns="http://www.opengis.net/kml/2.2">{folders}</kml>')
    with pytest.raises(ReadError, match="2 features, of which 1"):
        read(tmp_path / "a.kml")


def test_plain_xml_in_utf_16_is_read(tmp_path):
    (tmp_path / "a.kml").write_bytes(delivered.kml(prolog='<?xml version="1.0" encoding="UTF-16"?>').encode("utf-16"))
    assert require_plain_xml(tmp_path / "a.kml").counts["Placemark"] == 3


@pytest.mark.parametrize("suffix", [".gpx", ".xml"])
def test_a_hostile_file_of_another_format_is_called_hostile_first(tmp_path, suffix):
    (tmp_path / f"a{suffix}").write_text(BOMB + "<gpx/>")
    with pytest.raises(ReadError, match="document type or entities"):
        read(tmp_path / f"a{suffix}")
