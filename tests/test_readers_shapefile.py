"""Shapefile parts: missing, cut off, disagreeing; and what the bytes of the table say."""

import datetime
import struct

import delivered
import pytest

from citygis.errors import ReadError
from citygis.readers import read
from citygis.readers.shapefile import read_table, text_encoding


@pytest.fixture
def shapefile(tmp_path):
    return delivered.write(tmp_path, ".shp")


@pytest.mark.parametrize("part", [".shx", ".dbf"])
def test_a_missing_part_is_named(shapefile, part):
    shapefile.with_suffix(part).unlink()
    with pytest.raises(ReadError, match=rf"parcels\{part}\) is missing"):
        read(shapefile)


@pytest.mark.parametrize(
    ("part", "lost", "said"),
    [(".shp", 30, "is cut off"), (".shx", 8, r"index \(.shx\) is cut off"), (".dbf", 30, "cut off after 2 of 3")],
)
def test_a_cut_off_part_is_refused(shapefile, part, lost, said):
    place = shapefile.with_suffix(part)
    place.write_bytes(place.read_bytes()[:-lost])
    with pytest.raises(ReadError, match=said):
        read(shapefile)


@pytest.mark.parametrize("part", [".shp", ".shx", ".dbf"])
def test_a_part_of_a_few_bytes_is_refused(shapefile, part):
    shapefile.with_suffix(part).write_bytes(b"\0\0\x27\x0a")
    with pytest.raises(ReadError):
        read(shapefile)


def test_shapes_and_attributes_that_do_not_pair_are_refused(shapefile):
    table = shapefile.with_suffix(".dbf")
    content = bytearray(table.read_bytes())
    content[4:8] = struct.pack("<I", 2)
    table.write_bytes(content)
    with pytest.raises(ReadError, match="3 shapes but 2 rows"):
        read(shapefile)


def test_an_index_that_points_past_the_end_is_refused(shapefile):
    index = shapefile.with_suffix(".shx")
    content = bytearray(index.read_bytes())
    content[108:112] = struct.pack(">i", 10_000_000)
    index.write_bytes(content)
    with pytest.raises(ReadError, match="past the end of the shapes at row 2"):
        read(shapefile)


def test_a_record_marked_as_deleted_is_left_out_and_the_others_keep_their_numbers(shapefile, caplog):
    table = shapefile.with_suffix(".dbf")
    content = bytearray(table.read_bytes())
    header, length = struct.unpack_from("<HH", content, 8)
    content[header + length] = ord("*")
    table.write_bytes(content)
    frame = read(shapefile)
    assert frame["source_ref"].str.rpartition("#")[2].tolist() == ["1", "3"]
    assert "1 records are marked as deleted" in caplog.text


# -- encodings -------------------------------------------------------------------------------------------------------------------


def rewritten(shapefile, encoding: str, code_page: str | None):
    """The table with its text in `encoding`, and a .cpg that says `code_page`."""
    table = shapefile.with_suffix(".dbf")
    utf, other = "Peña".encode(), "Peña".encode(encoding)
    table.write_bytes(table.read_bytes().replace(utf, other.ljust(len(utf))))
    if code_page is None:
        shapefile.with_suffix(".cpg").unlink()
    else:
        shapefile.with_suffix(".cpg").write_text(code_page)
    return table


@pytest.mark.parametrize(
    ("encoding", "code_page"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8", "1252"),
        ("utf-8", "ISO-8859-1"),
        ("utf-8", None),
        ("cp1252", "1252"),
        ("cp1252", "ANSI 1252"),
        ("cp1252", "UTF-8"),
        ("cp1252", "nonsense"),
        ("cp1252", None),
        ("latin-1", "88591"),
    ],
)
def test_text_is_read_right_whatever_the_code_page_file_says(shapefile, encoding, code_page):
    rewritten(shapefile, encoding, code_page)
    frame = read(shapefile)
    assert frame["NOTE"].fillna("").tolist() == ["", "Peña", "Peña"] and "read_code" not in frame


def test_a_code_page_file_that_lies_is_reported(shapefile):
    table = rewritten(shapefile, "utf-8", "1252")
    found = text_encoding(read_table(table, shown="a"), shapefile.with_suffix(".cpg"), shown="a")
    assert found.name == "utf-8" and "states cp1252" in found.note


def test_a_code_page_file_that_is_right_is_not_reported(shapefile):
    table = rewritten(shapefile, "utf-8", "UTF-8")
    assert text_encoding(read_table(table, shown="a"), shapefile.with_suffix(".cpg"), shown="a").note is None


def test_text_cut_in_the_middle_of_a_character_is_quoted(shapefile):
    table = shapefile.with_suffix(".dbf")
    whole, cut = "Peña".encode(), b"Pe" + "ñ".encode()[:1]
    content = table.read_bytes()
    at = content.rindex(whole)
    table.write_bytes(content[:at] + cut.ljust(len(whole)) + content[at + len(whole) :])
    frame = read(shapefile)
    assert frame["read_code"].fillna("").tolist() == ["", "", "R04"]
    assert "NOTE" in frame["read_message"].iloc[2] and r"Pe\xc3" in frame["read_message"].iloc[2]
    assert frame["NOTE"].iloc[1] == "Peña"


# -- values ----------------------------------------------------------------------------------------------------------------------


def with_cell(shapefile, column: str, row: int, sent: bytes) -> None:
    """Write `sent` over one cell of the table, padded with blanks."""
    path = shapefile.with_suffix(".dbf")
    table = read_table(path, shown="a")
    place = next(one for one in table.columns if one.name == column)
    content = bytearray(path.read_bytes())
    header, length = struct.unpack_from("<HH", content, 8)
    start = header + row * length + place.start
    content[start : start + place.width] = sent.ljust(place.width)
    path.write_bytes(content)


def test_asterisks_are_how_dbase_writes_null(shapefile):
    with_cell(shapefile, "ACRES", 1, b"*" * 24)
    frame = read(shapefile)
    assert "read_code" not in frame and frame["ACRES"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize("sent", [b"20201331", b"20200230", b"2020"])
def test_a_date_that_is_none_is_quoted(tmp_path, sent):
    frame = delivered.parcels()
    frame["RECORDED"] = [datetime.date(2020, 1, 31)] * 3
    frame.to_file(tmp_path / "a.shp", use_arrow=True)
    with_cell(tmp_path / "a.shp", "RECORDED", 1, sent)
    back = read(tmp_path / "a.shp")
    assert back["read_code"].fillna("").tolist() == ["", "R04", ""] and f"'{sent.decode()}'" in back["read_message"].iloc[1]


def test_an_apn_in_a_number_column_wider_than_a_double_is_quoted(shapefile):
    table = shapefile.with_suffix(".dbf")
    content = bytearray(table.read_bytes())
    # The first column, text of 80, becomes a number of 20 digits without decimals.
    content[32 + 11] = ord("N")
    content[32 + 16], content[32 + 17] = 80, 0
    for apn, number in zip(delivered.APNS, (b"19119000000000072", b"12", b"9007199254740993"), strict=True):
        at = content.index(apn.encode())
        content[at : at + 20] = number.ljust(20)
    table.write_bytes(content)
    frame = read(shapefile)
    # Doubles step by 4 at the first, which it is a multiple of; the third is 2**53 + 1, where they step by 2.
    assert frame["read_code"].fillna("").tolist() == ["", "", "R04"]
