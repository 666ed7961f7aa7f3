"""GPX: points as sent, `ele` never taken for a height it may not be, and a hostile file is one refusal."""

import pandas as pd
import pytest

from citygis.errors import ReadError
from citygis.readers.gpx import read_gpx

POINT = '<trkpt lat="37.822" lon="-121.276"><ele>5.1</ele><time>2026-06-01T12:00:00Z</time></trkpt>'


HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
ROOT = 'gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"'


def gpx(tmp_path, body, *, head=HEAD, root=ROOT):
    path = tmp_path / "a.gpx"
    path.write_text(f"{head}<{root}>{body}</{root.split()[0]}>", encoding="utf-8")
    return path


def track(*points):
    return f"<trk><name>Levee</name><trkseg>{''.join(points)}</trkseg></trk>"


@pytest.mark.parametrize(
    "root",
    [
        'gpx version="1.0" xmlns="http://www.topografix.com/GPX/1/0"',
        'gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"',
        "gpx",
    ],
)
def test_every_version_is_read(tmp_path, root):
    frame = read_gpx(gpx(tmp_path, track(POINT), root=root)).frame
    assert (frame.geometry[0].x, frame.geometry[0].y) == (-121.276, 37.822) and frame.crs.to_epsg() == 4326
    assert frame["time"][0] == pd.Timestamp("2026-06-01T12:00:00Z") and frame["track_name"][0] == "Levee"


def test_prefixed_elements_are_matched_by_their_local_name(tmp_path):
    body = '<g:wpt lat="1" lon="2"><g:name>A</g:name></g:wpt>'
    assert read_gpx(gpx(tmp_path, body, root='g:gpx xmlns:g="http://www.topografix.com/GPX/1/1"')).frame["name"].tolist() == ["A"]


def test_ele_is_no_elevation_and_no_ellipsoid_height(tmp_path):
    found = read_gpx(gpx(tmp_path, track(POINT.replace("</ele>", "</ele><geoidheight>-31.9</geoidheight>"))))
    assert found.frame[["elevation", "ellipsoid_height_m", "msl_height_m"]].isna().all(axis=None)
    assert found.frame["ele_m"].tolist() == [5.1] and found.frame["geoidheight_m"].tolist() == [-31.9]
    assert any("does not say which" in note for note in found.notes)


def test_standard_children_become_columns_and_extensions_keep_their_text(tmp_path):
    body = (
        '<wpt lat="1" lon="2"><name>H &amp; 1</name><cmt><![CDATA[<b>]]></cmt><!-- <wpt lat="9" lon="9"/> -->'
        '<link href="http://a/?x=1&amp;y"/>'
        "<fix>dgps</fix><sat>7</sat><hdop>0.8</hdop><vdop>1.2</vdop><pdop>1.4</pdop><ageofdgpsdata>2.5</ageofdgpsdata>"
        "<dgpsid>31</dgpsid><extensions><a:hr>007</a:hr><name>inner</name></extensions></wpt>"
    )
    frame = read_gpx(gpx(tmp_path, body)).frame
    row = frame.iloc[0]
    assert len(frame) == 1 and row["name"] == "H & 1" and row["cmt"] == "<b>" and row["link"] == "http://a/?x=1&y"
    assert (row["fix_type"], row["satellites"], row["hdop"], row["vdop"], row["pdop"]) == ("DGPS", 7, 0.8, 1.2, 1.4)
    assert (row["correction_age_s"], row["station"], row["hr"], row["name_extension"]) == (2.5, "31", "007", "inner")


FIXES = [("none", "NONE"), ("2d", "SINGLE"), ("3d", "SINGLE"), ("pps", "SINGLE"), ("rtk", None)]


@pytest.mark.parametrize(("fix", "fix_type"), FIXES)
def test_a_fix_of_gpx_is_never_rtk(tmp_path, fix, fix_type):
    frame = read_gpx(gpx(tmp_path, f'<wpt lat="1" lon="2"><fix>{fix}</fix></wpt>')).frame
    assert frame["fix"].tolist() == [fix]
    assert frame["fix_type"][0] == fix_type if fix_type else frame["fix_type"].isna().all()


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-06-01T12:00:00Z", "2026-06-01T12:00:00Z"),
        ("2026-06-01T12:00:00.25Z", "2026-06-01T12:00:00.25Z"),
        ("2026-06-01T05:00:00-07:00", "2026-06-01T12:00:00Z"),
        ("2026-12-31T23:59:60Z", "2027-01-01T00:00:00Z"),
        ("2026-06-01T12:00:00", "2026-06-01T12:00:00Z"),
        ("2026-02-30T12:00:00Z", None),
        ("noon", None),
    ],
)
def test_times_become_utc(tmp_path, text, utc):
    found = read_gpx(gpx(tmp_path, f'<wpt lat="1" lon="2"><time>{text}</time></wpt>'))
    said = found.frame["time"][0]
    assert pd.isna(said) if utc is None else said == pd.Timestamp(utc)
    assert bool(found.notes) == (utc is None or text == "2026-06-01T12:00:00")


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ('lat="37.822"', "no_position"),
        ('lat="37.822" lon="west"', "not_a_number"),
        ('lat="37.822" lon=""', "not_a_number"),
        ('lat="97.822" lon="-191"', "out_of_range"),
        ('lat="3749.320" lon="-12116.560"', "ddmm_as_degrees"),
    ],
)
def test_a_point_without_a_place_is_rejected_with_its_reason(tmp_path, attributes, reason):
    found = read_gpx(gpx(tmp_path, track(POINT, f"<trkpt {attributes}></trkpt>")))
    assert found.rejected["reason"].tolist() == [reason] and found.rejected["source_ref"].tolist() == ["trkpt 2"]
    assert found.records == {"trkpt": 2} and len(found.frame) == 1 and attributes in found.rejected["text"][0]


