"""Frames: what people write is read, what is ambiguous, foreign or of the future is refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS

from citygis.errors import CRSError
from citygis.geodesy import Frame, frame_of, parse_frame, require_foot_of_the_system
from citygis.geodesy.realizations import realizations


@pytest.mark.parametrize(
    ("text", "realization", "epoch"),
    [
        ("NAD83(2011)@2017.50", "NAD83(2011)", 2017.5),
        ("NAD 83(2011) epoch 2017.5", "NAD83(2011)", 2017.5),
        ("nad83 (2011), EPOCH: 2010.00", "NAD83(2011)", 2010.0),
        ("NAD83(2011) @ 1991.35", "NAD83(2011)", 1991.35),
        ("NAD_1983_2011@1998.50", "NAD83(2011)", 1998.5),
        ("CSRN2025", "NAD83(2011)", 2025.0),
        ("csrn 2025@2025.0", "NAD83(2011)", 2025.0),
        ("NAD83(NSRS2007)@2007.0", "NAD83(NSRS2007)", 2007.0),
        ("NAD83(HPGN)@1991.35", "NAD83(HARN)", 1991.35),
        ("WGS84(G2139)", "WGS 84 (G2139)", None),
        ("WGS 84 (G2296)@2026.1", "WGS 84 (G2296)", 2026.1),
        ("wgs84", "WGS 84", None),
        ("WGS 84 (broadcast)", "WGS 84 (broadcast)", None),
        ("EPSG:4326", "WGS 84", None),
        ("EPSG:6318@2010.0", "NAD83(2011)", 2010.0),
        ("EPSG:6420@2010.0", "NAD83(2011)", 2010.0),
        ("ESRI:103893", "NAD83(2011)", 2017.5),
        ("EPSG:9990", "ITRF2020", None),
        ("ITRF14@2026.0", "ITRF2014", 2026.0),
        ("IGS14", "ITRF2014", None),
        ("IGb14", "ITRF2014", None),
        ("IGS20", "ITRF2020", None),
        ("IGb08", "ITRF2008", None),
        ("NAD27", "NAD27", None),
        ("NAD 1927", "NAD27", None),
        ("NAD83", "NAD83", None),
        ("NAD83(1986)", "NAD83(1986)", None),
        ("local:yard", "local:yard", None),
        ("Local: yard ", "local:yard", None),
    ],
)
def test_what_people_write_is_read(text, realization, epoch):
    assert parse_frame(text) == Frame(realization, epoch)


@given(
    st.sampled_from([each.name for each in realizations().realization if each.kind != "gridded"]),
    st.none() | st.floats(1980, 2100) | st.sampled_from([1991.35, 1998.5, 2007.0, 2010.0, 2017.5, 2025.0]),
)
def test_the_text_of_a_frame_is_read_back_as_that_frame(name, epoch):
    assert parse_frame(str(Frame(name, epoch))) == Frame(name, epoch)


def test_frames_without_epochs_and_local_ones_are_read_back_too():
    for frame in (Frame("NAD27"), Frame("NAD83(1986)"), Frame("local:yard"), Frame("local:Phase 2")):
        assert parse_frame(str(frame)) == frame


def test_the_canonical_spelling_has_two_decimals_or_as_many_as_it_needs():
    assert str(parse_frame("nad 83 (2011) EPOCH 2017.5")) == "NAD83(2011)@2017.50"
    assert str(Frame("ITRF2014", 2026.4137)) == "ITRF2014@2026.4137"


def test_no_two_realizations_share_a_spelling():
    seen = {}
    for each in realizations().realization:
        for name in (each.name, *each.aliases):
            assert seen.setdefault(parse_frame(name).realization, each.name) == each.name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("NAD83(2101)@2010", r"Did you mean NAD83\(2011\)@2010.00\?"),
        ("NAD83(1991.35)", r"Did you mean NAD83\(2011\)@1991.35, or NAD83\(HARN\)@1991.35\?"),
        ("ITRF2041@2026.0", r"Did you mean ITRF2014@2026.00\?"),
        ("", "Must be text"),
        ("NAD83(2011)@20175", "Must be a decimal year"),
        ("NAD83(2011)@nan", "Must be a decimal year"),
        ("NAD83(2011)@1e3", "Must be a decimal year"),
        ("NAD83(2011)@1979.9", "Must be a decimal year"),
        ("NAD83(2011)@", "Must be a decimal year"),
        ("NAD27@2010.0", "Must not state an epoch"),
        ("local:yard@2010", "without an epoch"),
        ("local:", "Must be local:ID"),
        ("CSRN2025@2010.0", "Must not state another epoch"),
        ("EPSG:999999", "Must name a coordinate system that PROJ knows"),
        ("EPSG:4258", "Must be in a datum that citygis can reach"),
        ("x" * 300, "Must be text"),
        ("gibberish", "There are: NAD83"),
        ("urn:ogc:def:crs:EPSG::6318", "Must be a realization"),
    ],
)
def test_what_is_no_frame_is_refused_with_what_was_meant(text, words):
    with pytest.raises(ValueError, match=words):
        parse_frame(text)


@pytest.mark.parametrize("text", ["NATRF2022", "NATRF2022@2020.0", "SPCS2022", "CCS2022", "CCS2022 zone 3"])
def test_frames_of_the_future_are_refused_by_name(text):
    with pytest.raises(ValueError, match="not in the EPSG dataset yet"):
        parse_frame(text)


@pytest.mark.parametrize("text", ["NAD83(CSRS)", "NAD83(CSRS)v7@2010", "CSRS"])
def test_the_canadian_system_is_not_taken_for_the_californian(text):
    with pytest.raises(ValueError, match="Canad"):
        parse_frame(text)


@pytest.mark.parametrize("text", ["WGS 84 (G730)", "WGS84(G1150)", "ITRF2000@2000.0", "ITRF"])
def test_old_and_unnamed_realizations_are_refused_by_name(text):
    with pytest.raises(ValueError, match="Must be one that can be reached"):
        parse_frame(text)


@pytest.mark.parametrize(
    ("crs", "frame"),
    [
        ("EPSG:2227", Frame("NAD83")),
        ("EPSG:6420", Frame("NAD83(2011)")),
        ("ESRI:103893", Frame("NAD83(2011)", 2017.5)),
        ("EPSG:26743", Frame("NAD27")),
        ("EPSG:4979", Frame("WGS 84")),
        ("EPSG:7912", Frame("ITRF2014")),
        ("EPSG:9057", Frame("WGS 84 (G1762)")),
        ("EPSG:4152", Frame("NAD83(HARN)")),
        ('LOCAL_CS["site grid",UNIT["foot",0.3048]]', None),
        ("EPSG:4258", None),
    ],
)
def test_a_label_names_its_frame(crs, frame):
    assert frame_of(CRS.from_user_input(crs)) == frame


def california(unit: str) -> CRS:
    return CRS.from_proj4(
        "+proj=lcc +lat_1=38.4333333333333 +lat_2=37.0666666666667 +lat_0=36.5 +lon_0=-120.5 +x_0=2000000.0001016"
        f" +y_0=500000.0001016 +ellps=GRS80 +units={unit} +no_defs"
    )


def test_a_california_zone_in_international_feet_is_refused():
    # California PRC 8810: the US survey foot stays with CCS27 and CCS83, whatever the year.
    with pytest.raises(CRSError, match="PRC 8810"):
        require_foot_of_the_system(california("ft"))
    for fine in (california("us-ft"), california("m"), "EPSG:6420", "EPSG:26943", "EPSG:4326", "EPSG:2913"):  # 2913: Oregon, in ft
        require_foot_of_the_system(fine)
