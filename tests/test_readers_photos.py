"""Photographs: the place and UTC as the camera wrote them, and no place where a letter is missing."""

import struct

import pandas as pd
import pytest
from delivered import zipped
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from citygis.errors import ReadError
from citygis.readers.photos import read_photos

GPS = {
    1: "N", 2: (37.0, 49.0, 19.2), 3: "W", 4: (121.0, 16.0, 33.6),
    5: b"\x01", 6: 2.5, 7: (19.0, 30.0, 15.5), 16: "M", 17: 87.5, 18: "WGS-84", 29: "2026:06:01", 31: 4.5,
}  # fmt: skip


def photo(path, gps, local="2026:06:01 12:30:15"):
    image = Image.new("RGB", (8, 8))
    exif = Image.Exif()
    exif[0x8825], exif[0x8769] = gps, {0x9003: local}
    image.save(path.with_suffix(".jpg") if path.suffix == ".tif" else path, exif=exif)
    if path.suffix == ".tif":
        with Image.open(path.with_suffix(".jpg")) as whole:
            whole.save(path, exif=whole.getexif())
    return path


def only(tmp_path, gps):
    return read_photos(photo(tmp_path / "a.jpg", gps))


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_place_time_and_direction_are_read(tmp_path, suffix):
    frame = read_photos(photo(tmp_path / f"a{suffix}", GPS)).frame
    row = frame.iloc[0]
    assert (row.geometry.x, row.geometry.y) == (pytest.approx(-121.276), pytest.approx(37.822))
    assert row["time"] == pd.Timestamp("2026-06-01T19:30:15.5Z") and row["taken_local"] == "2026:06:01 12:30:15"
    assert (row["altitude_m"], row["image_direction_deg"], row["image_direction_from"]) == (-2.5, 87.5, "magnetic")
    assert row["positioning_error_m"] == 4.5 and pd.isna(row["h_rms_m"])
    assert frame[["elevation", "ellipsoid_height_m"]].isna().all(axis=None) and frame.crs.to_epsg() == 4326


@pytest.mark.parametrize("missing", [1, 3])
def test_a_longitude_without_w_is_not_taken_for_east(tmp_path, missing):
    found = only(tmp_path, {tag: value for tag, value in GPS.items() if tag != missing})
    assert len(found.frame) == 0 and found.rejected["reason"].tolist() == ["hemisphere_missing"]


def test_the_cameras_own_clock_is_never_utc(tmp_path):
    found = only(tmp_path, {tag: value for tag, value in GPS.items() if tag not in (7, 29)})
    assert found.frame["time"].isna().all() and found.frame["taken_local"].tolist() == ["2026:06:01 12:30:15"]


@pytest.mark.parametrize(
    ("gps", "reason"),
    [
        ({}, "no_position"),
        ({**GPS, 2: (IFDRational(1, 0), 0.0, 0.0)}, "not_a_number"),
        ({**GPS, 2: (97.0, 0.0, 0.0)}, "out_of_range"),
        ({**GPS, 9: "V"}, "no_fix"),
    ],
)
def test_a_photo_without_a_usable_place_is_rejected(tmp_path, gps, reason):
    assert only(tmp_path, gps).rejected["reason"].tolist() == [reason]


def test_another_datum_leaves_the_frame_open(tmp_path):
    found = only(tmp_path, {**GPS, 18: "TOKYO"})
    assert found.frame.crs is None and found.frame["datum_stated"].tolist() == ["TOKYO"] and "TOKYO" in found.notes[0]


def test_a_folder_and_a_zip_give_every_photo_in_the_order_of_names(tmp_path):
    folder = tmp_path / "day"
    folder.mkdir()
    photo(folder / "b.jpg", GPS), photo(folder / "a.JPG", {})
    (folder / "c.heic").write_bytes(b"....ftypheic")
    (folder / "notes.txt").write_text("x")
    for path in (
        folder,
        zipped(tmp_path / "a.zip", {one.name: one.read_bytes() for one in folder.iterdir() if one.suffix != ".txt"}),
    ):
        found = read_photos(path)
        assert found.rows.tolist() == ["b.jpg"] and found.records == {"photo": 3}
        assert found.rejected["source_ref"].tolist() == ["a.JPG", "c.heic"]
        assert "HEIC is not read" in found.rejected["message"][1]


def test_a_truncated_photo_is_rejected(tmp_path):
    path = photo(tmp_path / "a.jpg", GPS)
    path.write_bytes(path.read_bytes()[:120])
    assert read_photos(path).rejected["reason"].tolist() == ["cut_off"]


def test_no_changed_byte_of_a_photo_stops_the_read(tmp_path):
    whole = photo(tmp_path / "a.jpg", GPS).read_bytes()
    for place in range(0, min(len(whole), 600), 3):
        (tmp_path / "b.jpg").write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        found = read_photos(tmp_path / "b.jpg")
        assert len(found.frame) + len(found.rejected) == 1


def test_the_picture_itself_is_never_decoded(tmp_path):
    path = photo(tmp_path / "a.jpg", GPS)
    raw = bytearray(path.read_bytes())
    size = raw.index(b"\xff\xc0") + 5
    raw[size : size + 4] = struct.pack(">HH", 65500, 65500)  # 4.3 billion pixels: a decompression bomb to whoever decodes it
    path.write_bytes(raw)
    assert len(read_photos(path).frame) == 1


def test_a_single_heic_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"....ftypheic")
    with pytest.raises(ReadError, match="Save it as JPEG"):
        read_photos(tmp_path / "a.heic")