def test_attributes_in_any_order_and_quotes_are_read(tmp_path):
    body = "<wpt lon='-121.276'\n lat='37.822'/><wpt a=\"x>y\" lat=\"+37.822\" lon=\"-1.21276e2\" b='2'/>"
    frame = read_gpx(gpx(tmp_path, body)).frame
    assert [(point.x, point.y) for point in frame.geometry] == [(-121.276, 37.822)] * 2


def test_tracks_and_segments_are_numbered_and_empty_segments_told(tmp_path):
    body = track(POINT, POINT) + f"<trk><trkseg></trkseg><trkseg/><trkseg>{POINT}</trkseg></trk>"
    found = read_gpx(gpx(tmp_path, body + '<rte><rtept lat="1" lon="2"/></rte>'))
    assert found.frame["track"].tolist() == [1, 1, 2, 1]
    assert found.frame["segment"].tolist()[:3] == [1, 1, 3] and pd.isna(found.frame["segment"][3])
    assert found.frame["capture"].tolist() == ["track", "track", "track", "route"]
    assert any(note == "2 track segments are empty." for note in found.notes)


@pytest.mark.parametrize("chunk", [64, 101, 333])
def test_a_piece_of_a_file_never_cuts_a_point(tmp_path, monkeypatch, chunk):
    points = [POINT.replace("5.1", f"{number}.5").replace("<ele>", "<!-- a > b --><ele>") for number in range(40)]
    path = gpx(tmp_path, track(*points) + track(*points[:3]))
    whole = read_gpx(path)
    monkeypatch.setattr("citygis.readers.markup._CHUNK", chunk)
    parts = read_gpx(path)
    pd.testing.assert_frame_equal(pd.DataFrame(whole.frame), pd.DataFrame(parts.frame))
    assert whole.frame["ele_m"].tolist()[:40] == [number + 0.5 for number in range(40)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1"])
def test_other_encodings_are_read(tmp_path, encoding):
    path = tmp_path / "a.gpx"
    declared = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'
    path.write_bytes(f'{declared}<gpx><wpt lat="1" lon="2"><name>Peña</name></wpt></gpx>'.encode(encoding))
    assert read_gpx(path).frame["name"].tolist() == ["Peña"]


BOMB = '<!DOCTYPE gpx [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE gpx [<!ENTITY a SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize("doctype", [BOMB, OUTSIDE, "<!DOCTYPE gpx>"])
def test_a_document_type_is_refused(tmp_path, doctype):
    with pytest.raises(ReadError, match="document type or entities"):
        read_gpx(gpx(tmp_path, '<wpt lat="1" lon="2"/>', head=doctype))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<a>" * 200_000 + "</a>" * 200_000, "nested more than 100 deep"),
        (POINT[:-3], "not well-formed"),
        ("<a></b>", "not well-formed"),
        ("".join(f"<wpt lat='1' lon='2'><extensions><e{n}>1</e{n}></extensions></wpt>" for n in range(300)), "200 different"),
    ],
)
def test_a_hostile_or_broken_file_is_one_refusal(tmp_path, body, said):
    with pytest.raises(ReadError, match=said):
        read_gpx(gpx(tmp_path, body))


def test_a_cut_off_file_is_refused(tmp_path):
    path = gpx(tmp_path, track(*[POINT] * 100))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ReadError, match="not well-formed"):
        read_gpx(path)


@pytest.mark.parametrize("encoding", ["utf-7", "zlib", "no-such"])
def test_an_encoding_that_hides_markup_is_refused(tmp_path, encoding):
    with pytest.raises(ReadError, match="which is not read"):
        read_gpx(gpx(tmp_path, POINT, head=f'<?xml version="1.0" encoding="{encoding}"?>'))


def test_another_root_is_no_gpx(tmp_path):
    with pytest.raises(ReadError, match="root element is 'kml'"):
        read_gpx(gpx(tmp_path, "", root="kml"))
